"""Two aggregators that subscribe to each other: entries do not multiply, sources stay."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator import config as configuration
from aggregator.database.feeds import read_health, write_subscriptions
from aggregator.database.lists import read_lists
from aggregator.model import ListedEntry, ListKind, ListScope
from aggregator.scheduler import PollRequest, poll_once
from tests.feedserver import FeedServer
from tests.pollers import pollers
from tests.running import rss, write_config
from tests.web_fixtures import by_waitress
from tests.worlds import sqlite_database
from web import create_app

ROUNDS = 8
NOW = datetime.now(UTC).replace(microsecond=0)


class Instance:
    """One aggregator: its folder, its web on a real port, and polls when asked for."""

    def __init__(self, folder: Path, exits: ExitStack) -> None:
        folder.mkdir()
        self.folder = folder
        listener = exits.enter_context(closing(socket.create_server(("127.0.0.1", 0))))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.subscribe()
        self.engine = sqlite_database(folder)
        exits.callback(self.engine.dispose)
        app = create_app(self.config, self.engine)
        exits.enter_context(by_waitress(app, listener))
        self.client = app.test_client()

    def subscribe(self, *feeds: str) -> None:
        path = write_config(self.folder, list(feeds), base_url=self.url)
        self.config = configuration.load(path)

    def poll(self) -> None:
        """Poll every subscription once."""
        with self.engine.begin() as connection:
            write_subscriptions.sync_subscriptions(
                connection, self.config.feeds, now=datetime.now(UTC)
            )
        asyncio.run(
            poll_once(
                self.config,
                self.engine,
                PollRequest(all_feeds=True),
                on_start=lambda count: None,
                on_result=lambda result: None,
                pollers=pollers(self.engine),
            )
        )

    def entries(self, scope: ListScope = read_lists.WHOLE_LIST) -> tuple[ListedEntry, ...]:
        with self.engine.connect() as connection:
            return read_lists.entries_page(connection, scope=scope, limit=500).entries

    def published(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(self.client.get("/feed.json?limit=200").data)[
            "items"
        ]
        return items


@pytest.fixture
def exits() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def blog(name: str, *numbers: int, absolute: bool = True) -> bytes:
    """A feed whose ids are URIs, or (as RSS allows) no more than numbers."""
    start = f"https://{name}.example/" if absolute else ""
    items = [(f"{start}{n}", f"{name} {n}", NOW - n * timedelta(hours=1)) for n in numbers]
    return rss(items, title=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "form",
    [
        "atom",
        pytest.param("rss", marks=pytest.mark.slow),
        pytest.param("json", marks=pytest.mark.slow),
    ],
)
def test_two_that_subscribe_to_each_other_do_not_multiply_entries(tmp_path, exits, form):
    server = exits.enter_context(FeedServer())
    one, two = Instance(tmp_path / "one", exits), Instance(tmp_path / "two", exits)
    server.put("/brook", blog("brook", 1, 2))
    server.put("/numbers", blog("numbers", 3, 4, absolute=False))
    server.put("/both", blog("both", 5))
    one.subscribe(server.url("/brook"), server.url("/both"), f"{two.url}/feed.{form}")
    two.subscribe(server.url("/numbers"), server.url("/both"), f"{one.url}/feed.{form}")

    for number in range(ROUNDS):
        if number == 3:  # news travel once, and only once
            server.put("/brook", blog("brook", 0, 1, 2))
        one.poll()
        two.poll()

    expected = ["both 5", "brook 0", "brook 1", "brook 2", "numbers 3", "numbers 4"]
    for instance in (one, two):
        assert sorted(item["title"] for item in instance.published()) == expected
    assert {i["id"] for i in one.published()} == {i["id"] for i in two.published()}
    by_title = {item["title"]: item["_source"] for item in two.published()}
    assert by_title["brook 1"]["feed_url"] == server.url("/brook")
    assert (
        by_title["brook 1"]
        == next(item["_source"] for item in one.published() if item["title"] == "brook 1")
        or form == "rss"
    )  # RSS names a source's feed and nothing else


@pytest.mark.slow
def test_an_entry_that_comes_at_second_hand_first_keeps_its_id(tmp_path, exits):
    server = exits.enter_context(FeedServer())
    one, two = Instance(tmp_path / "one", exits), Instance(tmp_path / "two", exits)
    server.put("/brook", blog("brook", 1))
    two.subscribe(server.url("/brook"))
    two.poll()
    one.subscribe(f"{two.url}/feed.atom", server.url("/down"))
    one.poll()
    assert [entry.title for entry in one.entries()] == ["brook 1"]  # not read at first hand

    one.subscribe(f"{two.url}/feed.atom", server.url("/brook"))
    one.poll()

    ids = [item["id"] for item in one.published()]
    assert "https://brook.example/1" in ids
    assert len(ids) == len(set(ids))


def test_a_subscription_to_ones_own_merged_feed_brings_nothing_new(tmp_path, exits):
    server = exits.enter_context(FeedServer())
    one = Instance(tmp_path / "one", exits)
    server.put("/numbers", blog("numbers", 1, 2, absolute=False))
    one.subscribe(server.url("/numbers"), f"{one.url}/feed.atom")

    for _ in range(3):
        one.poll()

    assert [entry.title for entry in one.entries()] == ["numbers 1", "numbers 2"]


def test_what_an_aggregator_without_memory_for_sources_has_from_us_is_ours(tmp_path, exits):
    server = exits.enter_context(FeedServer())
    one = Instance(tmp_path / "one", exits)
    server.put("/numbers", blog("numbers", 1, absolute=False))
    theirs = rss([("https://planet.example/9", "numbers 1", NOW), ("x", "Their own", NOW)])
    source = f'<source url="{one.url}/feed.rss">Recent posts</source></item>'
    server.put("/planet", theirs.replace(b"</item>", source.encode(), 1))
    one.subscribe(server.url("/numbers"), server.url("/planet"))

    one.poll()

    assert sorted(entry.title for entry in one.entries()) == ["Their own", "numbers 1"]


@pytest.mark.slow
def test_what_is_copied_stands_in_the_list_of_the_aggregate_alone(tmp_path, exits):
    server = exits.enter_context(FeedServer())
    one, two = Instance(tmp_path / "one", exits), Instance(tmp_path / "two", exits)
    server.put("/brook", blog("brook", 1))
    two.subscribe(server.url("/brook"))
    two.poll()
    planet = f"{two.url}/feed.atom"
    one.subscribe(server.url("/brook"), planet)
    one.poll()
    with one.engine.connect() as connection:
        sources = read_health.feeds_by_urgency(connection, now=datetime.now(UTC))
    name = next(each.source.name for each in sources if each.source.feed_url == planet)

    assert len(one.entries()) == 1
    assert [entry.title for entry in one.entries(ListScope(ListKind.SOURCE, name))] == ["brook 1"]
    assert one.client.get(f"/source/{name}/feed.atom").data.count(b"<entry>") == 1

    one.subscribe(planet)  # and a feed that comes back does not bring its copies into the list
    one.poll()
    one.subscribe(server.url("/brook"), planet)
    one.poll()
    assert len(one.entries()) == 1
