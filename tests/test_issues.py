"""The issues of weeks: which posts they have, alike on the page, in the feed and in the book."""

import zipfile
from datetime import datetime, timedelta
from io import BytesIO
from xml.etree import ElementTree

import feedparser
import pytest
from sqlalchemy import select

from aggregator.cli import static_site
from aggregator.database.schema import entries
from aggregator.database.stories import write_stories
from aggregator.dates import Week, closed_at
from aggregator.publish.xhtml import as_xhtml
from aggregator.stories.similarity import StoryLink, StoryRule
from tests.web_fixtures import Site, words
from tests.worlds import entry
from web import create_app

WEEK = Week(2026, 47)
MIDWEEK = WEEK.start + timedelta(days=2)
OVER = closed_at(WEEK)
OPF = "{http://www.idpf.org/2007/opf}"
XHTML = "{http://www.w3.org/1999/xhtml}"
SHORT = "<p>Mast and lamp are new.</p>"
LONG = (
    "<h2>Lamp</h2><p>Mast and lamp are <b>new</b>, and this copy says why.</p>" + "<p>Tide</p>" * 9
)
TITLE = "The harbour has a new mast and a new lamp"


class Weekly(Site):
    """A site as it was during and after a week."""

    def at(self, now: datetime):
        return create_app(self.config, self.engine, utc_now=lambda: now).test_client()

    def publish(self, feed: str, *entries, now: datetime = MIDWEEK + timedelta(hours=1)):
        self.record(feed, *entries, now=now, body_hash=b"read before")


def post(number: int, **values):
    values = {"title": f"Post {number}", "summary": f"About {number}"} | values
    at = MIDWEEK - timedelta(minutes=number)
    return entry(number, guid=f"g{number}", published_at=at, **values)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Weekly(tmp_path_factory.mktemp("issues"))
    site.subscribe()
    for feed in ("lamp", "tide", "local"):
        site.record(feed, now=MIDWEEK - timedelta(weeks=9), body_hash=b"read before")
    story = {"title": TITLE, "url": "https://harbour.example/mast"}
    picture = '<p><img src="https://lamp.example/1.png" alt="A lamp"> &amp; <br>more</p>'
    site.publish("lamp", post(1, content_html=SHORT, **story), post(2, content_html=picture))
    later = MIDWEEK + timedelta(hours=2)
    site.publish("tide", post(3, content_html=LONG, **story), now=later)
    site.publish("local", post(4, title="Say <b> & go", content_html="<ul><li>One</ul>"))
    with site.engine.begin() as connection:
        ids = connection.scalars(select(entries.c.id).where(entries.c.title == TITLE))
        link = StoryLink(*ids, StoryRule.LINK, 100)
        write_stories.add_links(connection, [link], now=later)
    yield site
    site.engine.dispose()


def book_of(client) -> zipfile.ZipFile:
    answer = client.get(f"/issue/{WEEK}.epub")
    assert answer.status_code == 200
    assert answer.content_type == "application/epub+zip"
    return zipfile.ZipFile(BytesIO(answer.data))


def test_an_issue_comes_when_its_week_is_over(site):
    before, after = site.at(OVER - timedelta(seconds=1)), site.at(OVER)
    paths = [f"/issue/{WEEK}", f"/issue/{WEEK}.epub"]

    assert [before.get(path).status_code for path in paths] == [404, 404]
    assert [after.get(path).status_code for path in paths] == [200, 200]
    assert "when this week is over" in before.get("/issue").text
    assert f"/issue/{WEEK}" in after.get("/issue").text
    assert feedparser.parse(before.get("/issue/feed.atom").data).entries == []
    assert after.get("/issue/2026-W99").status_code == 404
    assert after.get(f"/issue/{WEEK.following}").status_code == 404


def test_a_story_stands_once_with_its_longest_text_in_its_category(site):
    site.client = site.at(OVER)

    page = site.page(f"/issue/{WEEK}")

    sections = [words(heading) for heading in page.all("h2") if heading.get("class") == "part"]
    assert sections == ["The Sea", "Trade", "Other posts"]
    assert page.titles() == [TITLE, "Post 2", "Say <b> & go"]
    assert "says why" in words(page.one("main"))
    assert "About 3" not in words(page.one("main"))


def test_the_feed_has_an_entry_for_each_issue_with_all_texts(site):
    client = site.at(OVER + timedelta(days=3))

    parsed = feedparser.parse(client.get("/issue/feed.atom").data)

    (issue,) = parsed.entries
    assert not parsed.bozo
    assert issue.id == "https://posts.example/issue/2026-W47"
    assert issue.title == "Daybook: week 47 of 2026"
    assert issue.updated == "2026-11-23T01:05:00Z"
    assert "says why" in issue.content[0].value
    assert [link.href for link in issue.links if link.rel == "enclosure"] == [
        "https://posts.example/issue/2026-W47.epub"
    ]
    for form in ("rss", "json"):
        assert client.get(f"/issue/feed.{form}").status_code == 200


def test_the_book_is_complete_and_loads_nothing(site):
    book = book_of(site.at(OVER))
    first, *names = book.infolist()
    package = ElementTree.fromstring(book.read("book/package.opf"))
    items = {item.get("id"): str(item.get("href")) for item in package.iter(f"{OPF}item")}
    pages = [name for name in items.values() if name.endswith(".xhtml")]

    assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
    assert {f"book/{name}" for name in items.values()} == {
        info.filename for info in names if info.filename.startswith("book/")
    } - {"book/package.opf"}
    assert [ref.get("idref") for ref in package.iter(f"{OPF}itemref")] == [
        name for name in items if name != "style"
    ]
    for name in pages:
        root = ElementTree.fromstring(book.read(f"book/{name}"))
        assert [element for element in root.iter() if element.get("src")] == []
        assert root.findtext(f".//{XHTML}title")
    links = ElementTree.fromstring(book.read("book/contents.xhtml")).iter(f"{XHTML}a")
    texts = {words(link): str(link.get("href")) for link in links}
    assert set(texts.values()) <= set(pages)
    assert {"The Sea", "Trade", "Other posts", TITLE, "Say <b> & go"} <= set(texts)
    lamp = book.read(f"book/{texts['Post 2']}").decode()
    assert '<a href="https://lamp.example/1.png">A lamp</a> &amp; <br/>more' in lamp


@pytest.mark.slow
def test_a_closed_issue_is_made_again_byte_for_byte(site):
    forms = [f"/issue/{WEEK}.epub", "/issue/feed.atom", "/issue/feed.rss", "/issue/feed.json"]
    before = [site.at(OVER + timedelta(hours=1)).get(path).data for path in forms]
    late = OVER + timedelta(hours=2)
    site.publish("lamp", post(9, title="Too late"), now=late)

    after = [site.at(OVER + timedelta(days=2)).get(path).data for path in forms]

    assert after == before


def test_posts_that_are_not_read_here_have_their_excerpts_alone(site, tmp_path):
    closed = Weekly(tmp_path, page={"read_here": False})
    site_of_titles = create_app(closed.config, site.engine, utc_now=lambda: OVER).test_client()

    texts = site_of_titles.get("/issue/feed.json").json["items"][0]["content_html"]

    assert "About 3" in texts
    assert "says why" not in texts


@pytest.mark.slow
def test_an_issue_has_room_for_so_much_and_counts_the_others(tmp_path):
    site = Weekly(tmp_path)
    site.subscribe()
    site.record("lamp", now=MIDWEEK - timedelta(weeks=9), body_hash=b"read before")
    long = "<p>" + "tide " * 30_000 + "</p>"
    site.publish("lamp", *(post(number, content_html=long) for number in range(1, 21)))

    site.client = site.at(OVER)
    page = site.page(f"/issue/{WEEK}")

    assert 10 <= len(page.titles()) < 20
    assert f"{20 - len(page.titles())} more posts of this week had no room." in page.text
    site.engine.dispose()


@pytest.mark.slow
def test_the_export_has_the_issues(site):
    site.record("lamp", now=OVER + timedelta(days=1), body_hash=b"read before")
    formats = frozenset({"html", "atom"})
    files = {file.path: file.data for file in static_site.files(site.config, site.engine, formats)}
    client = site.at(OVER + timedelta(days=1))

    assert files[f"issue/{WEEK}.epub"] == client.get(f"/issue/{WEEK}.epub").data
    assert files["issue/feed.atom"] == client.get("/issue/feed.atom").data
    assert TITLE in files[f"issue/{WEEK}.html"].decode()
    assert f'href="{WEEK}.html"' in files["issue/index.html"].decode()


@pytest.mark.parametrize(
    ("html", "xml"),
    [
        ("a<br>b &nbsp;c", "a<br/>b \xa0c"),
        ("<p>one<p>two", "<p>one<p>two</p></p>"),
        ("</b>x</p>", "x"),
        ("<i><b>x</i>y</b>", "<i><b>x</b></i>y"),
        ('<a href="http://a.example/?a=1&amp;b=2">x</a>',
         '<a href="http://a.example/?a=1&amp;b=2">x</a>'),
        ('<a href="http://b.example"><img src="http://c.example/d.png" alt=""></a>',
         '<a href="http://b.example">d.png</a>'),
        ('<video src="javascript:x">go</video>', "go"),
        ("<math><mi>x</mi></math>", "x"),
        ("\x0b\ud800\uffff&lt;", "&lt;"),
        ('<td onclick="x" colspan="2" align="left">', '<td colspan="2"></td>'),
    ],
)  # fmt: skip
def test_html_becomes_well_formed_xhtml(html, xml):
    assert as_xhtml(html) == xml
    ElementTree.fromstring(f"<div>{as_xhtml(html)}</div>")
