import gzip
import re
import threading
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import brotli
import pytest
from werkzeug.test import TestResponse

from aggregator.model import FeedHead, Subscription
from aggregator.opml import outlines as opml
from tests.selection import slow_after, slow_but
from tests.web_fixtures import Site, entry, words
from web.responses import Body, BodyCache, body

FORMS = {
    "atom": "application/atom+xml; charset=utf-8",
    "rss": "application/rss+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}
LISTS = {
    "": "https://posts.example/",
    "/category/trade": "https://posts.example/category/trade",
    "/source/lamp": "https://posts.example/source/lamp",
}
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A list of 120 entries; nothing in the tests changes it."""
    site = Site(tmp_path_factory.mktemp("full"))
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(1, 121)), head=FeedHead(title="Lamp"))
    return site


@pytest.fixture
def site(tmp_path) -> Site:
    fresh = Site(tmp_path)
    fresh.subscribe()
    fresh.record("lamp", *(entry(number) for number in range(1, 4)))
    return fresh


def atom_links(data: bytes) -> dict[str, str]:
    return {
        link.get("rel", ""): link.get("href", "")
        for link in ET.fromstring(data).findall(f"{ATOM}link")
    }


# --------------------------------------------------------------------- documents


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", LISTS)
def test_every_list_is_published_in_every_format(full, path, form):
    answer = full.client.get(f"{path}/feed.{form}")

    assert answer.status_code == 200
    assert answer.content_type == FORMS[form]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    media_type = FORMS[form].partition(";")[0]
    assert answer.headers.getlist("Link")[:2] == [
        f'<https://posts.example{path}/feed.{form}>; rel="self"; type="{media_type}"',
        f'<{LISTS[path]}>; rel="alternate"; type="text/html"',
    ]
    said = dict(re.fullmatch(r'<(.*)>; rel="([a-z-]+)".*', link).group(2, 1) for link in
                answer.headers.getlist("Link"))  # fmt: skip
    if form == "json":
        document = answer.json
        assert len(document["items"]) == 50
        assert (said["self"], said["next"]) == (document["feed_url"], document["next_url"])
    else:
        root = ET.fromstring(answer.data)
        links = [*root.findall(f"{ATOM}link"), *root.findall(f"channel/{ATOM}link")]
        inside = {link.get("rel"): link.get("href") for link in links}
        assert {key: said[key] for key in inside} == inside
        assert {"self", "next"} <= set(inside)


def test_the_id_of_a_list_is_the_same_in_every_document_of_it(full):
    paths = ["/feed.atom", "/feed.atom?limit=3", f"/feed.atom?before={1 << 60}"]

    ids = {ET.fromstring(full.client.get(path).data).findtext(f"{ATOM}id") for path in paths}

    assert ids == {"https://posts.example/"}


def test_a_search_is_published_and_its_address_survives_any_words(full):
    answer = full.client.get("/search/feed.atom", query_string={"q": 'post "7" <ü> >; rel="x'})

    links = atom_links(answer.data)
    assert links["self"].startswith("https://posts.example/search/feed.atom?q=post+")
    assert links["self"] == re.match(r"<([^>]*)>", answer.headers["Link"])[1]
    assert answer.headers["Link"].isascii()
    again = full.client.get(links["self"].removeprefix("https://posts.example"))
    assert again.data == answer.data


def test_a_search_without_words_is_a_wrong_question_and_one_without_hits_is_empty(full):
    assert full.client.get("/search/feed.json").status_code == 400
    assert full.client.get("/search/feed.json?q=nothingofthekind").json["items"] == []


@pytest.mark.parametrize("path", ["/category/none/feed.atom", "/source/none/feed.json"])
def test_a_list_that_does_not_exist_is_told_in_plain_text(full, path):
    answer = full.client.get(path)

    assert answer.status_code == 404
    assert answer.mimetype == "text/plain"
    assert answer.text.startswith("No such ")


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1.0", "1e2", "%D9%A3", "9" * 5000])
def test_a_limit_out_of_range_is_told_in_plain_text(full, limit):
    answer = full.client.get(f"/feed.rss?limit={limit}")

    assert (answer.status_code, answer.mimetype) == (400, "text/plain")
    assert answer.text == "limit: a whole number from 1 to 200\n"


@pytest.mark.parametrize(("limit", "count"), [("1", 1), ("50", 50), ("120", 120), ("200", 120)])
def test_a_limit_is_kept(full, limit, count):
    assert len(full.client.get(f"/feed.json?limit={limit}").json["items"]) == count


@pytest.mark.parametrize("form", FORMS)
def test_of_two_sources_with_one_id_the_first_that_came_keeps_it(site, form):
    """The place in the list does not matter, nor does the order of feeds in the file."""
    same = {"guid": "urn:x:one", "url": None}
    site.record("tide", entry(9, title="First", **same))
    site.record("lamp", entry(1, title="Second", **same), entry(2, guid="urn:x:two"))
    site.record("local", entry(5, title="Third", **same))

    document = site.client.get("/feed.json").json
    ids = {item["title"]: item["id"] for item in document["items"]}
    other = site.client.get(f"/feed.{form}").text

    assert ids["First"] == "urn:x:one"
    assert {ids["Second"][:4], ids["Third"][:4]} == {"tag:"}
    assert len(set(ids.values())) == len(document["items"]) == 6
    assert all(other.count(each) == 1 for each in ids.values())


def page_of(form: str, answer: TestResponse) -> tuple[list[str], str | None]:
    """Return the titles of a document, and the address of the next one."""
    if form == "json":
        document = answer.json
        return [item["title"] for item in document["items"]], document.get("next_url")
    root = ET.fromstring(answer.data)
    entries = [*root.iter("item"), *root.iter(f"{ATOM}entry")]
    titles = [one.findtext("title") or one.findtext(f"{ATOM}title") or "" for one in entries]
    next_links = [one.get("href") for one in root.iter(f"{ATOM}link") if one.get("rel") == "next"]
    return titles, next_links[0] if next_links else None


@pytest.mark.parametrize("form", ["atom", "rss", "json"])
@pytest.mark.parametrize("limit", slow_but([50, 120], [7, 50, 119, 120, 200]))
@pytest.mark.parametrize(
    "place",
    slow_after(
        3, ["/", "/category/trade/", "/source/lamp/", "/search/?q=post", "/search/?q=source:lamp"]
    ),
)
def test_the_next_links_lead_through_every_entry_once(full, place, form, limit):
    path, _, query = place.partition("?")
    titles, sizes = [], []
    url: str | None = f"https://posts.example{path}feed.{form}?{query}&limit={limit}"
    while url:
        some, url = page_of(form, full.client.get(url.removeprefix("https://posts.example")))
        titles += some
        sizes.append(len(some))

    assert titles == [f"Post {number}" for number in range(1, 121)]
    assert set(sizes[:-1]) <= {limit}
    assert sizes[-1] > 0  # there is no link where there is no more


def test_links_are_made_from_the_configuration_and_not_from_the_request(full):
    """GHSA-hp8h-jqfm-v7x5: the Host header stood in links."""
    answer = full.client.get(
        "/feed.atom",
        base_url="https://evil.example",
        headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"},
    )

    assert b"evil.example" not in answer.data
    assert "evil.example" not in str(answer.headers)


# ------------------------------------------------------------- conditional requests


def test_the_etag_is_strong_and_that_of_the_bytes(full):
    tags = [full.client.get(f"/feed.{form}").headers["ETag"] for form in FORMS]
    again = [full.client.get(f"/feed.{form}").headers["ETag"] for form in FORMS]

    assert tags == again
    assert len(set(tags)) == len(FORMS)
    assert all(re.fullmatch(r'"[0-9a-f]{32}"', tag) for tag in tags)


def test_another_process_gives_the_same_validators(site):
    from web import create_app

    other = create_app(site.config, site.engine).test_client()
    first, second = site.client.get("/feed.atom"), other.get("/feed.atom")

    assert first.data == second.data
    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.headers["Last-Modified"] == second.headers["Last-Modified"]


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"other", {tag}', 304),
        ('W/"other",W/{tag}', 304),
        ("*", 304),
        ("{gzipped}", 304),
        ('"other"', 200),
        ("", 200),
        ('"', 200),
        ("{tag", 200),
        ('"' + "x" * 4000 + '"', 200),
    ],
)
def test_if_none_match_is_compared_weakly_with_each_of_the_list(full, known, status):
    tag = full.client.get("/feed.atom").headers["ETag"]
    sent = known.replace("{tag}", tag).replace("{gzipped}", f'{tag[:-1]}-gzip"')

    assert full.client.get("/feed.atom", headers={"If-None-Match": sent}).status_code == status


def test_a_304_has_the_validators_and_the_lifetime_of_the_200_and_no_body(full):
    whole = full.client.get("/feed.rss")
    kept = full.client.get("/feed.rss", headers={"If-None-Match": whole.headers["ETag"]})

    assert (kept.status_code, kept.data) == (304, b"")
    for name in ("ETag", "Last-Modified", "Cache-Control", "Vary", "Access-Control-Allow-Origin"):
        assert kept.headers[name] == whole.headers[name]
    assert "Content-Type" not in kept.headers


@pytest.mark.parametrize(
    ("shift", "status"),
    [(timedelta(0), 304), (timedelta(hours=1), 304), (timedelta(seconds=-1), 200)],
)
def test_if_modified_since_is_a_comparison_of_times(full, shift, status):
    at = parsedate_to_datetime(full.client.get("/feed.atom").headers["Last-Modified"]) + shift
    sent = {"If-Modified-Since": format_datetime(at, usegmt=True)}

    assert full.client.get("/feed.atom", headers=sent).status_code == status


@pytest.mark.parametrize("text", ["yesterday", "", "0", "Mon, 99 Foo 2026 99:99:99 GMT"])
def test_a_date_that_is_none_is_ignored(full, text):
    answer = full.client.get("/feed.atom", headers={"If-Modified-Since": text})

    assert answer.status_code == 200


def test_if_none_match_wins_over_if_modified_since(full):
    later = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
    sent = {"If-None-Match": '"other"', "If-Modified-Since": later}

    assert full.client.get("/feed.atom", headers=sent).status_code == 200


def test_an_empty_document_has_an_etag_and_no_date(site):
    answer = site.client.get("/source/tide/feed.atom")

    assert "Last-Modified" not in answer.headers
    known = {"If-None-Match": answer.headers["ETag"]}
    assert site.client.get("/source/tide/feed.atom", headers=known).status_code == 304


def test_a_new_entry_changes_the_document_and_its_validators(site):
    before = site.client.get("/feed.atom")
    site.record("lamp", entry(0, title="Fresh"), now=datetime.now(UTC) + timedelta(seconds=2))

    after = site.client.get("/feed.atom", headers={"If-None-Match": before.headers["ETag"]})

    assert after.status_code == 200
    assert b"Fresh" in after.data
    assert parsedate_to_datetime(after.headers["Last-Modified"]) > parsedate_to_datetime(
        before.headers["Last-Modified"]
    )


def test_a_poll_without_news_changes_nothing(site):
    before = site.client.get("/feed.atom")
    site.record("lamp", status=304)

    after = site.client.get("/feed.atom", headers={"If-None-Match": before.headers["ETag"]})

    assert after.status_code == 304


def test_a_head_request_is_a_get_without_the_body(full):
    whole, head = full.client.get("/feed.atom"), full.client.head("/feed.atom")

    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Last-Modified", "Content-Length", "Content-Type", "Cache-Control"):
        assert head.headers[name] == whole.headers[name]
    known = {"If-None-Match": head.headers["ETag"]}
    assert full.client.head("/feed.atom", headers=known).status_code == 304


def test_options_tells_what_can_be_done(full):
    answer = full.client.options("/feed.atom")

    assert answer.status_code == 200
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


# ------------------------------------------------------------------ codings, caches


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("gzip;q=0.1, identity", "gzip"),
        ("deflate, br, gzip", "br"),
        ("br;q=0.1, gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=0, *", None),
        ("br", "br"),
        ("BR, *;q=0", "br"),
        ("*;q=0", None),
        ("gzip;q=nonsense", None),
        (",,;;==", None),
    ],
)
def test_a_coding_is_sent_where_it_is_accepted(full, accepted, coding):
    plain = full.client.get("/feed.atom")
    sent = {} if accepted is None else {"Accept-Encoding": accepted}

    answer = full.client.get("/feed.atom", headers=sent)

    assert answer.headers.get("Content-Encoding") == coding
    assert answer.headers["Vary"] == "Accept-Encoding"
    unpack = {"gzip": gzip.decompress, "br": brotli.decompress}
    data = unpack[coding](answer.data) if coding else answer.data
    assert data == plain.data
    tag = plain.headers["ETag"]
    assert answer.headers["ETag"] == (f'{tag[:-1]}-{coding}"' if coding else tag)
    known = {**sent, "If-None-Match": answer.headers["ETag"]}
    kept = full.client.get("/feed.atom", headers=known)
    assert (kept.status_code, kept.headers["ETag"]) == (304, answer.headers["ETag"])


def test_the_same_bytes_are_packed_to_the_same_bytes():
    data = b"text " * 1000

    for coding in ("gzip", "br"):
        packed = [body(data, "text/plain").compressed(coding) for _ in range(2)]
        assert packed[0] == packed[1]
        assert len(packed[0]) < len(data)


def test_what_is_short_is_sent_as_it_is(full):
    answer = full.client.get("/robots.txt", headers={"Accept-Encoding": "gzip, br"})

    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    ("intervals", "age"),
    [(["30s", "1h"], 300), (["10m", "2h"], 600), (["12h"], 3600), ([], 3600)],
)
def test_caches_may_keep_a_feed_as_long_as_nobody_asks_the_fastest_one(tmp_path, intervals, age):
    feeds = [
        {"name": f"f{n}", "url": f"https://f{n}.example/", "interval": interval}
        for n, interval in enumerate(intervals)
    ]

    site = Site(tmp_path, feeds=feeds)
    site.subscribe()

    answer = site.client.get("/feed.atom")

    assert answer.headers["Cache-Control"] == f"public, max-age={age}, stale-if-error=86400"


def test_a_subscription_that_came_while_we_run_counts(site):
    assert "max-age=3600" in site.client.get("/feed.atom").headers["Cache-Control"]

    fast = Subscription("fast", "https://fast.example/", interval=timedelta(minutes=10))
    site.subscribe(*site.config.feeds, fast)

    assert "max-age=600" in site.client.get("/feed.atom").headers["Cache-Control"]


def test_a_repeated_request_renders_nothing(site):
    cache = site.app.extensions["aggregator"].documents
    paths = ["/feed.atom", "/feed.rss", "/feed.atom?limit=2", "/feed.atom", "/feed.atom?x=1"]

    for path in paths:
        site.client.get(path)

    assert len(cache) == 3


def test_the_cache_is_bounded_in_number_and_in_bytes():
    cache, big = BodyCache(), Body(b"x" * 2**22, "text/plain", "tag")
    for number in range(200):
        cache.store(number, body(b"x", "text/plain"))
    assert len(cache) == 64
    assert cache.get(0) is None
    assert cache.get(199) is not None

    for number in range(8):
        cache.store(("big", number), big)
    assert len(cache) == 5
    cache.store("one", Body(b"x" * 2**26, "text/plain", "tag"))
    assert len(cache) == 0


def test_the_document_asked_for_longest_ago_makes_room():
    cache = BodyCache()
    for number in range(64):
        cache.store(number, body(b"x", "text/plain"))
    cache.get(0)
    cache.store("new", body(b"x", "text/plain"))

    assert cache.get(0) is not None
    assert cache.get(1) is None


@pytest.mark.slow
def test_clients_at_the_same_time_get_whole_documents(site):
    expected = site.client.get("/feed.atom").data
    answers: list[bytes] = []

    def ask() -> None:
        client = site.app.test_client()
        answers.extend(client.get(f"/feed.atom?limit={limit}").data for limit in range(40, 50))
        answers.append(client.get("/feed.atom").data)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(answers) == 44
    assert answers.count(expected) == 4


# -------------------------------------------------------------------------- OPML


def test_the_subscriptions_are_published_without_passwords_and_local_files(full):
    answer = full.client.get("/sources.opml")

    assert answer.content_type == "text/x-opml; charset=utf-8"
    outlines = [each for each in ET.fromstring(answer.data).iter("outline") if each.get("xmlUrl")]
    assert {each.get("xmlUrl") for each in outlines} == {
        "https://lamp.example/feed.xml",
        "https://***@tide.example/rss",
    }
    assert b"secret" not in answer.data
    known = {"If-None-Match": answer.headers["ETag"]}
    assert full.client.get("/sources.opml", headers=known).status_code == 304


def test_the_subscriptions_of_a_category_are_published_below_its_address(full):
    page = full.page("/category/trade")
    (link,) = [a for a in page.one("p", "fmts") if words(a) == "OPML"]

    answer = full.client.get(link.get("href"))

    assert answer.content_type == link.get("type") + "; charset=utf-8"
    opml = ET.fromstring(answer.data)
    assert opml.findtext("head/title") == "Daybook: Trade"
    assert [each.get("xmlUrl") for each in opml.iter("outline") if each.get("xmlUrl")] == [
        "https://lamp.example/feed.xml"
    ]
    assert not [a for a in full.page("/").one("p", "fmts") if words(a) == "OPML"]


def test_a_subscription_of_several_categories_stands_in_the_folder_of_each(tmp_path):
    site = Site(tmp_path)
    lamp, *further = site.config.feeds
    site.subscribe(replace(lamp, categories=("Trade", "The Sea")), *further)

    def folders(path):
        body = ET.fromstring(site.client.get(path).data).find("body")
        return {
            folder.get("text"): [outline.get("xmlUrl") for outline in folder.iter("outline")][1:]
            for folder in body
        }

    lamp_url, tide_url = "https://lamp.example/feed.xml", "https://***@tide.example/rss"
    assert folders("/sources.opml") == {"The Sea": [lamp_url, tide_url], "Trade": [lamp_url]}
    assert folders("/category/the-sea/sources.opml") == {"The Sea": [lamp_url, tide_url]}
    assert folders("/category/trade/sources.opml") == {"Trade": [lamp_url]}
    listed = opml.read(site.client.get("/sources.opml").data).feeds
    assert {feed.title: feed.categories for feed in listed}["Lamp"] == ("Trade", "The Sea")
