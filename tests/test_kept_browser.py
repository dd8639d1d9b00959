"""Saved posts and marks of reading in a real browser."""

import json
import re
import threading
import time
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from aggregator.cli import folder_sync, static_site
from tests.browsing import new_page
from tests.test_web_look import in_both_colours, open_page
from tests.web_fixtures import Site, entry, post_path, served
from web.language import available

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

pytestmark = pytest.mark.browser

LONG = f"{'A cut excerpt of some length ' * 7}…"
BLOCKED = """Object.defineProperty(window, "localStorage", {
  get() { throw new DOMException("The operation is insecure.", "SecurityError"); }
})"""
FULL = """() => {
  Storage.prototype.setItem = () => { throw new DOMException("", "QuotaExceededError"); };
}"""
SHARING = """navigator.share = (data) => { window.shared = data; return Promise.resolve(); }"""
MOVED = """async () => {
  const moved = [], element = (node) => node?.nodeType === 3 ? node.parentElement : node;
  new PerformanceObserver((list) => {
    for (const { node } of list.getEntries().flatMap((entry) => entry.sources))
      // Times move their neighbours when a minute ends.
      if (element(node)?.closest(".day, .kept") && !element(node).closest(".meta"))
        moved.push(element(node)?.outerHTML);
  }).observe({ type: "layout-shift", buffered: true });
  await new Promise((done) => setTimeout(done, 200));
  return moved;
}"""


def harbour(folder: Path, **values: Any) -> Site:
    """Return a site with posts of every kind."""
    site = Site(folder, **values)
    site.subscribe()
    site.record(
        "lamp",
        *(entry(number, title=f"Post {number}", summary=LONG) for number in range(1, 6)),
        entry(90, title='<Quays> & "tides"', url="https://example.org/?a=1&b=%22", guid="signs"),
        entry(160, title="كيف يعمل البحر؟", language="ar", guid="ar"),
        entry(230, title="Without an address", url=None, guid="none", summary=LONG),
    )
    site.record("tide", *(entry(65 * n, guid=f"t{n}", title=f"Tide {n}") for n in range(1, 4)))
    return site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return harbour(tmp_path_factory.mktemp("harbour"))


@pytest.fixture(scope="module")
def base(site: Site) -> Iterator[str]:
    with served(site) as address:
        yield address


@pytest.fixture
def page(browser: Browser, base: str) -> Iterator[Page]:
    """A reader's first visit; the console must stay empty."""
    page = new_page(browser)
    page.context.route("https://example.org/**", lambda route: route.fulfill(body="there"))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(base)
    yield page
    page.context.close()
    assert said == []


def button(page: Page, title: str) -> Locator:
    return page.get_by_role("button", name=f"Save: {title}", exact=True)


def saved_titles(page: Page, base: str) -> list[str]:
    page.goto(f"{base}/saved")
    return page.locator(".entry h3").all_inner_texts()


def stored(page: Page, name: str, prefix: str = "/") -> list[Any]:
    text = page.evaluate("(key) => localStorage.getItem(key)", f"aggregator:{prefix}{name}")
    items: list[Any] = json.loads(text)["items"] if text else []
    return items


def store(page: Page, name: str, text: str) -> None:
    page.evaluate("([key, text]) => localStorage.setItem(key, text)", [f"aggregator:/{name}", text])


def read_titles(page: Page) -> list[str]:
    return page.locator(".entry.read > h3").all_inner_texts()


# --------------------------------------------------------------------------------------- saving


def test_a_key_or_a_button_saves_a_post_and_the_newest_saved_comes_first(page, base):
    page.keyboard.press("j")
    page.keyboard.press("s")
    expect(button(page, "Post 1")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="Tide 2").hover()
    button(page, "Tide 2").click()
    expect(button(page, "Tide 2")).to_have_attribute("title", "Remove")
    page.reload()
    expect(button(page, "Tide 2")).to_have_attribute("aria-pressed", "true")
    expect(button(page, "Tide 1")).to_have_attribute("aria-pressed", "false")

    assert saved_titles(page, base) == ["Tide 2", "Post 1"]
    page.goto(base)
    page.keyboard.press("j")
    page.keyboard.press("s")
    assert saved_titles(page, base) == ["Tide 2"]


def test_a_saved_post_has_its_title_source_time_and_links(page, base):
    for title in ("Post 1", "كيف يعمل البحر؟", "Without an address"):
        button(page, title).focus()
        page.keyboard.press("Enter")
    page.goto(f"{base}/saved")
    nameless, arabic, first = page.locator(".entry").all()

    assert first.locator("h3 a").get_attribute("href") == "https://example.org/post-1"
    assert first.locator(".src").inner_text() == "Lamp"
    assert first.get_attribute("lang") == "en-US"
    assert re.fullmatch(r"\d+ minutes? ago", first.locator("time").inner_text())
    assert str(time.gmtime().tm_year) in str(first.locator("time").get_attribute("title"))
    assert "/post/" in str(first.locator(".here").get_attribute("href"))
    assert arabic.get_attribute("lang") == "ar"
    assert arabic.locator(".here").count() == 0
    assert "/post/" in str(nameless.locator("h3 a").get_attribute("href"))


def test_a_post_is_saved_and_shared_from_its_own_page(browser, site, base):
    context = browser.new_context()
    context.add_init_script(SHARING)
    page = context.new_page()
    page.goto(f"{base}{post_path(site, 'Post 2')}?in=source/lamp")
    page.keyboard.press("s")
    expect(button(page, "Post 2")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Share").click()
    shared = page.evaluate("window.shared")
    (item,) = stored(page, "saved")
    titles = saved_titles(page, base)
    context.close()

    assert shared == {"title": "Post 2", "url": "https://example.org/post-2"}
    assert item["here"] == base + post_path(site, "Post 2")
    assert (item["source"], item["url"]) == ("Lamp", "https://example.org/post-2")
    assert titles == ["Post 2"]


def test_sharing_is_offered_only_where_the_browser_can(page, site, base):
    page.goto(base + post_path(site, "Post 2"))

    assert page.evaluate("!!navigator.share") == page.locator(".share").is_visible()


def test_what_is_removed_on_the_page_of_saved_posts_can_be_saved_again_until_it_is_left(page, base):
    for title in ("Post 1", "Post 2"):
        button(page, title).focus()
        page.keyboard.press(" ")
    page.goto(f"{base}/saved")
    button(page, "Post 2").click()
    assert [item["title"] for item in stored(page, "saved")] == ["Post 1"]
    button(page, "Post 2").click()
    assert saved_titles(page, base) == ["Post 2", "Post 1"]
    button(page, "Post 2").click()
    assert page.locator(".entry").count() == 2
    assert saved_titles(page, base) == ["Post 1"]


def test_a_saved_post_outlives_the_post_on_the_site(page, site, base):
    page.keyboard.press("j")
    page.keyboard.press("s")
    page.route("**/post/*", lambda route: route.fulfill(status=404))
    page.route("**/", lambda route: route.fulfill(body="empty"))

    assert saved_titles(page, base) == ["Post 1"]
    assert page.locator(".entry h3 a").get_attribute("href") == "https://example.org/post-1"


def test_all_are_removed_after_a_question(page, base):
    page.keyboard.press("j")
    page.keyboard.press("s")
    page.goto(f"{base}/saved")
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.get_by_role("button", name="Remove all").click()
    assert page.locator(".entry").count() == 1
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove all").click()

    expect(page.locator("main .end:visible")).to_contain_text("Nothing is saved yet.")
    assert asked == ["Remove all saved posts?"]
    assert not page.locator(".side").is_visible()


class Bookmarks(HTMLParser):
    """The addresses and titles of a bookmarks file."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.items: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "a":
            assert int(dict(attrs)["add_date"]) > 1_700_000_000
            self.items.append([dict(attrs)["href"], ""])

    def handle_data(self, data: str) -> None:
        if self.items and data.strip():
            self.items[-1][1] += data.strip()


def test_saved_posts_are_exported_as_bookmarks(page, base):
    for title in ("Post 1", '<Quays> & "tides"'):
        button(page, title).focus()
        page.keyboard.press("Enter")
    page.goto(f"{base}/saved")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export as a bookmarks file").click()
    text = Path(download.value.path()).read_text("utf-8")

    assert download.value.suggested_filename == "saved-posts.html"
    assert text.startswith("<!DOCTYPE NETSCAPE-Bookmark-file-1>\n")
    assert text.count("<DL><p>") == text.count("</DL><p>") == 2
    assert Bookmarks(text).items == [
        ["https://example.org/?a=1&b=%22", '<Quays> & "tides"'],
        ["https://example.org/post-1", "Post 1"],
    ]


# ------------------------------------------------------------------- where nothing can be kept


def test_where_the_browser_stores_nothing_no_button_is_offered_and_the_page_says_why(browser, base):
    context = browser.new_context()
    context.add_init_script(BLOCKED)
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(base)
    page.keyboard.press("j")
    page.keyboard.press("s")
    buttons, lines = page.locator(".save").count(), page.locator(".kept button:visible").count()
    page.goto(f"{base}/saved")
    told = page.locator("main .end:visible").all_inner_texts()
    context.close()

    assert (buttons, lines, said) == (0, 0, [])
    assert told == ["This browser stores nothing for this site, so posts cannot be saved."]


@pytest.mark.parametrize(
    "text", ["{", "[]", "7", '{"version":2,"items":[]}', '{"version":1,"items":{"a":1}}']
)
def test_what_cannot_be_read_is_left_alone_until_the_reader_removes_it(page, base, text):
    store(page, "saved", text)
    page.reload()
    assert page.locator(".save").count() == 0
    page.goto(f"{base}/saved")
    expect(page.locator("main .end:visible")).to_contain_text("cannot be read")
    assert not page.get_by_role("button", name="Export").is_visible()
    assert page.evaluate("localStorage.getItem('aggregator:/saved')") == text
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove all").click()
    expect(page.locator("main .end:visible")).to_contain_text("Nothing is saved yet.")
    page.goto(base)
    assert page.locator(".save").count() == 11


def test_odd_items_harm_nothing(page, base):
    odd = [None, 1, "x", {}, {"id": "9", "title": "T", "url": "javascript:alert(1)", "time": "x"}]
    store(page, "saved", json.dumps({"version": 1, "items": odd}))
    store(page, "read", json.dumps({"version": 1, "items": [None, 1, {}]}))
    page.reload()
    page.goto(f"{base}/saved")

    assert page.locator("[href^=javascript]").count() == 0
    assert page.get_by_role("heading", name="T", exact=True).is_visible()


def test_a_full_store_refuses_the_new_post_and_says_so(page, base):
    page.evaluate(FULL)
    page.keyboard.press("j")
    page.keyboard.press("s")

    assert page.get_by_role("alert").inner_text().startswith("There is no room")
    assert button(page, "Post 1").get_attribute("aria-pressed") == "false"


def test_a_thousand_posts_can_be_saved_and_one_more_is_refused(page, base):
    items = [{"id": str(n), "title": f"Old {n}", "at": 1} for n in range(1000)]
    store(page, "saved", json.dumps({"version": 1, "items": items}))
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("s")

    assert page.get_by_role("alert").inner_text().startswith("There is no room")
    assert len(stored(page, "saved")) == 1000
    assert len(saved_titles(page, base)) == 1000


def test_without_a_script_the_page_says_so(browser, base):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{base}/saved")
    told = page.locator("main p:visible").all_inner_texts()
    page.goto(base)
    links = page.get_by_role("link", name="Saved").count()
    page.context.close()

    assert told == ["This page needs JavaScript, because saved posts are kept in your browser."]
    assert links == 0


# --------------------------------------------------------------------------- tabs and other sites


def test_two_tabs_stay_in_step(page, base):
    other, list_of_saved = page.context.new_page(), page.context.new_page()
    other.goto(base)
    list_of_saved.goto(f"{base}/saved")
    page.keyboard.press("j")
    page.keyboard.press("s")
    expect(button(other, "Post 1")).to_have_attribute("aria-pressed", "true")
    expect(list_of_saved.locator(".entry h3")).to_have_text(["Post 1"])
    page.get_by_role("link", name="Post 2").click()
    page.go_back()
    expect(other.locator(".entry.read h3")).to_have_text(["Post 2"])
    assert other.locator(".entry[hidden]").count() == 0
    page.get_by_role("button", name="Hide read posts").click()
    expect(other.locator(".entry[hidden] h3")).to_have_text(["Post 2"])


def test_sites_of_one_origin_keep_their_own(browser, tmp_path):
    sites = {}
    for name, prefix in (("first", ""), ("second", "/reader")):
        (tmp_path / name).mkdir()
        sites[prefix] = harbour(tmp_path / name, base_url=f"https://posts.example{prefix}")

    def both(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        is_second = environ["PATH_INFO"].startswith("/reader")
        return sites["/reader" if is_second else ""].app.wsgi_app(environ, start)

    with served(SimpleNamespace(app=both)) as base:  # type: ignore[arg-type]
        page = browser.new_context().new_page()
        page.goto(f"{base}/reader/")
        page.keyboard.press("j")
        page.keyboard.press("s")
        second = stored(page, "saved", "/reader/")
        titles = saved_titles(page, base), saved_titles(page, f"{base}/reader")
        first = stored(page, "saved", "/")
        page.context.close()

    assert titles == ([], ["Post 1"])
    assert (len(second), first) == (1, [])


def test_an_exported_site_keeps_posts_without_any_server(browser, tmp_path):
    site = harbour(tmp_path)
    files = static_site.files(site.config, site.engine, frozenset({"html"}), posts=True)
    folder_sync.replace(tmp_path / "out", files)
    page = browser.new_context().new_page()
    page.goto((tmp_path / "out" / "index.html").as_uri())
    page.keyboard.press("j")
    page.keyboard.press("s")
    page.get_by_role("link", name="Saved").first.click()
    expect(page.locator(".entry h3")).to_have_text(["Post 1"])
    page.locator(".here").click()
    expect(page.locator("h1")).to_have_text("Post 1")
    expect(button(page, "Post 1")).to_have_attribute("aria-pressed", "true")
    page.goto((tmp_path / "out" / "source" / "lamp" / "index.html").as_uri())
    expect(page.locator(".entry.read h3")).to_have_text(["Post 1"])
    page.context.close()


# ---------------------------------------------------------------------------------------- read


def test_what_counts_as_read(page, base):
    def back() -> None:
        page.goto(base)

    page.get_by_role("link", name="Post 1", exact=True).click()
    back()
    assert read_titles(page) == ["Post 1"]
    page.locator(".here").nth(1).click()
    back()
    assert read_titles(page) == ["Post 1", "Post 2"]
    with page.context.expect_page():
        page.get_by_role("link", name="Post 3", exact=True).click(button="middle")
    assert read_titles(page) == ["Post 1", "Post 2", "Post 3"]
    page.get_by_role("link", name="Post 4", exact=True).focus()
    with page.context.expect_page():
        page.keyboard.press("o")
    page.locator(".src").first.click()
    back()
    button(page, "Post 5").focus()
    page.keyboard.press("Enter")
    assert read_titles(page) == ["Post 1", "Post 2", "Post 3", "Post 4"]


def test_a_post_that_was_opened_on_its_page_is_read(page, site, base):
    page.goto(base + post_path(site, "Post 5"))
    page.goto(f"{base}/?view=titles")

    assert read_titles(page) == ["Post 5"]


def test_the_oldest_marks_of_reading_go(page, base):
    ids = [str(number) for number in range(4000)]
    store(page, "read", json.dumps({"version": 1, "items": ids}))
    page.get_by_role("link", name="Post 1", exact=True).click()
    page.goto(base)
    kept = stored(page, "read")

    assert (len(kept), kept[0], kept[-2]) == (4000, "1", "3999")
    assert read_titles(page) == ["Post 1"]


@pytest.mark.parametrize(
    "path", ["/", "/?view=titles", "/category/trade", "/source/lamp", "/search?q=post"]
)
def test_read_posts_are_hidden_on_every_list_and_come_back(page, base, path):
    page.goto(base + path)
    whole = page.locator(".entry").count()
    assert not page.locator(".kept button").is_visible()
    page.get_by_role("link", name="Post 2", exact=True).click()
    page.goto(base + path)
    page.get_by_role("button", name="Hide read posts").click()
    line = page.get_by_role("button", name="1 read post hidden · show")
    assert page.locator(".entry:visible").count() == whole - 1
    assert page.evaluate("document.activeElement.parentElement.className") == "kept"
    page.reload()
    assert page.locator(".entry:visible").count() == whole - 1
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "Post 3"
    line.click()
    assert page.locator(".entry:visible").count() == whole


@pytest.mark.parametrize("locale", available())
def test_the_offer_to_hide_read_posts_keeps_the_first_post_near_the_top(
    browser, site, base, locale
):
    page = open_page(browser, base + post_path(site, "Post 1"), 390, locale=locale)
    page.goto(base)
    expect(page.locator(".kept button")).to_be_visible()
    top = page.locator(".entry").first.bounding_box()["y"]
    width = page.evaluate("document.documentElement.scrollWidth")
    page.context.close()

    assert top <= 200
    assert width <= 390


def test_a_post_that_gets_read_stays_in_sight_until_the_next_page(page, base):
    ids = [
        post.removeprefix("e")
        for post in page.locator(".entry").evaluate_all("all => all.map((a) => a.id)")
    ]
    store(page, "read", json.dumps({"version": 1, "items": ids[:1]}))
    store(page, "hide", "on")
    page.reload()
    with page.context.expect_page():
        page.get_by_role("link", name="Post 2", exact=True).click(button="middle")
    assert page.get_by_role("link", name="Post 2", exact=True).is_visible()
    page.reload()

    assert not page.get_by_role("link", name="Post 2", exact=True).is_visible()
    assert page.get_by_role("button", name="2 read posts hidden · show").is_visible()


def test_a_page_of_which_everything_was_read_says_so(page, base):
    ids = page.locator(".entry").evaluate_all("all => all.map((post) => post.id.slice(1))")
    store(page, "read", json.dumps({"version": 1, "items": ids}))
    store(page, "hide", "on")
    page.reload()

    assert page.locator(".entry:visible").count() == page.locator(".day:visible").count() == 0
    page.get_by_role("button", name="11 read posts hidden · show").click()
    assert page.locator(".entry:visible").count() == 11


def test_saved_posts_are_shown_whether_read_or_not(page, base):
    page.keyboard.press("j")
    page.keyboard.press("s")
    page.get_by_role("link", name="Post 1", exact=True).click()
    page.goto(base)
    page.get_by_role("button", name="Hide read posts").click()

    assert saved_titles(page, base) == ["Post 1"]
    assert page.locator(".entry:visible").count() == 1


# ---------------------------------------------------------------------------------------- looks


@pytest.mark.parametrize(("path", "width"), [("/", 1280), ("/search?q=post", 390)])
def test_nothing_moves_while_a_page_comes_in_pieces(browser, site, path, width):
    stop = threading.Event()

    def slowly(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        for name in ("HTTP_ACCEPT_ENCODING", "HTTP_IF_NONE_MATCH"):
            environ.pop(name, None)
        whole = b"".join(site.app.wsgi_app(environ, start))
        if "static" in environ["PATH_INFO"]:
            yield whole
            return
        for piece in re.split(b"(?<=</article>\n)", whole):
            stop.wait(0.15)  # a browser holds the first painting back for half a second
            yield piece

    with served(SimpleNamespace(app=slowly)) as base:  # type: ignore[arg-type]
        page = open_page(browser, base + path, width)
        ids = page.locator(".entry").evaluate_all("all => all.map((post) => post.id.slice(1))")
        store(page, "read", json.dumps({"version": 1, "items": ids[1::2]}))
        moved = page.evaluate(MOVED)
        for hides in ("off", "on"):
            store(page, "hide", hides)
            page.reload()
            moved += page.evaluate(MOVED)
        hidden = page.locator(".entry[hidden]").count()
        page.context.close()

    assert hidden == 5
    assert moved == []


def save_and_read(page: Page, base: str) -> None:
    page.goto(base)
    for title in ("Post 1", "Post 4", "كيف يعمل البحر؟", "Tide 1"):
        button(page, title).focus()
        page.keyboard.press("Enter")
    ids = page.locator(".entry").evaluate_all("all => all.map((post) => post.id.slice(1))")
    store(page, "read", json.dumps({"version": 1, "items": [ids[0], ids[2], ids[6]]}))


@pytest.mark.parametrize("width", [1280, 390])
def test_nobody_is_shut_out(browser, base, axe, site, width):
    page = open_page(browser, f"{base}/about/robot", width)
    save_and_read(page, base)
    found, wide = {}, {}
    for name, path, hides in [
        ("list", "/", "off"), ("hidden", "/", "on"), ("titles", "/?view=titles", "on"),
        ("results", "/search?q=post", "off"), ("saved", "/saved", "off"),
        ("post", post_path(site, "Post 4"), "off"), ("source", "/source/lamp", "off"),
    ]:  # fmt: skip
        store(page, "hide", hides)
        page.goto(base + path)
        if name == "list":
            page.locator(".entry").nth(1).hover()
        if name == "saved":
            page.locator(".save").nth(1).click()  # what is removed stays in sight
        found[name] = in_both_colours(page, axe, f"kept-{name}-{width}")
        wide[name] = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.evaluate("localStorage.clear()")
    page.goto(f"{base}/saved")
    found["empty"] = in_both_colours(page, axe, f"kept-empty-{width}")
    page.context.close()

    assert {name: problems for name, problems in found.items() if problems} == {}
    assert not any(wide.values())


@pytest.mark.parametrize("width", [1280, 800, 390, 320])
@pytest.mark.parametrize("path", ["/", "/?view=titles", "/source/lamp"])
def test_the_bookmark_stands_at_the_end_of_its_line_and_covers_nothing(browser, base, path, width):
    page = open_page(browser, base + path, width)
    for direction in ("ltr", "rtl"):
        page.evaluate("(side) => { document.documentElement.dir = side; }", direction)
        post = page.locator(".entry").first
        post.hover()
        bookmark, whole = box(post.locator(".save")), box(post)
        assert min(bookmark["width"], bookmark["height"]) >= 24
        edge = whole["x"] + (whole["width"] if direction == "ltr" else 0)
        assert abs(bookmark["x"] + bookmark["width"] / 2 - edge) <= 20
        for part in post.locator("h3, time, .src").all():
            words = box(part)
            assert (
                words["x"] + words["width"] <= bookmark["x"] + 1
                or bookmark["x"] + bookmark["width"] <= words["x"] + 1
                or words["y"] >= bookmark["y"] + bookmark["height"] - 1
            ), direction
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


COVERED = """() => {
  const at = document.querySelector(".kept button").getBoundingClientRect(), covered = [];
  for (const part of document.querySelectorAll(".day > h2, .head, .bar")) {
    const texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT), range = new Range();
    while (texts.nextNode()) {
      const parent = texts.currentNode.parentElement, edges = parent.getBoundingClientRect();
      const cut = getComputedStyle(parent).overflowX === "hidden"; // what goes beyond is not shown
      if (!parent.checkVisibility()) continue;
      range.selectNodeContents(texts.currentNode);
      for (const text of range.getClientRects())
        if (text.width > 1 && Math.max(text.left, cut ? edges.left : 0) < at.right &&
            Math.min(text.right, cut ? edges.right : Infinity) > at.left &&
            text.top < at.bottom - 4 && text.bottom > at.top + 4)
          covered.push(texts.currentNode.data.trim());
    }
  }
  return covered.filter(Boolean);
}"""


@pytest.mark.parametrize("locale", available())
def test_the_button_that_hides_covers_no_word_in_any_language(browser, tmp_path, locale):
    site = Site(tmp_path)
    site.subscribe()
    site.record("lamp", *(entry(1440 + 60 * n, title=f"Post {n}") for n in range(5)))
    with served(site) as base:
        for width in (1280, 390, 320):
            page = open_page(browser, base, width, locale=locale)
            ids = page.locator(".entry").evaluate_all("all => all.map((post) => post.id.slice(1))")
            store(page, "read", json.dumps({"version": 1, "items": ids[:1]}))
            for path in ("/", "/source/lamp", "/search?q=post"):
                page.goto(base + path)
                assert page.locator(".kept button").is_visible()
                assert page.evaluate(COVERED) == [], (width, path)
            page.context.close()


def box(element: Locator) -> FloatRect:
    """Return where an element stands."""
    rectangle = element.bounding_box()
    assert rectangle is not None
    return rectangle


def test_on_paper_there_are_no_buttons(page, base):
    page.keyboard.press("j")
    page.keyboard.press("s")
    page.emulate_media(media="print")

    assert not page.locator(".save:visible").count()
    assert not page.locator(".kept button:visible").count()
    assert page.locator(".entry").first.is_visible()
