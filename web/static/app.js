// Enhancement only: every page works without this file.  It is not deferred, so that a chosen
// theme is there before the first paint; all that needs the page waits for it.
(() => {
  "use strict";
  const words = null /* words */; // web/language.py puts in what this file says, for each language
  const d = document, root = d.documentElement, $ = (s, c = d) => c.querySelector(s);
  const store = {
    get(k) { try { return localStorage.getItem(k); } catch { return null; } },
    set(k, v) { try { v === null ? localStorage.removeItem(k) : localStorage.setItem(k, v); } catch {} },
  };
  root.classList.add("has-js");
  let theme = store.get("theme") || "auto";
  const setTheme = () => { theme === "auto" ? delete root.dataset.theme : (root.dataset.theme = theme); };
  setTheme();

  // What this browser keeps, for each site of an origin apart: saved posts, the newest first, and the
  // ids of posts that were read, the newest last.  `kept` returns null where the browser keeps nothing
  // for us, and for what is not ours or is of a later version, which stays as it is.
  const MOST = { saved: 1000, read: 4000 }, site = `aggregator:${new URL("..", d.currentScript.src).pathname}`;
  const kept = (name) => {
    try {
      const { version, items } = JSON.parse(localStorage.getItem(site + name)) || { version: 1, items: [] };
      return version === 1 ? items.filter(Boolean) : null;
    } catch { return null; }
  };
  const keep = (name, items) => {
    try { localStorage.setItem(site + name, JSON.stringify({ version: 1, items })); return true; } catch { return false; }
  };
  let saved, read, hides;
  function recall() {
    saved = kept("saved");
    read = new Set(kept("read"));
    hides = store.get(`${site}hide`) === "on";
    root.classList.toggle("can-save", !!saved);
    root.classList.toggle("hides", hides);
  }
  recall();
  root.classList.toggle("can-share", !!navigator.share);
  window.kept = { kept, keep, key: `${site}saved` }; // for static/saved.js

  const idOf = (post) => post.id.slice(1);
  const make = (tag, name) => Object.assign(d.createElement(tag), { className: name });

  // Shows on each post what is kept of it.  A post that gets read stays in sight until the page is
  // made again.  While a page comes, this runs before each painting, so that nothing moves.
  function showKept(anew) {
    const complete = d.readyState !== "loading", wrap = $(".h-feed .pill-wrap"), ids = new Set(saved?.map((item) => item.id));
    const posts = [...d.querySelectorAll(".h-entry[id]")];
    for (const post of posts) {
      const id = idOf(post);
      post.classList.toggle("read", read.has(id));
      if (anew && wrap) post.hidden = hides && read.has(id);
      if (!complete && !post.nextSibling) continue; // its end has not come yet
      let button = $(".save", post);
      if (!button && saved) post.append((button = make("button", "save")));
      if (!button) continue;
      const pressed = ids.has(id);
      button.setAttribute("aria-pressed", pressed);
      button.setAttribute("aria-label", `${words.save}: ${$(".p-name", post).textContent}`);
      button.title = pressed ? words.remove : words.save;
    }
    if (!wrap) return;
    let line = $(".kept");
    if (!line) {
      line = make("p", "kept");
      line.append(make("button", ""));
      line.firstChild.onclick = () => { store.set(`${site}hide`, hides ? null : "on"); refresh(true); };
      wrap.after(line);
    }
    line.hidden = !(hides || read.size) || (complete && !posts.length);
    line.firstChild.textContent = hides ? amount(words.hidden, posts.filter((post) => post.hidden).length) : words.hide;
  }

  function refresh(anew) {
    const hid = hides;
    recall();
    showKept(anew || hides !== hid);
  }

  function markRead(post) {
    const ids = kept("read") || [];
    if (!post || ids.includes(idOf(post))) return;
    keep("read", [...ids, idOf(post)].slice(-MOST.read));
    refresh();
  }

  // A post is saved whole, as the site may drop it.
  function save(post) {
    const before = kept("saved");
    if (!before) return;
    const id = idOf(post), after = before.filter((item) => item.id !== id), isNew = after.length === before.length;
    if (isNew) after.unshift({
      id,
      title: $(".p-name", post).textContent,
      url: $(".u-url", post)?.href,
      here: post.matches(".post") ? location.href.replace(/[?#].*/, "") : $(".here, a.p-name:not(.u-url)", post)?.href,
      source: ($(".src > :last-child", post) || $("h1")).textContent,
      time: $(".dt-published", post)?.dateTime,
      lang: ($("h1", post) || post).closest("[lang]").lang,
      at: Date.now(),
    });
    if ((isNew && before.length >= MOST.saved) || !keep("saved", after)) say(words.full);
    refresh();
  }

  function say(text) {
    const note = $(".said") || make("p", "pill-wrap said"), pill = make("span", "pill");
    note.setAttribute("role", "alert");
    pill.textContent = text;
    d.body.append(note);
    note.replaceChildren(pill);
    setTimeout(() => pill.remove(), 1e4);
  }

  const coming = new MutationObserver(() => { showKept(true); coming.takeRecords(); });
  coming.observe(d, { childList: true, subtree: true });

  function watchReading() {
    coming.disconnect();
    showKept(true);
    markRead($(".post[id]"));
    for (const type of ["click", "auxclick"]) {
      addEventListener(type, (e) => {
        const at = e.target.closest?.("h3 a, a.shot, .here, .save"), post = at?.closest(".h-entry[id]");
        if (!post || e.button > 1) return;
        if (!at.matches(".save")) markRead(post);
        else if (type === "click") save(post);
      });
    }
    addEventListener("storage", (e) => (!e.key || e.key.startsWith(site)) && refresh());
    addEventListener("pageshow", (e) => e.persisted && refresh());
  }

  function offerShare() {
    const button = $(".share");
    if (!button) return;
    const url = $(".post .u-url")?.href || location.href;
    button.onclick = () => navigator.share({ title: $("h1").textContent, url }).catch(() => {}); // called off
  }

  // The server's clock is the reference, so a wrong clock on the reader's machine never moves a
  // time.  A page that comes back from the history was made long ago: there the reader's own counts.
  const loaded = Date.now(), server = Date.parse(root.dataset.now) || loaded;
  const restored = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  const skew = !restored && Math.abs(server - loaded) > 9e4 ? server - loaded : 0;
  const now = () => Date.now() + skew;

  const plural = new Intl.PluralRules(root.lang);
  const amount = (patterns, count) => (patterns[plural.select(count)] || patterns.other || Object.values(patterns)[0]).replace("{0}", count);

  // Returns a function from a moment to the milliseconds that the zone is east of UTC then: days are
  // counted as on the server.  Where the browser does not know the zone, `minutes` stand for all.
  function offsets(zone, minutes) {
    const numeric = Object.fromEntries(["year", "month", "day", "hour", "minute", "second"].map((name) => [name, "numeric"]));
    try {
      const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", ...numeric });
      return (t) => {
        const { year, month, day, hour, minute, second } = Object.fromEntries(format.formatToParts(t).map((part) => [part.type, +part.value]));
        const local = new Date(0);
        local.setUTCFullYear(year, month - 1, day);
        return local.setUTCHours(hour, minute, second) - Math.floor(t / 1e3) * 1e3;
      };
    } catch {
      return () => minutes * 6e4;
    }
  }

  // Returns the label and the seconds until it goes stale.  web/relative_time.py has the same steps.
  function label(t, n, offset) {
    const length = 864e5, s = (n - t) / 1e3, day = (moment) => Math.floor((moment + offset(moment)) / length);
    if (s < 45) return [words.now, 45 - s];
    if (s < 3600) return [amount(words.past.minute, Math.max(1, Math.floor(s / 60))), 60 - (s % 60)];
    const today = day(n), days = today - day(t);
    if (s < 86400 || days < 1) return [amount(words.past.hour, Math.floor(s / 3600)), 3600 - (s % 3600)];
    if (days < 7) return [days === 1 ? words.yesterday : amount(words.past.day, days), (midnight() - n) / 1e3];
    const at = new Date(t + offset(t)), year = at.getUTCFullYear();
    const patterns = year === new Date(n + offset(n)).getUTCFullYear() ? words.dates : words.dated;
    return [patterns[at.getUTCMonth()].replace("{0}", at.getUTCDate()).replace("{1}", year), Infinity];

    // The end of this day; earlier where clocks go forward until then.
    function midnight() {
      const end = (today + 1) * length - offset(n), forward = offset(end) - offset(n);
      return forward > 0 && day(end - forward) > today ? end - forward : end;
    }
  }

  // Times are kept true: the next update is due when the first label on the page goes stale, and
  // nothing runs in a hidden tab.
  function keepTimes() {
    const offset = offsets(root.dataset.zone, +root.dataset.tz || 0);
    const times = [...d.querySelectorAll("time[title]")].map((el) => [el, Date.parse(el.dateTime), el.dataset.say]);
    let timer;
    const tick = () => {
      clearTimeout(timer);
      if (d.hidden) return;
      let next = 3600;
      const n = now();
      for (const [el, t, say] of times) {
        const [when, stale] = label(t, n, offset), text = say ? say.replace("{time}", when) : when;
        if (el.textContent !== text) el.textContent = text;
        if (stale < next) next = stale;
      }
      timer = setTimeout(tick, Math.max(1, next) * 1e3 + 50);
    };
    tick();
    d.addEventListener("visibilitychange", tick);
    addEventListener("pageshow", (e) => e.persisted && tick());
  }

  // Keys, with an off switch for people who use speech input or find-as-you-type.
  function listenToKeys() {
    const dialog = $("#keys"), box = $("[data-keys-on]");
    box.checked = store.get("keys") !== "off";
    box.onchange = () => store.set("keys", box.checked ? null : "off");
    $("[data-keys-btn]").onclick = () => dialog.showModal();
    const move = (step) => {
      const all = [...d.querySelectorAll(".entry > h3 a")].filter((a) => a.checkVisibility()), here = d.activeElement?.closest(".entry");
      const i = all.findIndex((a) => a.closest(".entry") === here);
      const a = all[i < 0 ? (step > 0 ? 0 : -1) : i + step] || (i < 0 ? all[0] : null);
      if (!a) return $(`.ways [rel=${step > 0 ? "next" : "prev"}]`)?.click();
      a.focus({ preventScroll: true });
      a.closest(".entry").scrollIntoView({ block: "nearest" });
    };
    const keys = {
      j: () => move(1), k: () => move(-1),
      o: () => {
        const a = $(".entry:focus-within > h3 a, .out a");
        if (!a) return;
        open(a.href, "_blank", "noopener");
        markRead(a.closest(".h-entry[id]"));
      },
      v: () => $(".entry:focus-within .here")?.click(),
      s: () => $(".entry:focus-within .save, .post .save")?.click(),
      "/": () => { $("#q").focus(); $("#q").select(); },
      ".": () => $(".pill")?.click(),
      "?": () => dialog.showModal(),
    };
    addEventListener("keydown", (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || !box.checked || dialog.open) return;
      if (e.target.closest?.("input,select,textarea,[contenteditable]")) return e.key === "Escape" && e.target.blur();
      // Where the letters of the keyboard are Russian, Arabic or Hebrew, the place of a key counts.
      const key = e.key > "\x7f" ? e.code.replace(/^Key/, "").toLowerCase() : e.key;
      if (Object.hasOwn(keys, key)) { e.preventDefault(); keys[key](); }
    });
  }

  // What hangs below its button closes when one turns to something else.
  function closeMenus() {
    const menu = $(".more");
    if (!menu) return;
    addEventListener("click", (e) => menu.contains(e.target) || (menu.open = false));
    menu.addEventListener("focusout", (e) => e.relatedTarget && !menu.contains(e.relatedTarget) && (menu.open = false));
    menu.addEventListener("keydown", (e) => { if (e.key === "Escape") { menu.open = false; $("summary", menu).focus(); } });
  }

  // The page about a feed: its address, to be pasted into a reader.
  function offerCopy() {
    const button = $("[data-copy]");
    if (!button) return;
    const field = d.getElementById(button.dataset.copy);
    field.onfocus = () => field.select();
    button.onclick = async () => {
      field.select();
      try { await navigator.clipboard.writeText(field.value); } catch { d.execCommand("copy"); }
      button.textContent = button.dataset.copied;
    };
  }

  // The page of sources: what has all words of the field, with the name of its category.
  function offerFilter() {
    const field = $("#filter");
    if (!field) return;
    field.oninput = () => {
      const wanted = field.value.toLowerCase().split(/\s+/);
      for (const group of d.querySelectorAll(".st tbody")) {
        const [heading, ...rows] = group.rows;
        for (const row of rows) {
          const text = (heading.textContent + row.textContent).toLowerCase();
          row.hidden = !wanted.every((word) => text.includes(word));
        }
        group.hidden = rows.every((row) => row.hidden);
      }
    };
  }

  function offerThemes() {
    const button = $("[data-theme-btn]"), order = ["auto", "light", "dark"];
    const show = () => { setTheme(); $("span", button).textContent = words.themes[theme]; };
    button.onclick = () => {
      theme = order[(order.indexOf(theme) + 1) % 3];
      store.set("theme", theme === "auto" ? null : theme);
      show();
    };
    show();
  }

  // New posts: ask once a minute while the tab is visible, tell, never move the page.  To show them
  // is a new visit: what came after this page was made is new.
  function askForNews() {
    const main = $("main[data-poll]"), wrap = $(".pill-wrap");
    if (!main || !wrap) return;
    let etag = "", told = 0, asked = loaded;
    const tell = (count) => {
      told = count;
      const b = d.createElement("button"), many = count >= 99 ? "99+" : String(count);
      b.className = "pill";
      b.textContent = amount(words.news, count).replace(count, many);
      b.onclick = () => {
        const top = new URL(location), since = main.dataset.since;
        if (since) {
          top.searchParams.set("since", since);
          location.replace(top);
        } else {
          scrollTo(0, 0);
          location.reload();
        }
      };
      wrap.replaceChildren(b);
      d.title = d.title.replace(/^(\(\d+\+?\) )?/, `(${many}) `);
    };
    const ask = async () => {
      if (d.hidden || Date.now() - asked < 7e3) return;
      asked = Date.now();
      try {
        const r = await fetch(main.dataset.poll, { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store" });
        if (r.status !== 200) return;
        etag = r.headers.get("ETag") || "";
        const { count } = await r.json();
        if (count && count !== told) tell(count);
      } catch {} // offline: the next minute asks again
    };
    setTimeout(ask, 8e3);
    setInterval(ask, 6e4);
    d.addEventListener("visibilitychange", ask);
  }

  d.addEventListener("DOMContentLoaded", () => {
    keepTimes();
    watchReading();
    offerShare();
    listenToKeys();
    offerThemes();
    offerCopy();
    offerFilter();
    closeMenus();
    askForNews();
  });
})();
