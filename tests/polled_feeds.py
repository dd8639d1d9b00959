"""Feeds that have another post at each request, and what a database has of them.

Each document has one post, that no other document has: a poll that is lost is a post that is
missing, a poll that is stored twice a post too many.
"""

import os
import socket
import textwrap
import threading
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Any

from tests.feedserver import FeedServer
from tests.postgresql_server import PostgresServer
from tests.running import HANGS_AFTER, eventually, rss

INTERVAL = 2
"""Seconds between two polls of a feed."""


class PolledFeeds:
    """Some feeds of a publisher, polled with a PostgreSQL database.

    Args:
        database: Of the program, on the server.
        count: How many feeds.

    Attributes:
        text_length: Characters that each post has more than it needs.
    """

    def __init__(
        self, publisher: FeedServer, server: PostgresServer, *, database: str, count: int = 4
    ) -> None:
        self._publisher, self._server, self._database = publisher, server, database
        self.text_length = 0
        self._paths = [f"/feed-{number}" for number in range(count)]
        self._served: dict[str, list[str]] = {path: [] for path in self._paths}
        self._starts: dict[str, set[float]] = {path: set() for path in self._paths}
        self._lock = threading.Lock()
        for path in self._paths:
            publisher.raw(path, partial(self._answer, path))

    @property
    def urls(self) -> list[str]:
        return [self._publisher.url(path) for path in self._paths]

    def _answer(self, path: str, connection: socket.socket) -> None:
        with self._lock:
            guid = f"{path[1:]}-post-{len(self._served[path])}"
            self._served[path].append(guid)
        words = textwrap.fill(os.urandom(self.text_length // 2).hex(), 8)  # cannot be compressed
        body = rss([(guid, guid, datetime.now(UTC))], title=path[1:])
        body = body.replace(b"Text of", f"{words} of".encode())
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def served(self) -> set[str]:
        """Return the guids of all posts that were served until now."""
        with self._lock:
            return {guid for guids in self._served.values() for guid in guids}

    def stored(self) -> Counter[str]:
        """Return how often the database has each guid."""
        return Counter(guid for (guid,) in self._rows("SELECT guid FROM entries"))

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._server.execute(statement, database=self._database)

    def are_stored(self, guids: set[str]) -> bool:
        """Whether the database has these posts, each of them once."""
        stored = self.stored()
        assert max(stored.values(), default=1) == 1, stored.most_common(3)
        self._note_starts()
        return guids <= stored.keys()

    def _note_starts(self) -> None:
        rows = self._rows(
            "SELECT url, started_at / 1e6 FROM polls JOIN feeds ON feeds.id = polls.feed_id"
        )
        for url, started_at in rows:
            self._starts[f"/{url.rpartition('/')[2]}"].add(float(started_at))

    def go_on(self, *, within: float = HANGS_AFTER) -> None:
        """Wait until each feed was polled again, in so many seconds, and its posts are stored."""
        counts = {path: len(self._publisher.requests_to(path)) for path in self._paths}
        eventually(
            lambda: all(
                len(self._publisher.requests_to(path)) > count for path, count in counts.items()
            ),
            within=within,
        )
        served = self.served()
        eventually(lambda: self.are_stored(served))

    def assert_none_was_early(self) -> None:
        """Compare the publisher's record of requests with the polls that the database knows."""
        counts = {path: len(self._publisher.requests_to(path)) for path in self._paths}

        def knows_all() -> bool:
            self._note_starts()
            return all(len(self._starts[path]) >= count for path, count in counts.items())

        eventually(knows_all)
        for path, starts in self._starts.items():
            gaps = [later - earlier for earlier, later in pairwise(sorted(starts))]
            assert min(gaps, default=INTERVAL) >= INTERVAL, (path, gaps)
