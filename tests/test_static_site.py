"""`export DIR`: the whole site as files."""

import json
import re
import shutil
import xml.etree.ElementTree as ET
from copy import copy
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import quote, unquote

import pytest

from aggregator.cli import folder_sync, static_site
from aggregator.cli.static_site import File
from aggregator.config import load
from aggregator.errors import AggregatorError
from aggregator.merged.archives import ARCHIVED
from aggregator.model import FeedHead
from aggregator.opml.outlines import read as opml_of
from aggregator.publish import Format
from tests import drawn
from tests.musts import broken
from tests.selection import slow_after
from tests.web_fixtures import HtmlPage, Site
from tests.worlds import entry
from web import page_contents

ATOM = "{http://www.w3.org/2005/Atom}"
HOST = "https://posts.example/news"
NOW = datetime.now(UTC)
HTML = frozenset({"html"})
SOURCES_FILES = ("sources.html", "sources/1.html")
FEEDS = (
    {"name": "lamp", "url": "https://lamp.example/feed.xml", "category": "Öl & Trade"},
    {"name": "tide", "url": "https://tide.example/rss"},
)
VIEWS = [{"name": "tens", "title": "The tens", "search": "title:10"}]


class Exported(Site):
    """A site of 130 entries in several weeks, and its export."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, FEEDS, base_url=HOST, views=VIEWS)
        self.subscribe()
        self.bring(*range(1, 101))
        self.bring(*range(101, 131), feed="tide")
        self.out = folder / "out"

    def bring(self, *numbers: int, feed: str = "lamp", now: datetime = NOW) -> None:
        some = [entry(number, published_at=NOW - number * timedelta(hours=8)) for number in numbers]
        self.record(feed, *some, now=now, head=FeedHead(title=feed), body_hash=b"read before")

    def export(self, *formats: str, posts: bool = False) -> list[str]:
        wanted = frozenset(formats or static_site.FORMATS)
        files = static_site.files(self.config, self.engine, wanted, posts=posts)
        change = folder_sync.replace(
            self.out, files, owns=lambda name: static_site.format_of(name) in wanted
        )
        return [path.relative_to(self.out).as_posix() for path in change.changed_paths]

    def read(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.out).as_posix(): path.read_bytes()
            for path in self.out.rglob("*")
            if path.is_file()
        }


def addresses_in(path: str, data: bytes) -> set[str]:
    """Return the addresses of our own documents that a feed names outside of its texts."""
    if path.endswith(".json"):
        feed = json.loads(data)
        return {feed[key] for key in ("home_page_url", "feed_url", "next_url") if key in feed}
    if path.endswith((".atom", ".rss")):
        links = {str(one.get("href")) for one in ET.fromstring(data).iter(f"{ATOM}link")}
        return {link for link in links if link.startswith(HOST)}
    return set()


@pytest.fixture
def site(tmp_path) -> Exported:
    return Exported(tmp_path)


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Exported:
    """A site that was exported, only to be read: an export takes half a second."""
    site = Exported(tmp_path_factory.mktemp("exported"))
    site.export()
    return site


@pytest.fixture
def copied(exported, tmp_path) -> Exported:
    """The exported site with a folder of its own, which a test may change."""
    site = copy(exported)
    site.out = tmp_path / "out"
    shutil.copytree(exported.out, site.out)
    return site


@pytest.mark.slow
@pytest.mark.parametrize(
    ("logo", "ending"),
    [
        pytest.param(drawn.png(), "png", id="raster"),
        pytest.param(drawn.SVG, "svg", id="drawing", marks=pytest.mark.slow),
    ],
)
def test_the_operators_files_are_written_with_the_pages(tmp_path, logo, ending):
    site = Exported(tmp_path)
    for name, data in (("logo", logo), ("css", b"a{}"), ("about", b"# How to be listed")):
        (tmp_path / f"{name}.file").write_bytes(data)
    path = tmp_path / "config.yaml"
    page = "{logo: logo.file, css: css.file, about: about.file, status: off, embed: [https://a.example]}"
    path.write_text(f"{path.read_text('utf-8')}page: {page}\n", "utf-8")
    site.config = load(path)
    site.export()

    files = site.read()
    assert files[f"static/logo.{ending}"]
    icon = json.loads(files["feed.json"])["icon"]
    assert files[icon.removeprefix(f"{HOST}/")]
    assert files["static/look.css"] == b"a{}"
    assert "How to be listed" in files["about.html"].decode()
    for path in ("index.html", "about.html", "source/tide/index.html"):
        page = HtmlPage(files[path].decode())
        there = {normpath(join(dirname(path), target)) for target in targets(page.text)}
        assert {f"static/logo.{ending}", "static/look.css", "about.html"} <= there
        assert "iframe" not in page.text


def targets(html: str) -> set[str]:
    return {unescape(link) for link in re.findall(r'(?:href|src|action)="([^"]*)"', html)}


def lead_somewhere(site: Exported) -> None:
    """Check that every link of every page leads to a file."""
    pages = {path: data.decode() for path, data in site.read().items() if path.endswith(".html")}
    for path, html in pages.items():
        HtmlPage(html)
        for target in targets(html):
            if re.match(r"[a-z]+:", target):
                assert not target.startswith(HOST), (path, target)
            elif not target.startswith("#"):
                assert not target.startswith("/"), (path, target)
                there = (site.out / path).parent / unquote(target).partition("#")[0]
                assert there.is_file(), (path, target)


@pytest.mark.slow
def test_every_list_has_its_pages_and_feeds_and_nothing_leads_nowhere(exported):
    files = exported.read()

    assert {
        "index.html",
        "sources.html",
        "sources.opml",
        "feed.atom",
        "feed.rss",
        "feed.json",
        "category/öl-trade/index.html",
        "category/öl-trade/feed.atom",
        "category/öl-trade/sources.opml",
        "view/tens/index.html",
        "view/tens/feed.rss",
        "source/tide/index.html",
        "source/tide/feed.json",
        "icon.svg",
        "static/style.css",
    } <= set(files)
    lead_somewhere(exported)
    for path, data in files.items():
        for address in addresses_in(path, data):
            there = exported.out / unquote(address.removeprefix(HOST).lstrip("/"))
            assert (there / "index.html" if there.is_dir() else there).is_file(), (path, address)


@pytest.mark.slow
def test_posts_are_written_if_asked_for_and_lead_to_each_other(site):
    long = [
        entry(number, guid=f"long {number}", title=f"Long {number}", summary="The beginning…")
        for number in range(3)
    ]
    site.record("lamp", *long)
    site.export(posts=True)
    posts = {path: data for path, data in site.read().items() if path.startswith("post/")}
    first = HtmlPage((site.out / "index.html").read_text())
    read_here = [one.get("href") for one in first.all("a") if one.text == "Read here"]

    assert len(posts) == 133
    assert set(read_here) <= set(posts) and len(read_here) == 3
    assert HtmlPage(posts[str(read_here[1])].decode()).all("nav", "ways")
    assert "media-src https:" in posts[str(read_here[0])].decode()
    lead_somewhere(site)

    site.export()
    assert not [path for path in site.read() if path.startswith("post/")]
    lead_somewhere(site)


@pytest.mark.slow
def test_the_pages_lead_through_every_entry(exported):
    titles, path = [], exported.out / "index.html"
    pages = 0
    while True:
        page = HtmlPage(path.read_text())
        titles += page.titles()
        pages += 1
        following = [each.get("href") for each in page.all("a") if each.get("rel") == "next"]
        if not following:
            break
        path = (path.parent / str(following[0])).resolve()

    assert 2 <= pages <= 5
    assert titles == [f"Post {number}" for number in range(1, 131)]


@pytest.mark.parametrize("size", slow_after(1, [ARCHIVED, 4]))
def test_the_feeds_say_their_addresses_and_lead_to_every_entry(site, monkeypatch, size):
    monkeypatch.setattr(
        "aggregator.merged.archives.ARCHIVED", size
    )  # a week with more entries has several files
    exported = site
    exported.export("atom")
    found: dict[str, int] = {}
    url: str | None = f"{HOST}/feed.atom"
    archives = 0
    while url:
        assert url.startswith(f"{HOST}/")
        feed = ET.parse(exported.out / unquote(url.removeprefix(f"{HOST}/"))).getroot()
        links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
        assert links["self"] == url
        assert "next" not in links
        for one in feed.findall(f"{ATOM}entry"):
            title = str(one.findtext(f"{ATOM}title"))
            found[title] = found.get(title, 0) + (url != f"{HOST}/feed.atom")
        archives += 1
        url = links.get("prev-archive")

    assert len(found) == 130
    assert max(found.values()) == 1
    assert archives > 5


def test_a_feed_without_archives_leads_through_every_entry_once(exported):
    files = exported.read()

    for first, count in [
        ("feed.rss", 130),
        ("feed.json", 130),
        ("category/öl-trade/feed.rss", 100),
        ("source/lamp/feed.atom", 100),
        ("source/tide/feed.json", 30),
    ]:
        path: str | None = first
        ids, sizes = [], []
        while path:
            assert broken(Format(path.rpartition(".")[2]), files[path]) == []
            found, path = page_of(files[path], path)
            ids += found
            sizes.append(len(found))
        assert len(ids) == len(set(ids)) == count
        assert max(sizes) <= 100 and sizes[0] == min(count, max(sizes[0], 50))


def page_of(data: bytes, path: str) -> tuple[list[str], str | None]:
    """Return the ids of a document's entries, and the path of the page that follows."""
    if path.endswith(".json"):
        feed = json.loads(data)
        ids = [one["id"] for one in feed["items"]]
        links = {"self": feed["feed_url"], "next": feed.get("next_url")}
    else:
        root = ET.fromstring(data)
        ids = [one.text for one in root.iter("guid")] or [
            one.findtext(f"{ATOM}id") for one in root.iter(f"{ATOM}entry")
        ]
        head = [*root.findall(f"{ATOM}link"), *root.findall(f"channel/{ATOM}link")]
        links = {one.get("rel"): one.get("href") for one in head}
    assert links["self"] == f"{HOST}/{quote(path)}"
    following = links.get("next")
    return ids, unquote(following.removeprefix(f"{HOST}/")) if following else None


def test_a_template_that_links_to_the_program_by_itself_fails_the_export(site, monkeypatch):
    monkeypatch.setattr("aggregator.cli.file_links.FileLinks.static", False)

    with pytest.raises(RuntimeError, match="request"):
        site.export("html")


@pytest.mark.slow
def test_a_long_table_of_sources_has_several_files_that_lead_to_each_other(site, monkeypatch):
    monkeypatch.setattr(page_contents, "FEEDS_A_PAGE", 1)

    site.export("html")

    first, second = (HtmlPage(site.read()[path].decode()) for path in SOURCES_FILES)
    assert [page.one("tbody").find("tr") is not None for page in (first, second)] == [True, True]
    assert {link.get("href") for link in first.all("a") if link.get("rel") == "next"} == {
        "sources/1.html"
    }
    assert {link.get("href") for link in second.all("a") if link.get("rel") == "prev"} == {
        "../sources.html"
    }


@pytest.mark.slow
def test_the_files_of_the_table_of_sources_have_every_source_once(tmp_path, monkeypatch):
    monkeypatch.setattr(page_contents, "PAGE_BUDGET", 1)
    names = ["lamp", "shore", "tide"]
    feeds = [{"name": name, "url": f"https://{name}.example/"} for name in names]
    site = Site(tmp_path, feeds, base_url=HOST)
    site.subscribe()
    files = {file.path: file.data for file in static_site.files(site.config, site.engine, HTML)}
    path, paths, sources = SOURCES_FILES[0], [], []
    while path is not None:
        page = HtmlPage(files[path].decode())
        links = {a.get("rel"): normpath(join(dirname(path), a.get("href"))) for a in page.all("a")}
        assert links.get("prev") == (paths[-1] if paths else None)
        sources += [a.get("href") for cell in page.all("th") for a in cell if a.get("href")]
        paths.append(path)
        path = links.get("next")

    assert [source.removeprefix("../") for source in sources] == [
        f"source/{name}/index.html" for name in names
    ]
    assert sorted(paths) == sorted(file for file in files if file.startswith("sources"))


def test_no_page_says_how_long_ago_anything_was_nor_offers_what_only_the_program_has(exported):
    for path, data in exported.read().items():
        if path.endswith(".html"):
            html = data.decode()
            assert not re.search(r"\bago\b|Today|Yesterday|just now", html), path
            assert "data-now" not in html and "data-poll" not in html
            assert "/search" not in html and "/status" not in html
    page = HtmlPage((exported.out / "index.html").read_text())
    assert any(each.text and str(NOW.year) in each.text for each in page.all("time"))


@pytest.mark.slow
def test_twice_the_same_database_gives_the_same_bytes_and_touches_nothing(copied):
    before = copied.read()
    stamps = {path: path.stat() for path in copied.out.rglob("*")}

    assert copied.export() == []

    assert copied.read() == before
    for path, was in stamps.items():
        is_now = path.stat()
        assert (is_now.st_ino, is_now.st_mtime_ns) == (was.st_ino, was.st_mtime_ns), path


def changes(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {path for path, data in after.items() if before.get(path) != data}


def written(site: Site, formats: frozenset[str] = HTML) -> dict[str, bytes]:
    return {file.path: file.data for file in static_site.files(site.config, site.engine, formats)}


@pytest.fixture
def small(tmp_path, monkeypatch) -> Site:
    """A site of two sources, with two posts a page."""
    for module in (page_contents, static_site):
        monkeypatch.setattr(module, "PAGE_SIZE", 2)
    site = Site(tmp_path, FEEDS, base_url=HOST, timezone="Europe/Berlin")
    site.subscribe()
    for number in range(10):
        for feed in ("lamp", "tide"):
            post = entry(number, guid=f"{feed} {number}", title=f"The {feed} {number}")
            site.record(feed, post, now=NOW, head=FeedHead(title=feed), body_hash=b"read before")
    return site


@pytest.mark.slow
def test_new_posts_change_the_first_pages_of_their_lists_and_no_older_pages(small):
    before = written(small)
    later = [entry(1).published_at + timedelta(hours=hours) for hours in range(3)]
    new = [entry(90 + number, published_at=at) for number, at in enumerate(later)]

    small.record("tide", *new, now=NOW + timedelta(days=1), head=FeedHead(title="tide"))
    after = written(small)

    pages = {path for path in before if "page/" in path}
    assert len(pages) > 3
    assert changes(before, after) & before.keys() == {
        "index.html",
        "source/tide/index.html",
        "sources.html",
    }


@pytest.mark.slow
def test_polls_without_new_posts_change_the_first_page_alone_in_another_year_as_well(small):
    before = written(small, frozenset({*HTML, "opml"}))

    for feed in ("tide", "lamp"):
        small.record(feed, now=NOW + timedelta(days=400), head=FeedHead(title=feed))

    changed = changes(before, written(small, frozenset({*HTML, "opml"})))
    of_weeks = {path for path in changed if path.startswith("issue/")}  # they are over now
    assert changed - of_weeks == {"index.html", "sources.html"}
    assert of_weeks - before.keys() == of_weeks - {"issue/index.html"}


def test_figures_of_the_whole_site_stand_on_its_first_page_alone(exported):
    pages = {
        path: data.decode() for path, data in exported.read().items() if path.endswith("index.html")
    }

    counts = {path for path, html in pages.items() if re.search(r"<li.*<span>130</span>", html)}
    checked = {path for path, html in pages.items() if ", checked" in html or "Checked" in html}
    assert counts == checked == {"index.html"}
    assert "100 posts" in pages["category/öl-trade/index.html"]


@pytest.mark.slow
def test_a_new_entry_changes_what_it_stands_in_and_leaves_the_rest_alone(site):
    site.export()
    inodes = {path: (site.out / path).stat().st_ino for path in site.read()}

    site.bring(0, feed="tide", now=NOW + timedelta(seconds=1))
    changed = site.export()

    assert {path for path in changed if path.endswith((".html", ".opml"))} & set(inodes) == {
        "index.html",
        "source/tide/index.html",
        "sources.html",
    }
    assert not any(path.startswith("category/") and "/feed." in path for path in changed)
    assert {"feed.rss", "feed.json"} <= set(changed)
    older = [path for path in inodes if re.fullmatch(r"page/[0-9]+\.(rss|json)", path)]
    assert older and not set(older) & set(changed)
    closed = [path for path in inodes if re.fullmatch(r"archive/[0-9]{4}-W[0-9]{2}\.atom", path)]
    assert len([path for path in closed if path not in changed]) >= len(closed) - 1
    for path in set(site.read()) - set(changed) - {folder_sync.MANIFEST}:
        assert (site.out / path).stat().st_ino == inodes[path]


def test_a_failed_export_changes_nothing_and_leaves_nothing(copied):
    before = copied.read()

    def failing():
        yield File("index.html", b"half")
        yield File("new/page.html", b"half")
        raise AggregatorError("no more")

    with pytest.raises(AggregatorError):
        folder_sync.replace(copied.out, failing())

    assert copied.read() == before
    assert not (copied.out / "new").exists()


def test_what_the_last_export_wrote_and_this_one_does_not_is_removed(copied):
    folder_sync.replace(copied.out, [File("a/b.html", b"one")])

    assert {path.relative_to(copied.out).as_posix() for path in copied.out.rglob("*")} == {
        "a",
        "a/b.html",
        folder_sync.MANIFEST,
    }


def test_a_format_alone_removes_its_own_documents_only(copied):
    wanted = frozenset({"rss"})

    folder_sync.replace(
        copied.out,
        [File("feed.rss", b"new")],
        owns=lambda name: static_site.format_of(name) in wanted,
    )

    files = copied.read()
    assert [path for path in files if path.endswith(".rss")] == ["feed.rss"]
    assert {"feed.atom", "index.html", "static/style.css", "source/tide/feed.json"} <= set(files)
    assert "category/öl-trade/feed.rss" not in files[folder_sync.MANIFEST].decode().splitlines()


def test_the_page_of_everything_comes_first_so_that_it_is_replaced_last(site):
    files = static_site.files(site.config, site.engine, frozenset(static_site.FORMATS))

    assert next(files).path == "index.html"


def test_other_peoples_files_stay(copied):
    (copied.out / "photos").mkdir(parents=True)
    (copied.out / "photos" / "cat.jpg").write_bytes(b"cat")

    copied.export("rss")
    folder_sync.replace(copied.out, [File("index.html", b"one")])

    assert copied.read() == {
        "index.html": b"one",
        "photos/cat.jpg": b"cat",
        folder_sync.MANIFEST: b"index.html\n",
    }


def test_some_formats_alone_are_written_beside_the_others(copied):
    before = copied.read()
    (copied.out / "feed.rss").write_bytes(b"old")
    (copied.out / "feed.json").write_bytes(b"old")

    assert copied.export("rss", "opml") == ["feed.rss"]

    assert copied.read() == before | {"feed.json": b"old"}


@pytest.mark.slow
def test_links_to_documents_that_are_not_written_lead_to_the_program(site):
    site.export("html")

    assert "feed.atom" not in site.read()
    assert f"{HOST}/feed.atom" in targets((site.out / "index.html").read_text())


def test_the_list_of_subscriptions_says_the_same_when_it_is_read_back(site):
    site.export("opml")

    found = opml_of((site.out / "sources.opml").read_bytes()).feeds

    assert [(one.url, one.categories) for one in found] == [
        ("https://tide.example/rss", ()),
        ("https://lamp.example/feed.xml", ("Öl & Trade",)),
    ]


def test_every_page_carries_the_policy_that_the_server_sends(exported):
    sent = exported.client.get("/").headers["Content-Security-Policy"].split("; ")
    for path, data in exported.read().items():
        if path.endswith(".html"):
            head = HtmlPage(data.decode()).one("head")
            charset, policy = list(head)[:2]  # what stands before it would be loaded without it

            assert charset.get("charset") == "utf-8"
            assert policy.get("http-equiv") == "Content-Security-Policy"
            carried = policy.get("content", "").split("; ")
            assert set(sent) - set(carried) == {"frame-ancestors 'none'"}
            assert "default-src 'none'" in carried


@pytest.mark.browser
def test_a_page_that_is_opened_from_a_folder_has_its_looks_and_runs_nothing_else(exported, browser):
    page = browser.new_page()
    refused = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto((exported.out / "index.html").as_uri())

    assert (
        page.evaluate("getComputedStyle(document.body).marginTop") == "0px"
    )  # 8px without a style
    assert refused == []
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('img'), {src: 'data:,x'}))"
    )
    page.wait_for_timeout(100)
    assert any("Content Security Policy" in text for text in refused)
    page.close()


def test_the_former_page_of_a_source_leads_to_the_present_one(tmp_path):
    site = Site(tmp_path, [{"url": "https://blog.example/feed"}], base_url=HOST)
    site.subscribe()
    site.record("blog-example", entry(1), head=FeedHead(title="Grüße & <Küsse>"))

    files = {file.path: file.data for file in static_site.files(site.config, site.engine, HTML)}

    assert "source/grüsse-küsse/index.html" in files
    moved = HtmlPage(files["source/blog-example/index.html"].decode())
    path = quote("../grüsse-küsse/index.html")
    assert moved.one("a").get("href") == path
    assert moved.one("link").get("href") == f"{HOST}/source/{quote('grüsse-küsse')}"
    assert [meta.get("content") for meta in moved.all("meta")][1] == f"0; url={path}"
    assert moved.one("title").text == "Grüße & <Küsse>"
