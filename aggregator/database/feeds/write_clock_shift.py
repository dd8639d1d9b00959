"""The schedule, moved along when the machine's clock was set."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, literal, select, update

from aggregator.database.columns import TimeSpan
from aggregator.database.schema import feeds, hosts, state

TOLERANCE = timedelta(seconds=30)
"""Clocks drift; a difference below this is not a step, and makes no poll early that counts."""


def follow_clock(
    connection: Connection, *, boot: str, started_at: datetime, now: datetime
) -> timedelta:
    """Note how the clock stands; if it was set since, move the schedule by as much.

    Several processes may call this: the first call moves the schedule, for all of them.

    Args:
        boot, started_at: Of `aggregator.runtime.system_clock.ClockReading`.
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
    # A poll in the future of the old clock was dated by another clock, which was right.
    dated_by_clock = feeds.c.last_polled_at <= polled_until
    if step < timedelta(0):  # no poll is earlier but one that this clock has dated
        dated_by_clock &= feeds.c.last_polled_at >= polled_from
    step_value = literal(step, TimeSpan())
    columns = [feeds.c.next_poll_at, feeds.c.not_before, feeds.c.last_polled_at]
    connection.execute(
        update(feeds)
        .where(dated_by_clock)
        .values({column: column.op("+")(step_value) for column in columns})
    )
    connection.execute(update(hosts).values(free_at=hosts.c.free_at.op("+")(step_value)))
