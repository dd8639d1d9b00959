"""WebSub: changes announced to a hub elsewhere, and the whole program with a hub."""

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from aggregator import config as configuration
from aggregator.database import open_database
from aggregator.database.schema import feeds, unannounced
from aggregator.database.websub import write_unannounced
from aggregator.fetch import WebSubClient
from aggregator.merged import ListRequest, Publication
from aggregator.model import ListKind, ListScope, Subscription
from aggregator.publish import Format
from aggregator.websub.announcer import Announcer, topics
from aggregator.websub.remote_hub import RemoteHub
from aggregator.websub.websub_service import WebSubService
from tests.feedserver import FeedServer
from tests.hubs import AN_HOUR, HOST, LOOPBACK, TOPIC, Peer, transact_on
from tests.preloaded import Program
from tests.running import (
    command,
    eventually,
    get,
    in_process,
    limited,
    rss,
    running,
    write_config,
)
from tests.web_fixtures import Site

# -------------------------------------------------------------------------- announcing

FEEDS = (
    Subscription("lamp", "https://lamp.example/", categories=("Öl & Trade",)),
    Subscription("tide", "https://tide.example/"),
)
PUBLICATION = Publication("Posts", HOST, f"{HOST}/", hub=f"{HOST}/hub")


def test_a_change_is_seen_in_all_documents_of_a_list():
    lists = [
        ListScope(),
        ListScope(ListKind.CATEGORY, "öl-trade"),
        ListScope(ListKind.SOURCE, "lamp"),
    ]
    assert topics(PUBLICATION, lists) == [
        f"{HOST}{path}/feed.{form}"
        for path in ("", "/category/%C3%B6l-trade", "/source/lamp")
        for form in ("atom", "rss", "json")
    ]
    for topic in topics(PUBLICATION, lists):
        request = PUBLICATION.request_for(topic)
        assert request is not None and PUBLICATION.url(request) == topic and request.is_topic


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize(
    "scope",
    [
        ListScope(),
        ListScope(ListKind.CATEGORY, "öl-trade"),
        ListScope(ListKind.VIEW, "security"),
        ListScope(ListKind.SOURCE, "lamp"),
    ],
)
def test_the_first_page_of_a_list_is_a_topic_by_its_address(scope, form):
    request = ListRequest(scope, form)

    assert PUBLICATION.request_for(PUBLICATION.url(request)) == request


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/feed.atom",
        f"{HOST}/all/lamp/feed.atom",
        f"{HOST}/search/lamp/feed.atom",
        f"{HOST}/feed.atom?limit=3",
        f"{HOST}/feed.atom#x",
        f"{HOST}/search/feed.atom",
        f"{HOST}/archive/2026-W47.atom",
        f"{HOST}/category/a%2Fb/c/feed.atom",
        f"{HOST}/feed.xml",
        f"{HOST}.evil.example/feed.atom",
        "",
    ],
)
def test_only_what_is_announced_is_a_topic(url):
    assert PUBLICATION.request_for(url) is None


def test_changes_that_come_together_are_told_once_and_those_after_in_their_turn(tmp_path):
    site = Site(tmp_path)
    site.subscribe(*FEEDS)
    told: list[set[str]] = []

    async def tell(some: Any) -> None:
        told.append(set(some))
        if len(told) == 2:
            change("tide", 10)  # while the others are being told

    async def main() -> None:
        announcer = Announcer(PUBLICATION, tell, transact_on(site))
        for seconds in (40, 39, 38):
            change("lamp", seconds)
        change("tide", 35)
        await announcer.announce()
        await announcer.announce()
        assert len(told) == 1  # and nothing is told when nothing changes
        change("lamp", 20)
        await announcer.announce()
        assert len(told) == 1  # the first of them waits for others
        change("tide", 31)
        await announcer.announce()
        await announcer.announce()
        now = datetime.now(UTC)
        later = partial(write_unannounced.waiting_changes, now=now, debounce=timedelta(seconds=9))
        assert [one.scope for one in await transact_on(site)(later)] == [
            ListScope(),
            ListScope(ListKind.SOURCE, "tide"),
        ]

    def change(feed: str, seconds_ago: int) -> None:
        with site.engine.begin() as connection:
            feed_id = connection.scalar(select(feeds.c.id).where(feeds.c.name == feed))
            at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
            lists = [1] if feed == "tide" else [1, 2]
            write_unannounced.note_unannounced(
                connection, list_ids=lists, feed_ids=[feed_id], now=at
            )

    asyncio.run(main())

    assert [len(some) for some in told] == [12, 12]


def test_a_clock_that_is_set_back_holds_up_no_announcement(tmp_path):
    site = Site(tmp_path)
    site.subscribe(*FEEDS)
    told: list[set[str]] = []

    async def tell(some: Any) -> None:
        told.append(set(some))

    with site.engine.begin() as connection:  # by a clock that was six hours ahead
        write_unannounced.note_unannounced(
            connection, feed_ids=[1], now=datetime.now(UTC) + 6 * AN_HOUR
        )
    announcer = Announcer(PUBLICATION, tell, transact_on(site))

    async def main() -> None:
        await announcer.announce()
        await announcer.announce()

    asyncio.run(main())

    assert len(told) == 1


def test_a_hub_is_told_of_every_document_once_and_again_if_it_does_not_listen():
    async def main() -> Peer:
        peer = Peer()
        async with peer.serving() as url, WebSubClient(LOOPBACK) as calls:
            hub = RemoteHub(f"{url}/hub", calls, retry_waits=(0.05, 0.05))
            await hub.publish([TOPIC, f"{HOST}/feed.rss"])
            assert len(peer.received) == 2
            peer.status = 503
            await hub.publish([TOPIC])
            assert len(peer.received) == 5  # tried again twice, then let be
            peer.status = 403
            await hub.publish([TOPIC])
            assert len(peer.received) == 6
        return peer

    peer = asyncio.run(main())
    path, headers, body = peer.received[0]
    assert path == "/hub"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert b"hub.mode=publish" in body
    assert b"hub.topic=https%3A%2F%2Fposts.example%2Ffeed." in body


@pytest.mark.slow
def test_a_hub_of_the_file_is_told_what_polls_of_another_process_brought(tmp_path):
    async def main() -> None:
        peer = Peer()
        async with peer.serving() as url:
            server.put("/feed", rss([("1", "First", None)]))
            path = write_config(tmp_path, [server.url("/feed")], websub=f"{{hub: '{url}/'}}")
            done = await asyncio.to_thread(in_process, tmp_path, "poll")
            assert done.returncode == 0, done.stderr
            site_config = configuration.load(path)
            engine = open_database(site_config.database)
            announcements = WebSubService(
                site_config,
                "here",
                transact_on(engine),
                LOOPBACK,
                debounce=timedelta(0),
            )
            assert set(announcements.jobs()) == {"announce"}
            _, announce = announcements.jobs()["announce"]
            async with announcements:
                await announce()
                assert len(peer.received) == 6  # the whole list and the source
                await announce()
                assert len(peer.received) == 6
                await asyncio.to_thread(in_process, tmp_path, "poll", "--all")  # brings nothing new
                await announce()
            assert len(peer.received) == 6
            engine.dispose()

    with FeedServer() as server:
        asyncio.run(main())


def test_without_a_hub_nothing_is_noted_and_nothing_to_do(tmp_path):
    with FeedServer() as server:
        server.put("/feed", rss([("1", "First", None)]))
        path = write_config(tmp_path, [server.url("/feed")])
        assert command(tmp_path, "poll").returncode == 0

    site_config = configuration.load(path)
    engine = open_database(site_config.database)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(unannounced)) == 0
    engine.dispose()
    nothing: Any = None
    assert WebSubService(site_config, "here", nothing, LOOPBACK).jobs() == {}


# -------------------------------------------------------------------- the whole program


@contextlib.contextmanager
def apart(folder: Path) -> Iterator[str]:
    """Run `schedule` and `serve`; yield the address of the pages."""
    with (
        running(folder, "serve") as (_, address),
        limited(Program("schedule", cwd=folder, stderr=subprocess.DEVNULL)),
    ):
        yield address


@contextlib.contextmanager
def together(folder: Path) -> Iterator[str]:
    with running(folder) as (_, address):
        yield address


@pytest.mark.slow
@pytest.mark.parametrize("started", [together, apart])
def test_a_running_aggregator_tells_its_subscribers(tmp_path, started):
    now = datetime.now(UTC)
    topic = f"{HOST}/feed.atom"

    async def main(server: FeedServer) -> None:
        peer = Peer()
        async with peer.serving() as url:
            path = write_config(
                tmp_path,
                [server.url("/feed")],
                base_url=HOST,
                websub="{hub: self, allow: [127.0.0.1]}",
                poll="{interval: 1s, host_delay: 0s, workers: 1}",
            )
            form = {"hub.mode": "subscribe", "hub.topic": topic, "hub.callback": f"{url}/cb"}

            def subscribed_to(address: str) -> None:
                eventually(lambda: b"First" in get(f"{address}/feed.atom")[2])
                assert f'<{HOST}/hub>; rel="hub"' in get(f"{address}/feed.atom")[1]["link"]
                assert _post(f"{address}/hub", form) == 202
                eventually(lambda: peer.asked)

            def told() -> bool:
                with database.begin() as connection:  # nobody waits for half a minute here
                    past = datetime.now(UTC) - AN_HOUR
                    connection.execute(update(unannounced).values(first_at=past))
                return any(b"Second" in body for _, _, body in peer.received)

            with started(tmp_path) as address:
                await asyncio.to_thread(subscribed_to, address)
                peer.received.clear()
                server.put("/feed", rss([("1", "First", now), ("2", "Second", now)]))
                database = open_database(configuration.load(path).database)
                await asyncio.to_thread(lambda: eventually(told, every=1))
                database.dispose()

    with FeedServer() as server:
        server.put("/feed", rss([("1", "First", now)]))
        asyncio.run(main(server))


@pytest.mark.slow
def test_what_was_not_told_before_a_kill_is_told_after_the_restart(tmp_path):
    async def main() -> None:
        peer = Peer()
        async with peer.serving() as url:
            server.put("/feed", rss([("1", "First", None)]))
            path = write_config(tmp_path, [server.url("/feed")], websub=f"{{hub: '{url}/'}}")
            await asyncio.to_thread(polled_and_killed)
            assert peer.received == []
            engine = open_database(configuration.load(path).database)
            with engine.begin() as connection:  # nobody waits for half a minute here
                connection.execute(update(unannounced).values(first_at=datetime.now(UTC) - AN_HOUR))
            engine.dispose()
            with running(tmp_path):
                await asyncio.to_thread(eventually, lambda: len(peer.received) == 6)

    def polled_and_killed() -> None:
        with running(tmp_path) as (process, address):
            eventually(lambda: b"First" in get(f"{address}/feed.atom")[2])
            process.kill()

    with FeedServer() as server:
        asyncio.run(main())


def _post(url: str, form: dict[str, str]) -> int:
    import urllib.parse
    import urllib.request

    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(url, data, timeout=10) as answer:
        return int(answer.status)
