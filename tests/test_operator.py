"""Whose the pages are: what the section `page` of config.yaml puts on pages and into feeds."""

import html
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import feedparser
import pytest

from aggregator.dates import Week
from aggregator.model import FeedHead, Outcome
from aggregator.pictures.picture_header import PictureFormat, PictureHeader, header_of
from tests import drawn
from tests.web_fixtures import EVIL, Site, entry, lively_site, words

ROOT = Path(__file__).parents[1]

PAGE = {
    "description": f"What we write & {EVIL}",
    "contact": "mailto:us@example.org",
    "imprint": "https://example.org/imprint?a=1&b=2",
}


@pytest.fixture
def site(tmp_path):
    views = [{"name": "tens", "search": "title:10", "description": "Tens only"}]
    site = Site(tmp_path, page=PAGE, views=views)
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(1, 12)))
    return site


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return lively_site(tmp_path_factory.mktemp("lively"))


def metas(page):
    """Return the contents of the `meta` elements of a page by name or property."""
    return {
        each.get("name") or each.get("property"): each.get("content") for each in page.all("meta")
    }


def test_the_first_page_says_what_the_site_is_about(site):
    page = site.page("/")

    assert PAGE["description"] in [words(each) for each in page.all("p", "lede")]
    assert metas(page)["description"] == PAGE["description"]


def test_a_view_says_what_the_view_is_about(site):
    page = site.page("/view/tens")

    assert words(page.all("p", "lede")[0]) == "Tens only"
    assert metas(page)["description"] == "Tens only"
    assert PAGE["description"] not in [words(each) for each in page.all("p", "lede")]


@pytest.mark.parametrize("form", ["atom", "rss"])
def test_the_merged_feed_of_all_posts_says_what_the_site_is_about(site, form):
    feed = feedparser.parse(site.client.get(f"/feed.{form}").data, sanitize_html=False).feed

    assert html.unescape(feed.subtitle) == PAGE["description"]
    assert "What we write" not in site.client.get(f"/category/trade/feed.{form}").text


def test_the_json_feed_says_what_the_site_is_about(site):
    assert json.loads(site.client.get("/feed.json").data)["description"] == PAGE["description"]


@pytest.mark.parametrize("path", ["/", "/source/lamp", "/sources", "/search?q=post", "/nothing"])
def test_every_page_leads_to_the_operator(site, path):
    page = site.page(path, 404 if path == "/nothing" else 200)

    assert page.link("Contact") == PAGE["contact"]
    assert page.link("Legal notice") == PAGE["imprint"]


def test_without_an_operator_no_page_names_any(tmp_path):
    text = Site(tmp_path).page("/sources").text

    assert "Contact" not in text
    assert "Legal notice" not in text


def test_the_page_about_the_robot_says_whom_to_write_to(site):
    page = site.page("/about/robot")

    assert page.link("us@example.org") == PAGE["contact"]


def test_a_link_to_a_list_has_a_preview(site):
    preview = metas(site.page("/category/trade"))

    assert preview["og:title"] == "Trade"
    assert preview["og:site_name"] == "Daybook"
    assert preview["og:type"] == "website"
    assert preview["og:description"] == PAGE["description"]
    assert preview["og:url"] == "https://posts.example/category/trade"
    assert preview["twitter:card"] == "summary"


def test_a_link_to_the_site_has_the_title_of_the_site(site):
    page = site.page("/")

    assert metas(page)["og:title"] == words(page.one("title")) == "Daybook"


def test_a_link_to_a_source_says_what_the_source_is_about(tmp_path):
    site = Site(tmp_path, page=PAGE)
    site.subscribe()
    site.record("lamp", entry(1), head=FeedHead(title="Lamp", subtitle="Wicks & wax"))
    site.record("tide", entry(2), head=FeedHead(title="Tide"))

    assert metas(site.page("/source/lamp"))["og:description"] == "Wicks & wax"
    assert metas(site.page("/source/tide"))["og:description"] == PAGE["description"]


def test_a_page_that_search_engines_leave_out_has_no_preview(site):
    assert not [name for name in metas(site.page("/search?q=post")) if name and "og:" in name]


def test_a_page_of_another_operator_is_another_page(tmp_path):
    tags = []
    for description in ("This", "That"):
        site = Site(tmp_path, page={"description": description})
        tags.append(re.sub("-[0-9]+$", "", site.client.get("/sources").headers["ETag"]))

    assert tags[0] != tags[1]


# ----------------------------------------------------------------------------- about

ABOUT = """# Blogs of the lamp group

Written by *us*, see [the rules](/sources) and [elsewhere](https://example.org/).

## How to be listed

- Write to us <script>alert(1)</script>

<img src=x onerror=alert(1)><style>*{color:red}</style>
[x](javascript:alert(1))
"""


def branded(folder, **files):
    """Return a site with files of these contents, each under the name of its key."""
    page = {}
    for key, data in files.items():
        if isinstance(data, bytes):
            (folder / f"{key}.file").write_bytes(data)
        page[key] = f"{key}.file" if isinstance(data, bytes) else data
    site = Site(folder, page=page)
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(1, 12)))
    return site


def test_the_text_about_the_site_is_a_page(tmp_path):
    page = branded(tmp_path, about=ABOUT.encode()).page("/about")

    assert words(page.one("h1")) == "Blogs of the lamp group"
    assert words(page.one("title")) == "Blogs of the lamp group · Daybook"
    assert "How to be listed" in [words(each) for each in page.all("h2")]
    assert page.link("the rules") == "https://posts.example/sources"
    prose = page.one("div", "text")
    assert {"img", "script", "style"}.isdisjoint(str(each.tag) for each in prose.iter())
    assert "javascript" not in " ".join(str(each.get("href")) for each in prose.iter())
    assert not any(each.get("onerror") for each in prose.iter())


def test_lists_lead_to_the_text_about_the_site_with_its_headings(tmp_path):
    page = branded(tmp_path, about=ABOUT.encode()).page("/")

    assert page.link("Blogs of the lamp group · How to be listed") == "/about"
    assert page.link("About this site") == "/about"


def test_a_heading_is_its_words_without_markup(tmp_path):
    text = b"Blogs of <b>the *lamp*</b>\n[group](https://example.org/)&amp;\nfriends\n====\n\nWords"
    site = branded(tmp_path, about=text)

    assert words(site.page("/about").one("h1")) == "Blogs of the lamp group& friends"


def test_a_text_without_headings_is_called_after_the_site(tmp_path):
    site = branded(tmp_path, about=b"Only words")

    assert site.page("/").link("About Daybook") == "/about"
    assert words(site.page("/about").one("h1")) == "About Daybook"


def test_the_text_about_the_site_may_have_tables(tmp_path):
    table = b"| who | blog |\n| --- | --- |\n| Ada | looms |\n"
    page = branded(tmp_path, about=table).page("/about")

    assert page.rows() == [["Ada", "looms"]]


def test_without_a_text_there_is_no_page_about_the_site(site):
    assert "/about" not in [each.get("href") for each in site.page("/").all("a")]
    site.page("/about", 404)


# ------------------------------------------------------------------------------ logo


@pytest.mark.parametrize(
    ("data", "ending", "media_type"),
    [(drawn.SVG, "svg", "image/svg+xml"), (drawn.png(180, 90), "png", "image/png")],
)
def test_the_logo_stands_for_the_site(tmp_path, data, ending, media_type):
    site = branded(tmp_path, logo=data)
    page = site.page("/")

    picture = next(each for each in page.all("img"))
    address = picture.get("src")
    assert re.fullmatch(rf"/static/logo\.{ending}\?v=[0-9a-f]+", address)
    assert picture.get("alt") == ""
    assert int(picture.get("width")) == 2 * int(picture.get("height"))
    icons = {each.get("rel"): each.get("href") for each in page.all("link")}
    assert icons["icon"] == address
    touch_icon = icons.get("apple-touch-icon")
    assert (touch_icon is not None) == (ending == "png")
    if touch_icon:
        icon = site.client.get(touch_icon)
        assert header_of(icon.data) == PictureHeader(PictureFormat.PNG, 180, 180)
        assert "immutable" in icon.headers["Cache-Control"]

    answer = site.client.get(address)
    assert answer.content_type == media_type
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "script" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("data", "name", "sizes"),
    [(drawn.SVG, "logo.svg", ["any"]), (drawn.png(64, 32), "logo.png", ["180x180", "512x512"])],
)
def test_the_logo_is_the_icon_of_feeds_previews_and_the_manifest(tmp_path, data, name, sizes):
    site = branded(tmp_path, logo=data)
    address = f"https://posts.example/static/{name}"
    square = address.replace("logo.png", "large-icon.png")

    atom = feedparser.parse(site.client.get("/feed.atom").data).feed
    rss = feedparser.parse(site.client.get("/category/trade/feed.rss").data).feed
    assert (atom.icon, atom.logo) == (square, address)
    assert rss.get("image", {}).get("href") == (address if name == "logo.png" else None)
    assert json.loads(site.client.get("/feed.json").data)["icon"] == square
    assert metas(site.page("/")).get("og:image") == (square if name == "logo.png" else None)
    icons = json.loads(site.client.get("/manifest.webmanifest").data)["icons"]
    assert [icon["sizes"] for icon in icons] == sizes
    for icon in icons:
        answer = site.client.get(icon["src"])
        assert answer.content_type == icon["type"]
        if header := header_of(answer.data):
            assert f"{header.width}x{header.height}" == icon["sizes"]
    assert site.client.get(f"/static/{name}").headers["Cache-Control"] == "no-cache"


def test_the_feed_of_a_source_and_a_closed_archive_have_no_icon_of_ours(tmp_path):
    site = branded(tmp_path, logo=drawn.png(), description="Ours")
    week = Week.of(datetime.now(UTC) - timedelta(days=14))
    site.record("tide", entry(500, published_at=week.start + timedelta(days=3)))

    assert "static/logo" not in site.client.get("/source/lamp/feed.atom").text
    archive = site.client.get(f"/archive/{week}.atom").text
    assert "<entry>" in archive
    assert "static/logo" not in archive
    assert "Ours" not in archive


# ----------------------------------------------------------------------- accent and style


def test_the_operators_style_is_the_last_in_the_cascade(tmp_path):
    site = branded(tmp_path, css="a{color:red} /* ü */".encode(), accent="#0a58ca")

    sheets = [
        each.get("href") for each in site.page("/").all("link") if each.get("rel") == "stylesheet"
    ]
    assert [address.partition("?")[0] for address in sheets] == [
        "/static/style.css",
        "/static/look.css",
    ]
    answer = site.client.get(sheets[1])
    assert answer.text == ":root{--accent:light-dark(#0a58ca,#5394ff)}\na{color:red} /* ü */"
    assert answer.content_type == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["Cache-Control"]
    assert "#0a58ca" in site.client.get("/icon.svg").text


def test_without_a_style_of_the_operator_there_is_one_style_sheet(site):
    sheets = [each for each in site.page("/").all("link") if each.get("rel") == "stylesheet"]

    assert len(sheets) == 1
    assert site.client.get("/static/look.css").status_code == 404


# --------------------------------------------------------------------------- the status


def test_the_public_does_not_see_how_feeds_are_doing_where_the_status_is_off(tmp_path):
    site = branded(tmp_path, status="off")
    site.record("tide", outcome=Outcome.FAILED, status=None, error="DNS name not found", failures=3)

    site.page("/status", 404)
    for path in ("/", "/category/the-sea", "/source/tide", "/sources", "/search?q=post"):
        page = site.page(path)
        assert not page.all("span", "badge")
        assert "Status" not in page.text
        assert "DNS" not in page.text
        assert "Checked" not in page.text
        assert "/status" not in [each.get("href") for each in page.all("a")]
    assert "aggregator_feeds_failing 1" in site.client.get("/metrics").text
    assert site.client.get("/healthz").status_code == 200


def test_pages_without_posts_do_not_tell_which_feeds_fail_where_the_status_is_off(tmp_path):
    site = Site(tmp_path, page={"status": "off"})
    site.subscribe()
    for name in ("lamp", "tide", "local"):
        site.record(name, outcome=Outcome.FAILED, status=None, error="timed out", failures=3)

    first_page, source_page = site.page("/"), site.page("/source/tide")

    assert not re.search('fail|could not|class="state', first_page.text)
    assert words(source_page.one("p", "end")) == "This source has no posts."


# ----------------------------------------------------------------------------- documents


def test_the_documented_names_of_the_look_exist(full):
    document = (ROOT / "docs" / "look.md").read_text("utf-8")
    styles = (ROOT / "web" / "static" / "style.css").read_text("utf-8")
    pages = [full.page(path) for path in ("/", "/?before=99999999999999999", "/about/robot")]
    marked = {name for page in pages for each in page.root.iter() for name in classes_of(each)}
    templates = "".join(path.read_text() for path in (ROOT / "web" / "templates").iterdir())
    script = (ROOT / "web" / "static" / "app.js").read_text("utf-8")

    properties = re.findall(r"^\| `(--[\w-]+)` \|", document, re.MULTILINE)
    assert len(properties) > 10
    assert [each for each in properties if f"{each}:" not in styles.partition("}")[0]] == []
    names = re.findall(r"^\| `([a-z][\w-]*)` \|", document, re.MULTILINE)
    assert len(names) > 20
    unmarked = [name for name in names if name not in marked and f'"{name}"' not in script]
    assert [name for name in unmarked if not re.search(rf'class="[^"]*\b{name}\b', templates)] == []


def classes_of(element):
    return str(element.get("class") or "").split()


def test_the_example_of_a_style_sheet_is_read(tmp_path):
    document = (ROOT / "docs" / "look.md").read_text("utf-8")
    (sheet,) = re.findall(r"```css\n(.*?)```", document, re.DOTALL)

    assert branded(tmp_path, css=sheet.encode()).config.page.css
