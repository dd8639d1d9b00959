"""The pipeline on a real server, a real database and real worker processes."""

import asyncio
import contextlib
import errno
import gc
import gzip
import itertools
import socket
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ExceptionContext, event
from sqlalchemy.exc import OperationalError

from aggregator.database import Connection, DBAPIError
from aggregator.database.entries import write_retention
from aggregator.database.feeds import read_health, write_leases, write_subscriptions
from aggregator.database.lists import read_lists
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.model import (
    DueFeed,
    Failure,
    FailureKind,
    FeedHealth,
    Fetched,
    ListKind,
    ListScope,
    Outcome,
    Subscription,
    Validators,
)
from aggregator.poll import Poller, PollResult, PollSettings
from aggregator.poll.reports import CompletedPoll
from aggregator.poll.storage_queue import StorageQueue, UnstoredPoll
from aggregator.runtime.worker_pool import Workers
from aggregator.runtime.worker_process import WorkerProcess
from aggregator.urls import site_of
from tests.feedserver import FeedServer
from tests.pollers import pollers, polling
from tests.running import eventually, rss
from tests.skipping_clock import SkippingClock
from tests.worlds import new_database, only_sqlite

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


def items(*numbers: int) -> list[tuple[str, str, datetime | None]]:
    return [(f"p{number}", f"Post {number}", NOW - number * HOUR) for number in numbers]


class World:
    """A database, a server of feeds, and polls between them."""

    def __init__(self, folder: Path, server: FeedServer) -> None:
        self.database = new_database(folder)
        self.server = server
        self.settings = PollSettings(
            fetch=FetchSettings(
                user_agent="test",
                allow=("127.0.0.1",),
                files=folder,
                timeout=timedelta(seconds=3),
            ),
            authority="example.org",
            host_delay=timedelta(0),
        )

    def subscribe(self, *paths: str) -> None:
        subscriptions = [
            Subscription(path.strip("/"), self.server.url(path), name_given=True) for path in paths
        ]
        with self.database.begin() as connection:
            write_subscriptions.sync_subscriptions(connection, subscriptions, now=NOW)

    def poll(self, **options: Any) -> dict[str, PollResult]:
        """Poll every feed once, due or not."""

        async def run() -> list[PollResult | None]:
            async with polling(self.database, self.settings, **options) as poller:
                due = await poller.transact(
                    lambda connection: write_leases.lease_named(
                        connection, owner="t", now=NOW, until=NOW + HOUR, names=None
                    )
                )
                return await asyncio.gather(*(poller.poll(feed) for feed in due))

        return {result.feed: result for result in asyncio.run(run()) if result}

    def titles(self) -> list[str]:
        with self.database.connect() as connection:
            return [
                entry.title for entry in read_lists.entries_page(connection, limit=1000).entries
            ]

    def health(self, name: str) -> FeedHealth:
        with self.database.connect() as connection:
            health = read_health.feed(connection, name, now=NOW)
        assert health is not None
        return health


@pytest.fixture
def world(tmp_path):
    with FeedServer() as server:
        made = World(tmp_path, server)
        yield made
        made.database.dispose()


def test_a_feed_is_fetched_read_stored_and_asked_again_with_its_validators(world):
    world.server.put("/a", rss(items(1, 2)), etag='W/"odd, \\"1"', last_modified="yesterday")
    world.subscribe("/a")

    first, second = world.poll()["a"], world.poll()["a"]

    assert (first.outcome, first.status, first.new) == (Outcome.NEW, 200, 2)
    assert (second.outcome, second.status, second.new) == (Outcome.UNCHANGED, 304, 0)
    one, two = world.server.requests_to("/a")
    assert "if-none-match" not in one.headers
    assert two.headers["if-none-match"] == 'W/"odd, \\"1"'
    assert two.headers["if-modified-since"] == "yesterday"
    assert world.titles() == ["Post 1", "Post 2"]


def test_both_validators_are_replaced_on_every_200_even_if_the_body_is_the_same(world):
    world.server.put("/a", rss(items(1)), etag='"1"', last_modified="one")
    world.subscribe("/a")
    world.poll()
    world.server.put("/a", rss(items(1)), etag='"2"')
    result = world.poll()["a"]
    world.poll()

    last = world.server.requests_to("/a")[-1]
    assert (result.status, result.outcome) == (200, Outcome.UNCHANGED)
    assert last.headers["if-none-match"] == '"2"'
    assert "if-modified-since" not in last.headers


def test_a_new_entry_is_first_and_an_edited_one_stays_where_it_is(world):
    world.server.put("/a", rss(items(1, 2)))
    world.subscribe("/a")
    world.poll()
    edited = [*items(0), ("p1", "Post 1", NOW - HOUR), ("p2", "Corrected", NOW)]
    world.server.put("/a", rss(edited))

    result = world.poll()["a"]

    assert (result.new, result.updated) == (1, 1)
    assert world.titles() == ["Post 0", "Post 1", "Corrected"]


def test_a_first_document_without_dates_does_not_stand_above_a_feed_that_has_some(world):
    undated = [(f"u{number}", f"Undated {number}", None) for number in range(3)]
    sent_at = NOW - 3 * HOUR
    world.server.put("/a", rss(items(1, 2)))
    world.server.put("/b", rss(undated), last_modified=format_datetime(sent_at, usegmt=True))
    world.subscribe("/a", "/b")
    world.poll()
    with world.database.connect() as connection:
        listed = read_lists.entries_page(connection, limit=10).entries

    assert [entry.title for entry in listed] == [
        "Post 1", "Post 2", "Undated 0", "Undated 1", "Undated 2",
    ]  # fmt: skip
    assert [(sent_at - entry.listed_at).days for entry in listed[2:]] == [0, 1, 2]


def test_a_feed_that_fails_keeps_its_entries_and_the_others_go_on(world):
    world.server.put("/a", rss(items(1)))
    world.server.put("/b", rss([("b", "B", NOW)]))
    world.subscribe("/a", "/b")
    world.poll()
    world.server.put("/a", "<html>Log in</html>", etag='"login"')
    world.server.put("/b", rss([("b", "B", NOW), ("c", "C", NOW)]))

    results = world.poll()

    assert results["a"].error == "not a feed but a web page (HTML)"
    assert results["b"].new == 1
    assert "Post 1" in world.titles()
    health = world.health("a")
    assert (health.failures, health.error) == (1, "not a feed but a web page (HTML)")
    assert health.failure == Failure(FailureKind.WEB_PAGE, 200)
    assert [poll.outcome for poll in health.polls] == [Outcome.NEW, Outcome.FAILED]
    world.poll()
    assert "if-none-match" not in world.server.requests_to("/a")[-1].headers


def test_a_success_ends_a_row_of_failures(world):
    world.subscribe("/a")
    assert world.poll()["a"].error == "404 Not Found"
    world.poll()
    assert world.health("a").failures == 2
    assert world.health("a").failure == Failure(FailureKind.NOT_FOUND, 404)
    world.server.put("/a", rss(items(1)))

    world.poll()

    health = world.health("a")
    assert (health.failures, health.failing_since, health.error) == (0, None, None)
    assert health.failure is None


def test_a_pause_and_a_410_are_kept(world):
    world.server.put("/a", status=429, headers={"Retry-After": "7200"})
    world.server.put("/b", status=410)
    world.subscribe("/b", "/a")

    results = world.poll()

    assert results["a"].outcome is Outcome.POSTPONED
    assert results["b"].outcome is Outcome.GONE
    assert results["b"].next_poll_at is None
    assert world.poll() == {}
    assert len(world.server.requests) == 2


def test_a_410_behind_a_redirect_is_a_failure_and_not_the_end(world):
    world.server.redirect("/a", world.server.url("/b"))
    world.server.put("/b", status=410)
    world.subscribe("/a")

    result = world.poll()["a"]

    assert (result.outcome, result.status) == (Outcome.FAILED, 410)
    assert result.next_poll_at is not None


def test_an_empty_answer_deletes_nothing(world):
    world.server.put("/a", rss(items(1, 2)))
    world.subscribe("/a")
    world.poll()
    for body in (rss([]), b"", b"  \n"):
        world.server.put("/a", body)
        world.poll()

    assert world.titles() == ["Post 1", "Post 2"]


def test_a_feed_in_a_202_is_stored_and_a_page_in_one_is_an_error(world):
    world.server.put("/a", rss(items(1, 2)), status=202)
    world.subscribe("/a")

    first, second = world.poll()["a"], world.poll()["a"]
    world.server.put("/a", "<!doctype html><script>prove()</script>", status=202)
    third = world.poll()["a"]

    assert (first.outcome, first.status, first.new) == (Outcome.NEW, 202, 2)
    assert (second.outcome, second.error) == (Outcome.UNCHANGED, None)
    assert (third.outcome, third.error) == (Outcome.FAILED, "not a feed but a web page (HTML)")
    assert world.titles() == ["Post 1", "Post 2"]


def test_an_id_that_two_feeds_use_is_published_as_two(world):
    world.server.put("/a", rss([("http://same.example/1", "A", NOW)]))
    world.subscribe("/a")
    world.poll()
    world.server.put("/b", rss([("http://same.example/1", "B", NOW)]))
    world.subscribe("/a", "/b")
    world.poll()

    with world.database.connect() as connection:
        ids = {
            entry.title: entry.public_id
            for name in "ab"
            for entry in read_lists.entries_page(
                connection, scope=ListScope(ListKind.SOURCE, name), limit=9
            ).entries
        }

    assert ids["A"] == "http://same.example/1"
    assert ids["B"].startswith("tag:example.org,")


def test_a_file_beside_the_configuration_is_a_feed(world, tmp_path):
    (tmp_path / "a.xml").write_bytes(rss(items(1)))
    with world.database.begin() as connection:
        write_subscriptions.sync_subscriptions(connection, [Subscription("file", "a.xml")], now=NOW)

    assert world.poll()["file"].new == 1
    assert world.poll()["file"].status == 304


def test_one_host_is_asked_one_thing_at_a_time_with_a_pause(world):
    for number in range(4):
        world.server.put(f"/{number}", rss(items(number)))
    world.settings = replace(world.settings, host_delay=HOUR)
    world.subscribe(*(f"/{number}" for number in range(4)))
    clock = SkippingClock()

    world.poll(clock=clock)

    times = sorted(clock.at(request.at) for request in world.server.requests)
    assert len(times) == 4
    assert min(b - a for a, b in itertools.pairwise(times)) >= 3600


def test_a_slow_feed_does_not_hold_up_the_others_of_other_hosts(world):
    def answer_late(connection: socket.socket) -> None:
        eventually(lambda: "Post 2" in world.titles())
        body = rss(items(1))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    world.server.raw("/slow", answer_late)
    world.subscribe("/slow")
    with FeedServer("127.0.0.1") as other:
        other.put("/fast", rss(items(2)))
        fast = Subscription("fast", other.url("/fast").replace("127.0.0.1", "localhost"))
        slow = Subscription("slow", world.server.url("/slow"))
        world.settings = replace(
            world.settings,
            fetch=replace(
                world.settings.fetch, allow=("127.0.0.1", "localhost"), timeout=timedelta(minutes=2)
            ),
        )
        with world.database.begin() as connection:
            write_subscriptions.sync_subscriptions(connection, [slow, fast], now=NOW)

        results = world.poll()

    assert {name: result.new for name, result in results.items()} == {"slow": 1, "fast": 1}


def test_the_pause_counts_from_the_request_also_if_that_had_to_wait_for_a_slot(world):
    world.server.put("/slow", rss(items(1)), delay=0.3)
    for path in ("/a", "/b"):
        world.server.put(path, rss(items(2)))
    world.settings = replace(
        world.settings,
        concurrency=1,
        host_delay=HOUR,
        fetch=replace(world.settings.fetch, allow=("127.0.0.1", "localhost")),
    )
    slow = world.server.url("/slow").replace("127.0.0.1", "localhost")
    feeds = [slow, world.server.url("/a"), world.server.url("/b")]
    with world.database.begin() as connection:
        write_subscriptions.sync_subscriptions(
            connection, [Subscription(str(n), url) for n, url in enumerate(feeds)], now=NOW
        )

    clock = SkippingClock()

    world.poll(clock=clock)

    a, b = (clock.at(world.server.requests_to(path)[0].at) for path in ("/a", "/b"))
    assert abs(b - a) >= 3600


def test_a_poller_that_succeeds_another_keeps_the_pauses(world):
    for path in ("/a", "/b"):
        world.server.put(path, rss(items(1)))
    world.subscribe("/a", "/b")
    settings = replace(world.settings, host_delay=HOUR)
    clock = SkippingClock()

    async def run() -> None:
        factory = pollers(world.database, clock=clock)
        async with factory.poller(settings) as first:
            a, b = await first.transact(leased)
            await first.poll(a)
        async with factory.poller(settings) as second:
            await second.poll(b)
        await factory.close()

    asyncio.run(run())

    a, b = (clock.at(request.at) for request in world.server.requests)
    assert b - a >= 3600
    assert world.health("b").error is None


def leased(connection: Connection) -> list[DueFeed]:
    return write_leases.lease_named(connection, owner="t", now=NOW, until=NOW + HOUR, names=None)


def test_the_zone_of_a_feed_is_judged_by_its_servers_clock(world):
    ahead = datetime.now(UTC) + 3 * HOUR
    item = f"<item><title>A</title><pubDate>{ahead:%Y-%m-%d %H:%M:%S}</pubDate></item>"
    body = f"<rss version='2.0'><channel>{item}</channel></rss>"
    for path, clock in (("/a", ahead), ("/b", datetime.now(UTC))):
        world.server.put(path, body, headers={"Date": format_datetime(clock, usegmt=True)})
    world.subscribe("/a", "/b")
    world.poll()

    with world.database.connect() as connection:
        found = read_lists.entries_page(connection, limit=9).entries

    published = {entry.source.name: entry.published_at for entry in found}
    assert published["a"] == ahead.replace(microsecond=0)
    assert published["b"] == ahead.replace(microsecond=0) - 3 * HOUR


def test_a_database_that_takes_nothing_is_an_error_and_not_the_end_of_the_writer(world):
    world.server.put("/a", rss(items(1)))
    world.subscribe("/a")

    async def run() -> PollResult:
        async with asyncio.timeout(60), polling(world.database, world.settings) as poller:
            (due,) = await poller.transact(leased)
            await poller.transact(lambda c: c.exec_driver_sql("ALTER TABLE polls RENAME TO gone"))
            with pytest.raises(DBAPIError, match="polls"):
                await poller.poll(due)
            await poller.transact(lambda c: c.exec_driver_sql("ALTER TABLE gone RENAME TO polls"))
            return await poller.poll(due)

    assert asyncio.run(run()).new == 1


class Queued:
    """What has come to the queue of polls that wait to be stored, and what left it together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.polls: list[CompletedPoll] = []
        self.batches: list[Sequence[UnstoredPoll]] = []
        enqueue, store = StorageQueue.enqueue, StorageQueue.store

        async def noted(queue: StorageQueue, poll: CompletedPoll) -> Any:
            self.polls.append(poll)
            return await enqueue(queue, poll)

        async def stored(queue: StorageQueue, batch: Sequence[UnstoredPoll]) -> None:
            self.batches.append(batch)
            await store(queue, batch)

        monkeypatch.setattr(StorageQueue, "enqueue", noted)
        monkeypatch.setattr(StorageQueue, "store", stored)

    async def poll(self, poller: Poller, due: DueFeed) -> asyncio.Task[PollResult]:
        """Return a poll that waits to be stored."""
        before = len(self.polls)
        task = asyncio.create_task(poller.poll(due))
        while len(self.polls) == before:
            await asyncio.sleep(0.01)
        return task


@pytest.fixture
def queued(monkeypatch):
    return Queued(monkeypatch)


@contextlib.asynccontextmanager
async def held_up(world: World, queued: Queued, poller: Poller) -> AsyncIterator[list[DueFeed]]:
    """Yield the due feeds but for `z`; what is polled meanwhile is stored together."""
    *others, last = sorted(await poller.transact(leased), key=lambda feed: feed.name)
    await poller.transact(lambda _connection: None)  # comes after what a poller does at its start
    with world.database.connect() as other:
        other.exec_driver_sql("SELECT 1")  # locks out every other writer
        first = await queued.poll(poller, last)
        while not queued.batches:
            await asyncio.sleep(0.01)
        yield others
    await first


@only_sqlite
def test_of_two_polls_under_one_lease_that_are_stored_together_the_second_does_not_count(
    world, queued
):
    world.server.put("/a", rss(items(1, 2)))
    world.server.put("/z", rss([]))
    world.subscribe("/a", "/z")
    world.poll()

    async def run() -> list[PollResult | None]:
        async with polling(world.database, world.settings) as poller:
            queued.batches.clear()
            async with held_up(world, queued, poller) as (due,):
                world.server.put("/a", rss([("p1", "Post one", NOW)]))
                first = await queued.poll(poller, due)
                world.server.put("/a", rss([("p2", "Post two", NOW)]))
                second = await queued.poll(poller, due)
            return await asyncio.gather(first, second)

    first, second = asyncio.run(run())
    assert first is not None
    assert (first.new, first.updated, second) == (0, 1, None)
    assert world.titles() == ["Post one", "Post 2"]


@only_sqlite
@pytest.mark.parametrize("room", [0, 4, 8])
def test_a_disk_that_is_full_while_polls_are_stored_one_by_one_is_no_documents_fault(
    world, queued, monkeypatch, room
):
    """With some statements it ends the whole transaction, not only what was tried in it."""
    monkeypatch.setattr("aggregator.database.writer._RETRY_WAITS", (0.05,))
    world.server.put("/a", rss([("bad", "Refused", NOW)]))
    world.server.put("/b", rss(items(*range(100))))
    world.server.put("/z", rss([]))
    world.subscribe("/a", "/b", "/z")
    with world.database.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refusal BEFORE INSERT ON entries WHEN new.title = 'Refused' "
            "BEGIN SELECT raise(ABORT, 'refused'); END"
        )
    told: list[str] = []

    @event.listens_for(world.database, "handle_error")
    def tell(context: ExceptionContext) -> None:
        if "locked" not in str(context.original_exception):  # the other process, at first
            told.append(str(context.original_exception))

    @event.listens_for(world.database, "begin")
    def fill(connection: Connection) -> None:
        is_full = told == ["refused"] * 2  # with both, and alone
        pages: int = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        most = pages + room if is_full else 1 << 30
        connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")

    async def run() -> list[PollResult]:
        async with polling(world.database, world.settings) as poller:
            async with held_up(world, queued, poller) as due:
                tasks = [await queued.poll(poller, feed) for feed in due]
            return await asyncio.gather(*tasks)

    bad, good = asyncio.run(run())

    assert bad.error == "its entries could not be stored; see the log"
    assert (good.new, good.error) == (100, None)
    assert told == ["refused", "refused", "database or disk is full"]


@pytest.mark.slow
@only_sqlite
def test_a_transaction_takes_so_many_entries_and_no_more(world, queued, monkeypatch):
    monkeypatch.setattr("aggregator.poll.recording.PART_SIZE", 1_000)
    paths = [f"/{number}" for number in range(6)]
    for path in paths:
        world.server.put(path, rss([(f"{path}-{n}", f"Post {n}", NOW) for n in range(300)]))
    world.subscribe(*paths, "/z")
    transactions: list[int] = []

    def count(_c: object, _cursor: object, statement: str, rows: list[object], *_: object) -> None:
        if statement.startswith("INSERT INTO entries "):
            transactions.append(len(rows))

    async def run() -> None:
        async with polling(world.database, world.settings) as poller:
            async with held_up(world, queued, poller) as due:
                tasks = [await queued.poll(poller, feed) for feed in due]
            await asyncio.gather(*tasks)

    event.listen(world.database, "before_cursor_execute", count)
    asyncio.run(run())

    assert sum(transactions) == 1800
    assert max(transactions) == 600  # the second feed goes over 500, so there is no third


def test_what_retention_deleted_is_not_new_again_when_its_feed_changes(world):
    texts = items(1, *(24 * day for day in range(40, 60)))
    world.server.put("/a", rss(texts))
    world.subscribe("/a")
    assert world.poll()["a"].new == 21
    month = timedelta(days=30)
    with world.database.begin() as connection:
        write_retention.delete_old(connection, before=NOW - month, min_entries=3)
    world.settings = replace(world.settings, keep=month, min_entries=3)
    edited = [(guid, f"{title}, edited", at) for guid, title, at in items(2, 3) + texts]
    world.server.put("/a", rss(edited))

    result = world.poll()["a"]

    assert (result.new, result.updated) == (2, 3)
    assert world.titles()[:3] == ["Post 1, edited", "Post 2, edited", "Post 3, edited"]


@pytest.mark.parametrize(("min_entries", "stored"), [(0, 1), (1, 1), (3, 3), (9, 6)])
def test_a_first_poll_stores_what_retention_would_keep(world, min_entries, stored):
    world.server.put("/a", rss(items(1, *(24 * day for day in range(40, 45)))))
    world.subscribe("/a")
    world.settings = replace(world.settings, keep=timedelta(days=30), min_entries=min_entries)

    assert world.poll()["a"].new == stored
    assert len(world.titles()) == stored


@pytest.mark.slow
@only_sqlite
def test_a_poller_without_much_patience_gives_a_locked_database_up(world):
    world.server.put("/a", rss(items(1)))
    world.server.put("/b", rss(items(2)))
    world.subscribe("/a", "/b")

    async def run() -> list[PollResult | BaseException]:
        patience = timedelta(seconds=0.5)
        async with polling(world.database, world.settings, max_wait=patience) as poller:
            due = await poller.transact(leased)
            with world.database.connect() as other:
                other.exec_driver_sql("SELECT 1")  # locks out every other writer
                polls = (poller.poll(feed) for feed in due)
                return await asyncio.gather(*polls, return_exceptions=True)

    assert [type(result) for result in asyncio.run(run())] == [OperationalError] * 2
    with world.database.begin() as connection:
        write_leases.release_leases(connection, owner="t")
    assert world.poll().keys() == {"a", "b"}


def test_an_error_that_nobody_foresaw_costs_one_feed_one_poll(world, monkeypatch, caplog):
    world.server.put("/a", rss(items(1)))
    world.server.put("/b", rss(items(2)))
    world.subscribe("/a", "/b")
    original = Fetcher.fetch

    async def fetch(self: Fetcher, url: str, validators: Validators, **more: Any) -> Fetched:
        if url.endswith("/a"):
            raise AssertionError
        return await original(self, url, validators, **more)

    monkeypatch.setattr(Fetcher, "fetch", fetch)

    results = world.poll()

    assert results["a"].error == "could not be polled; the log says why"
    assert (results["b"].new, results["b"].error) == (1, None)
    assert "Traceback" in caplog.text


def test_a_machine_that_can_start_no_process_blames_no_feed_and_polls_again(
    world, monkeypatch, caplog
):
    for name in "abc":
        world.server.put(f"/{name}", rss(items(1)))
    world.subscribe("/a", "/b", "/c")

    def no_room(_process: WorkerProcess, _max_memory: int) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(WorkerProcess, "__init__", no_room)
        results = world.poll(workers=lambda _settings: Workers(1))

    assert results == {}
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("no process that reads documents can be started: [Errno 11] Resource")
    assert line.endswith("unavailable; the feeds with new documents are polled again later")
    for name in "abc":
        health = world.health(name)
        assert (health.failures, health.error, health.polls) == (0, None, ())
        assert "could not start a process" in (health.next_reason or "")
        assert health.next_poll_at is not None
        assert health.next_poll_at > NOW + HOUR / 2
    assert {name: result.error for name, result in world.poll().items()} == dict.fromkeys("abc")


@pytest.mark.slow
def test_the_log_says_when_processes_can_be_started_again(world, monkeypatch, caplog):
    for name in "abc":
        world.server.put(f"/{name}", rss(items(1)))
    world.subscribe("/a", "/b", "/c")
    start, starts = WorkerProcess.__init__, itertools.count()

    def no_room_at_first(process: WorkerProcess, max_memory: int) -> None:
        if next(starts) < 2:  # a start is tried twice
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        start(process, max_memory)

    monkeypatch.setattr(WorkerProcess, "__init__", no_room_at_first)

    assert len(world.poll(workers=lambda _settings: Workers(1))) == 2
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert caplog.records[1].getMessage() == "processes that read documents can be started again"


@pytest.mark.slow
def test_no_document_waits_for_the_collector_of_garbage(world):
    """It comes seldom: what an error's frames or a parser hold would be there for long."""
    size = 900_000
    page = b"<html>" + b"x" * size
    world.server.put("/a", page)
    world.server.put("/b", page, status=500)
    world.server.put("/c", rss(items(1))[:-20] + page)
    world.server.put("/e", rss(items(1)))
    world.server.put("/d", gzip.compress(page)[:-9], headers=[("Content-Encoding", "gzip")])
    world.subscribe("/a", "/b", "/c", "/d", "/e")
    world.poll()
    world.server.put("/e", rss([("e", "x" * size, NOW)]))
    site_of("https://www.harbour.example/")  # loads a list of all public suffixes
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        errors = {name: result.error for name, result in world.poll().items()}
        world.server.close()  # what its threads still hold is not ours
        left, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()

    assert errors == {
        "a": "not a feed but a web page (HTML)",
        "b": "500 Internal Server Error",
        "c": None,
        "d": "the compressed answer is cut short",
        "e": None,
    }
    assert left < size / 2 < most
