"""Feeds that have one more post at each request, each at a site of its own, and who polled them.

A document that nobody stored is a post that comes again with the next one; a post that is missing
in the end was lost, one that is there twice was doubled.
"""

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from sqlalchemy import Engine, text

from tests.feedserver import FeedServer
from tests.running import HANGS_AFTER, eventually, rss, write_config

_FIRST_SITE = 11  # 127.0.0.11 and above
_STARTS = text("SELECT url, started_at / 1e6 FROM polls JOIN feeds ON feeds.id = polls.feed_id")


_STEP = 0.05  # seconds


class GrowingFeed:
    """A feed at a site of its own.

    Attributes:
        delay: Seconds until an answer.
        gate: What the answers to the requests from now on wait for.
        grows: Whether each request brings another post.
    """

    def __init__(self, name: str, server: FeedServer, delay: float) -> None:
        self.name, self.url, self.delay = name, server.url(f"/{name}"), delay
        self.gate = threading.Event()
        self.gate.set()
        self.grows = True
        self.requested_at: list[float] = []
        self.guids: list[str] = []
        self._server = server
        self._lock = threading.Lock()
        server.raw(f"/{name}", self._answer)

    def _answer(self, connection: socket.socket) -> None:
        with self._lock:
            self.requested_at.append(time.time())
            guid = f"{self.name}-{len(self.requested_at)}"
            gate = self.gate
        is_closing = self._server.pause(self.delay)
        while not (is_closing or gate.is_set()):
            is_closing = self._server.pause(_STEP)
        if is_closing:
            return
        with self._lock:
            if self.grows:
                self.guids.append(guid)
            body = rss([(guid, f"Post {guid}", datetime.now(UTC)) for guid in self.guids])
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)


class GrowingFeeds:
    """Some feeds, polled with a PostgreSQL database every `interval` seconds."""

    def __init__(self, feeds: Sequence[GrowingFeed], database: Engine, interval: int) -> None:
        self._feeds, self.database, self.interval = feeds, database, interval
        self._starts: dict[str, set[float]] = {feed.url: set() for feed in feeds}

    def __iter__(self) -> Iterator[GrowingFeed]:
        return iter(self._feeds)

    def __len__(self) -> int:
        return len(self._feeds)

    def write_config(self, folder: Path, **options: str) -> None:
        """Write config.yaml; `options` are those of `poll`."""
        values = {"interval": f"{self.interval}s", "host_delay": "0s", "workers": "1", **options}
        poll = ", ".join(f"{key}: {value}" for key, value in values.items())
        write_config(
            folder,
            [feed.url for feed in self._feeds],
            poll=f"{{{poll}}}",
            network="{allow: [127.0.0.0/8]}",
            database=self.database.url.render_as_string(hide_password=False),
        )

    def are_stored(self) -> bool:
        """Whether the database has each post that was served until now, and none of them twice."""
        self.note_polls()
        served = {guid for feed in self._feeds for guid in list(feed.guids)}
        with self.database.connect() as connection:
            stored = Counter(connection.scalars(text("SELECT guid FROM entries")))
        assert max(stored.values(), default=1) == 1, stored.most_common(3)
        return served <= stored.keys()

    def note_polls(self) -> None:
        """Note the polls of the database, which forgets a poll when the feed had 24 more."""
        with self.database.connect() as connection:
            for url, started_at in connection.execute(_STARTS):
                self._starts[url].add(float(started_at))

    def wait_until(self, condition: Callable[[], object], *, within: float = HANGS_AFTER) -> None:
        """Wait for a condition, and note polls meanwhile."""
        eventually(lambda: self.note_polls() or condition(), within=within, every=0.2)

    @contextlib.contextmanager
    def held(self) -> Iterator[threading.Event]:
        """Yield what answers to the requests meanwhile wait for."""
        gates = [feed.gate for feed in self._feeds]
        held = threading.Event()
        for feed in self._feeds:
            feed.gate = held
        yield held
        for feed, gate in zip(self._feeds, gates, strict=True):
            feed.gate = gate

    def request_counts(self) -> list[int]:
        """Return how often each feed was requested."""
        return [len(feed.requested_at) for feed in self._feeds]

    def go_on(self) -> None:
        """Wait until each feed was requested again."""
        before = self.request_counts()
        self.wait_until(lambda: all(map(int.__gt__, self.request_counts(), before)))

    def end(self) -> None:
        """Let no further posts come, and wait until all are stored."""
        for feed in self._feeds:
            feed.grows = False
        eventually(self.are_stored)

    def early(self, *, delay: float = 0.001) -> list[tuple[str, float]]:
        """Return feeds that were requested within their interval, with the seconds between.

        A poll that was stored counts from its start, which the database has, as requests arrive
        with delays; one that was not stored from the arrival of its request.

        Args:
            delay: Of an arrival, in seconds: a poll that a stop ends counts from its start, too,
                which the database does not have.
        """
        self.note_polls()
        return [
            (feed.name, later - earlier)
            for feed in self._feeds
            for earlier, later in pairwise(_starts(feed.requested_at, self._starts[feed.url]))
            if later - earlier < self.interval - delay
        ]


def _starts(requested_at: Sequence[float], poll_starts: set[float]) -> Iterator[float]:
    """Yield when the poll of each request began."""
    former = float("-inf")
    for at in list(requested_at):
        yield max((start for start in poll_starts if former < start <= at), default=at)
        former = at


@contextlib.contextmanager
def growing_feeds(
    database: Engine, *, count: int, interval: int, delay: float
) -> Iterator[GrowingFeeds]:
    with contextlib.ExitStack() as servers:
        feeds = []
        for number in range(count):
            server = servers.enter_context(FeedServer(f"127.0.0.{_FIRST_SITE + number}"))
            feeds.append(GrowingFeed(f"feed{number}", server, delay))
        yield GrowingFeeds(feeds, database, interval)
