"""Reads for those who watch the program: a few numbers, one walk of the feeds."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from aggregator.database.deadline import OF_ALL_FEEDS, within
from aggregator.database.schema import feeds, state

_LATE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Figures:
    """How things stand.

    Attributes:
        feeds: Subscriptions; `failing`, `waiting` (the server asked for a pause), `gone` (410) and
            `unread` (never polled) are parts of them.
        overdue: Due for more than five minutes: nobody polls, or not fast enough.
        entries: That are kept.
        polls: Since the beginning; grows.
        version: Grows with every change that a reader could see.
        checked_at: End of the newest poll.
    """

    feeds: int
    failing: int
    waiting: int
    gone: int
    unread: int
    overdue: int
    entries: int
    polls: int
    version: int
    checked_at: datetime | None


def figures(connection: Connection, *, now: datetime) -> Figures:
    """Count."""
    failed = (feeds.c.failures > 0) & ~feeds.c.gone
    counts = connection.execute(
        select(
            func.count().label("feeds"),
            func.count().filter(failed & feeds.c.not_before.is_(None)).label("failing"),
            func.count().filter(failed & feeds.c.not_before.is_not(None)).label("waiting"),
            func.count().filter(feeds.c.gone).label("gone"),
            func.count().filter(feeds.c.last_polled_at.is_(None)).label("unread"),
            func.count().filter(feeds.c.next_poll_at < now - _LATE).label("overdue"),
            func.coalesce(func.sum(feeds.c.entries), 0).label("entries"),
            func.coalesce(func.sum(feeds.c.polls), 0).label("polls"),
        )
        .where(feeds.c.subscribed)
        .execution_options(**within(OF_ALL_FEEDS))
    ).one()
    row = connection.execute(select(state.c.version, state.c.checked_at)).one()
    return Figures(**counts._mapping, version=row.version, checked_at=row.checked_at)
