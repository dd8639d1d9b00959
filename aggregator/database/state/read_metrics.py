"""Numbers for monitoring: one walk of the feeds, and the row of `state`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from sqlalchemy import Connection, func, select

from aggregator.database.deadline import OF_ALL_FEEDS, within
from aggregator.database.feeds.read_health import is_overdue
from aggregator.database.feeds.read_status import STATUS
from aggregator.database.opml_table import opml_lists
from aggregator.database.schema import feeds, state
from aggregator.feed_status import FeedStatus

_FAILING_LISTS = select(func.count()).where(opml_lists.c.failures > 0)


MAX_FEEDS = 1_000
"""Feeds with figures of their own at most: monitoring keeps a series for each figure."""


@dataclass(frozen=True, slots=True)
class FeedMetrics:
    """Numbers about one subscription.

    Attributes:
        failures: Failed polls in a row, 0 after a good poll.
        last_success_at: None before the first good poll.
        next_poll_at: None for a feed without further polls.
    """

    name: str
    failures: int
    last_success_at: datetime | None
    next_poll_at: datetime | None


@dataclass(frozen=True, slots=True)
class Metrics:
    """Numbers about the whole program.

    Attributes:
        feeds: Number of subscriptions with each status.
        overdue: Subscriptions due for more than five minutes, of hosts without a pause: polling has
            stopped, or is too slow.
        failing_lists: OPML lists of config.yaml whose last poll failed.
        entries: Entries stored of subscriptions.
        polls: All polls of the subscriptions; grows.
        version: Grows with every change on pages or in merged feeds.
        checked_at: End of the newest poll, None before the first.
    """

    feeds: Mapping[FeedStatus, int]
    overdue: int
    failing_lists: int
    entries: int
    polls: int
    version: int
    checked_at: datetime | None


def feed_metrics(connection: Connection) -> list[FeedMetrics] | None:
    """Return the numbers of each subscription by name, None with more than `MAX_FEEDS`."""
    columns = feeds.c.name, feeds.c.failures, feeds.c.last_success_at, feeds.c.next_poll_at
    statement = select(*columns).where(feeds.c.subscribed).limit(MAX_FEEDS + 1)
    rows = connection.execute(statement.execution_options(**within(OF_ALL_FEEDS))).all()
    if len(rows) > MAX_FEEDS:
        return None
    return sorted((FeedMetrics(*row) for row in rows), key=attrgetter("name"))


def metrics(connection: Connection, *, now: datetime) -> Metrics:
    """Count subscriptions by status, entries and polls."""
    statement = (
        select(
            STATUS.label("status"),
            func.count().label("feeds"),
            func.count().filter(is_overdue(now)).label("overdue"),
            func.sum(feeds.c.entries).label("entries"),
            func.sum(feeds.c.polls).label("polls"),
        )
        .where(feeds.c.subscribed)
        .group_by(STATUS)
        .execution_options(**within(OF_ALL_FEEDS))
    )
    rows = connection.execute(statement).all()
    row = connection.execute(select(state.c.version, state.c.checked_at)).one()
    return Metrics(
        feeds=dict.fromkeys(FeedStatus, 0) | {FeedStatus(r.status): r.feeds for r in rows},
        overdue=sum(r.overdue for r in rows),
        failing_lists=connection.scalars(_FAILING_LISTS).one(),
        entries=sum(r.entries for r in rows),
        polls=sum(r.polls for r in rows),
        version=row.version,
        checked_at=row.checked_at,
    )
