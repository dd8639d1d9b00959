"""What faults may cost the others: slow hosts, hostile documents, memory.  Real processes."""

import asyncio
import contextlib
import gzip
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Collection
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from statistics import quantiles

import brotli
import pytest

from aggregator.database.feeds import write_leases
from tests.faults import HOUR, NOW, World, channel, hosts_of_their_own, item
from tests.feedserver import FeedServer
from tests.pollers import polling
from tests.running import (
    HANGS_AFTER,
    MUCH_LONGER,
    command,
    eventually,
    get,
    rss,
    running,
    slowest_usual,
    write_config,
)

# ------------------------------------------------------------------------ slow hosts


def poll_beside(world: World, quick: list[str], hanging: list[str]) -> None:
    """Poll the quick ones to their end while the others hang."""

    async def run() -> None:
        async with polling(world.database, world.settings) as poller:
            due = await poller.transact(
                lambda connection: write_leases.lease_named(
                    connection, owner="t", now=NOW, until=NOW + HOUR, names=[*quick, *hanging]
                )
            )
            due.sort(key=lambda feed: feed.name not in hanging)  # the worst order
            tasks = {feed.name: asyncio.create_task(poller.poll(feed)) for feed in due}
            async with asyncio.timeout(HANGS_AFTER):
                results = await asyncio.gather(*(tasks[name] for name in quick))
            assert {result.error for result in results} == {None}
            for name in hanging:
                assert not tasks[name].done()
                tasks[name].cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        with world.database.begin() as connection:
            write_leases.release_leases(connection, owner="t")

    asyncio.run(run())


@pytest.mark.slow
@pytest.mark.parametrize("hanging", [20, 60])  # of 32 places; 60 hang until there is room
def test_hosts_that_hang_delay_nobody(tmp_path, hanging):
    quick = [f"quick{n}" for n in range(80)]
    silent = [f"silent{n}" for n in range(hanging)]
    with hosts_of_their_own(), FeedServer() as server:
        world = World(tmp_path, server, timeout=900, read_timeout=900)
        world.settings = world.settings.__class__(
            fetch=world.settings.fetch, authority="x.example", concurrency=32,
            host_delay=world.settings.host_delay,
        )  # fmt: skip
        for name in quick:
            server.put(f"/{name}", channel(item(name)), delay=0.1)
        for name in silent:
            server.raw(f"/{name}", lambda _: server.pause(900))
        world.subscribe(*quick, *silent, apart=True)

        poll_beside(world, quick, silent)

        world.database.dispose()


# ------------------------------------------------------------------------- the page


@pytest.mark.slow
def test_the_page_answers_while_1000_feeds_are_polled_and_hostile_ones_are_read(tmp_path):
    """Also while a parser chews for seconds; the control is the page when all is read."""
    now = datetime.now(UTC)
    hostile = channel("&broken;" + "".join(f"<item><a b='{n}'/></item>" for n in range(400_000)))
    looks: list[tuple[float, float]] = []  # when, and how long it took
    with FeedServer() as server:
        for n in range(1000):
            server.put(f"/{n}", rss([(f"{n}-{k}", f"Post {n}.{k}", now) for k in range(10)]))
        for n in range(3):
            server.put(f"/hostile{n}", hostile)
        paths = [f"/hostile{n}" for n in range(3)] + [f"/{n}" for n in range(1000)]
        write_config(
            tmp_path,  # named, or the log says more than fits into a pipe that nobody reads
            [f"{{url: {server.url(path)}, name: feed-{path[1:]}}}" for path in paths],
            poll="{host_delay: 0s, workers: 2, max_size: 30MB}",
            hosts="{127.0.0.1: {concurrency: 32}}",
        )
        command(tmp_path, "feeds")
        with (
            contextlib.closing(sqlite3.connect(tmp_path / "aggregator.db")) as database,
            running(tmp_path) as (process, address),
        ):
            eventually(lambda: get(f"{address}/healthz")[0] == 200)
            stop = threading.Event()

            def look() -> None:
                while not stop.is_set():
                    at, began = time.time(), time.monotonic()
                    assert get(f"{address}/?view=titles")[0] == 200
                    looks.append((at, time.monotonic() - began))
                    stop.wait(0.02)

            looker = threading.Thread(target=look)
            looker.start()
            polled = "SELECT count(*) FROM polls"
            eventually(lambda: database.execute(polled).fetchone() == (1003,), within=180)
            stop.set()
            looker.join(HANGS_AFTER)
            quiet = slowest_usual(partial(get, f"{address}/?view=titles"))
            spans = database.execute(
                "SELECT started_at / 1e6, seconds FROM polls JOIN feeds "
                "ON feeds.id = polls.feed_id "
                "WHERE url LIKE '%/hostile%'"
            ).fetchall()
            process.terminate()
            process.wait(HANGS_AFTER)

    hard = [took for at, took in looks if any(start <= at <= start + s for start, s in spans)]
    assert min(seconds for _, seconds in spans) > 2
    assert len(hard) > 50
    assert quantiles(hard, n=20)[-1] < MUCH_LONGER * quiet
    assert quantiles([took for _, took in looks], n=20)[-1] < MUCH_LONGER * quiet


# --------------------------------------------------------------------------- memory

POLL_AND_WEIGH = """
import asyncio, gc, json, sys, threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from aggregator.database import open_database
from aggregator.database.feeds import write_leases, write_subscriptions
from aggregator.fetch import FetchSettings
from aggregator.model import Subscription
from aggregator.poll import PollerFactory, PollSettings
from tests.running import HANGS_AFTER, own_tree_memory, tree_memory

async def main(folder, rounds, limit, is_watched, urls):
    engine = open_database(f"sqlite:///{folder}/memory.db")
    now = datetime.now(UTC)
    feeds = [Subscription(f"f{n}", url, name_given=True) for n, url in enumerate(urls)]
    with engine.begin() as connection:
        write_subscriptions.sync_subscriptions(connection, feeds, now=now)
    seconds = timedelta(seconds=200)
    fetching = FetchSettings("t", allow=("127.0.0.1",), timeout=seconds, max_size=limit)
    settings = PollSettings(fetching, "x.example", host_delay=timedelta(0), concurrency=1)
    peaks, name, over = {}, "", threading.Event()

    def watch():
        while not over.wait(0.04):
            peaks[name] = max(peaks.get(name, 0), tree_memory())

    async with PollerFactory(engine).polling(settings) as poller:
        async def poll(*names):
            nonlocal name
            errors = []
            for name in names:
                (due,) = await poller.transact(lambda connection: write_leases.lease_named(
                    connection, owner="t", now=now, until=now + timedelta(hours=1), names=[name]))
                errors.append((await poller.poll(due)).error)
                if is_watched:  # a poll may be over between two looks
                    peaks[name] = max(peaks.get(name, 0), tree_memory())
            return errors
        await poll("f0")
        gc.collect()
        idle = tree_memory()
        watcher = threading.Thread(target=watch)
        if is_watched:
            watcher.start()
        levels, errors = [], []
        for number in range(rounds):
            errors = await poll(*(feed.name for feed in feeds))
            await asyncio.sleep(0.05)
            levels.append(own_tree_memory())
        if is_watched:
            over.set()
            watcher.join(30)
    costs = [peaks.get(feed.name, 0) - idle for feed in feeds]
    print(json.dumps({"costs": costs, "levels": levels, "errors": errors}))

folder, rounds, limit, watched, *urls = sys.argv[1:]
asyncio.run(main(folder, int(rounds), int(limit), watched == "watched", urls))
"""


MAX_SIZE = 10_000_000
CHEAP = [
    "gzip",
    "deflate",
    "brotli",
    "twice",
    "entities",
    "nested",
    "author",
    "json",
    "text",
    "page",
]


@cache
def bombs(limit: int = MAX_SIZE) -> dict[str, tuple[bytes, str]]:
    """Return bodies with their coding, once unpacked or read of about `limit` bytes and more."""
    zeros = bytes(6 * limit)
    wide = channel("<item><title>x</title>" + "<a/>" * (limit * 23 // 100) + "</item>").encode()
    nested = channel(
        item("a", inside=f"<content>{'&lt;div&gt;' * (limit * 9 // 100)}</content>")
    ).encode()
    laughs = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 9))
    entities = f"<!DOCTYPE rss [<!ENTITY e0 'lol'>{laughs}]>"
    many = "".join(f"<item><title>{n}</title><guid>{n}</guid></item>" for n in range(limit // 100))
    return {
        "fine": (channel(item("fine")).encode(), ""),
        "gzip": (gzip.compress(zeros, 9), "gzip"),
        "deflate": (zlib.compress(zeros, 9), "deflate"),
        "brotli": (brotli.compress(zeros, quality=5), "br"),
        "twice": (gzip.compress(gzip.compress(zeros, 9), 9), "gzip, gzip"),
        "entities": (channel("<item><title>&e8;</title></item>", before=entities).encode(), ""),
        "wide": (gzip.compress(wide), "gzip"),
        "nested": (gzip.compress(nested), "gzip"),
        "many": (gzip.compress(channel(many).encode()), "gzip"),
        "author": (channel(item("a", inside=f"<author>{'a-@a-' * 12_000}</author>")).encode(), ""),
        "json": (gzip.compress(b"[" * (limit * 99 // 100)), "gzip"),
        "text": (gzip.compress(b"x" * (limit * 99 // 100)), "gzip"),
        "broken": (
            gzip.compress(b"<rss><channel>&x;" + b"<title>x " * (limit * 109 // 1000)),
            "gzip",
        ),
        "unclosed": (gzip.compress(b"<rss><channel>&x;" + b"<item>" * (limit * 16 // 100)), "gzip"),
        "page": (gzip.compress(b"<html><body>" + b"<p>x " * (limit * 19 // 100)), "gzip"),
    }


def weighed(
    server: FeedServer,
    folder,
    names: Collection[str],
    *,
    rounds: int = 1,
    watched: bool = True,
    limit: int = MAX_SIZE,
) -> dict:
    """Return what polls of feeds, after one of a harmless feed, cost in megabytes.

    Args:
        limit: The size in bytes beyond which a body is refused.
        watched: To look at the memory during the polls: each look takes milliseconds.

    Returns:
        `costs` by name: how much more than before; `levels`: the memory after each round;
        `errors` of the last round.
    """
    for name, (body, coding) in bombs(limit).items():
        headers = {"Content-Encoding": coding} if coding else {}
        server.put(f"/{name}", body, headers=headers)
    # What a document may cost is measured here, not how busy the machine is while it is read.
    (folder / "sitecustomize.py").write_text(
        "from aggregator.runtime import worker_loop\nworker_loop.TASK_TIMEOUT = 200\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", POLL_AND_WEIGH, str(folder), str(rounds), str(limit),
         "watched" * watched,
         *(server.url(f"/{name}") for name in ["fine", *names])],
        check=True, capture_output=True, text=True, timeout=500,
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{Path(__file__).parents[1]}"},
    ).stdout  # fmt: skip
    found = json.loads(output)
    return found | {"costs": dict(zip(["fine", *names], found["costs"], strict=True))}


@pytest.mark.slow
def test_no_single_feed_costs_more_than_150_mb(tmp_path):
    with FeedServer() as server:
        costs = weighed(server, tmp_path, [*CHEAP, "wide", "many", "broken", "unclosed"])["costs"]

    assert min(costs.values()) > 0
    assert {name: cost for name, cost in costs.items() if cost >= 150} == {}


HONEST = {
    "5,000 entries": lambda: channel(*(article(n, 1_600) for n in range(5_000))),
    "20 long entries": lambda: channel(*(article(n, 480_000) for n in range(20))),
    "Chinese": lambda: channel(
        *(article(n, 1_900, "天地玄黄<b>宇宙洪荒</b>") for n in range(4_000)),
        before="<?xml version='1.0' encoding='gb18030'?>",
    ),
    "UTF-16": lambda: channel(*(article(n, 1_600) for n in range(2_500)),
                              before="<?xml version='1.0' encoding='utf-16'?>"),
}  # fmt: skip


def article(number: int, size: int, words: str = "<p>Quick <em>brown</em> &amp; lazy.</p>") -> str:
    html = words * (size // len(words.encode("gb18030")))
    return item(str(number), inside=f"<content:encoded><![CDATA[{html}]]></content:encoded>")


@pytest.mark.slow
@pytest.mark.parametrize("name", HONEST)
def test_the_largest_honest_documents_are_read_and_cost_no_more_than_150_mb(tmp_path, name):
    coding = {"Chinese": "gb18030", "UTF-16": "utf-16"}.get(name, "utf-8")
    content = "xmlns:content='http://purl.org/rss/1.0/modules/content/'"
    body = HONEST[name]().replace("<rss ", f"<rss {content} ").encode(coding)
    assert 8_000_000 < len(body) < 10_000_000
    with FeedServer() as server:
        server.put("/large", body)
        found = weighed(server, tmp_path, ["large"], rounds=2)

    assert found["errors"] == [None, None]
    assert found["costs"]["large"] < 150


MIRRORS = {"many entries": (4_000, 2_000), "long entries": (160, 58_000), "marks": (160, 30_000)}


@pytest.mark.slow
@pytest.mark.parametrize("name", MIRRORS)
def test_two_feeds_with_the_same_texts_cost_no_more_than_150_mb_to_compare(tmp_path, name):
    count, size = MIRRORS[name]
    words = "\u0301\u0316" * 12 if name == "marks" else "Quick {n} brown {k} foxes "
    with FeedServer() as server:
        for feed in range(2):
            many = (
                f"<item><title>Quick brown foxes of the day</title><guid>{feed}-{n}</guid>"
                f"<link>https://{feed}.example/{n}</link><description>"
                f"{''.join(words.format(n=n, k=k) for k in range(size // 26))} {n} of {feed}"
                "</description></item>"
                for n in range(count)
            )
            packed = gzip.compress(channel(*many).encode())
            server.put(f"/mirror{feed}", packed, headers={"Content-Encoding": "gzip"})
        found = weighed(server, tmp_path, ["mirror0", "mirror1"])

    assert found["errors"] == [None, None, None]
    assert max(found["costs"].values()) < 150


@pytest.mark.slow
def test_1000_polls_of_bombs_leave_the_memory_where_it_was(tmp_path):
    with FeedServer() as server:
        found = weighed(server, tmp_path, CHEAP, rounds=91, watched=False, limit=1_000_000)

    levels = found["levels"]

    assert len(levels) * (len(CHEAP) + 1) >= 1000
    early, late = min(levels[5:15]), min(levels[-10:])
    assert late < 1.1 * early
