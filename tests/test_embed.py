"""`/embed`: the newest posts of a list as a block in a page of another site."""

import contextlib
import gzip
import random
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.test_web_look import in_both_colours, open_page
from tests.web_fixtures import EVIL, HtmlPage, Site, entry, full_site, served, words

FRIEND = "https://community.example.org"


def embedding(folder, *origins, **values):
    return Site(folder, page={"embed": list(origins or [FRIEND])}, **values)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    views = [{"name": "tens", "title": "The tens", "search": "title:10"}]
    site = embedding(tmp_path_factory.mktemp("embedding"), views=views)
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(1, 31)))
    site.record("tide", entry(200, title=EVIL, summary=EVIL, authors=(EVIL,)))
    return site


def titles(page):
    return [words(each) for each in page.all("h2")]


@pytest.mark.parametrize(
    ("path", "title", "count"),
    [
        ("/embed", "Daybook", 5),
        ("/embed?limit=20", "Daybook", 20),
        ("/embed?limit=1", "Daybook", 1),
        ("/category/trade/embed", "Trade", 5),
        ("/view/tens/embed", "The tens", 1),
        ("/source/lamp/embed", "Lamp", 5),
        ("/source/local/embed", "Local File", 0),
    ],
)
def test_a_list_has_a_block_of_its_newest_posts(site, path, title, count):
    page = site.page(path)

    assert words(page.one("h1")) == title
    assert len(page.all("li", "recent-post")) == count
    assert page.one("base").get("target") == "_top"
    assert not page.all("script")
    assert page.link(title) == path.partition("?")[0].removesuffix("/embed") or "/"


def test_a_post_has_title_source_and_time_and_on_request_an_excerpt(site):
    page, longer = site.page("/embed?limit=1"), site.page("/embed?limit=1&excerpt=1")

    assert titles(page) == titles(longer) == [words(page.one("h2"))]
    assert words(page.one("p")).startswith("Lamp · 1 minute")
    assert page.link("Lamp") == "/source/lamp"
    assert words(longer.one("p", "excerpt"))
    assert "Lamp ·" not in words(site.page("/source/lamp/embed?limit=1").one("p"))


def test_a_post_without_a_link_leads_to_its_page_here(tmp_path):
    site = embedding(tmp_path)
    site.subscribe()
    site.record("lamp", entry(1, url=None, title="Unlinked"))

    assert site.page("/embed").link("Unlinked").startswith("/post/")


def test_a_hostile_post_is_text(site):
    page = site.page("/source/tide/embed?excerpt=1")

    assert titles(page) == [EVIL]
    assert not page.all("img")


@pytest.mark.parametrize(("theme", "scheme"), [("light", "light"), ("dark", "dark")])
def test_the_theme_is_the_embedding_pages_choice(site, theme, scheme):
    page = site.page(f"/embed?theme={theme}")

    assert page.one("html").get("data-theme") == theme
    schemes = [
        each.get("content") for each in page.all("meta") if each.get("name") == "color-scheme"
    ]
    assert schemes == [scheme]
    assert site.page("/embed").one("html").get("data-theme") is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=0", "limit: a whole number from 1 to 20"),
        ("limit=21", "limit: a whole number from 1 to 20"),
        ("limit=x", "limit: a whole number from 1 to 20"),
        ("theme=blue", "theme: light or dark"),
    ],
)
def test_a_wrong_choice_is_told_in_one_line(site, query, said):
    assert said in site.page(f"/embed?{query}", 400).text


def test_every_choice_is_a_page_of_its_own(site):
    for path in ("/embed", "/embed?limit=2", "/embed?limit=2&excerpt=1", "/embed?theme=dark"):
        first = site.client.get(path).text
        assert site.client.get(path).text == first
        assert HtmlPage(first).all("li", "recent-post")
    assert len(site.page("/embed?limit=2").all("li", "recent-post")) == 2
    assert not site.page("/embed?limit=2").all("p", "excerpt")


def test_only_the_sites_of_the_file_may_have_the_block_in_a_frame(site):
    policy = site.client.get("/embed").headers["Content-Security-Policy"]

    assert policy.split("; ") == [
        "default-src 'none'",
        "style-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        f"frame-ancestors {FRIEND}",
    ]
    for path in ("/", "/source/lamp", "/embed?limit=0", "/view/none/embed"):
        assert "frame-ancestors 'none'" in site.client.get(path).headers["Content-Security-Policy"]


def test_the_block_sets_no_cookie_and_is_in_no_search_engine(site):
    answer = site.client.get("/embed")

    assert "Set-Cookie" not in answer.headers
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["Cache-Control"] == "public, max-age=60"


def test_the_colours_of_the_block_are_those_of_the_pages():
    static = Path(__file__).parents[1] / "web" / "static"
    colours = [
        dict(re.findall(r"(--[\w-]+):(light-dark\([^)]*\))", (static / name).read_text()))
        for name in ("embed.css", "style.css")
    ]

    assert colours[0]
    assert colours[0].items() <= colours[1].items()


@pytest.mark.slow
def test_without_a_site_to_have_them_there_are_no_blocks(tmp_path):
    site = full_site(tmp_path)

    for path in ("/embed", "/source/lamp/embed"):
        site.page(path, 404)
    assert "iframe" not in site.page("/").text


def test_an_unknown_list_has_no_block_and_a_renamed_one_leads_on(site):
    site.page("/view/none/embed", 404)
    site.page("/category/none/embed", 404)
    site.page("/source/none/embed", 404)
    assert site.client.get("/search/embed").status_code == 404


@pytest.mark.parametrize("path", ["/", "/category/trade", "/source/lamp", "/view/tens"])
def test_the_page_of_a_list_offers_the_html_of_its_block(site, path):
    field = next(each for each in site.page(path).all("input") if each.get("id") == "embed")

    frame = HtmlPage(f"<!doctype html><title>x</title>{field.get('value')}").one("iframe")
    address = f"https://posts.example{path.rstrip('/')}/embed?limit=5"
    assert frame.get("src") == address
    assert frame.get("title") in {"Daybook", "Trade", "Lamp", "The tens"}
    assert frame.get("style") == "border:0"
    assert FRIEND in site.page(path).text


def test_a_block_weighs_at_most_8_kb_whatever_is_in_it(tmp_path):
    site = embedding(tmp_path)
    site.subscribe()
    letters = random.Random(1)

    def noise(length):
        return "".join(chr(letters.randrange(0x4E00, 0x9FA5)) for _ in range(length))

    posts = [entry(n, title=noise(200), summary=noise(220)) for n in range(1, 21)]
    site.record("lamp", *posts)
    whole = site.client.get("/embed?limit=20&excerpt=1").data
    sheet = site.client.get("/static/embed.css").data

    assert len(gzip.compress(whole)) + len(gzip.compress(sheet)) <= 8000
    assert b"recent-post" in whole


def test_twenty_usual_posts_with_excerpts_have_room(site):
    page = site.client.get("/embed?limit=20&excerpt=1").data
    sheet = site.client.get("/static/embed.css").data

    assert page.count(b'class="recent-post"') == 20
    assert len(gzip.compress(page)) + len(gzip.compress(sheet)) <= 8000


# ------------------------------------------------------------------------- in a browser


@contextlib.contextmanager
def other_site_of(html):
    """Serve the page in the list `html` at another origin; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(html[0].encode())

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()


def framing(address):
    return (
        "<!doctype html><html lang=en><title>Friends</title><h1>Friends</h1>"
        f'<iframe src="{address}/embed?limit=3&excerpt=1" title="Posts" width="360" height="420">'
        "</iframe>"
    )


@pytest.mark.browser
@pytest.mark.parametrize("allowed", [True, False])
def test_a_browser_shows_the_block_in_pages_of_the_named_sites_only(browser, tmp_path, allowed):
    page_html = []
    with other_site_of(page_html) as friend:
        site = embedding(tmp_path, friend if allowed else FRIEND)
        site.subscribe()
        site.record("lamp", *(entry(number) for number in range(1, 9)))
        with served(site) as address:
            page_html.append(framing(address))
            page = browser.new_page()
            complaints = []
            page.on("console", lambda message: complaints.append(message.text))
            page.goto(friend)
            frame = page.frame_locator("iframe")
            if allowed:
                assert frame.locator(".recent-post").count() == 3
                assert complaints == []
                frame.locator("h1 a").click()
                page.wait_for_url(f"{address}/")
            else:
                page.wait_for_timeout(300)
                assert frame.locator(".recent-post").count() == 0
                assert "frame-ancestors" in " ".join(complaints)
            page.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_the_block_shuts_nobody_out(browser, axe, site, width):
    with served(site) as address:
        page = open_page(browser, f"{address}/embed?excerpt=1", width)
        assert in_both_colours(page, axe, f"embed-{width}") == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.context.close()
