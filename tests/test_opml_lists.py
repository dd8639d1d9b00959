"""OPML lists of config.yaml: polled, and followed by database, commands and a running program."""

import asyncio
import contextlib
import json
import logging
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator import config as configuration
from aggregator import urls
from aggregator.config import Config
from aggregator.database import Connection, Engine
from aggregator.database.feeds import write_hosts
from aggregator.database.opml_lists import read_opml_lists, write_opml_lists
from aggregator.database.state import read_metrics
from aggregator.model import HostPause, NextPoll, OpmlListHealth, OpmlOutline, OpmlPoll
from aggregator.opml import outlines
from aggregator.scheduler import config_sync, poll_settings, service
from aggregator.scheduler.opml_list_polls import OpmlListFollower, poll_opml_lists
from tests.feedserver import FeedServer
from tests.pollers import new_scheduler, polling
from tests.running import (
    COMMAND,
    command,
    eventually,
    get,
    in_process,
    limited,
    one_line,
    rss,
    running,
    write_config,
)
from tests.selection import slow_but
from tests.worlds import sqlite_database
from web import create_app, disclosure

LIST = "/blogs.opml"


def opml(server: FeedServer, *names: str, folder: str = "People") -> bytes:
    """Return a list of feeds of the server."""
    feeds = [OpmlOutline(server.url(f"/{name}"), f"Blog {name}", (folder,)) for name in names]
    return outlines.write("Blogs", feeds)


class World:
    """A folder with a config.yaml that names a list, its database, and a server."""

    def __init__(self, folder: Path, server: FeedServer) -> None:
        self.folder, self.server = folder, server
        self.path = write_config(folder, [f"opml: {server.url(LIST)}"])
        self.database: Engine = sqlite_database(folder)
        self.follow()

    @property
    def config(self) -> Config:
        return configuration.load(self.path)

    def follow(self) -> Config:
        with self.database.begin() as connection:
            return config_sync.follow(connection, self.config, now=datetime.now(UTC)).config

    def poll(self, *addresses: str, config: Config | None = None) -> list[OpmlPoll]:
        """Poll lists, due or not, and follow them."""
        config = config or self.config

        async def poll() -> list[OpmlPoll]:
            async with polling(self.database, poll_settings(config)) as poller:
                return await poll_opml_lists(
                    poller, config, owner="test", addresses=addresses or None, only_due=False
                )

        polls = asyncio.run(poll())
        self.follow()
        return polls

    def feeds(self) -> list[str]:
        """Return the names of the subscribed feeds."""
        return [feed.name for feed in self.follow().feeds]

    def health(self) -> OpmlListHealth:
        with self.database.connect() as connection:
            (health,) = read_opml_lists.healths(connection)
            return health


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    with FeedServer() as server:
        made = World(tmp_path, server)
        yield made
        made.database.dispose()


def test_the_feeds_of_a_list_are_subscribed_with_titles_and_categories(world):
    world.server.put(LIST, opml(world.server, "a", "b"))

    assert world.feeds() == []
    (poll,) = world.poll()

    assert (poll.failure, len(poll.outlines)) == (None, 2)
    assert world.feeds() == ["blog-a", "blog-b"]
    assert [feed.categories for feed in world.follow().feeds] == [("People",)] * 2
    assert world.health().feeds == 2
    assert world.health().next_poll_at > datetime.now(UTC) + timedelta(minutes=59)


def test_an_unchanged_list_is_not_sent_again(world):
    world.server.put(LIST, opml(world.server, "a"), etag='"1"')
    world.poll()

    (poll,) = world.poll()

    assert world.server.requests[-1].headers["if-none-match"] == '"1"'
    assert (poll.failure, poll.outlines) == (None, None)
    assert world.feeds() == ["blog-a"]


def test_a_feed_that_leaves_a_list_keeps_its_row_and_comes_back(world):
    world.server.put(LIST, opml(world.server, "a", "b", "c"))
    world.poll()

    world.server.put(LIST, opml(world.server, "b", "c", "d"))
    world.poll()
    assert world.feeds() == ["blog-b", "blog-c", "blog-d"]

    world.server.put(LIST, opml(world.server, "a", "b", "c"))
    world.poll()
    assert world.feeds() == ["blog-a", "blog-b", "blog-c"]
    with sqlite3.connect(world.folder / "aggregator.db") as connection:
        rows = connection.execute("SELECT name, subscribed FROM feeds ORDER BY id").fetchall()
    assert rows == [("blog-a", 1), ("blog-b", 1), ("blog-c", 1), ("blog-d", 0)]


ENTITIES = b"<!DOCTYPE o [<!ENTITY a 'x'>]><opml><body><outline xmlUrl='&a;'/></body></opml>"
MANY = outlines.write("Many", [OpmlOutline(f"https://a{n}.example/") for n in range(2_001)])
BROKEN = {
    "not found": (404, b"", "404"),
    "server error": (500, b"", "500"),
    "nothing": (200, b" ", "empty answer"),
    "no feeds": (200, b"<opml><body/></opml>", "the list names no feed"),
    "a page": (200, b"<!doctype html><p>Moved", "this is not OPML"),
    "a feed": (200, b"<rss><channel/></rss>", "this is a feed, not a list"),
    "cut short": (200, b"<opml><body><outline xmlUrl='https://a.example/'/>", "breaks off"),
    "entities": (200, ENTITIES, "the list declares entities"),
    "too many": (200, MANY, "the list names more than 2,000 feeds"),
    "too large": (200, b"x" * 11_000_000, "too large (limit 10 MB)"),
    "deep": (200, b"<opml><body>" + b"<outline text='x'>" * 20_000, "breaks off"),
}


@pytest.mark.parametrize("name", slow_but(["not found", "a feed", "entities", "too large"], BROKEN))
def test_a_list_that_cannot_be_taken_changes_nothing_and_says_so(world, name, caplog):
    world.server.put(LIST, opml(world.server, "a", "b"), etag='"1"')
    world.poll()
    status, body, words = BROKEN[name]
    world.server.put(LIST, body, status=status)

    (poll,) = world.poll()

    assert words in poll.failure
    assert world.feeds() == ["blog-a", "blog-b"]
    assert (world.health().failure, world.health().failures) == (poll.failure, 1)
    assert f"{poll.failure}; its feeds stay as they are; next poll" in caplog.text

    world.server.put(LIST, opml(world.server, "a", "b"), etag='"1"')
    (poll,) = world.poll()
    assert (poll.failure, world.health().failure, world.health().failures) == (None, None, 0)


def test_a_list_that_loses_more_than_half_at_once_changes_nothing_until_a_person_asks(world):
    world.server.put(LIST, opml(world.server, "a", "b", "c"))
    world.poll()
    world.server.put(LIST, opml(world.server, "a"))

    (poll,) = world.poll()
    assert poll.failure.startswith("the list names 1 of its 3 former feeds; ")
    assert world.feeds() == ["blog-a", "blog-b", "blog-c"]

    (poll,) = world.poll(world.server.url(LIST))
    assert poll.failure is None
    assert world.feeds() == ["blog-a"]


def test_a_list_that_loses_half_is_followed(world):
    world.server.put(LIST, opml(world.server, "a", "b"))
    world.poll()
    world.server.put(LIST, opml(world.server, "a"))
    world.poll()

    assert world.feeds() == ["blog-a"]


def test_a_failing_list_is_asked_less_and_less_often(world):
    spans = []
    for _ in range(3):
        (poll,) = world.poll()
        spans.append(round((poll.next_poll.at - poll.polled_at) / timedelta(hours=1)))

    assert spans == [1, 2, 4]


@pytest.mark.parametrize(
    ("status", "headers"), [(429, {}), (503, {"Retry-After": "3600"}), (410, {})]
)
def test_a_list_whose_server_asks_for_a_pause_is_left_alone_until_a_person_asks(
    world, status, headers
):
    world.server.put(LIST, status=status, headers=headers)
    world.poll()

    for poll in world.poll():
        assert poll.failure.endswith("asked for fewer requests")
    assert len(world.server.requests_to(LIST)) == 1
    assert world.health().failures == 1

    world.server.put(LIST, opml(world.server, "a"))
    world.poll(world.server.url(LIST))
    assert world.feeds() == ["blog-a"]


def test_a_list_is_not_blamed_for_a_pause_of_its_host(world):
    world.server.put(LIST, opml(world.server, "a"))
    pause = HostPause(urls.site_of(world.server.url(LIST)), datetime.now(UTC) + timedelta(hours=2))
    with world.database.begin() as connection:
        write_hosts.note_pauses(connection, [pause])

    (poll,) = world.poll()

    assert poll.failure.endswith("asked for fewer requests")
    assert world.server.requests_to(LIST) == []
    assert world.health().failures == 0
    with world.database.connect() as connection:
        assert read_metrics.metrics(connection, now=datetime.now(UTC)).failing_lists == 0


def test_lists_are_not_blamed_for_a_network_that_finds_no_name(world, monkeypatch, caplog):
    """As of feeds: one line of the log says so, and lists are polled again soon."""
    looked_up = socket.getaddrinfo
    hosts = set()

    def no_names(host, *others, **options):
        if str(host).endswith(".test"):
            hosts.add(host)
            eventually(lambda: len(hosts) == 3)  # all polls are under way
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return looked_up(host, *others, **options)

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    world.path = write_config(world.folder, [f"opml: http://{name}.test/" for name in "abc"])
    world.follow()

    polls = world.poll()

    assert [poll.is_offline for poll in polls] == [True] * 3
    assert {poll.next_poll.at - poll.polled_at for poll in polls} == {timedelta(minutes=5)}
    with world.database.connect() as connection:
        healths = read_opml_lists.healths(connection)
    assert [(health.failure, health.failures) for health in healths] == [("name not found", 0)] * 3
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "this machine seems to be offline: no server is reached; trying again every 5m"
    ]


def test_a_list_in_a_file_is_read_and_its_outlines_may_be_private(world):
    (world.folder / "mine.opml").write_bytes(opml(world.server, "a"))
    world.path.write_text("feeds: [{opml: mine.opml, category: Mine}]")
    world.follow()

    world.poll()

    assert [feed.categories for feed in world.follow().feeds] == [("Mine",)]


def test_outlines_without_a_feed_are_logged(world, caplog):
    other = (
        "<outline text='J' type='HTML+XPath' xmlUrl='https://a.example/p'/>"
        "<outline text='More' type='include' url='https://a.example/more.opml'/>"
    )
    document = opml(world.server, "a").replace(b"</body>", f"{other}</body>".encode())
    document = document.replace(b"http://", b"feed://")
    world.server.put(LIST, document)

    world.poll()

    assert world.feeds() == ["blog-a"]
    assert "https://a.example/p is left out, as it is a page" in caplog.text
    assert "left out: lists of feeds at other addresses: More" in caplog.text

    caplog.clear()
    world.poll()
    assert caplog.text == ""


def test_feeds_that_a_list_may_not_name_are_counted_in_the_log(world, caplog):
    feeds = "<outline xmlUrl='https://a.example/'/><outline text='B' xmlUrl='https://b.example/'/>"
    document = f"<opml version='2.0'><head/><body>{feeds}</body></opml>"
    (world.folder / "mine.opml").write_text(document)
    world.path.write_text("feeds: [{opml: mine.opml, private: true}]")
    world.follow()

    world.poll()

    assert len(world.feeds()) == 1
    assert "feeds left out, as the list may not name them: 1 (" in caplog.text


def test_a_list_at_a_private_address_is_refused_unless_the_file_allows_it(world):
    world.path.write_text(world.path.read_text().replace("[127.0.0.1]", "[]"))

    (poll,) = world.poll()

    assert "private address" in poll.failure
    assert world.server.requests == []


def test_a_list_that_left_the_file_takes_its_feeds_along(world):
    world.server.put(LIST, opml(world.server, "a"))
    world.poll()

    world.path.write_text("feeds: []")

    assert world.feeds() == []
    with world.database.connect() as connection:
        assert read_opml_lists.healths(connection) == []


def test_of_several_processes_one_polls_a_list(world):
    now = datetime.now(UTC)

    def lease(owner: str, at: datetime) -> Sequence[str]:
        with world.database.begin() as connection:
            due = write_opml_lists.lease_lists(
                connection, owner=owner, now=at, until=at + timedelta(minutes=2), addresses=None,
                only_due=True,
            )  # fmt: skip
            return [item.address for item in due]

    assert lease("one", now) == [world.server.url(LIST)]
    assert lease("two", now) == []
    assert lease("two", now + timedelta(minutes=3)) == [world.server.url(LIST)]


@pytest.mark.slow
def test_a_list_whose_poll_can_not_be_stored_leaves_no_poll_of_another_behind(world, monkeypatch):
    write_config(world.folder, ["opml: lost.opml", f"opml: {world.server.url(LIST)}"])
    (world.folder / "lost.opml").write_bytes(opml(world.server, "b"))
    world.server.put(LIST, opml(world.server, "a"), delay=1.5)
    world.follow()
    record = write_opml_lists.record

    def failing(connection: Connection, poll: OpmlPoll, *, owner: str) -> None:
        if poll.address == "lost.opml":
            raise ValueError("no room")
        record(connection, poll, owner=owner)

    monkeypatch.setattr(write_opml_lists, "record", failing)
    with pytest.raises(ValueError, match="no room"):
        world.poll()

    assert world.feeds() == ["blog-a"]


# ------------------------------------------------------------------ commands


def test_poll_brings_the_list_and_its_new_feeds_up_to_date_at_once(world):
    world.server.put(LIST, opml(world.server, "a"))
    world.server.put("/a", rss([("1", "From the list", datetime.now(UTC))]))

    done = command(world.folder, "poll")

    assert (done.returncode, done.stdout) == (0, "blog-a: 1 new, 0 updated\n")


@pytest.mark.slow
def test_poll_names_a_list_and_is_strict_about_it(world):
    world.server.put(LIST, opml(world.server, "a", "b", "c"))
    assert command(world.folder, "poll", world.server.url(LIST)).returncode == 0
    requests = len(world.server.requests_to(LIST))

    command(world.folder, "poll", "blog-a")
    assert len(world.server.requests_to(LIST)) == requests
    world.server.remove(LIST)
    done = command(world.folder, "poll", "--all", "--strict")
    assert len(world.server.requests_to(LIST)) == requests + 1
    assert done.returncode == 1


def test_commands_name_the_list_of_a_feed_and_what_is_wrong_with_the_list(world):
    address = world.server.url(LIST)
    place = f"feeds[0] ({address})"
    unread = f"{place}: not read yet, so its feeds are not known\n"
    assert command(world.folder, "check").stdout.startswith(unread)
    assert command(world.folder, "plan").stdout == f"{unread}config.yaml: nothing to change\n"

    world.server.put(LIST, opml(world.server, "a", "b", "c"))
    world.poll()
    world.server.put(LIST, opml(world.server, "a"))
    world.poll()

    failure = "the list names 1 of its 3 former feeds; if that is right, run `aggregator poll` with"
    for name in ("check", "plan"):
        first_line = command(world.folder, name).stdout.partition("\n")[0]
        assert first_line.startswith(f"{place}: {failure}")
        assert first_line.endswith("; its feeds stay as they were: 3")
    assert command(world.folder, "check").stdout.endswith("3 feeds, 3 of them from OPML lists\n")
    (planned_list,) = json.loads(command(world.folder, "plan", "--json").stdout)["opml_lists"]
    assert (planned_list["opml"], planned_list["feeds"]) == (address, 3)
    assert planned_list["error"].startswith(failure)

    done = command(world.folder, "feeds")
    assert done.stdout.splitlines()[1].endswith(f"from the list {address}")
    assert done.stderr.startswith(f"{address}: feeds: 3, last read ")
    feeds = json.loads(command(world.folder, "feeds", "--json").stdout)
    assert [feed["opml_list"] for feed in feeds] == [address] * 3


def test_feeds_failing_names_the_failing_lists_alone_also_where_no_feed_fails(world):
    world.server.put(LIST, opml(world.server, "a"))
    world.poll()
    assert command(world.folder, "feeds", "--failing").stderr == "no feed is failing\n"

    world.server.put(LIST, "")
    world.poll()
    done = command(world.folder, "feeds", "--failing")

    assert done.stdout == ""
    first_line, list_line = done.stderr.splitlines()
    assert first_line == "no feed is failing"
    assert list_line.startswith(f"{world.server.url(LIST)}: feeds: 1, last read ")
    assert list_line.endswith("; empty answer")


def test_a_feed_of_a_list_is_neither_removed_nor_renamed(world):
    world.server.put(LIST, opml(world.server, "a"))
    world.poll()
    text = world.path.read_text()

    for arguments in (["remove", "blog-a"], ["rename", "blog-a", "b"]):
        line = one_line(command(world.folder, *arguments), 2)
        assert f"blog-a comes from the list {world.server.url(LIST)}; to give" in line
    assert world.path.read_text() == text


def test_a_feed_of_a_list_has_the_user_agent_of_its_host(world):
    world.server.put(LIST, opml(world.server, "a"))
    world.server.put("/a", rss([("1", "Rain", datetime.now(UTC))]))
    request = "{user_agent: reader/1.0, headers: {X-Key: hunter2-of-the-host}}"
    world.path.write_text(f"hosts: {{127.0.0.1: {{request: {request}}}}}\n{world.path.read_text()}")

    command(world.folder, "poll")

    (list_request,), (feed_request,) = map(world.server.requests_to, (LIST, "/a"))
    for made_request in (list_request, feed_request):
        assert made_request.headers["user-agent"] == "reader/1.0"
    assert list_request.headers["x-key"] == "hunter2-of-the-host"
    assert "x-key" not in feed_request.headers


def test_a_list_is_removed_as_a_whole(world):
    address = world.server.url(LIST)

    done = command(world.folder, "remove", address)

    assert done.stdout == f"config.yaml:5: removed the OPML list {address}\n"
    assert world.config.opml_lists == ()


def test_explain_story_names_the_line_of_a_rule_of_the_list(world):
    world.path.write_text(world.path.read_text() + "    hide: title:rain\n")
    world.server.put(LIST, opml(world.server, "a"))
    world.server.put("/a", rss([("1", "Rain", datetime.now(UTC))]))
    command(world.folder, "poll")

    story = command(world.folder, "explain-story", "https://example.org/1").stdout

    assert "hidden by `hide: title:rain`, config.yaml:6" in story


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (
            "https://ann:geheim@lists.example/x?token=abcdef",
            "https://***@lists.example/x?token=***",
        ),
        ("https://lists.example/${TOKEN:-geheim}/x", "https://lists.example/***/x"),
        ("http://nas.local/x.opml", ""),
        ("mine/blogs.opml", ""),
    ],
)
def test_pages_name_lists_without_secrets_and_private_places(address, shown):
    health = OpmlListHealth(address, 3, "refused: 10.0.0.5 is a private address")

    public = disclosure.public_list(health)

    assert (public.address, public.failure) == (shown, disclosure.NOT_PUBLIC)


@pytest.mark.slow
def test_the_status_page_and_the_sources_name_lists(world, monkeypatch):
    world.server.put(LIST, opml(world.server, "a"))
    world.poll()
    world.server.put(LIST, b"<opml/>")
    world.poll()
    public = "https://lists.example/blogs.opml"
    monkeypatch.setattr(disclosure, "public_address", lambda _address: public)

    client = create_app(world.config, world.database).test_client()
    status, sources = client.get("/status").text, client.get("/sources").text

    assert public in status
    assert "the list names no feed" in status
    assert f"OPML: <bdi>{public}</bdi>" in sources
    assert "\naggregator_opml_lists_failing 1\n" in client.get("/metrics").text


# ------------------------------------------------------------------ a running program


def test_a_running_scheduler_follows_a_list_also_what_another_process_read(
    world, caplog, monkeypatch
):
    caplog.set_level(logging.INFO, "aggregator")
    monkeypatch.setattr(service, "_OPML_LISTS", 0.1)
    world.server.put(LIST, opml(world.server, "a"))
    scheduler = new_scheduler(world.follow(), world.database)

    async def follow() -> None:
        stop = asyncio.Event()
        running_scheduler = asyncio.create_task(scheduler.run(stop))
        async with asyncio.timeout(60):
            while "feeds of OPML lists: added blog-a" not in caplog.text:
                await asyncio.sleep(0.02)
            with world.database.begin() as connection:
                (health,) = read_opml_lists.healths(connection)
                due = write_opml_lists.lease_lists(
                    connection, owner="another", now=datetime.now(UTC), addresses=None,
                    until=datetime.now(UTC), only_due=False,
                )  # fmt: skip
                next_poll = NextPoll(datetime.now(UTC) + timedelta(hours=1), "x")
                outline = OpmlOutline(world.server.url("/b"), "Blog b")
                poll = OpmlPoll(
                    due[0].id, health.address, datetime.now(UTC), next_poll,
                    due[0].validators, outlines=(outline,),
                )  # fmt: skip
                write_opml_lists.record(connection, poll, owner="another")
            while "feeds of OPML lists: added blog-b; removed blog-a" not in caplog.text:
                await asyncio.sleep(0.02)
            stop.set()
            await running_scheduler

    asyncio.run(follow())


@pytest.mark.slow
def test_the_program_shows_posts_of_a_list_that_config_yaml_names_later(tmp_path):
    with FeedServer() as server:
        server.put(LIST, opml(server, "a"))
        server.put("/a", rss([("1", "From the list", datetime.now(UTC))]))
        path = write_config(tmp_path, [])
        with running(tmp_path) as (_, address):
            path.write_text(path.read_text().replace("[]\n", f"- opml: {server.url(LIST)}\n"))
            eventually(lambda: b"From the list" in get(address + "/")[2])


def test_a_stop_during_the_poll_of_a_list_is_clean_and_gives_the_lease_back(
    world, caplog, monkeypatch
):
    monkeypatch.setattr(service, "_OPML_LISTS", 0.1)
    world.server.put(LIST, opml(world.server, "a"), delay=60)
    scheduler = new_scheduler(world.follow(), world.database)

    async def run() -> None:
        stop = asyncio.Event()
        running_scheduler = asyncio.create_task(scheduler.run(stop))
        async with asyncio.timeout(60):
            while not world.server.requests_to(LIST):
                await asyncio.sleep(0.02)
            stop.set()
            await running_scheduler

    asyncio.run(run())

    assert [record.getMessage() for record in caplog.records if record.levelno > 20] == []
    with sqlite3.connect(world.folder / "aggregator.db") as connection:
        assert connection.execute("SELECT lease_owner FROM opml_lists").fetchall() == [(None,)]


@pytest.mark.slow
def test_a_reload_during_the_poll_of_a_list_does_not_cut_the_answer_off(world, caplog, monkeypatch):
    caplog.set_level(logging.INFO, "aggregator")
    monkeypatch.setattr(service, "_OPML_LISTS", 0.1)
    is_reloaded = threading.Event()

    def answer(sock: socket.socket) -> None:
        is_reloaded.wait(60)
        body = opml(world.server, "a")
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    world.server.raw(LIST, answer)
    scheduler = new_scheduler(world.follow(), world.database)

    async def run() -> None:
        stop = asyncio.Event()
        running_scheduler = asyncio.create_task(scheduler.run(stop))
        async with asyncio.timeout(60):
            while not world.server.requests_to(LIST):
                await asyncio.sleep(0.02)
            text = world.path.read_text()
            world.path.write_text(text.replace("workers: 1", "workers: 1, concurrency: 7"))
            while "reloaded" not in caplog.text:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)  # the former poller ends, if nothing holds it
            is_reloaded.set()
            while "blogs.opml: " not in caplog.text:
                await asyncio.sleep(0.02)
            stop.set()
            await running_scheduler

    asyncio.run(run())

    assert "blogs.opml: feeds in the list: 1" in caplog.text


def test_a_process_leaves_the_lists_of_a_newer_config_yaml_to_the_process_that_has_read_it(world):
    former_config = world.follow()
    uses: list[Config] = []

    async def follow() -> None:
        async def use() -> None:
            uses.append(former_config)
            with world.database.connect() as connection:
                follower.versions = read_opml_lists.versions(connection)

        async with polling(world.database, poll_settings(former_config)) as poller:
            follower = OpmlListFollower(
                "test", poller=lambda: poller, config=lambda: former_config, use=use
            )
            await follower.follow()
            world.path = write_config(world.folder, ["opml: new.opml"])
            world.follow()
            await follower.follow()

    world.server.put(LIST, opml(world.server, "a"))
    asyncio.run(follow())

    assert len(uses) == 1
    assert world.health().address == "new.opml"


@pytest.mark.slow
def test_of_two_programs_one_polls_a_list_and_both_follow_it(world):
    def serve(*names: str) -> None:
        world.server.put(LIST, opml(world.server, *names))
        for name in names:
            world.server.put(f"/{name}", rss([(name, f"Post of {name}", datetime.now(UTC))]))

    def request_counts(*names: str) -> list[int]:
        return [len(world.server.requests_to(f"/{name}")) for name in names]

    serve("a", "b")
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            process = subprocess.Popen(
                [*COMMAND, "schedule"], cwd=world.folder, stderr=subprocess.PIPE, text=True
            )
            stack.enter_context(limited(process))
        eventually(lambda: request_counts("a", "b") == [1, 1])

        serve("a", "b", "c")
        assert in_process(world.folder, "poll", world.server.url(LIST)).returncode == 0
        eventually(lambda: request_counts("c") == [1])
        time.sleep(3)  # both have looked at the list again
        assert request_counts("a", "b", "c", "blogs.opml") == [1, 1, 1, 2]
        assert world.feeds() == ["blog-a", "blog-b", "blog-c"]
