"""The schedule, moved along when the machine's clock was set."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, literal, select, update

from aggregator.database.columns import TimeSpan
from aggregator.database.schema import feeds, hosts, state

TOLERANCE = timedelta(seconds=30)
"""Clocks drift; a difference below this is no step, and makes no poll early that counts."""


def follow_clock(
    connection: Connection, *, boot: str, started_at: datetime, now: datetime
) -> timedelta:
    """Note how the clock stands; if it was set since, move the schedule by as much.

    Several processes may do this: whoever is first moves the schedule, for all.

    Args:
        boot: Of `aggregator.clock.Reading`, as is `started_at`.
        now: By the clock as it is.

    Returns:
        By how much the schedule was moved; zero if the clock was not set.
    """
    # Locked first, before the feeds: on PostgreSQL a second process would move them once more.
    row = connection.execute(select(state.c.boot, state.c.boot_at).with_for_update()).one()
    if row.boot == boot and row.boot_at is not None:
        step: timedelta = started_at - row.boot_at
        if abs(step) < TOLERANCE:
            return timedelta(0)
        _move(connection, step, polled_from=row.boot_at, polled_until=now - step)
    else:
        step = timedelta(0)
    connection.execute(update(state).values(boot=boot, boot_at=started_at))
    return step


def _move(
    connection: Connection, step: timedelta, *, polled_from: datetime, polled_until: datetime
) -> None:
    # What was polled in the future of the old clock was dated by another one, that was right.
    dated_so = feeds.c.last_polled_at <= polled_until
    if step < timedelta(0):  # sooner only what this clock has dated
        dated_so &= feeds.c.last_polled_at >= polled_from
    added = literal(step, TimeSpan())
    columns = [feeds.c.next_poll_at, feeds.c.not_before, feeds.c.last_polled_at]
    connection.execute(
        update(feeds).where(dated_so).values({column: column.op("+")(added) for column in columns})
    )
    connection.execute(update(hosts).values(free_at=hosts.c.free_at.op("+")(added)))
