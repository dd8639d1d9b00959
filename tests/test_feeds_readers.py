"""Readers that ask for less, too often, or are people: deltas, limits, the page about a feed."""

import html
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import atoma
import fastfeedparser
import feedparser
import html5lib
import pytest

from tests.web_fixtures import Site, entry, served, words
from web import client_limits
from web.deltas import SentVersions

ATOM = "{http://www.w3.org/2005/Atom}"
DELTA = {"A-IM": "feed"}
PERSON = {"Sec-Fetch-Dest": "document"}


@pytest.fixture
def site(tmp_path) -> Site:
    return made(tmp_path)


def made(folder, **values) -> Site:
    fresh = Site(folder, **values)
    fresh.subscribe()
    fresh.record("lamp", *(entry(number) for number in range(1, 6)))
    return fresh


def titles(data: bytes) -> list[str]:
    return [str(one.findtext(f"{ATOM}title")) for one in ET.fromstring(data).iter(f"{ATOM}entry")]


def later(seconds: int) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


# ------------------------------------------------------------------------- deltas


@pytest.fixture
def deltas(tmp_path) -> Site:
    return made(tmp_path, publish={"deltas": "on"})


@pytest.mark.parametrize("form", ["atom", "rss", "json"])
def test_nobody_gets_a_delta_unless_the_file_says_so(site, form):
    had = site.client.get(f"/feed.{form}")
    site.record("lamp", entry(0, title="Fresh"), now=later(2))
    asked = {**DELTA, "If-None-Match": had.headers["ETag"]}

    answers = [site.client.get(f"/feed.{form}", headers=asked) for _ in range(2)]

    for answer in answers:
        assert (answer.status_code, "IM" in answer.headers) == (200, False)
        assert b"Fresh" in answer.data and b"Post 5" in answer.data
    known = {**DELTA, "If-None-Match": answers[0].headers["ETag"]}
    assert site.client.get(f"/feed.{form}", headers=known).status_code == 304


def test_who_reads_with_feedparser_gets_200_with_everything_and_304(site):
    with served(site) as base:
        url = f"{base}/feed.atom"
        first = feedparser.parse(url)
        unchanged = feedparser.parse(url, etag=first.etag, modified=first.modified)
        site.record("lamp", entry(0, title="Fresh"), now=later(2))
        changed = feedparser.parse(url, etag=first.etag, modified=first.modified)

    assert [each.status for each in (first, unchanged, changed)] == [200, 304, 200]
    assert [each.title for each in changed.entries][:2] == ["Fresh", "Post 1"]


@pytest.mark.parametrize("accepted", ["feed", "feed, gzip", "vcdiff;q=0.5, FEED;q=0.3"])
def test_who_has_an_older_version_gets_the_entries_that_it_lacks(deltas, accepted):
    had = deltas.client.get("/feed.atom")
    deltas.record("lamp", entry(0, title="Fresh"), now=later(2))
    asked = {"A-IM": accepted, "If-None-Match": had.headers["ETag"]}

    answer = deltas.client.get("/feed.atom", headers=asked)

    whole = deltas.client.get("/feed.atom")
    assert (answer.status_code, answer.headers["IM"]) == (226, "feed")
    assert titles(answer.data) == ["Fresh"]
    assert answer.headers["ETag"] == whole.headers["ETag"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert set(answer.headers["Vary"].split(", ")) == {"Accept-Encoding", "A-IM", "If-None-Match"}
    now_known = {"A-IM": accepted, "If-None-Match": answer.headers["ETag"]}
    assert deltas.client.get("/feed.atom", headers=now_known).status_code == 304


def test_a_delta_has_what_changed_too_and_all_that_came_in_several_steps(deltas):
    had = deltas.client.get("/feed.atom", headers={"Accept-Encoding": "gzip"}).headers["ETag"]
    for number, title in ((0, "Second"), (-1, "First")):
        deltas.record("lamp", entry(number, title=title), now=later(2 - number))
        deltas.client.get("/feed.atom")
    deltas.record("lamp", entry(3, title="Post 3, edited"), now=later(5))

    answer = deltas.client.get("/feed.atom", headers={**DELTA, "If-None-Match": f'"x", W/{had}'})

    assert (answer.status_code, titles(answer.data)) == (
        226,
        ["First", "Second", "Post 3, edited"],
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"A-IM": "vcdiff"},
        {"A-IM": "feed;q=0"},
        {"A-IM": "feed", "If-None-Match": '"of another time"'},
        {"A-IM": ";;,,"},
    ],
)
def test_who_asks_for_none_or_has_nothing_that_is_known_gets_the_whole(deltas, headers):
    had = deltas.client.get("/feed.atom").headers["ETag"]
    deltas.record("lamp", entry(0, title="Fresh"), now=later(2))

    answer = deltas.client.get("/feed.atom", headers={"If-None-Match": had} | headers)

    assert (answer.status_code, len(titles(answer.data))) == (200, 6)
    assert "IM" not in answer.headers


def test_a_delta_of_everything_is_the_whole(deltas):
    had = deltas.client.get("/feed.atom?limit=1").headers["ETag"]
    deltas.record("lamp", entry(0, title="Fresh"), now=later(2))

    answer = deltas.client.get("/feed.atom?limit=1", headers={**DELTA, "If-None-Match": had})

    assert (answer.status_code, titles(answer.data)) == (200, ["Fresh"])


def test_every_format_has_deltas(deltas):
    for form in ("rss", "json"):
        had = deltas.client.get(f"/feed.{form}").headers["ETag"]
        deltas.record("lamp", entry(0, guid=f"urn:{form}", title=f"To {form}"), now=later(2))
        answer = deltas.client.get(f"/feed.{form}", headers={**DELTA, "If-None-Match": had})

        assert answer.status_code == 226
        assert (b"To " + form.encode()) in answer.data
        assert b"Post 3" not in answer.data


def test_a_version_that_comes_back_is_the_last_one_again():
    versions, at = SentVersions(), datetime(2026, 11, 23, tzinfo=UTC)
    versions.note("feed", "one", {1: at})
    versions.note("feed", "two", {1: at, 2: at})
    versions.note("feed", "one", {1: at})

    assert versions.entries_since("feed", ["one"]) == frozenset()
    assert versions.entries_since("feed", ["two"]) == frozenset()
    assert versions.entries_since("feed", ["three"]) is None
    assert versions.entries_since("another", ["one"]) is None


def test_the_versions_is_bounded():
    versions, at = SentVersions(), datetime(2026, 11, 23, tzinfo=UTC)
    for number in range(3000):
        versions.note("feed", str(number), {number: at})
    for number in range(400):
        versions.note(number, "tag", {})

    assert versions.entries_since("feed", ["0"]) is None
    assert versions.entries_since(0, ["tag"]) is None
    assert versions.entries_since(399, ["tag"]) == frozenset()


# ------------------------------------------------------------------------- titles


def shown_as_html(title: str) -> str:
    """Return what a reader shows that puts a title into a page, as most do."""
    return "".join(html5lib.parse(title).itertext())


@pytest.mark.parametrize(
    ("title", "is_markup"),
    [
        ("AT&T, R&D", False),
        ("1 < 2 <3", False),
        ("On <script> & <b>", True),
        ("What &lt; is", True),
    ],
)
def test_readers_of_rss_show_a_title_as_it_is(site, title, is_markup):
    site.record("lamp", entry(0, title=title, title_html=""), now=later(2))
    data = site.client.get("/feed.rss").data

    titles = [
        feedparser.parse(data).entries[0].title,
        fastfeedparser.parse(data).entries[0]["title"],
        atoma.parse_rss_bytes(data).items[0].title,
    ]

    assert [shown_as_html(each) for each in titles] == [title] * 3
    # Readers that show a title as text show that of one with markup with references.
    assert titles == [html.escape(title, quote=False) if is_markup else title] * 3


# ------------------------------------------------------------------------- limits


def test_nobody_is_limited_unless_the_file_says_so(site):
    assert [site.client.get("/feed.atom").status_code for _ in range(3)] == [200] * 3


@pytest.fixture
def strict(tmp_path) -> Site:
    return made(tmp_path, publish={"limit_clients": "on"})


def test_who_asks_again_for_what_it_has_is_told_to_wait(strict):
    first, second = strict.client.get("/feed.atom"), strict.client.get("/feed.atom")

    assert (first.status_code, second.status_code) == (200, 429)
    assert 1 <= int(second.headers["Retry-After"]) <= client_limits.PAUSE
    assert second.mimetype == "text/plain"
    assert second.headers["Cache-Control"] == "no-store"
    known = {"If-None-Match": first.headers["ETag"]}
    assert strict.client.get("/feed.atom", headers=known).status_code == 429


def test_what_has_changed_another_feed_and_another_client_are_not_limited(strict):
    strict.client.get("/feed.atom")
    assert strict.client.get("/feed.rss").status_code == 200
    assert strict.client.head("/feed.atom").status_code == 200
    assert strict.client.get("/feed.atom", headers={"User-Agent": "Other"}).status_code == 200
    forwarded = {"X-Forwarded-For": "192.0.2.1, 198.51.100.7"}
    assert strict.client.get("/feed.atom", headers=forwarded).status_code == 200
    spoofed = {"X-Forwarded-For": "10.9.8.7, 198.51.100.7"}  # only the proxy's own word counts
    assert strict.client.get("/feed.atom", headers=spoofed).status_code == 429

    strict.record("lamp", entry(0, title="Fresh"), now=later(2))
    assert strict.client.get("/feed.atom").status_code == 200


def test_a_client_from_afar_can_not_make_itself_another_one(strict):
    afar = {"REMOTE_ADDR": "93.184.216.34"}

    answers = [
        strict.client.get(
            "/feed.atom", environ_base=afar, headers={"X-Forwarded-For": f"192.0.2.{number}"}
        )
        for number in range(2)
    ]

    assert [answer.status_code for answer in answers] == [200, 429]


def test_a_minute_later_all_is_well_again(strict, monkeypatch):
    strict.client.get("/feed.atom")
    monkeypatch.setattr(client_limits, "PAUSE", 0)

    assert strict.client.get("/feed.atom").status_code == 200


# ------------------------------------------------------------ the page about a feed


@pytest.mark.parametrize(
    "path",
    [
        "/feed.atom",
        "/feed.rss?limit=2",
        "/category/trade/feed.json",
        "/source/lamp/feed.atom",
        "/search/feed.rss?q=post",
    ],
)
def test_a_person_who_opens_a_feed_sees_a_page_that_explains_it(site, path):
    answer = site.client.get(path, headers=PERSON)
    page = site.page(path, headers=PERSON)

    assert words(page.one("h1")) == "This is a feed"
    address = next(
        each.get("value") for each in page.all("input") if each.get("readonly") is not None
    )
    assert address == f"https://posts.example{path}"
    assert page.titles()[:2] == ["Post 1", "Post 2"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Sec-Fetch-Dest" in answer.headers["Vary"]
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "ETag" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers
    raw = site.client.get(page.link("View the raw feed"), headers=PERSON)
    assert raw.data == site.client.get(path).data
    assert raw.mimetype != "text/html"


@pytest.mark.parametrize("dest", ["empty", "image", "iframe", ""])
def test_a_program_gets_the_feed_whatever_it_accepts(site, dest):
    asked = {"Sec-Fetch-Dest": dest, "Accept": "text/html"}

    assert site.client.get("/feed.atom", headers=asked).mimetype == "application/atom+xml"


def test_a_person_never_gets_the_304_of_a_program(site):
    tag = site.client.get("/feed.atom").headers["ETag"]

    answer = site.client.get("/feed.atom", headers={**PERSON, "If-None-Match": tag})

    assert (answer.status_code, answer.mimetype) == (200, "text/html")


def test_a_list_that_does_not_exist_has_no_page_either(site):
    assert site.client.get("/source/none/feed.atom", headers=PERSON).status_code == 404


# -------------------------------------------------------------------- what config says


def test_the_ids_of_the_feeds_can_be_fixed_whatever_the_address_is(tmp_path):
    site = made(tmp_path, publish={"id": "tag:daybook.example,2026:/"})

    def feed_id(path: str) -> str | None:
        return ET.fromstring(site.client.get(path).data).findtext(f"{ATOM}id")

    assert feed_id("/feed.atom") == "tag:daybook.example,2026:/"
    assert feed_id("/category/trade/feed.atom") == "tag:daybook.example,2026:/category/trade"
    assert feed_id("/search/feed.atom?q=post+1") == "tag:daybook.example,2026:/search?q=post+1"


def test_titles_can_be_prefixed_and_robots_let_in(tmp_path):
    site = made(tmp_path, publish={"prefix_titles": "yes", "noindex": "no"})

    answer = site.client.get("/feed.atom")

    assert titles(answer.data)[0] == "Lamp: Post 1"
    assert "X-Robots-Tag" not in answer.headers


def test_a_hub_is_named_where_changes_are_announced_and_nowhere_else(tmp_path):
    site = made(tmp_path, websub={"hub": "https://hub.example/"})

    def hubs(path: str) -> list[str]:
        answer = site.client.get(path)
        links = answer.headers.getlist("Link")
        return [link for link in links if 'rel="hub"' in link]

    assert hubs("/feed.atom") == ['<https://hub.example/>; rel="hub"']
    assert site.client.get("/feed.json").json["hubs"] == [
        {"type": "WebSub", "url": "https://hub.example/"}
    ]
    assert hubs("/source/lamp/feed.rss") == hubs("/category/trade/feed.json") == hubs("/feed.atom")
    assert hubs("/feed.atom?limit=3") == hubs("/search/feed.atom?q=post") == []
