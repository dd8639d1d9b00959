// The page of saved posts: static/app.js says what is kept, and puts the buttons on the posts.
(() => {
  "use strict";
  const d = document, root = d.documentElement, $ = (s, c = d) => c.querySelector(s);
  const { kept, keep, key } = window.kept;
  const stored = () => { try { return localStorage.getItem(key); } catch { return undefined; } };
  const shown = stored(), posts = kept("saved");

  const webAddress = (url) => (/^(https?|file):/.test(url) ? url : "");
  const addressOf = (post) => webAddress(post.url) || webAddress(post.here);

  function dates() {
    const styles = { dateStyle: "full", timeStyle: "short" };
    try {
      return new Intl.DateTimeFormat(root.lang, { ...styles, timeZone: root.dataset.zone });
    } catch {
      return new Intl.DateTimeFormat(root.lang, styles); // a zone that the browser does not know
    }
  }

  function articleOf(post, format) {
    const article = $("template").content.firstElementChild.cloneNode(true);
    const title = $(".p-name", article), here = $(".here", article), time = $("time", article), at = new Date(post.time);
    article.id = `e${post.id}`;
    if (post.lang) article.lang = post.lang;
    title.textContent = post.title;
    title.classList.toggle("u-url", !!webAddress(post.url));
    if (addressOf(post)) title.href = addressOf(post);
    webAddress(post.here) ? (here.href = post.here) : here.remove();
    $(".src", article).lastChild.textContent = post.source ?? "";
    if (isNaN(at)) {
      time.remove();
    } else {
      time.dateTime = at.toISOString();
      time.title = format.format(at);
    }
    return article;
  }

  // The format that browsers import and export, without a standard: one line a bookmark.
  function bookmarks() {
    const signs = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
    const text = (value) => String(value).replace(/\s+/g, " ").replace(/[&<>"]/g, (sign) => signs[sign]);
    const seconds = (post) => Math.floor((+post.at || 0) / 1e3);
    const site = text($(".brand span").textContent);
    return [
      "<!DOCTYPE NETSCAPE-Bookmark-file-1>",
      '<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">',
      `<TITLE>${site}</TITLE>`,
      `<H1>${site}</H1>`,
      "<DL><p>",
      `    <DT><H3>${site}</H3>`,
      "    <DL><p>",
      ...(kept("saved") || []).filter(addressOf).map((post) => `        <DT><A HREF="${text(addressOf(post))}" ADD_DATE="${seconds(post)}">${text(post.title)}</A>`),
      "    </DL><p>",
      "</DL><p>",
      "",
    ].join("\n");
  }

  const list = $(".saved"), format = dates();
  list.append(...(posts || []).map((post) => articleOf(post, format)));
  const state = stored() === undefined ? "blocked" : !posts ? "unreadable" : posts.length ? "posts" : "empty";
  for (const part of d.querySelectorAll("[data-if]")) part.hidden = !part.dataset.if.split(" ").includes(state);

  $("[data-export]").onclick = () => {
    const link = d.createElement("a");
    link.href = URL.createObjectURL(new Blob([bookmarks()], { type: "text/html" }));
    link.download = "saved-posts.html";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 6e4);
  };
  $("[data-clear]").onclick = (e) => {
    if (!confirm(e.target.dataset.clear)) return;
    keep("saved", []);
    location.reload();
  };
  // What another tab saves or removes; what this tab removes stays in sight, to be saved again.
  addEventListener("storage", (e) => (!e.key || e.key === key) && location.reload());
  addEventListener("pageshow", (e) => e.persisted && stored() !== shown && location.reload());
})();
