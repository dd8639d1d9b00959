"""A database with something in it, made through the program's own writes."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from html import escape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from aggregator.database import Connection, Engine, open_database
from aggregator.database.feeds import write_leases, write_polls, write_subscriptions
from aggregator.database.lists import write_relisting
from aggregator.database.schema import feeds
from aggregator.fetch import FetchSettings
from aggregator.model import (
    CleanEntry,
    CleanFeed,
    FeedHead,
    NextPoll,
    Outcome,
    Subscription,
    Validators,
)
from aggregator.poll import PollSettings, recording
from aggregator.poll.reports import CompletedPoll, FailedPoll, PollSuccess
from aggregator.schedule import PollResponse
from tests import postgresql
from tests.empty_database import put_empty_database
from tests.selection import OTHER_DATABASE

NOW = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)
SETTINGS = PollSettings(fetch=FetchSettings("test"), authority="example.org")


only_sqlite = pytest.mark.skipif(OTHER_DATABASE in os.environ, reason="about SQLite only")
only_postgresql = pytest.mark.skipif(
    OTHER_DATABASE not in os.environ, reason="about PostgreSQL, where tests/test_postgresql.py runs"
)


def new_database(folder: Path) -> Engine:
    """Return an engine on a fresh SQLite file in `folder`, or on a server of the environment."""
    url = os.environ.get(OTHER_DATABASE)
    return postgresql.new_database(url) if url else sqlite_database(folder)


def sqlite_database(folder: Path) -> Engine:
    """Return an engine on `folder`'s database: the one that is there, or an empty one."""
    return open_database(f"sqlite:///{put_empty_database(folder)}")


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
        write_subscriptions.sync_subscriptions(connection, subscriptions, now=now)
    write_relisting.relist_all(engine, now=now)


def record(
    engine: Engine,
    name: str,
    entries: Sequence[CleanEntry] = (),
    *,
    head: FeedHead | None = None,
    now: datetime = NOW,
    settings: PollSettings | None = None,
    **values: Any,
) -> write_polls.PollReport:
    """Store one poll of the feed `name`, by default a good one that brought `entries`.

    Args:
        values: What the poll left behind, by the names of columns; see `_poll_of`.
    """
    with engine.begin() as connection:
        poll = _poll_of(connection, name, entries, head=head, now=now, **values)
        (report,) = recording.record(connection, [poll], settings or SETTINGS, now=now)
        assert report is not None
        stored: dict[str, Any] = {}
        if isinstance(poll.result, FailedPoll):  # a poll before this one has read the head
            stored = {"title": _head_of(name, head).title, "note": _head_of(name, head).note}
        else:  # the interval alone decides, unless a test does
            next_poll = _next_poll(now + poll.due.pacing.interval, values)
            report = replace(report, next_poll=next_poll)
            stored = {"next_poll_at": next_poll.at, "next_reason": next_poll.reason}
            stored |= {"not_before": next_poll.not_before, "plan": []}
        connection.execute(update(feeds).where(feeds.c.id == poll.due.id).values(stored))
    return report


def store_poll(engine: Engine, poll: CompletedPoll) -> write_polls.PollReport | None:
    """Store a poll that began earlier; None where it does not count any more."""
    with engine.begin() as connection:
        (written,) = recording.record(connection, [poll], SETTINGS, now=poll.ended_at)
    return written


def poll_of(
    engine: Engine,
    name: str,
    entries: Sequence[CleanEntry] = (),
    *,
    now: datetime = NOW,
    **values: Any,
) -> CompletedPoll:
    """Return a poll of the feed `name`, by default a good one with `entries`, not stored yet."""
    with engine.begin() as connection:
        return _poll_of(connection, name, entries, now=now, **values)


def _poll_of(
    connection: Connection,
    name: str,
    entries: Sequence[CleanEntry],
    *,
    head: FeedHead | None = None,
    now: datetime,
    **values: Any,
) -> CompletedPoll:
    """Return a poll, not stored yet; with `error` among the values it is one that failed.

    Args:
        values: `outcome`, `error`, `failures`, `status`, `size`, `next_poll_at`, `next_reason`,
            `not_before`, `moved_to`, `body_hash`, `pauses`.
    """
    (feed,) = write_leases.lease_named(
        connection, owner="test", now=now, until=now + timedelta(minutes=1), names=[name]
    )
    result: PollSuccess | FailedPoll
    if "error" in values:
        result = FailedPoll(
            values.get("outcome", Outcome.FAILED),
            write_polls.PollFailure(
                values["error"], values.get("failures", 0), values.get("failure")
            ),
            _next_poll(now + feed.pacing.interval, values),
        )
    else:
        body_hash = blake2b(repr(entries).encode(), digest_size=16).digest()
        result = PollSuccess(
            Validators(feed.url, '"1"'),
            feed.pacing,
            PollResponse(),
            CleanFeed(_head_of(name, head), (*entries,)),
            body_hash=values.get("body_hash", body_hash),
        )
    return CompletedPoll(
        feed,
        now,
        now,
        replace(feed.relocation, moved_to=values.get("moved_to", feed.relocation.moved_to)),
        result,
        values.get("status", 200),
        values.get("size", 1000),
        tuple(values.get("pauses", ())),
    )


def _head_of(name: str, head: FeedHead | None) -> FeedHead:
    return head or FeedHead(title=f"Title of {name}", site_url="https://example.org/")


def _next_poll(at: datetime, values: dict[str, Any]) -> NextPoll:
    return NextPoll(
        values.get("next_poll_at", at),
        values.get("next_reason", "the interval in config.yaml"),
        values.get("not_before"),
        values.get("constraints", ()),
    )
