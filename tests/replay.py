"""Documents over time, and what must be in the database and on the page after each.

    replay(
        tmp_path,
        Step(feed(Post("A", guid="1"), Post("B", guid="2")), shows="A B"),
        Step(feed(Post("A2", guid="1"), Post("B", guid="2")), shows="A2 B", updated="A2"),
    )

Each step is a poll of the real pipeline: fetch (from a file), prefilter, worker process,
comparison, database; then the page is asked for, as a browser would.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape, unescape
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import text

from aggregator.config import Config, load
from aggregator.database import Engine
from aggregator.database.entries import write_retention
from aggregator.database.feeds import write_leases, write_subscriptions
from aggregator.database.lists import read_lists
from aggregator.model import DueFeed, ListedEntry
from aggregator.poll import Poller, PollResult
from aggregator.scheduler import poll_settings
from tests.pollers import polling
from tests.worlds import new_database
from web import create_app

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
LONG = "A text that is long enough that nobody would write it twice by chance, word for word, ever."


@dataclass(frozen=True)
class Post:
    """One item of a document.

    Attributes:
        guid, link: None for no element.  A link is below https://blog.example/ if it is a path.
        text: HTML.
        at: When it was published: a time, the very text, or None for no date.
        more: Further elements as they stand.
    """

    title: str
    guid: str | None = None
    link: str | None = None
    text: str = ""
    at: datetime | str | None = None
    more: str = ""

    def __str__(self) -> str:
        link = self.link
        if link is not None and "//" not in link:
            link = f"https://blog.example{link}"
        at = format_datetime(self.at) if isinstance(self.at, datetime) else self.at
        elements = {"guid": self.guid, "link": link, "pubDate": at, "title": self.title or None}
        known = "".join(
            f"<{name}>{escape(value)}</{name}>"
            for name, value in elements.items()
            if value is not None
        )
        about = f"<description>{escape(self.text)}</description>" if self.text else ""
        return f"<item>{known}{about}{self.more}</item>"


def feed(*posts: Post, head: str = "") -> bytes:
    """Return an RSS document."""
    items = "\n".join(map(str, posts))
    return (
        "<rss version='2.0' xmlns:dc='http://purl.org/dc/elements/1.1/' "
        "xmlns:atom='http://www.w3.org/2005/Atom'><channel><title>Blog</title>"
        f"<link>https://blog.example/</link>{head}{items}</channel></rss>"
    ).encode()


def posts(names: str, *, first: datetime = NOW - HOUR, **values: Any) -> list[Post]:
    """Return posts with these titles, an hour apart, newest first; `{}` in a value is the title."""
    return [
        Post(
            name,
            at=first - number * HOUR,
            **{key: str(value).replace("{}", name) for key, value in values.items()},
        )
        for number, name in enumerate(names.split())
    ]


@dataclass(frozen=True)
class Step:
    """A document, and what must be there after it was read.

    Attributes:
        shows: The titles on the page, newest first, parted by spaces.
        new: How many were new.
        updated: Titles that the page says were updated.
        retain: Delete what is older than this, but for the newest `keep` entries, before the poll.
    """

    document: bytes
    shows: str | None = None
    new: int | None = None
    updated: str | None = None
    retain: timedelta | None = None
    keep: int = 0


class World:
    """One feed, its file, its database, its page."""

    def __init__(self, folder: Path, feed: dict[str, Any] | None = None, **settings: Any) -> None:
        (folder / "feed.xml").write_bytes(b"")
        feeds = [{"url": "feed.xml", "name": "blog", **(feed or {})}]
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump({**settings, "feeds": feeds}))
        self.config: Config = load(path)
        self.folder = folder
        self.database: Engine = new_database(folder)
        with self.database.begin() as connection:
            write_subscriptions.sync_subscriptions(connection, self.config.feeds, now=NOW)
        self.client = create_app(self.config, self.database).test_client()
        self.places: dict[int, datetime] = {}

    async def poll(self, brings: Poller, document: bytes) -> PollResult:
        (self.folder / "feed.xml").write_bytes(document)

        def lease(connection: Any) -> DueFeed:
            (due,) = write_leases.lease_named(
                connection, owner="t", now=datetime.now(UTC), until=NOW + HOUR, names={"blog"}
            )
            return due

        return await brings.poll(await brings.transact(lease))

    def entries(self) -> tuple[ListedEntry, ...]:
        with self.database.connect() as connection:
            return read_lists.entries_page(connection, limit=1000, with_content=True).entries

    def check(self, step: Step, result: PollResult, number: int) -> None:
        """Compare the database and the page with what the step says."""
        where = f"after document {number}"
        assert result.error is None, where
        entries = self.entries()
        titles = [entry.title for entry in entries]
        shown, updated = _on_page(self.client.get("/").text)
        assert shown == [entry.title or entry.summary for entry in entries[: len(shown)]], where
        if step.shows is not None:
            assert titles == step.shows.split(), where
        if step.new is not None:
            assert result.new == step.new, where
        if step.updated is not None:
            assert updated == step.updated.split(), where
        for entry in entries:
            assert self.places.setdefault(entry.id, entry.listed_at) == entry.listed_at
            assert entry.listed_at <= entry.first_seen_at + timedelta(milliseconds=1), where
        with self.database.connect() as connection:
            (count,) = connection.execute(text("SELECT sum(entries) FROM feeds")).one()
        assert count == len(entries), where


def replay(folder: Path, *steps: Step | bytes, **settings: Any) -> World:
    """Poll one document after the other and check each step; return what is there in the end."""
    world = World(folder, **settings)

    async def run() -> None:
        async with polling(world.database, poll_settings(world.config), linger=0) as brings:
            for number, each in enumerate(steps, 1):
                step = each if isinstance(each, Step) else Step(each)
                if step.retain is not None:
                    retain(world, step)
                world.check(step, await world.poll(brings, step.document), number)

    asyncio.run(run())
    world.database.dispose()
    return world


def retain(world: World, step: Step) -> None:
    with world.database.begin() as connection:
        write_retention.delete_old(
            connection, before=datetime.now(UTC) - step.retain, min_entries=step.keep
        )


def _on_page(html: str) -> tuple[list[str], list[str]]:
    """Return the titles of the posts on a page, and of those that it calls updated."""
    articles = re.findall(r"<article.*?</article>", html, re.DOTALL)
    titles = [_plain(re.search(r"<h3.*?</h3>", one, re.DOTALL)) for one in articles]
    updated = [title for title, one in zip(titles, articles, strict=True) if ">Updated <" in one]
    return titles, updated


def _plain(match: re.Match[str] | None) -> str:
    return unescape(re.sub(r"<[^>]*>", "", match[0])).strip() if match else ""
