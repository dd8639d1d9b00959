"""The pipeline under fault: a server that misbehaves, real polls, and what is stored afterwards."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, text

from aggregator.database.feeds import read_health, write_leases, write_subscriptions
from aggregator.database.lists import read_lists, write_relisting
from aggregator.fetch import FetchSettings
from aggregator.model import FeedHealth, ListedEntry, ListKind, ListScope, Subscription
from aggregator.poll import PollResult, PollSettings
from tests.feedserver import FeedServer
from tests.pollers import polling
from tests.worlds import new_database

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


class World:
    """A database, a server of feeds, and polls between them.

    A feed's name is its path on the server without the slash.  `limits` are seconds and bytes of
    `FetchSettings`; times that a test does not name are those of a busy machine.
    """

    def __init__(self, folder: Path, server: FeedServer, **limits: float) -> None:
        self.database = new_database(folder)
        self.server = server
        self.settings = PollSettings(
            fetch=FetchSettings(
                user_agent="test",
                allow=(server.host,),
                max_size=int(limits.get("max_size", 10_000_000)),
                timeout=timedelta(seconds=limits.get("timeout", 60)),
                read_timeout=timedelta(seconds=limits.get("read_timeout", 60)),
            ),
            authority="example.org",
            concurrency=64,
            host_delay=timedelta(0),
        )

    def subscribe(self, *names: str, apart: bool = False, **elsewhere: str) -> None:
        """Make these the subscriptions; `elsewhere` are further ones by name and address.

        Args:
            apart: Each on a host of its own (see `hosts_of_their_own`): they don't wait for each
                other's turn.
        """
        places = {name: self.server.url(f"/{name}") for name in names}
        if apart:
            places = {name: _on_its_own_host(name, url) for name, url in places.items()}
        places |= elsewhere
        subscriptions = [Subscription(name, url, name_given=True) for name, url in places.items()]
        with self.database.begin() as connection:
            write_subscriptions.sync_subscriptions(connection, subscriptions, now=NOW)
        write_relisting.relist_all(self.database)

    def poll(
        self, *names: str, times: int = 1, before: Callable[[int], None] = lambda _: None
    ) -> dict[str, PollResult]:
        """Poll these feeds, or all, due or not; return the last results by name.

        Args:
            before: Called before each time with its number.
        """
        return asyncio.run(self._poll(names or None, times, before))

    async def _poll(
        self, names: Collection[str] | None, times: int, before: Callable[[int], None]
    ) -> dict[str, PollResult]:
        results: list[PollResult | None] = []
        async with polling(self.database, self.settings) as poller:
            for number in range(times):
                before(number)
                due = await poller.transact(
                    lambda connection: write_leases.lease_named(
                        connection, owner="t", now=NOW, until=NOW + HOUR, names=names
                    )
                )
                results = await asyncio.gather(*(poller.poll(feed) for feed in due))
        return {result.feed: result for result in results if result is not None}

    def entries(self, name: str) -> tuple[ListedEntry, ...]:
        """Return what is stored of a feed, newest first."""
        with self.database.connect() as connection:
            return read_lists.entries_page(
                connection, scope=ListScope(ListKind.SOURCE, name), limit=10_000, with_content=True
            ).entries

    def titles(self, name: str) -> list[str]:
        return [entry.title for entry in self.entries(name)]

    def health(self, name: str) -> FeedHealth:
        with self.database.connect() as connection:
            health = read_health.feed(connection, name, now=NOW)
        assert health is not None
        return health

    def all_healths(self) -> dict[str, FeedHealth]:
        """Return the health of every feed by its name, in one statement."""
        with self.database.connect() as connection:
            healths = read_health.feeds_by_urgency(connection, now=NOW)
        return {health.source.name: health for health in healths}

    def all_titles(self) -> dict[str, list[str]]:
        """Return the titles of the stored entries of every feed by its name, in one statement."""
        titles: dict[str, list[str]] = {}
        statement = text(
            "SELECT name, entries.title FROM feeds JOIN entries ON entries.feed_id = feeds.id"
        )
        with self.database.connect() as connection:
            for name, title in connection.execute(statement):
                titles.setdefault(name, []).append(title)
        return titles

    def row(self, name: str) -> Row[Any]:
        """Return a feed's row as it is stored."""
        with self.database.connect() as connection:
            return connection.execute(
                text("SELECT * FROM feeds WHERE name = :name"), {"name": name}
            ).one()


@contextlib.contextmanager
def hosts_of_their_own() -> Iterator[None]:
    """Let every name below .test lead to 127.0.0.1 in this process."""
    original = socket.getaddrinfo

    def lookup(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = "127.0.0.1" if str(host).endswith(".test") else host
        return original(name, port, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lookup)
        yield


def _on_its_own_host(name: str, url: str) -> str:
    return url.replace("127.0.0.1", f"{name}.test")


def item(guid: str, title: str | None = None, *, at: datetime = NOW, inside: str = "") -> str:
    """Return an RSS item, well-formed if `inside` is."""
    return (
        f"<item><guid isPermaLink='false'>{guid}</guid><title>{title or f'Post {guid}'}</title>"
        f"<link>https://example.org/{guid}</link><pubDate>{at:%a, %d %b %Y %H:%M:%S} GMT</pubDate>"
        f"<description>Text of {guid}, all of it.</description>{inside}</item>"
    )


def channel(*items: str, before: str = "<?xml version='1.0' encoding='utf-8'?>") -> str:
    """Return an RSS document of these items."""
    return (
        f"{before}<rss version='2.0'><channel><title>Blog</title>"
        f"<link>https://example.org/</link>{''.join(items)}</channel></rss>"
    )
