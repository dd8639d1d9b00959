"""Archives by week (RFC 5005, 4), and crawlers that follow all links."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from aggregator import dates, merged
from aggregator.dates import Week
from aggregator.merged import ListRequest
from aggregator.model import CommonRules, Cursor, ListingRules, ListScope
from tests.selection import slow_after
from tests.web_fixtures import Site
from tests.worlds import entry

ATOM = "{http://www.w3.org/2005/Atom}"
HISTORY = "{http://purl.org/syndication/history/1.0}"
HOST = "https://posts.example"
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
NOW = datetime.now(UTC)
THIS_MONDAY = Week.of(NOW).start
# In the first hour of a week the one before is still open; here it never is the matter.
CLOSED = Week.of(dates.open_since(NOW) - DAY)


class Archived(Site):
    """A site whose feeds were first read long ago."""

    def __init__(self, folder, **values) -> None:
        super().__init__(folder, views=[{"name": "old", "search": "title:1"}], **values)
        self.subscribe()
        self.numbers = count(1)
        for name in ("lamp", "tide"):
            self.record(name, now=NOW - 20 * WEEK, body_hash=b"read before")

    def publish(self, at: datetime, seen: datetime | None = None, feed: str = "lamp") -> str:
        """Bring an entry that is dated `at`; return its title."""
        number = next(self.numbers)
        title = f"Post {number}"
        self.record(
            feed,
            entry(number, title=title, published_at=at),
            now=max(seen or at, at),
            body_hash=b"read before",
        )
        return title

    def fetch(self, url: str) -> "Read":
        assert url.startswith(HOST)
        answer = self.client.get(url.removeprefix(HOST))
        assert answer.status_code == 200, url
        return Read(answer.data, answer.headers["Cache-Control"], answer.headers["ETag"])


class Read:
    """A document as a crawler sees it."""

    def __init__(self, data: bytes, cache_control: str, etag: str) -> None:
        self.root = ET.fromstring(data)
        self.cache_control, self.etag, self.data = cache_control, etag, data
        found = [str(one.findtext(f"{ATOM}title")) for one in self.root.iter(f"{ATOM}entry")]
        self.titles = found
        self.links = {
            str(link.get("rel")): str(link.get("href")) for link in self.root.findall(f"{ATOM}link")
        }

    @property
    def is_archive(self) -> bool:
        return self.root.find(f"{HISTORY}archive") is not None


def crawl(
    site: Archived, start: str, relation: str, between: Callable[[], object] = lambda: None
) -> Iterator[Read]:
    """Follow one kind of link to its end; no document is met twice."""
    url: str | None = HOST + start
    seen = set()
    while url:
        assert url not in seen
        seen.add(url)
        read = site.fetch(url)
        yield read
        between()
        url = read.links.get(relation)


@pytest.fixture
def site(tmp_path) -> Archived:
    return Archived(tmp_path)


def spread(site: Archived, weeks: int = 5, each: int = 4) -> list[str]:
    """Publish entries in each of the last weeks; return their titles."""
    return [
        site.publish(max(CLOSED.start - (week * WEEK) + (1 + n) * DAY, NOW - 18 * WEEK))
        for week in range(weeks)
        for n in range(each)
    ]


# ------------------------------------------------------------------------- documents


def test_the_archive_of_a_week_has_what_came_in_it_and_leads_to_its_neighbours(site):
    spread(site, weeks=3)

    read = site.fetch(f"{HOST}/archive/{CLOSED}.atom")

    assert read.is_archive
    assert sorted(read.titles) == ["Post 1", "Post 2", "Post 3", "Post 4"]
    assert read.links["self"] == f"{HOST}/archive/{CLOSED}.atom"
    assert read.links["current"] == f"{HOST}/feed.atom"
    older = Week.of(CLOSED.start - DAY)
    assert read.links["prev-archive"] == f"{HOST}/archive/{older}.atom"
    assert read.links["next-archive"] == f"{HOST}/archive/{CLOSED.following}.atom"
    assert read.root.findtext(f"{ATOM}id") == f"{HOST}/"
    assert re.fullmatch(r"public, max-age=31536000, immutable", read.cache_control)


@pytest.mark.parametrize("path", ["/category/trade", "/view/old"])
def test_a_category_and_a_view_have_archives_of_their_own(site, path):
    mine = site.publish(CLOSED.start + DAY)
    site.publish(CLOSED.start + DAY, feed="tide")

    archive = site.fetch(f"{HOST}{path}/archive/{CLOSED}.atom")
    assert archive.titles == [mine]
    assert "immutable" in archive.cache_control
    first = site.fetch(f"{HOST}{path}/feed.atom")
    assert first.links["prev-archive"] == f"{HOST}{path}/archive/{CLOSED}.atom"


def test_only_lists_of_several_sources_have_archives_and_only_as_atom(site):
    site.publish(CLOSED.start + DAY)

    for path in ("/source/lamp/feed.atom", "/search/feed.atom?q=post"):
        assert "prev-archive" not in site.fetch(HOST + path).links
    assert b"prev-archive" not in site.client.get("/feed.rss").data
    assert "prev-archive" in site.fetch(f"{HOST}/feed.atom?limit=200").links
    assert "prev-archive" not in site.fetch(f"{HOST}/feed.atom?before={1 << 62}").links


@pytest.mark.parametrize(
    "week",
    slow_after(
        3, ["1999-W01", "2026-W54", "2026-W00", "2021-W53", "0000-W01", "2026-47", "9999-W52", "x"]
    ),
)
def test_a_week_in_which_nothing_came_or_that_is_none_has_no_archive(site, week):
    site.publish(CLOSED.start + DAY)

    assert site.client.get(f"/archive/{week}.atom").status_code == 404


def test_a_week_without_entries_between_others_leads_on(site):
    site.publish(CLOSED.start - 3 * WEEK)
    site.publish(CLOSED.start + DAY)
    empty = Week.of(CLOSED.start - DAY)

    read = site.fetch(f"{HOST}/archive/{empty}.atom")

    assert read.titles == []
    assert read.links["prev-archive"] == f"{HOST}/archive/{Week.of(CLOSED.start - 3 * WEEK)}.atom"
    # but nothing leads to it backwards
    assert site.fetch(f"{HOST}/archive/{CLOSED}.atom").links["prev-archive"] != read.links["self"]


def test_the_week_that_goes_on_is_not_kept_for_good(site):
    site.publish(dates.open_since(NOW) + timedelta(seconds=1))

    read = site.fetch(f"{HOST}/archive/{Week.of(NOW)}.atom")

    assert "immutable" not in read.cache_control
    assert "next-archive" not in read.links


# --------------------------------------------------------------------------- crawlers


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", slow_after(1, ["/category/trade/feed.atom", "/feed.atom?limit=3", "/feed.atom"])
)
def test_who_follows_the_archives_gets_every_entry(site, path, monkeypatch):
    monkeypatch.setattr("aggregator.merged.archives.ARCHIVED", 3)  # several documents a week
    wanted = spread(site, weeks=5, each=7)
    open_entries = 12 if "limit" in path else 60  # more than the first document has
    wanted += [
        site.publish(dates.open_since(NOW) + n * timedelta(milliseconds=5))
        for n in range(open_entries)
    ]

    first, *archived = crawl(site, path, "prev-archive")

    found = [title for read in archived for title in read.titles]
    assert all(read.is_archive for read in archived)
    assert len(found) == len(set(found))  # no two archives have an entry in common
    assert set(first.titles) | set(found) == set(wanted)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    slow_after(
        1,
        [
            "/feed.atom?limit=7",
            "/category/trade/feed.atom",
            "/source/lamp/feed.atom?limit=1",
            "/search/feed.atom?q=post&limit=10",
        ],
    ),
)
def test_who_follows_the_pages_gets_every_entry_once_while_new_ones_arrive(site, path):
    wanted = spread(site, weeks=4, each=6)
    last = NOW

    def news() -> None:
        nonlocal last
        last += timedelta(seconds=1)
        site.publish(last)

    found = [title for read in crawl(site, path, "next", news) for title in read.titles]

    assert len(found) == len(set(found))
    assert set(wanted) <= set(found)


@pytest.mark.slow
def test_who_follows_the_archives_while_entries_arrive_late_and_new_gets_all_of_the_start(
    site, monkeypatch
):
    monkeypatch.setattr("aggregator.merged.archives.ARCHIVED", 4)
    wanted = spread(site, weeks=4, each=6)
    last = NOW

    def news() -> None:
        nonlocal last
        last += timedelta(seconds=1)
        site.publish(last)
        site.publish(CLOSED.start - WEEK + DAY, seen=last)

    reads = list(crawl(site, "/feed.atom?limit=5", "prev-archive", news))

    found = [title for read in reads[1:] for title in read.titles]
    assert len(found) == len(set(found))
    assert set(wanted) <= set(found) | set(reads[0].titles)


@pytest.mark.slow
@pytest.mark.parametrize("path", slow_after(1, ["/category/trade/feed.atom", "/feed.atom?limit=2"]))
def test_next_archive_leads_to_the_document_whose_prev_archive_leads_here(site, path, monkeypatch):
    monkeypatch.setattr("aggregator.merged.archives.ARCHIVED", 3)
    for week in (0, 1, 3, 4, 6):  # in two weeks nothing came
        for number in range(6 + week % 3):  # two or three documents, full ones and others
            site.publish(CLOSED.start - week * WEEK + timedelta(hours=1 + number))
    site.publish(CLOSED.start - 2 * WEEK, seen=CLOSED.start + DAY)  # late
    for number in range(5):
        site.publish(dates.open_since(NOW) + number * timedelta(milliseconds=5))

    _, *archived = crawl(site, path, "prev-archive")
    oldest = archived[-1].links["self"].removeprefix(HOST)
    forward = list(crawl(site, oldest, "next-archive"))

    for read in (*archived, *forward):
        newer = read.links.get("next-archive")
        if newer is not None and read.titles:  # nothing leads back to a week without entries
            assert site.fetch(newer).links["prev-archive"] == read.links["self"]
    closed = [read for read in archived if "immutable" in read.cache_control]
    assert len(closed) > 10
    assert all("next-archive" in read.links for read in closed)
    titles = [title for read in forward for title in reversed(read.titles)]
    assert len(titles) == len(set(titles))
    assert set(titles) >= {title for read in archived for title in read.titles}


def test_a_part_of_an_archive_that_never_was_is_answered_without_a_fault(site):
    site.publish(CLOSED.start + DAY)

    for cursor in (-(2**63) + 2, 0, 2**63 - 2):
        for parameter in ("after", "before"):
            read = site.client.get(f"/archive/{CLOSED}.atom?{parameter}={cursor}")
            assert read.status_code in {200, 404}
    assert site.client.get(f"/archive/{CLOSED}.atom?after={2**63 - 1}").status_code == 400
    assert site.client.get(f"/archive/{CLOSED}.atom?after=x").status_code == 400


# -------------------------------------------------------------------------- immutable


@pytest.mark.slow
def test_a_closed_archive_does_not_change_when_an_old_entry_arrives_late(site):
    spread(site, weeks=3)
    before = {read.links["self"]: read.etag for read in crawl(site, "/feed.atom", "prev-archive")}

    late = site.publish(CLOSED.start - WEEK + 2 * DAY, seen=NOW)

    first, opened, *closed = crawl(site, "/feed.atom?limit=5", "prev-archive")
    assert late not in first.titles
    assert late in opened.titles  # in the week in which it came, so that followers hear of it
    assert opened.links["self"].startswith(f"{HOST}/archive/{Week.of(NOW)}.atom?before=")
    for read in closed:
        assert read.etag == before[read.links["self"]]
    listed = [title for read in crawl(site, "/feed.atom?limit=5", "next") for title in read.titles]
    assert listed.index(late) > 3  # its place in the list is that of its date


def test_an_entry_that_is_edited_moves_to_the_archive_of_the_week_of_its_edit(site):
    spread(site, weeks=2)
    edited = entry(2, title="Post 2, edited", published_at=CLOSED.start + 2 * DAY)

    site.record("lamp", edited, now=NOW, body_hash=b"read before")

    _, opened, *closed = crawl(site, "/feed.atom?limit=1", "prev-archive")
    assert "Post 2, edited" in opened.titles
    assert all("Post 2" not in read.titles for read in closed)
    found = [title for read in (opened, *closed) for title in read.titles]
    assert len(found) == len(set(found)) == 8


@pytest.mark.slow
def test_the_past_of_a_new_subscription_changes_no_closed_archive(site):
    spread(site, weeks=3)
    before = {read.links["self"]: read.etag for read in crawl(site, "/feed.atom", "prev-archive")}

    site.record(
        "local", entry(500, title="From the past", published_at=CLOSED.start - WEEK + DAY), now=NOW
    )

    _, opened, *closed = crawl(site, "/feed.atom?limit=1", "prev-archive")
    assert "From the past" in opened.titles
    assert {read.links["self"]: read.etag for read in closed}.items() <= before.items()


@pytest.mark.parametrize("path", slow_after(1, ["", "/category/trade", "/view/old"]))
def test_a_rule_that_comes_and_goes_changes_no_closed_archive(site, path):
    def archives():
        weeks = [CLOSED, Week.of(CLOSED.start - DAY)]
        return [site.fetch(f"{HOST}{path}/archive/{week}.atom").etag for week in weeks]

    site.publish(CLOSED.start + DAY)
    site.publish(CLOSED.start - WEEK + DAY)
    site.record("lamp", entry(11, title="1", published_at=CLOSED.start - DAY), now=CLOSED.start)
    before = archives()

    site.subscribe(
        listing=ListingRules(CommonRules(hide="1"), views=site.config.listing_rules.views)
    )
    hidden = archives()
    hidden_titles = site.fetch(f"{HOST}{path}/feed.atom").titles
    site.subscribe()

    assert hidden == before == archives()
    assert "Post 1" not in hidden_titles
    assert "Post 1" in site.fetch(f"{HOST}{path}/feed.atom").titles


def test_in_the_first_week_the_past_of_feeds_stands_in_its_weeks_and_nothing_is_closed(tmp_path):
    site = Site(tmp_path)
    site.subscribe()

    for number, name in enumerate(("lamp", "tide")):
        site.record(name, entry(number, published_at=CLOSED.start + DAY), now=NOW)

        answer = site.client.get(f"/archive/{CLOSED}.atom")
        assert f"Post {number}" in answer.text
        assert "immutable" not in answer.headers["Cache-Control"]


def test_an_edit_within_the_week_moves_nothing():
    monday = Week(2026, 47).start
    hour = timedelta(hours=1)

    assert dates.archived_at(monday, monday + 6 * DAY) is None
    assert dates.archived_at(monday, monday + WEEK + hour - timedelta(seconds=1)) is None
    assert dates.archived_at(monday, monday + WEEK + hour) == monday + WEEK + hour


def test_readers_take_a_week_for_closed_after_writers_do():
    week = Week(2026, 47)
    writers_stop = week.end + dates.ARCHIVE_DELAY

    assert not dates.is_closed(week, writers_stop)
    assert dates.open_since(writers_stop) == week.start
    assert dates.is_closed(week, writers_stop + timedelta(minutes=5))
    assert dates.open_since(writers_stop + timedelta(minutes=5)) == week.end


def test_in_the_first_hour_of_a_week_the_open_archive_has_the_last_week_too(site):
    monday = Week(2026, 30).start
    kept = [site.publish(monday - timedelta(minutes=5)), site.publish(monday - 2 * WEEK)]
    request = ListRequest(ListScope())

    def documents(at: datetime) -> list[list[str]]:
        publication, found = merged.Publication.of(site.config), []
        with site.engine.connect() as connection:
            first = merged.document(connection, replace(request, limit=1), publication, now=at)
            assert first is not None
            url = first.prev_archive_url
            while url:
                week = re.search(r"archive/(.*)\.atom(?:\?before=(\d+))?", url)
                before = Cursor.parse(week[2]) if week[2] else None
                document = merged.document(
                    connection,
                    replace(request, week=Week.parse(week[1]), before=before),
                    publication,
                    now=at,
                )
                found.append([one.title for one in document.entries])
                url = document.prev_archive_url
        return found

    assert documents(monday + timedelta(minutes=30)) == [[kept[1]]]
    assert documents(monday + timedelta(hours=2)) == [[kept[0]], [kept[1]]]
