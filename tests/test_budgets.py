"""Every document has a budget of bytes, and leads on to what it had no room for."""

import json
import posixpath
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from aggregator import dates
from aggregator.database.schema import POLLS_KEPT, feeds, polls
from aggregator.merged.list_documents import with_source_in_title
from aggregator.model import Enclosure, FeedHead, Origin, Outcome, Subscription
from aggregator.publish import Document, Format, render, room_in_feed
from aggregator.publish.size import FEED_BUDGET, size_in_feed
from tests import listed
from tests.selection import slow_after, slow_but
from tests.test_archives import CLOSED, HOST, WEEK, Archived, crawl
from tests.test_static_site import ATOM, ET, HtmlPage, static_site, unquote
from tests.web_fixtures import Site, entry
from web import create_app, page_contents

BUDGET = FEED_BUDGET // 5
HEAVY = "<p>" + '&amp; "a" <b>b</b> ]]&gt; ä ' * 4_000 + "</p>"  # 136 kB, more when escaped
texts = st.text(
    st.one_of(st.sampled_from('<>&"\\\n]ä海\U0001f600\x00 a/'), st.characters()), max_size=60
)
some = st.lists(texts, max_size=3).map(tuple)


@pytest.mark.slow
@given(data=st.data(), form=st.sampled_from(list(Format)), is_prefixed=st.booleans())
def test_no_entry_takes_more_bytes_than_is_counted_for_it(data, form, is_prefixed):
    def drawn() -> str:
        return data.draw(texts)

    def address() -> str:
        return f"https://lamp.example/{drawn()}"

    given = listed.entry(
        public_id=drawn(), url=address(), title=drawn(), title_html=drawn(), summary=drawn(),
        content_html=drawn() * 50, authors=data.draw(some), categories=data.draw(some),
        enclosures=tuple(Enclosure(address(), "audio/mpeg") for _ in range(3)),
        comments_url=address(), image=address(),
        source=listed.source(title=drawn(), feed_url=address(), site_url=address(), rights=drawn()),
        origin=data.draw(st.sampled_from([None, Origin(drawn(), address(), None, address())])),
    )  # fmt: skip
    written = with_source_in_title(given, form) if is_prefixed else given
    empty = Document("tag:x", "Title", "https://x.example/", "https://x.example/feed")

    size = len(render(replace(empty, entries=[written]), form)) - len(render(empty, form))

    assert size <= size_in_feed(given)


def test_what_does_not_look_too_much_is_measured_only_where_it_matters():
    small, large = (listed.entry(content_html="x" * size) for size in (1_000, 400_000))
    room = room_in_feed(2_000_000)

    fitting = [room.takes(entry) for entry in (small, *[large] * 6)]

    assert fitting == [True] * 5 + [False] * 2
    assert room_in_feed(1).takes(large)


@pytest.fixture(scope="module")
def heavy(tmp_path_factory) -> Site:
    """Return a site of 30 entries with 4 MB of text, among 30 usual ones."""
    site = Site(tmp_path_factory.mktemp("heavy"))
    site.subscribe()
    site.record(
        "tide",
        *(entry(2 * n, guid=f"t{n}", title=f"Small {n}", authors=("Ada",)) for n in range(30)),
    )
    for number in range(30):
        big = entry(
            2 * number + 1,
            guid=f"l{number}",
            title=f"Big {number}",
            authors=("Ada",),
            content_html=HEAVY,
        )
        site.record("lamp", big)
    return site


def titles_and_next(form: str, data: bytes) -> tuple[list[str], str | None]:
    if form == "json":
        feed = json.loads(data)
        return [item["title"] for item in feed["items"]], feed.get("next_url")
    root = ET.fromstring(data)
    links = {link.get("rel"): link.get("href") for link in root.iter(f"{ATOM}link")}
    items = root.iter("item" if form == "rss" else f"{ATOM}entry")
    name = "title" if form == "rss" else f"{ATOM}title"
    return [str(item.findtext(name)) for item in items], links.get("next")


@pytest.mark.slow
@pytest.mark.parametrize("form", slow_after(1, ["atom", "rss", "json"]))
@pytest.mark.parametrize(
    "path", slow_after(1, ["/feed.{}?limit=200", "/search/feed.{}?q=author:ada&limit=200"])
)
def test_every_page_of_a_feed_keeps_its_budget_and_none_loses_an_entry(
    heavy, monkeypatch, form, path
):
    monkeypatch.setattr("aggregator.publish.size.FEED_BUDGET", BUDGET)
    url: str | None = path.format(form)
    found: list[str] = []
    documents = 0
    while url:
        answer = heavy.client.get(url.removeprefix(HOST))
        assert answer.status_code == 200
        assert len(answer.data) < BUDGET + 20_000  # the head of the document
        titles, url = titles_and_next(form, answer.data)
        assert titles
        found += titles
        documents += 1

    wanted = {f"{kind} {number}" for kind in ("Big", "Small") for number in range(30)}
    assert len(found) == len(set(found))
    assert set(found) == wanted
    assert documents > 3


@pytest.mark.slow
def test_what_a_document_has_no_room_for_is_never_read(heavy, monkeypatch):
    monkeypatch.setattr("aggregator.publish.size.FEED_BUDGET", BUDGET)
    heavy.client.get("/feed.atom")
    heavy.record("tide", entry(0, guid="now", title="Small 0"))
    tracemalloc.start()
    try:
        heavy.client.get("/source/lamp/feed.atom?limit=200")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 12_000_000


@pytest.mark.slow
@pytest.mark.parametrize("size", slow_but([1], [1, 15_000, 10**9]))
@pytest.mark.parametrize("archived", slow_after(1, [3, 500]))
def test_who_follows_archives_gets_every_entry_once_however_small_documents_are(
    tmp_path, monkeypatch, size, archived
):
    site = Archived(tmp_path)
    wanted = [
        site.publish(CLOSED.start - week * WEEK + timedelta(hours=1 + number))
        for week in range(3)
        for number in range(8)
    ]
    wanted += [
        site.publish(dates.open_since(datetime.now(UTC)) + number * timedelta(milliseconds=5))
        for number in range(20)
    ]
    monkeypatch.setattr("aggregator.publish.size.FEED_BUDGET", size)
    monkeypatch.setattr("aggregator.merged.archives.ARCHIVED", archived)

    first, *archives = crawl(site, "/feed.atom", "prev-archive")

    found = [title for read in archives for title in read.titles]
    assert len(found) == len(set(found))
    assert set(found) | set(first.titles) == set(wanted)
    assert all(read.titles or size > 1 for read in archives)


@pytest.mark.slow
@pytest.mark.parametrize("size", slow_but([15_000], [1, 15_000]))
def test_an_export_leads_to_every_entry_however_small_documents_are(tmp_path, monkeypatch, size):
    site = Archived(tmp_path)
    now = datetime.now(UTC)
    wanted = {site.publish(now - timedelta(hours=5 * number)) for number in range(50)}
    monkeypatch.setattr("aggregator.publish.size.FEED_BUDGET", size)
    monkeypatch.setattr(page_contents, "PAGE_BUDGET", size * 3)
    files = {
        file.path: file.data
        for file in static_site.files(site.config, site.engine, frozenset(static_site.FORMATS))
    }

    for start, relation in [("feed.atom", "prev-archive"), ("source/lamp/feed.atom", "next")]:
        found: list[str] = []
        path: str | None = start
        while path:
            root = ET.fromstring(files[unquote(path)])
            found += [str(one.findtext(f"{ATOM}title")) for one in root.iter(f"{ATOM}entry")]
            links = {link.get("rel"): str(link.get("href")) for link in root.findall(f"{ATOM}link")}
            path = links[relation].removeprefix(f"{HOST}/") if relation in links else None
        assert set(found) == wanted
    shown: set[str] = set()
    path, seen = "index.html", set[str]()
    while path and path not in seen:
        seen.add(path)
        page = HtmlPage(files[path].decode())
        shown |= set(page.titles())
        following = [str(a.get("href")) for a in page.all("a") if a.get("rel") == "next"]
        path = following and posixpath.normpath(
            posixpath.join(posixpath.dirname(path), following[0])
        )
    assert shown == wanted


@pytest.mark.slow
def test_a_page_keeps_its_budget_and_leads_on(tmp_path, monkeypatch):
    budget = page_contents.PAGE_BUDGET // 4
    monkeypatch.setattr(page_contents, "PAGE_BUDGET", budget)
    site = Site(tmp_path)
    site.subscribe()
    long = "<" * 900
    site.record(
        "lamp",
        *(
            entry(
                number, guid=f"g{number}", title=f"{number} {long}", summary=long,
                url=f"https://lamp.example/?{'&' * 2000}{number}", authors=(long,) * 3,
            )
            for number in range(15)
        ),
    )  # fmt: skip
    url: str | None = "/"
    found: list[str] = []
    pages = 0
    while url:
        page = site.page(url)
        assert len(page.text.encode()) < budget + 50_000
        pages += 1
        found += [title.split()[0] for title in page.titles()]
        following = [each.get("href") for each in page.all("a") if each.get("rel") == "next"]
        url = following[0] if following else None

    assert sorted(map(int, found)) == list(range(15))
    assert pages > 1


def kinds_of_feeds() -> dict[str, Subscription]:
    """Return subscriptions by name: of plain words, and as long as they may be."""
    long = [
        Subscription(f"{'n' * 75}-{number}", f"https://h{number}.example/{'&' * 1900}", title=title,
                     categories=(title,))
        for number, title in enumerate(["<" * 1000, "ש" * 1000, "&'\"" * 333] * 10)
    ]  # fmt: skip
    plain = [
        Subscription(
            f"plain-{number}", f"https://plain{number}.example/feed.xml", title=f"{number}"
        )
        for number in range(30)
    ]
    return {feed.name: feed for feed in [*long, *plain]}


@pytest.fixture(scope="module")
def long_feeds(tmp_path_factory) -> Site:
    """Return a site of feeds whose names, addresses and errors are long, and of usual ones."""
    site = Site(tmp_path_factory.mktemp("feeds"))
    subscribed = kinds_of_feeds()
    site.subscribe(*subscribed.values())
    for number, name in enumerate(subscribed):
        is_long = not name.startswith("plain")
        error = "<&" * 900 if is_long else "502 Bad Gateway"
        head = FeedHead(title="x", site_url=f"https://s.example/{'&' * 1900 if is_long else ''}")
        site.record(name, entry(number, guid=f"g{number}"), head=head)
        if number % 2:
            site.record(name, outcome=Outcome.FAILED, error=error, next_reason=error, failures=1)
    with site.engine.begin() as connection:  # as many polls as a page shows
        of_long_feeds = select(feeds.c.id).where(feeds.c.name.not_like("plain%"))
        last = connection.execute(
            select(polls).where(polls.c.slot == 0, polls.c.feed_id.in_(of_long_feeds))
        ).mappings()
        more = [{**poll, "slot": slot} for poll in last for slot in range(2, POLLS_KEPT)]
        connection.execute(insert(polls), more)
        connection.execute(update(feeds).values(polls=POLLS_KEPT))
    return site


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "language", "budget"),
    [
        *(("/status", "ja", budget) for budget in (1, 30_000, 200_000, page_contents.PAGE_BUDGET)),
        ("/status", "en", 30_000),
        ("/sources", "en", 1),
        ("/sources", "en", 200_000),
    ],
)
def test_every_page_of_all_feeds_keeps_its_budget_and_none_loses_a_feed(
    long_feeds, monkeypatch, path, language, budget
):
    monkeypatch.setattr(page_contents, "PAGE_BUDGET", budget)
    client = create_app(long_feeds.config, long_feeds.engine).test_client()  # with an empty cache
    url: str | None = path
    shown: list[str] = []
    while url:
        page = HtmlPage(client.get(url, headers={"Accept-Language": language}).text)
        cells = [cell for cell in page.all("th") if cell.get("scope") == "row"]
        links = [link for cell in cells for link in cell if link.get("href")]
        assert len(page.text.encode()) < max(budget, 20_000) + 20_000  # one feed, and the head
        shown += [str(link.get("href")) for link in links]
        url = next((a.get("href") for a in page.all("a") if a.get("rel") == "next"), None)

    assert sorted(shown) == sorted(f"/source/{name}" for name in kinds_of_feeds())


@pytest.mark.slow
def test_the_list_of_subscriptions_has_every_feed_and_a_bounded_part_of_each(long_feeds):
    data = long_feeds.client.get("/sources.opml").data

    addresses = [outline.get("xmlUrl") for outline in ET.fromstring(data).iter("outline")]
    feeds = kinds_of_feeds()
    assert sorted(filter(None, addresses)) == sorted(feed.url for feed in feeds.values())
    assert len(data) < 30_000 * len(feeds)
