"""Every format of every view: valid, the same to independent readers, the same bytes every time."""

import hashlib
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import atoma
import fastfeedparser
import feedparser
import pytest

from aggregator.database.lists import read_lists
from aggregator.dates import Week
from aggregator.errors import ParseError
from aggregator.model import CleanFeed, Enclosure, Origin, Subscription
from aggregator.publish import Format
from aggregator.reading.clean import clean
from aggregator.reading.parse import parse
from tests.listed import HOSTILE
from tests.musts import broken
from tests.selection import slow_after
from tests.test_corpus import CORPUS
from tests.web_fixtures import Site
from tests.worlds import entry

ATOM = "{http://www.w3.org/2005/Atom}"
NOW = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)
VIEWS = ["/feed", "/category/trade/feed", "/source/tide/feed", "/source/local/feed",
         "/search/feed?q=post", "/search/feed?q=nothing+at+all"]  # fmt: skip


def difficult_site(folder: Path, *, turned: bool = False, **publish: str) -> Site:
    """A site with plain, hostile, copied, bare and old entries; `turned`: came in another order."""
    site = Site(folder, websub={"hub": "https://hub.example/"}, publish=publish)
    site.subscribe()
    plain = [entry(number) for number in range(1, 60)]
    strange = [
        entry(
            100,
            guid="1",
            url='https://tide.example/<{a}>?b="c"|\\^`',
            title=HOSTILE.replace("\ud800", ""),
            content_html="",
            authors=("A & B",),
            categories=("<c>",),
            enclosures=(Enclosure("https://tide.example/{1}.mp3", "audio/mpeg", 5),),
            image="https://tide.example/<1>.jpg",
        ),
        entry(101, guid=None, url=None, title="", title_html="", summary="", content_html=""),
        entry(102, guid="urn:x:102", language="de_CH", comments_url="https://tide.example/#c"),
        entry(
            103,
            guid="urn:x:103",
            origin=Origin("The <First>", "urn:first", "https://first.example/feed", None, "©"),
        ),
        entry(104, guid="urn:x:104", title="Old post", published_at=NOW - timedelta(weeks=9)),
    ]
    batches: list[tuple[str, list[Any]]] = [("lamp", plain), ("tide", strange)]
    for name, some in reversed(batches) if turned else batches:
        site.record(name, *(reversed(some) if turned else some), now=NOW)
    return site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return difficult_site(tmp_path_factory.mktemp("site"))


def addresses(view: str, form: Format) -> Iterator[str]:
    """Yield the view's first document, shorter and longer ones, and pages further down."""
    path, _, query = view.partition("?")
    first = f"{path}.{form.suffix}?{query}".rstrip("?")
    joint = "&" if query else "?"
    yield first
    for parameters in ("limit=1", "limit=200", "before=1882653621890318336", "before=0"):
        yield f"{first}{joint}{parameters}"


# ----------------------------------------------------------------------------- valid


@pytest.mark.slow
@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("view", slow_after(1, VIEWS))
def test_every_document_keeps_the_musts_of_its_format(site, view, form):
    for address in addresses(view, form):
        answer = site.client.get(address)

        assert answer.status_code == 200
        assert broken(form, answer.data) == [], address
        if form is not Format.JSON:
            assert not feedparser.parse(answer.data).bozo


@pytest.mark.slow
def test_every_archive_keeps_the_musts_of_atom(site):
    weeks = [Week.of(NOW), Week.of(NOW - timedelta(weeks=9)), Week.of(NOW - timedelta(weeks=4))]
    for week in weeks:
        answer = site.client.get(f"/archive/{week}.atom")
        assert answer.status_code == 200
        assert broken(Format.ATOM, answer.data) == []


@pytest.mark.parametrize("form", Format)
def test_a_delta_keeps_the_musts_of_its_format(tmp_path, form):
    site = difficult_site(tmp_path, deltas="on")
    had = site.client.get(f"/feed.{form}").headers["ETag"]
    site.record("lamp", entry(0, title="Fresh"), now=NOW + timedelta(minutes=1))

    delta = site.client.get(f"/feed.{form}", headers={"A-IM": "feed", "If-None-Match": had})

    assert delta.status_code == 226
    assert broken(form, delta.data) == []


# --------------------------------------------------------------------- other readers

Seen = tuple[str, datetime | None, str | None]


def ours(site: Site) -> list[Seen]:
    items = json.loads(site.client.get("/feed.json?limit=200").data)["items"]
    return [
        (item["id"], datetime.fromisoformat(item["date_published"]), item["_source"]["title"])
        for item in items
    ]


def by_feedparser(data: bytes) -> list[Seen]:
    return [
        (
            one.id,
            datetime.fromtimestamp(timegm(one.published_parsed), UTC),
            one.source.title,
        )
        for one in feedparser.parse(data).entries
    ]


def by_fastfeedparser(data: bytes) -> list[Seen]:
    return [
        (one["id"], datetime.fromisoformat(one["published"]), None)
        for one in fastfeedparser.parse(data).entries
    ]


def by_atoma(form: Format, data: bytes) -> list[Seen]:
    if form is Format.ATOM:
        return [
            (one.id_, one.published, one.source.title.value)
            for one in atoma.parse_atom_bytes(data).entries
        ]
    if form is Format.RSS:
        return [
            (one.guid, one.pub_date, one.source.title) for one in atoma.parse_rss_bytes(data).items
        ]
    return [(one.id_, one.date_published, None) for one in atoma.parse_json_feed_bytes(data).items]


@pytest.mark.parametrize("form", Format)
def test_independent_readers_see_the_same_ids_dates_and_sources(site, form):
    data = site.client.get(f"/feed.{form}?limit=200").data
    expected = ours(site)
    readers = [by_atoma(form, data), by_fastfeedparser(data)]
    if form is not Format.JSON:
        readers.append(by_feedparser(data))

    assert len(expected) == 64
    for seen in readers:
        assert [one[:2] for one in seen] == [one[:2] for one in expected]
        assert [one[2] for one in seen if one[2]] in ([], [one[2] for one in expected])


def test_all_formats_have_the_same_entries_in_the_same_order(site):
    ids = [[one[0] for one in by_atoma(form, site.client.get(f"/feed.{form}").data)] for form in
           Format]  # fmt: skip

    assert ids[0] == ids[1] == ids[2]
    assert len(ids[0]) == 50


# ------------------------------------------------------------------------ same bytes


def digests(site: Site) -> dict[str, str]:
    paths = [next(addresses(view, form)) for view in VIEWS for form in Format]
    paths += [f"/archive/{Week.of(NOW)}.atom", "/feed.atom?limit=200"]
    return {path: hashlib.sha256(site.client.get(path).data).hexdigest() for path in paths}


@pytest.mark.slow
def test_the_order_in_which_feeds_and_entries_came_changes_no_byte(site, tmp_path):
    assert digests(difficult_site(tmp_path, turned=True)) == digests(site)


@pytest.mark.slow
def test_another_process_with_other_hashes_writes_the_same_bytes(site, tmp_path):
    script = (
        "import sys, json\n"
        "from pathlib import Path\n"
        "from aggregator.config import load\n"
        "from aggregator.database import open_database\n"
        "from tests.test_publish_everywhere import digests\n"
        "from types import SimpleNamespace\n"
        "from web import create_app\n"
        "config = load(Path(sys.argv[1]))\n"
        "engine = open_database(f'sqlite:///{config.folder}/aggregator.db', read_only=True)\n"
        "client = create_app(config, engine).test_client()\n"
        "print(json.dumps(digests(SimpleNamespace(client=client))))\n"
    )
    if site.engine.dialect.name != "sqlite":
        pytest.skip("looks into a file")
    done = subprocess.run(
        [sys.executable, "-c", script, str(site.config.path)],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == digests(site)


# ---------------------------------------------------------------------------- corpus


def corpus() -> list[CleanFeed]:
    found = []
    for folder in ("conformance", "real", "crawl2011"):
        for number, path in enumerate(sorted((CORPUS / folder).rglob("*"))):
            if not path.is_file():
                continue
            url = f"https://{folder}.example/{number}"
            try:
                feed = clean(parse(path.read_bytes(), headers={}, url=url), url=url)
            except ParseError:
                continue
            if feed.entries:
                found.append(feed)
    return found


@pytest.mark.corpus
@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is not there")
def test_what_came_in_broken_goes_out_valid(tmp_path):
    feeds = corpus()
    assert len(feeds) > 1000
    site = Site(tmp_path)
    names = [f"f{number}" for number in range(len(feeds))]
    site.subscribe(
        *(Subscription(name, f"https://{name}.example/feed", categories=("All",)) for name in names)
    )
    for name, feed in zip(names, feeds, strict=True):
        site.record(name, *feed.entries, head=feed.head)

    wrong: dict[str, list[str]] = {}
    counts: dict[Format, int] = {}
    for form in Format:
        path: str | None = f"/feed.{form}?limit=200"
        while path:
            data = site.client.get(path).data
            if rules := broken(form, data):
                wrong[path] = rules
            elif form is not Format.JSON and (said := misread(data)):
                wrong[path] = said
            path, count = following(form, data)
            counts[form] = counts.get(form, 0) + count

    assert wrong == {}
    with site.engine.connect() as connection:
        listed = len(read_lists.entry_ids(connection, read_lists.WHOLE_LIST))
        stored = connection.exec_driver_sql("SELECT count(*) FROM entries").scalar_one()
        copies = connection.exec_driver_sql(
            "SELECT (SELECT count(*) FROM entries) - stories FROM lists WHERE id = 1"
        ).scalar_one()
    assert counts == dict.fromkeys(Format, listed)
    assert stored > 7000
    assert listed == stored - copies  # what several of them have stands once


def misread(data: bytes) -> list[str]:
    """Return what feedparser complains of, or reads in another way than an XML parser."""
    read, root = (
        feedparser.parse(data, sanitize_html=False, resolve_relative_uris=False),
        ET.fromstring(data),
    )
    ids = [one.text for one in root.iter("guid")] or [
        one.findtext(f"{ATOM}id") for one in root.iter(f"{ATOM}entry")
    ]
    same = [one.get("id") for one in read.entries] == ids
    return [str(read.get("bozo_exception"))] if read.bozo else [] if same else ["other ids"]


def following(form: Format, data: bytes) -> tuple[str | None, int]:
    """Return the path of the next page, and how many entries this one has."""
    if form is Format.JSON:
        feed = json.loads(data)
        url, count = feed.get("next_url"), len(feed["items"])
    else:
        root = ET.fromstring(data)
        url = next(
            (one.get("href") for one in root.iter(f"{ATOM}link") if one.get("rel") == "next"), None
        )
        count = len([*root.iter("item"), *root.iter(f"{ATOM}entry")])
    return url.removeprefix("https://posts.example") if url else None, count
