"""The scheduler in this process, on a real server, a real database and real worker processes."""

import asyncio
import contextlib
import gc
import logging
import multiprocessing
import os
import sqlite3
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event, select

from aggregator import __version__
from aggregator import config as configuration
from aggregator.database import Engine, open_database
from aggregator.database.feeds import write_leases, write_subscriptions
from aggregator.database.lists import read_lists
from aggregator.database.schema import feeds, state
from aggregator.database.state import read_overview
from aggregator.poll import Poller
from aggregator.runtime import process_identity
from aggregator.scheduler import (
    PollRequest,
    Scheduler,
    config_follower,
    leases,
    local_dispatch,
    poll_once,
    poll_settings,
    polls_under_way,
    present_poller,
    service,
    timed_jobs,
)
from tests.cpu_time import cpu_seconds
from tests.feedserver import FeedServer
from tests.hubs import HOST, ask
from tests.pollers import CountingWorkers, new_scheduler, pollers
from tests.running import rss, trickle, write_config
from tests.worlds import sqlite_database

HOUR = timedelta(hours=1)
FAST = "{interval: 1s, host_delay: 0s, workers: 1, concurrency: 4, timeout: 10m}"


class World:
    """A folder with a config.yaml and its database, and a server of feeds."""

    def __init__(self, folder: Path, server: FeedServer) -> None:
        self.folder = folder
        self.server = server
        self.paths: list[str] = []
        self.config = self.write()
        self.database: Engine = sqlite_database(folder)

    def write(self, *paths: str, **settings: str) -> configuration.Config:
        """Write and read config.yaml."""
        urls = [self.server.url(path) for path in paths]
        return configuration.load(write_config(self.folder, urls, **({"poll": FAST} | settings)))

    def subscribe(self, *paths: str, delay: float = 0.0) -> None:
        """Serve feeds, and subscribe to them."""
        for path in paths:
            self.server.put(path, rss([(path, f"Post of {path}", datetime.now(UTC))]), delay=delay)
        self.config = self.write(*paths)
        with self.database.begin() as connection:
            write_subscriptions.sync_subscriptions(
                connection, self.config.feeds, now=datetime.now(UTC)
            )

    def leases(self) -> list[str]:
        with self.database.connect() as connection:
            return write_leases.lease_owners(connection)

    def titles(self) -> list[str]:
        with self.database.connect() as connection:
            return [entry.title for entry in read_lists.entries_page(connection, limit=100).entries]


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(local_dispatch, "TICK", 0.1)
    with FeedServer() as server:
        made = World(tmp_path, server)
        yield made
        made.database.dispose()


async def settled():
    """Let tasks that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(condition, *, within=60.0):
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)


async def stopped(scheduler, meanwhile):
    """Run a scheduler while `meanwhile` goes on, and stop it; fail if the stop waits for ever."""
    stop = asyncio.Event()
    running = asyncio.create_task(scheduler.run(stop))
    try:
        await meanwhile
    finally:
        stop.set()
        async with asyncio.timeout(60):
            await running


def problems(caplog):
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.slow
def test_a_stop_with_much_still_to_do_is_quiet_and_neither_begins_nor_ends_anything(world, caplog):
    def answer(connection):
        if len(world.server.requests) > 8:
            trickle(connection, world.server)
        body = rss([("a", "Post", datetime.now(UTC))])
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    paths = [f"/{number}" for number in range(60)]
    world.subscribe(*paths)
    for path in paths:
        world.server.raw(path, answer)
    scheduler = new_scheduler(world.config, world.database)
    made = 0

    async def meanwhile():
        nonlocal made
        await until(lambda: len(world.server.requests) > 8)
        made = len(world.server.requests)

    asyncio.run(stopped(scheduler, meanwhile()))

    assert len(world.server.requests) <= made + 1
    assert world.leases() == []
    assert problems(caplog) == []


@pytest.mark.slow
def test_a_stop_in_the_moment_in_which_jobs_are_due_is_quiet(world, caplog):
    world.subscribe("/a")

    async def run():
        stop = asyncio.Event()

        async def end():
            if world.titles() == ["Post of /a"]:
                stop.set()

        async def other():
            await settled()

        # All jobs begin at the same moment, and are due again at the same moments.
        jobs = {"other": (0.1, other), "end": (0.1, end), "one more": (0.1, other)}
        async with asyncio.timeout(60):
            await new_scheduler(world.config, world.database, jobs=jobs).run(stop)

    asyncio.run(run())

    assert problems(caplog) == []


def test_a_stop_in_the_moment_in_which_feeds_are_leased_begins_none(world, caplog):
    world.subscribe("/a", "/b")
    scheduler = new_scheduler(world.config, world.database)

    async def run():
        stop, loop, is_stopping = asyncio.Event(), asyncio.get_running_loop(), threading.Event()

        async def begin_to_stop():
            stop.set()
            await settled()
            is_stopping.set()

        @event.listens_for(world.database, "before_cursor_execute")
        def lease(_connection, _cursor, statement, *_):
            if statement.startswith("UPDATE feeds SET lease_owner=?, lease_until=? WHERE feeds.id"):
                asyncio.run_coroutine_threadsafe(begin_to_stop(), loop)
                is_stopping.wait(60)

        await scheduler.run(stop)

    asyncio.run(run())

    assert world.server.requests == []
    assert world.leases() == []
    assert problems(caplog) == []


def test_a_stop_does_not_wait_for_a_long_file_that_is_being_read(world, monkeypatch, caplog):
    world.subscribe("/a")
    is_reading, may_end, ended = threading.Event(), threading.Event(), []

    def load(_path):
        is_reading.set()
        may_end.wait(60)
        ended.append(True)
        return world.config

    async def meanwhile():
        scheduler.reload_now()
        await until(is_reading.is_set)

    monkeypatch.setattr(config_follower, "load", load)
    scheduler = new_scheduler(world.config, world.database)
    asyncio.run(stopped(scheduler, meanwhile()))

    assert ended == []
    may_end.set()
    assert problems(caplog) == []


def test_a_stop_ends_the_comparison_of_a_file_with_the_database_and_undoes_it(world, caplog):
    world.subscribe("/a")
    scheduler = new_scheduler(world.config, world.database)
    stop_seen = []

    async def run():
        stop, loop, is_stopping = asyncio.Event(), asyncio.get_running_loop(), threading.Event()

        async def begin_to_stop():
            stop.set()
            await settled()
            is_stopping.set()

        @event.listens_for(world.database, "before_cursor_execute")
        def look(_connection, _cursor, statement, *_):
            if statement.startswith("INSERT INTO feeds") and not is_stopping.is_set():
                asyncio.run_coroutine_threadsafe(begin_to_stop(), loop)
                stop_seen.append(is_stopping.wait(60))

        running = asyncio.create_task(scheduler.run(stop))
        world.write("/a", *(f"/new{number}" for number in range(20)))
        async with asyncio.timeout(60):
            await running

    asyncio.run(run())

    with world.database.connect() as connection:
        stored = connection.execute(select(feeds.c.url)).scalars().all()
    assert stop_seen == [True]
    assert stored == [world.server.url("/a")]
    assert world.leases() == []
    assert problems(caplog) == []


def test_what_was_read_before_a_single_poll_is_stopped_is_stored(world):
    world.subscribe("/a", "/slow")
    world.server.put("/slow", delay=60)

    async def run() -> None:
        workers = CountingWorkers()
        polling = asyncio.create_task(
            poll_once(
                world.config, world.database, PollRequest(),
                on_start=lambda _: None, on_result=lambda _: None,
                pollers=pollers(world.database, workers=lambda _settings: workers),
            )
        )  # fmt: skip
        await until(lambda: world.server.requests_to("/slow") and workers.count)
        await settled()
        polling.cancel()
        await asyncio.wait([polling])

    asyncio.run(run())

    assert world.titles() == ["Post of /a"]
    assert world.leases() == []


@pytest.mark.slow
def test_polls_that_wait_for_the_writer_when_the_program_stops_are_stored_or_put_off(
    world, caplog, monkeypatch
):
    """Most of them are put off: the writer needs longer than a stop waits for it."""
    names = [f"/{number}" for number in range(12)]
    world.subscribe(*names)
    world.config = world.write(*names, poll="{interval: 1h, host_delay: 0s, workers: 1}")
    with world.database.begin() as connection:
        write_subscriptions.sync_subscriptions(
            connection, world.config.feeds, now=datetime.now(UTC)
        )
    all_workers = [CountingWorkers(), CountingWorkers()]
    first, second = (
        new_scheduler(
            world.config,
            world.database,
            pollers=pollers(world.database, max_batch=1, workers=lambda _settings, w=workers: w),
        )
        for workers in all_workers
    )

    inserted, is_waited_for, is_given_up = [], threading.Event(), threading.Event()

    def slow(_connection, _cursor, statement, *_):
        if statement.startswith("INSERT INTO entries "):
            inserted.append(statement)
            if len(inserted) == 3:
                is_waited_for.set()
                is_given_up.wait(60)
            elif len(inserted) > 3:
                time.sleep(1)

    async def give_up(_poller):
        await until(is_waited_for.is_set)
        asyncio.get_running_loop().call_later(0.1, is_given_up.set)
        raise TimeoutError

    async def meanwhile():
        await until(lambda: all_workers[0].count > 10)
        await settled()

    event.listen(world.database, "before_cursor_execute", slow)
    with monkeypatch.context() as patch:
        for module in (leases, polls_under_way, present_poller):
            patch.setattr(module, "STOP_STEP", 60)
        patch.setattr(Poller, "drained", give_up)
        asyncio.run(stopped(first, meanwhile()))
    event.remove(world.database, "before_cursor_execute", slow)
    stored = len(world.titles())
    asyncio.run(stopped(second, asyncio.sleep(0.5)))

    assert 1 < stored < len(names)
    assert len(world.server.requests) == len(names)  # none was asked again
    assert len(world.titles()) == stored
    assert world.leases() == []
    assert problems(caplog) == []


@pytest.mark.slow
@pytest.mark.parametrize("locked_for", [0.5, 2.5, 4])
def test_a_stop_while_the_database_is_locked_does_not_wait_for_it(world, caplog, locked_for):
    world.subscribe("/a", "/b")
    scheduler = new_scheduler(world.config, world.database)
    other = sqlite3.connect(world.folder / "aggregator.db", isolation_level=None)

    async def meanwhile():
        await until(lambda: len(world.titles()) == 2)
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(locked_for)

    asyncio.run(stopped(scheduler, meanwhile()))

    other.close()  # only now
    assert not [record for record in problems(caplog) if record.exc_info]


@pytest.mark.slow
def test_a_lock_of_the_database_loses_nothing_and_is_said_now_and_then(world, caplog):
    world.subscribe("/a")
    scheduler = new_scheduler(world.config, world.database)
    other = sqlite3.connect(world.folder / "aggregator.db", isolation_level=None)

    async def meanwhile():
        await until(lambda: world.titles() == ["Post of /a"])
        other.execute("BEGIN IMMEDIATE")
        world.server.put("/a", rss([("new", "New", datetime.now(UTC))]))
        await asyncio.sleep(6)
        other.execute("ROLLBACK")
        await until(lambda: "New" in world.titles())

    asyncio.run(stopped(scheduler, meanwhile()))

    other.close()
    assert 1 <= len(caplog.records) < 12
    assert {record.name for record in problems(caplog)} == {"aggregator.database.outage_log"}


@pytest.mark.slow
def test_changed_headers_of_a_running_program_are_sent_from_the_next_poll_on(world, caplog):
    world.subscribe("/a")
    world.server.put("/a", rss([("a", "Post", datetime.now(UTC))]), etag='"1"')
    path = world.config.path
    text = path.read_text()
    feed = f"  - {{url: '{world.server.url('/a')}', interval: 1s, request: %s}}\n"

    def write(key):
        request = f"{{headers: {{X-Key: {key}}}}}"
        path.write_text(text.replace(f"  - {world.server.url('/a')}\n", feed % request))

    write("one")
    config = configuration.load(path)
    with world.database.begin() as connection:
        write_subscriptions.sync_subscriptions(connection, config.feeds, now=datetime.now(UTC))
    scheduler = new_scheduler(config, world.database)

    async def meanwhile():
        await until(lambda: len(world.server.requests) >= 2)
        write("two")
        await until(lambda: [*keys()].count("two") >= 2)

    def keys():
        return (request.headers.get("x-key") for request in world.server.requests)

    asyncio.run(stopped(scheduler, meanwhile()))

    sent = [*keys()]
    first = sent.index("two")
    assert sent == ["one"] * first + ["two"] * (len(sent) - first)
    validated = ["if-none-match" in request.headers for request in world.server.requests]
    assert (validated[1], validated[first], validated[first + 1]) == (True, False, True)
    assert problems(caplog) == []


def test_the_log_says_what_the_first_poll_brought_under_the_name_that_the_poll_gave(world, caplog):
    caplog.set_level(logging.INFO, "aggregator")
    world.subscribe("/a")
    scheduler = new_scheduler(world.config, world.database)

    async def meanwhile():
        await until(lambda: ": 1 new" in caplog.text)

    asyncio.run(stopped(scheduler, meanwhile()))

    renamed, brought = (
        next(text for text in caplog.messages if part in text)
        for part in ("is now called", ": 1 new")
    )
    assert brought.partition(":")[0] == renamed.rpartition(" ")[2]


@pytest.mark.slow
def test_a_feed_at_a_private_address_is_polled_as_soon_as_the_file_allows_its_host(world, caplog):
    caplog.set_level(logging.INFO, "aggregator")
    world.subscribe("/a")
    scheduler = new_scheduler(world.write("/a", network="{allow: []}"), world.database)

    async def meanwhile():
        await until(lambda: "is a private address" in caplog.text)
        world.write("/a")
        await until(world.titles)

    asyncio.run(stopped(scheduler, meanwhile()))

    assert world.titles() == ["Post of /a"]


@pytest.mark.slow
def test_other_settings_take_over_while_polls_go_on_and_nothing_stays_behind(world, caplog):
    caplog.set_level(logging.INFO, "aggregator")
    world.subscribe("/a")
    with FeedServer("127.0.0.2") as slow:
        slow.raw("/slow", partial(trickle, server=slow))
        path = world.config.path
        feeds = f"  - {slow.url('/slow')}\n"
        path.write_text(path.read_text().replace("[127.0.0.1]", "[127.0.0.0/8]") + feeds)
        config = configuration.load(path)
        with world.database.begin() as connection:
            write_subscriptions.sync_subscriptions(connection, config.feeds, now=datetime.now(UTC))
        scheduler = Scheduler(config, world.database)  # with workers of its own

        async def meanwhile():
            await until(lambda: slow.requests and world.titles())
            world.server.put("/b", rss([("b", "Post of /b", datetime.now(UTC))]))
            text = path.read_text().replace("concurrency: 4", "concurrency: 5")
            path.write_text(text + f"  - {world.server.url('/b')}\n")
            await until(lambda: "Post of /b" in world.titles())

        before = len(multiprocessing.active_children())
        asyncio.run(stopped(scheduler, meanwhile()))

    assert "reloaded: added " in caplog.text
    assert len(slow.requests) == 1
    assert world.leases() == []
    assert len(multiprocessing.active_children()) == before
    assert problems(caplog) == []


@pytest.mark.slow
def test_a_changed_file_with_20_000_feeds_is_taken_over_without_holding_up_the_loop(
    tmp_path, caplog
):
    caplog.set_level(logging.INFO, "aggregator")

    def write(category):
        feeds = [f"{{url: https://f{n}.example/x, category: {category}}}" for n in range(20_000)]
        return write_config(tmp_path, feeds)

    path = write("Old")
    reading = cpu_seconds(lambda: configuration.load(path), runs=1)
    config = configuration.load(path)
    database = open_database(config.database)
    with database.begin() as connection:
        write_subscriptions.sync_subscriptions(connection, config.feeds, now=datetime.now(UTC))
        connection.exec_driver_sql("UPDATE feeds SET next_poll_at = next_poll_at + 86400000000")
    gaps = []

    async def meanwhile():
        await asyncio.sleep(0.5)
        write("New")
        last = time.thread_time()
        while "19995 more" not in caplog.text:
            await asyncio.sleep(0.002)
            gaps.append(time.thread_time() - last)
            last += gaps[-1]

    asyncio.run(stopped(new_scheduler(config, database), meanwhile()))
    database.dispose()

    assert max(gaps) < reading / 2  # 0.03 s of the loop's CPU time; reading alone takes 0.4 s
    assert gc.isenabled()
    assert problems(caplog) == []


def test_the_first_mistake_of_a_file_is_stored_until_the_file_is_in_use_again(world, monkeypatch):
    monkeypatch.setattr(service, "_RELOAD", 0.1)
    world.subscribe("/a")
    scheduler = new_scheduler(world.config, world.database)
    path = world.config.path
    text = path.read_text()

    def problem() -> str | None:
        with world.database.connect() as connection:
            return read_overview.config_problem(connection)

    async def meanwhile():
        assert problem() is None
        path.write_text(f"timezone: Mars/Olympus\n{text}".replace("poll:", "pol:"))
        await until(lambda: problem() is not None)
        stored.append(problem() or "")
        path.write_text(f"{text}# mended\n")
        await until(lambda: problem() is None)

    stored: list[str] = []
    asyncio.run(stopped(scheduler, meanwhile()))

    assert stored[0].startswith(f"{path.name}:1:")
    assert "Mars/Olympus" in stored[0]


def test_the_log_says_that_another_rule_was_read(world, caplog, monkeypatch):
    monkeypatch.setattr(service, "_RELOAD", 0.1)
    caplog.set_level(logging.INFO, "aggregator")
    world.subscribe("/a")
    scheduler = new_scheduler(world.config, world.database)

    async def meanwhile():
        await until(lambda: world.titles() == ["Post of /a"])
        world.write("/a", hide="post")
        await until(lambda: world.titles() == [])

    asyncio.run(stopped(scheduler, meanwhile()))

    assert "reloaded: rules or views changed" in caplog.text


@pytest.mark.slow
def test_a_configuration_file_that_disappears_is_told_once_and_again_on_sighup(
    world, caplog, monkeypatch
):
    monkeypatch.setattr(service, "_RELOAD", 0.1)
    caplog.set_level(logging.INFO, "aggregator")
    world.subscribe("/a")
    scheduler = new_scheduler(world.config, world.database)
    path = world.config.path
    stays = "not loaded; still using the last valid version"

    async def meanwhile():
        await until(lambda: world.titles() == ["Post of /a"])
        text = path.read_text()
        path.unlink()
        await until(lambda: stays in caplog.text)
        await asyncio.sleep(0.5)
        assert caplog.text.count(stays) == 1
        scheduler.reload_now()
        await until(lambda: caplog.text.count(stays) == 2)
        path.write_text(text)
        await until(lambda: "reloaded: no feed changed" in caplog.text)

    asyncio.run(stopped(scheduler, meanwhile()))

    assert f"{path}: no such file" in caplog.text
    assert world.leases() == []


@pytest.mark.slow
def test_subscribers_have_the_exceptions_of_websub_alone_and_those_may_change(
    world, caplog, monkeypatch
):
    monkeypatch.setattr(service, "_RELOAD", 0.1)
    caplog.set_level(logging.INFO, "aggregator")
    settings = {"base_url": HOST, "network": "{allow: [127.0.0.1]}"}
    config = world.write(websub="{hub: self}", **settings)
    world.server.put("/callback", "not the challenge")
    scheduler = new_scheduler(config, world.database)

    async def meanwhile():
        for number, (allow, is_reached) in enumerate([("127.0.0.0/8", True), ("10.0.0.1", False)]):
            world.write(websub=f"{{hub: self, allow: [{allow}]}}", **settings)
            await until(lambda seen=number: caplog.text.count("reloaded") > seen)
            assert "takes effect after a restart" not in caplog.text
            ask(world.database, world.server.url("/callback"))
            if is_reached:
                await until(lambda: world.server.requests)
            else:
                await until(lambda: "private address" in caplog.text)
        assert len(world.server.requests) == 1

    asyncio.run(stopped(scheduler, meanwhile()))


def test_where_pages_are_read_from_a_copy_polling_writes_signs_of_life(world):
    def alive_at():
        with world.database.connect() as connection:
            return connection.scalar(select(state.c.alive_at))

    config = world.write(database_read="sqlite:///copy.db")
    began_at = datetime.now(UTC)
    asyncio.run(stopped(new_scheduler(config, world.database), until(alive_at)))

    assert began_at <= alive_at() <= datetime.now(UTC)


def test_a_changed_file_is_taken_over_when_the_database_takes_it_at_last(
    world, caplog, monkeypatch
):
    monkeypatch.setattr(service, "_RELOAD", 0.1)
    monkeypatch.setattr(timed_jobs, "_BROKEN", 0.1)
    caplog.set_level(logging.INFO, "aggregator")
    world.subscribe("/a")
    scheduler = new_scheduler(world.config, world.database)

    def execute(statement):
        with world.database.begin() as connection:
            connection.exec_driver_sql(statement)

    async def meanwhile():
        await until(lambda: world.titles() == ["Post of /a"])
        execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON feeds BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        world.server.put("/b", rss([("b", "Post of /b", datetime.now(UTC))]))
        world.write("/a", "/b")
        await until(lambda: "refused" in caplog.text)
        execute("DROP TRIGGER refuse")
        await until(lambda: len(world.titles()) == 2)

    asyncio.run(stopped(scheduler, meanwhile()))

    assert caplog.text.count("reloaded: added ") == 1


@pytest.mark.parametrize("moved", ["link", "file", "folder"])
def test_a_file_of_the_same_size_and_time_is_read_again(world, caplog, monkeypatch, moved):
    monkeypatch.setattr(service, "_RELOAD", 0.1)
    caplog.set_level(logging.INFO, "aggregator")
    for folder, name in (("one", "aaaa"), ("two", "bbbb")):
        (world.folder / folder).mkdir()
        text = f"feeds: [{{url: 'http://127.0.0.1:1/{name}', name: {name}}}]\n"
        (world.folder / folder / "config.yaml").write_text(text)
        os.utime(world.folder / folder / "config.yaml", (1, 1))
    link = world.folder / "now"
    path = world.folder / "linked.yaml"
    if moved == "folder":
        link.symlink_to("one")
        path.symlink_to("now/config.yaml")
    elif moved == "link":
        path.symlink_to("one/config.yaml")
    else:
        path.write_bytes((world.folder / "one" / "config.yaml").read_bytes())
        os.utime(path, (1, 1))
    scheduler = new_scheduler(configuration.load(path), world.database)

    async def meanwhile():
        await asyncio.sleep(0.3)
        if moved == "file":
            path.write_bytes((world.folder / "two" / "config.yaml").read_bytes())
            os.utime(path, (1, 1))
        else:
            target = "two" if moved == "folder" else "two/config.yaml"
            (world.folder / "new").symlink_to(target)
            (world.folder / "new").replace(link if moved == "folder" else path)
        await until(lambda: "reloaded" in caplog.text)

    asyncio.run(stopped(scheduler, meanwhile()))

    assert "reloaded: added " in caplog.text


@pytest.mark.slow
def test_what_the_command_line_says_holds_when_the_file_is_read_anew(world, caplog):
    caplog.set_level(logging.INFO)

    def amend(config):
        return replace(config, web=replace(config.web, port=4321), base_url="https://news.example")

    scheduler = new_scheduler(amend(world.config), world.database, amend=amend)

    async def meanwhile():
        await asyncio.sleep(0.1)
        world.server.put("/a", rss([("a", "Post of /a", datetime.now(UTC))]))
        world.write("/a")
        await until(lambda: world.titles() == ["Post of /a"])

    asyncio.run(stopped(scheduler, meanwhile()))

    assert "reloaded: added " in caplog.text
    assert "after a restart" not in caplog.text
    assert "https://news.example/" in world.server.requests[0].headers["user-agent"]


@pytest.mark.slow
def test_what_a_process_that_is_gone_held_is_asked_an_interval_later(world, caplog):
    world.subscribe("/a", "/b")
    host, _, start, realm = process_identity.own_name().split("/")
    dead = f"{host}/99999999/{start}/{realm}"
    now = datetime.now(UTC)
    with world.database.begin() as connection:
        write_leases.lease_due(connection, owner=dead, now=now, until=now + HOUR, limit=1)
    scheduler = new_scheduler(world.config, world.database)
    began = time.monotonic()

    asyncio.run(stopped(scheduler, until(lambda: len(world.titles()) == 2)))

    assert world.server.requests[1].at - began >= 1  # one was free, the other's interval is 1 s
    assert "ended or stopped renewing its leases" in caplog.text
    assert "feeds that it held (1) wait for their interval, new ones for 5 minutes" in caplog.text


@pytest.mark.slow
def test_a_stop_before_the_database_was_ever_free_is_a_stop(world):
    world.subscribe("/a")
    other = sqlite3.connect(world.folder / "aggregator.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    asyncio.run(stopped(new_scheduler(world.config, world.database), asyncio.sleep(0.2)))

    other.close()  # only now


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("http://127.0.0.1:8080", f"aggregator/{__version__}"),
        (
            "https://example.org/news",
            f"aggregator/{__version__} (+https://example.org/news/about/robot; 1 subscriber)",
        ),
        (
            "http://93.184.216.34",
            f"aggregator/{__version__} (+http://93.184.216.34/about/robot; 1 subscriber)",
        ),
        *(
            (f"http://{host}", f"aggregator/{__version__}")
            for host in (
                "localhost:8080",
                "127.0.0.2",
                "0.0.0.0:8080",
                "[::1]:8080",
                "192.168.1.20:8080",
                "10.0.0.1",
                "100.64.1.1",
                "169.254.1.1",
                "[fd00::1]",
                "nas",
                "nas.local",
                "feeds.home.arpa",
                "feeds.internal",
                "reader.localhost",
                "fritz.box.lan",
            )
        ),
    ],
)
def test_the_robot_names_its_page_where_others_can_reach_it(tmp_path, base_url, name):
    config = configuration.parse(f"base_url: '{base_url}'", path=tmp_path / "config.yaml")

    assert poll_settings(config).fetch.user_agent == name


@pytest.mark.parametrize(
    ("base_url", "contact", "comment"),
    [
        ("http://nas.local", "mailto:me@example.org", "(me@example.org; 1 subscriber)"),
        (
            "https://example.org",
            "https://example.org/(us)",
            r"(+https://example.org/about/robot; https://example.org/\(us\); 1 subscriber)",
        ),
    ],
)
def test_the_robot_names_whom_to_write_to(tmp_path, base_url, contact, comment):
    text = f"base_url: {base_url}\npage: {{contact: '{contact}'}}"
    config = configuration.parse(text, path=tmp_path / "config.yaml")

    assert poll_settings(config).fetch.user_agent == f"aggregator/{__version__} {comment}"


@pytest.mark.parametrize(
    ("started", "realm", "gone"),
    [("1", None, True), ("1", "another-boot", False), ("", "", False), (None, None, False)],
    ids=["another start", "another boot or container", "an older version's name", "this process"],
)
def test_a_process_is_only_taken_for_gone_where_its_number_means_something(started, realm, gone):
    host, pid, own_start, own_realm = process_identity.own_name().split("/")

    name = "/".join([host, pid, own_start if started is None else started,
                     own_realm if realm is None else realm])  # fmt: skip

    assert process_identity.has_ended(name) is gone


def test_a_file_that_was_saved_while_the_program_started_is_read_again(world, caplog):
    caplog.set_level(logging.INFO)
    old = world.write()
    world.server.put("/a", rss([("a", "Post of /a", datetime.now(UTC))]))
    world.write("/a")  # between the reading and the start

    scheduler = new_scheduler(old, world.database)
    asyncio.run(stopped(scheduler, until(lambda: world.titles() == ["Post of /a"])))

    assert "reloaded: added " in caplog.text


@pytest.mark.slow
def test_a_feed_whose_poll_could_not_be_stored_is_polled_again_after_its_interval(world, caplog):
    world.subscribe("/a")
    scheduler = new_scheduler(world.config, world.database)

    async def meanwhile():
        await until(lambda: world.titles() == ["Post of /a"])
        with world.database.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE polls RENAME TO elsewhere")
        world.server.put("/a", rss([("b", "New", datetime.now(UTC))]))
        await until(lambda: "its poll could not be stored" in caplog.text)
        asked = len(world.server.requests)
        with world.database.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO polls")
        await until(lambda: "New" in world.titles())
        unstored, following = world.server.requests[asked - 1 :]
        assert following.at - unstored.at >= 1

    asyncio.run(stopped(scheduler, meanwhile()))
    assert not [record for record in problems(caplog) if record.exc_info]


def test_a_database_that_is_repaired_at_the_worst_moment_is_no_fault_of_the_feed(world):
    """Between the transaction that failed and the next one."""
    world.subscribe("/a")
    with world.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE polls RENAME TO elsewhere")
    path = world.folder / "aggregator.db"

    def repair(*_):
        with (
            contextlib.suppress(sqlite3.OperationalError),  # it is repaired already
            contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection,
        ):
            connection.execute("ALTER TABLE elsewhere RENAME TO polls")

    def failed(_context):
        event.listen(world.database, "checkin", repair)

    event.listen(world.database, "handle_error", failed)
    scheduler = new_scheduler(world.config, world.database)

    asyncio.run(stopped(scheduler, until(lambda: world.titles() == ["Post of /a"])))


def test_a_job_tells_a_broken_database_once_a_minute_and_not_at_every_tick(world, caplog):
    scheduler = new_scheduler(world.config, world.database)

    async def meanwhile():
        with world.database.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE feeds RENAME TO elsewhere")
        await until(lambda: problems(caplog))
        await asyncio.sleep(6 * local_dispatch.TICK)

    asyncio.run(stopped(scheduler, meanwhile()))

    said = [record.getMessage() for record in problems(caplog)]
    assert 1 <= len(said) <= 4
    assert all("no such table" in text and "\n" not in text for text in said)
    assert not [record for record in problems(caplog) if record.exc_info]
