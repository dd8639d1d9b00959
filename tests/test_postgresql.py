"""What the tests say of the database holds on PostgreSQL, too: they run on it once more."""

import asyncio
import contextlib
import itertools
import os
import socket
import socketserver
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
import yaml
from sqlalchemy import create_engine, event, make_url, select, text

from aggregator.database import DatabaseWriter, DBAPIError, engine, is_passing, open_database
from aggregator.database.clock import has_clock_of_machine
from aggregator.database.engine import HEAD, is_up_to_date, open_unchanged
from aggregator.database.feeds import write_clock_shift, write_leases, write_polls
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.lists import read_lists, write_relisting
from aggregator.database.migrations.run import upgrade
from aggregator.database.schema import feeds, state
from aggregator.database.state import read_overview
from aggregator.database.writer import run_after_reading
from aggregator.errors import DatabaseError
from aggregator.model import FeedHead, FeedRules, HostPause, ListKind, ListScope, Subscription
from aggregator.poll import PollResult, recording
from aggregator.poll.poll_clock import PollClock
from aggregator.poll.slots import Slots
from aggregator.poll.storage_queue import StorageQueue
from tests import postgresql
from tests.replay import Post, feed
from tests.running import eventually
from tests.selection import OTHER_DATABASE
from tests.test_lists import Lists, agree, only, post
from tests.worlds import NOW, SETTINGS, entry, poll_of, record, subscribe

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    with postgresql.server() as url:
        yield url


@pytest.mark.parametrize(
    "names",
    [
        "row_arrays store store_entries store_subscriptions query counters feed_status columns",
        "stories_listed costly_searches web_search replay replay_dates word_index search_agreement",
        "plan plan_database feed_names views web_hidden web_post lists",
        "picture_stage picture_failures picture_retention store_opml_lists page_polls",
        "episodes health_feed metrics",
    ],
)
def test_on_postgresql_the_program_does_the_same(server, names):
    files = [f"tests/test_{name}.py" for name in names.split()]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *files],
        env={**os.environ, OTHER_DATABASE: server},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
    assert " passed" in run.stdout


def test_an_older_postgresql_database_is_brought_up_with_what_is_in_it(server):
    database = create_engine(postgresql.new_url(server))
    with database.begin() as connection:
        upgrade(connection, to="0001")
        connection.exec_driver_sql(
            "INSERT INTO feeds (id, name, url, host, interval, subscribed, title, subtitle, "
            "format, polls, entries, failures, gone) VALUES (1, 'a', 'https://www.example.org/', "
            "'www.example.org', 1, true, '', '', '', 1, 1, 0, false)"
        )
        connection.exec_driver_sql(
            "INSERT INTO entries (id, feed_id, listed, identity, content_hash, record_hash, "
            "public_id, title, summary, first_seen_at, changed_at, guid, url) VALUES "
            r"(7, 1, true, '\x00', '\x01', '\x00', 'a:1', 'Harbour', 'At dawn', 0, 0, 'g', "
            "'https://example.org/1')"
        )
        connection.exec_driver_sql(
            "INSERT INTO contents VALUES (7, '<p>Gulls &amp; <b>tr</b>awlers</p>')"
        )
    database.dispose()

    database = open_database(database.url.render_as_string(hide_password=False))

    with database.connect() as connection:
        for search in ("harbour", "dawn", "trawlers", "harbour gulls"):
            found = read_lists.entries_page(
                connection, limit=9, scope=ListScope(ListKind.SEARCH, search)
            ).entries
            assert [one.id for one in found] == [7], search
        counted = read_overview.overview(connection)
        keys = connection.exec_driver_sql("SELECT entry_id FROM entry_keys").scalars().all()
    database.dispose()
    assert counted.posts == 1
    assert keys == [7, 7, 7]


@pytest.mark.parametrize("revision", [None, "0021"])
def test_of_two_processes_that_start_on_one_database_the_second_waits_for_the_tables(
    server, revision
):
    first = create_engine(postgresql.new_url(server))
    if revision:
        with first.begin() as connection:
            upgrade(connection, to=revision)
    place = first.url.render_as_string(hide_password=False)
    with ThreadPoolExecutor(1) as threads:
        with first.begin() as connection:
            upgrade(connection, to=HEAD)
            second = threads.submit(open_database, place)
            wait_for_a_lock(first)
        database = second.result()

    subscribe(database, Subscription("a", "https://a.example/feed", name_given=True))
    assert record(database, "a", [entry(1)]).new == 1
    database.dispose()
    first.dispose()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
@pytest.mark.parametrize("open_it", [open_database, is_up_to_date, open_unchanged])
def test_a_database_of_another_encoding_is_refused_in_one_line(server, encoding, open_it):
    place = postgresql.new_url(server, options=f"ENCODING '{encoding}' LOCALE 'C'")

    with pytest.raises(DatabaseError, match=f"has the encoding {encoding}.*createdb --encoding"):
        open_it(place)


def test_a_reader_keeps_prepared_statements_and_plans_searches_for_their_words(server):
    writer = postgresql.new_database(server)
    reader = open_database(writer.url.render_as_string(hide_password=False), read_only=True)
    kept = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%list_members%'")
    mode = text("SHOW plan_cache_mode")
    for _ in range(8):
        with reader.connect() as connection:
            read_lists.entries_page(connection, limit=40)

    with reader.connect() as connection:
        assert connection.scalar(kept) == 1
        assert connection.scalar(mode) == "auto"
        search = ListScope(ListKind.SEARCH, "ferry")
        read_lists.entries_page(connection, limit=40, scope=search)
        assert connection.scalar(mode) == "force_custom_plan"
    with reader.connect() as connection:
        assert connection.scalar(mode) == "auto"
    reader.dispose()


def test_a_reader_of_postgresql_can_not_write_and_sees_one_moment(server):
    database = postgresql.new_database(server)
    place = database.url.render_as_string(hide_password=False)
    subscribe(database, Subscription("a", "https://a.example/feed", name_given=True))
    reader = open_database(place, read_only=True)

    with reader.connect() as connection:
        before = read_lists.entries_page(connection, limit=9).entries
        record(database, "a", [entry(1)])
        assert read_lists.entries_page(connection, limit=9).entries == before == ()
    with reader.connect() as connection:
        assert len(read_lists.entries_page(connection, limit=9).entries) == 1
        with pytest.raises(DBAPIError, match="read-only"):
            connection.exec_driver_sql("UPDATE state SET version = 5")
    reader.dispose()


FIRST = {
    "one": partial(write_leases.lease_due, limit=1, per_host=2),
    "few": partial(write_leases.lease_due, per_host=2),
    "due": write_leases.lease_due,
    "all": partial(write_leases.lease_named, names=None),
}


@pytest.mark.parametrize("first", FIRST)
def test_feeds_of_one_host_are_one_processs_also_if_two_lease_at_nearly_the_same_time(
    server, first
):
    database = postgresql.new_database(server)
    names = [f"f{number}" for number in range(8)]
    subscribe(database, *(Subscription(name, f"https://a.example/{name}") for name in names))

    def take(owner, lease):
        return partial(lease, owner=owner, now=NOW, until=NOW + timedelta(minutes=2))

    second = take("second", partial(write_leases.lease_due, limit=9, per_host=2))
    for at in itertools.count(1):
        with meanwhile(database, take("first", FIRST[first]), after=at) as others:
            in_one(database, second)
        if not others:
            break
        with database.begin() as connection:
            holders = write_leases.lease_owners(connection)
            for owner in holders:
                write_leases.release_leases(connection, owner=owner)
        assert len(holders) == 1, (at, holders)
    assert at > 3


def test_a_poll_with_news_and_one_without_do_not_wait_for_each_other(server):
    database = postgresql.new_database(server)
    names = ["a", "b"]
    subscribe(database, *(Subscription(name, f"https://{name}.example/") for name in names))
    pause = HostPause("shared.example", NOW)
    with_news, without_news = [record(database, name, pauses=(pause,)) for name in names]
    result = replace(without_news.result, head=None)
    without_news = replace(without_news, result=result)

    with ThreadPoolExecutor() as pool:
        with database.begin() as connection:
            note_change(connection)  # it brought news
            other = pool.submit(in_one, database, partial(write, without_news, pause))
            wait([other], timeout=0.3)  # until it waits
            write(with_news, pause, connection)
        other.result()


def write(report, pause, connection):
    locked = write_polls.lock_polls(connection, [report.feed], checked_at=NOW)
    write_polls.record_polls(locked, [report], [pause])


def test_the_server_of_these_tests_has_the_clock_of_this_machine(server):
    with postgresql.new_database(server).connect() as connection:
        assert has_clock_of_machine(connection)


def test_two_processes_that_notice_a_set_clock_move_the_schedule_once(server):
    database = postgresql.new_database(server)
    subscribe(database, Subscription("a", "https://a.example/"))
    at = record(database, "a").next_poll.at
    step = timedelta(hours=1)

    def look(connection, started_at=NOW, now=NOW + step):
        return write_clock_shift.follow_clock(connection, boot="b", started_at=started_at, now=now)

    in_one(database, partial(look, started_at=NOW - step, now=NOW))
    with ThreadPoolExecutor() as pool:
        with database.begin() as connection:
            steps = [look(connection)]
            other = pool.submit(in_one, database, look)
            wait_for_a_lock(database)
        steps.append(other.result())

    with database.connect() as connection:
        (moved,) = connection.execute(select(feeds.c.next_poll_at)).one()
    assert steps == [step, timedelta(0)]
    assert moved == at + step


@pytest.mark.parametrize("news", [True, False])
@pytest.mark.parametrize("first", ["poll", "clock"])
def test_a_poll_and_a_set_clock_do_not_wait_for_each_other(server, first, news):
    database = postgresql.new_database(server)
    subscribe(database, Subscription("a", "https://a.example/"))
    pause = HostPause("a.example", NOW)
    report = record(database, "a", pauses=(pause,))
    result = replace(report.result, head=None)
    report = replace(report, result=result, updated=int(news))
    hours = itertools.count()

    def follow(connection):
        at = NOW + timedelta(hours=next(hours))
        write_clock_shift.follow_clock(connection, boot="b", started_at=at, now=at)

    store = partial(write, report, pause)
    one, other = (store, follow) if first == "poll" else (follow, store)
    in_one(database, follow)
    for at in itertools.count(1):
        with meanwhile(database, other, after=at) as others:
            in_one(database, one)
        if not others:
            break
    assert at > 3


def test_a_relisting_and_a_poll_at_the_same_time_list_what_they_would_one_after_the_other(server):
    lists = Lists(postgresql.new_database(server))
    lists.follow(only(FeedRules(per_day=3)))
    lists.poll("a", *(post(number, "sale") for number in range(4)))

    async def relist():
        writer = DatabaseWriter(lists.database)
        try:
            while None is not await writer.transact_after_reading(
                partial(write_relisting.relist_batch, limit=500, now=lists.now)
            ):
                pass
        finally:
            writer.stop()

    for at in itertools.count(1):
        lists.follow(only(FeedRules(per_day=3), hide="sale" if at % 2 else None))
        poll = poll_of(lists.database, "a", [post(3 + at, "sale"), post(2)], now=lists.now)
        store = partial(recording.record, polls=[poll], settings=SETTINGS, now=lists.now)
        with meanwhile(lists.database, store, after=at) as others:
            asyncio.run(relist())
        if not others:
            break
        agree(lists)
    assert at > 10


def in_one(database, work):
    with database.begin() as connection:
        return work(connection)


@contextlib.contextmanager
def meanwhile(database, work, *, after):
    """Do `work` in a transaction of its own after so many statements of others, till it waits."""
    seen, begun = 0, []

    def step(*_):
        nonlocal seen
        seen += 1
        if seen == after:
            begun.append(pool.submit(in_one, database, work))
            eventually(lambda: begun[0].done() or waits_for_a_lock(database))

    with ThreadPoolExecutor() as pool:
        event.listen(database, "after_cursor_execute", step)
        try:
            yield begun
        finally:
            event.remove(database, "after_cursor_execute", step)
        for task in begun:
            task.result()


def test_two_processes_that_store_posts_of_one_moment_store_both(server):
    database = postgresql.new_database(server)
    names = ("a", "b")
    subscribe(
        database,
        *(Subscription(name, f"https://{name}.example/", name_given=True) for name in names),
    )
    record(database, "a", [entry(9)])  # what the first post of all writes they do not write
    one, other = (poll_of(database, name, [entry(5, guid=name, url=None)]) for name in names)

    async def run() -> PollResult:
        writer, clock = DatabaseWriter(database), PollClock()
        queue = StorageQueue(writer, SETTINGS, Slots(1, clock), clock)
        storing = asyncio.create_task(queue.run())
        with database.connect() as first:
            recording.record(first, [one], SETTINGS, now=NOW)
            stored = await queue.enqueue(other)
            await asyncio.to_thread(wait_for_a_lock, database)
            first.commit()
        try:
            return await stored
        finally:
            storing.cancel()
            writer.stop()

    result = asyncio.run(run())

    with database.connect() as connection:
        listed = read_lists.entries_page(connection, limit=9).entries
    assert (result.error, result.new) == (None, 1)
    assert sorted(found.source.name for found in listed) == ["a", "a", "b"]


def test_a_feed_that_is_named_while_another_process_reads_the_file_stays_one_feed(server):
    """The file is compared before the name is stored, and written after it."""
    database = postgresql.new_database(server)
    unnamed = Subscription("blog-example", "https://blog.example/feed", named_by_title=True)
    subscribe(database, unnamed)
    poll = poll_of(database, "blog-example", [entry(1)], head=FeedHead(title="The Blog"))

    with ThreadPoolExecutor(1) as other_process, database.connect() as connection:
        recording.record(connection, [poll], SETTINGS, now=NOW)
        reading = other_process.submit(subscribe, database, replace(unnamed, paused=True))
        wait_for_a_lock(database)
        connection.commit()
        reading.result(60)

    with database.connect() as connection:
        rows = connection.execute(
            select(feeds.c.name, feeds.c.subscribed, feeds.c.paused, feeds.c.entries)
        ).all()
    assert rows == [("the-blog", True, True, 1)]


def test_two_processes_give_feeds_with_one_title_two_names(server):
    database = postgresql.new_database(server)
    names = ("a-example", "b-example")
    subscribe(
        database,
        *(Subscription(name, f"https://{name}/", named_by_title=True) for name in names),
    )
    polls = [poll_of(database, name, [], head=FeedHead(title="The Blog")) for name in names]

    with ThreadPoolExecutor(1) as other_process, database.connect() as connection:
        recording.record(connection, polls[:1], SETTINGS, now=NOW)
        storing = other_process.submit(
            run_after_reading,
            database,
            lambda writing: recording.record(writing, polls[1:], SETTINGS, now=NOW),
        )
        wait_for_a_lock(database)
        connection.commit()
        (report,) = storing.result(60)

    with database.connect() as connection:
        first, second = connection.scalars(select(feeds.c.name).order_by(feeds.c.id)).all()
    assert first == "the-blog"
    assert second.startswith("the-blog-")
    assert report is not None
    assert report.feed.name == second


def wait_for_a_lock(database):
    eventually(lambda: waits_for_a_lock(database))


def waits_for_a_lock(database):
    with database.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))


def test_a_process_that_vanishes_in_a_transaction_keeps_others_waiting_for_a_limited_time(
    server, monkeypatch
):
    monkeypatch.setattr(engine, "MAX_IDLE", timedelta(milliseconds=100))
    database = postgresql.new_database(server)

    async def run() -> None:
        writer = DatabaseWriter(database)
        vanished = database.connect()
        try:
            vanished.execute(select(state.c.version).with_for_update())
            await asyncio.wait_for(writer.transact(note_change), 60)
            with pytest.raises(DBAPIError) as caught:
                vanished.execute(select(state.c.version))
            assert is_passing(caught.value)
        finally:
            vanished.close()
            writer.stop()

    asyncio.run(run())


class _Forwarder(socketserver.BaseRequestHandler):
    """Passes on what comes over TCP to the server's socket of the system, and back."""

    def handle(self):
        with socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(self.server.path)
            back = threading.Thread(target=_pass_on, args=(upstream, self.request))
            back.start()
            _pass_on(self.request, upstream)
            back.join()


def _pass_on(source, target):
    while piece := source.recv(65_536):
        target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def test_a_connection_over_tcp_notices_that_the_server_has_vanished(server):
    place = make_url(postgresql.new_url(server))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Forwarder) as forwarder:
        forwarder.path = f"{place.query['host']}/.s.PGSQL.5432"
        threading.Thread(target=forwarder.serve_forever, daemon=True).start()
        over_tcp = place.set(
            host="127.0.0.1",
            port=forwarder.server_address[1],
            query={"keepalives_interval": "7"},
        )
        database = open_database(over_tcp.render_as_string(hide_password=False))
        with database.connect() as connection:
            descriptor = os.dup(connection.connection.dbapi_connection.fileno())
            with socket.socket(fileno=descriptor) as client:
                options = {
                    name: client.getsockopt(level, getattr(socket, name))
                    for level, name in (
                        (socket.SOL_SOCKET, "SO_KEEPALIVE"),
                        (socket.IPPROTO_TCP, "TCP_KEEPIDLE"),
                        (socket.IPPROTO_TCP, "TCP_KEEPINTVL"),
                        (socket.IPPROTO_TCP, "TCP_KEEPCNT"),
                        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT"),
                    )
                }
        database.dispose()
        forwarder.shutdown()

    assert options == {
        "SO_KEEPALIVE": 1,
        "TCP_KEEPIDLE": 30,
        "TCP_KEEPINTVL": 7,  # as the URL says
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": 60_000,
    }


def test_a_writer_waits_no_longer_for_a_lock_than_a_stop_may_take(server):
    database = postgresql.new_database(server)

    async def run() -> None:
        writer = DatabaseWriter(database, max_wait=timedelta(0))
        try:
            with database.connect() as first, pytest.raises(DBAPIError, match="lock timeout"):
                first.execute(select(state.c.version).with_for_update())
                await asyncio.wait_for(writer.transact(note_change), 60)
        finally:
            writer.stop()

    asyncio.run(run())


def test_the_commands_poll_and_export_with_postgresql(server, tmp_path):
    (tmp_path / "feed.xml").write_bytes(feed(Post("Harbour", guid="1"), Post("Gulls", guid="2")))
    config = {"database": postgresql.new_url(server), "feeds": ["feed.xml"]}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))

    def aggregator(*words):
        return subprocess.run(
            [sys.executable, "-m", "aggregator", *words, "-c", str(tmp_path / "config.yaml")],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    polled = [aggregator("poll", "--all") for _ in range(2)]
    aggregator("export", str(tmp_path / "site"))

    assert "2 new" in polled[0]
    assert "new" not in polled[1]
    assert "Harbour" in (tmp_path / "site" / "index.html").read_text()
    assert "Gulls" in (tmp_path / "site" / "feed.atom").read_text()
