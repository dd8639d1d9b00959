"""A database with something in it, made through the program's own writes."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from html import escape
from pathlib import Path
from typing import Any

import pytest

from aggregator import dates, dedup
from aggregator.database import Engine, open_database, store
from aggregator.model import CleanEntry, FeedHead, Outcome, Subscription, Validators

NOW = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)


OTHER_DATABASE = "AGGREGATOR_TEST_DATABASE"
"""URL of an empty PostgreSQL database to run on instead of SQLite; see CONTRIBUTING.md."""

only_sqlite = pytest.mark.skipif(OTHER_DATABASE in os.environ, reason="about SQLite only")


def new_database(folder: Path) -> Engine:
    """Return an engine on a fresh SQLite file in `folder`, or on the one of the environment."""
    url = os.environ.get(OTHER_DATABASE)
    if not url:
        return open_database(f"sqlite:///{folder / 'aggregator.db'}")
    engine = open_database(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return open_database(url)


def entry(number: int, **changes: Any) -> CleanEntry:
    """Return entry `number`, published `number` minutes before `NOW`."""
    title = changes.pop("title", f"Post {number}")
    content = changes.pop("content_html", f"<p>Text of post {number}.</p>")
    values: dict[str, Any] = {
        "guid": f"https://example.org/?p={number}",
        "url": f"https://example.org/post-{number}",
        "title": title,
        "title_html": escape(title),
        "summary": f"Text of post {number}.",
        "content_html": content,
        "content_hash": blake2b(f"{title}\0{content}".encode(), digest_size=16).digest(),
        "published_at": NOW - timedelta(minutes=number),
    }
    return CleanEntry(**(values | changes))


def subscribe(engine: Engine, *subscriptions: Subscription, now: datetime = NOW) -> None:
    """Make these the subscriptions; no others stay."""
    with engine.begin() as connection:
        store.sync_subscriptions(connection, subscriptions, now=now)


def record(
    engine: Engine,
    name: str,
    entries: Sequence[CleanEntry] = (),
    *,
    head: FeedHead | None = None,
    now: datetime = NOW,
    **report: Any,
) -> dedup.Changes:
    """Store one poll of the feed `name`, by default a good one that brought `entries`."""
    with engine.begin() as connection:
        (feed,) = store.lease_named(
            connection, owner="test", now=now, until=now + timedelta(minutes=1), names=[name]
        )
        keys = dedup.identities(entries)
        stored = store.stored_under(connection, {key for some in keys for key in some})
        known = {one.identity: one for one in stored if one.feed_id == feed.id}
        elsewhere = {one.identity for one in stored if one.feed_id != feed.id}
        changes = dedup.compare(entries, keys, known)
        places = dates.places(
            [new.entry.published_at for new in changes.new],
            first_seen_at=now,
            first_poll=feed.polls == 0,
        )
        placed = [
            store.PlacedEntry(
                feed.id,
                new,
                at,
                dedup.public_id(
                    new,
                    feed_url=feed.url,
                    authority="example.org,2026",
                    taken=(new.identity in elsewhere),
                ),
                now,
            )
            for new, at in zip(changes.new, places, strict=True)
        ]
        store.add_entries(connection, placed)
        versions = [store.NewVersion(feed.id, change, now) for change in changes.changed]
        store.change_entries(connection, versions)
        values: dict[str, Any] = {
            "feed_id": feed.id,
            "url": feed.url,
            "number": feed.polls,
            "started_at": now,
            "ended_at": now,
            "outcome": Outcome.NEW if changes.new else Outcome.UNCHANGED,
            "next_poll_at": now + feed.interval,
            "next_reason": "the interval in config.yaml",
            "status": 200,
            "size": 1000,
            "new": len(changes.new),
            "updated": len(changes.changed),
            "head": head or FeedHead(title=f"Title of {name}", site_url="https://example.org/"),
            "validators": Validators(feed.url, '"1"'),
        }
        store.record_polls(connection, [store.PollReport(**(values | report))])
    return changes
