"""What everybody does who takes feeds: hold leases while they live, and follow the clock."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

from aggregator.database import Connection, DBAPIError
from aggregator.database.feeds import write_clock_shift, write_leases
from aggregator.poll import Poller
from aggregator.runtime import process_identity, system_clock

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
WAITING_PER_SLOT = 4
"""Feeds leased for each that can be fetched: the next ones are at hand."""

STOP_WITHIN = 1
"""Seconds that each step of a stop may take: end polls, store what they brought, free leases."""

_RENEW = LEASE.total_seconds() / 4


@contextlib.asynccontextmanager
async def kept(poller: Callable[[], Poller], owner: str) -> AsyncIterator[None]:
    """Renew this process's leases all the while, and give them back at the end."""

    met = {owner}

    def keep(connection: Connection) -> None:
        free_the_dead(connection, owner)
        for other in set(write_leases.lease_owners(connection)) - met:
            met.add(other)
            log.info("%s polls on this database, too; a site is asked by one at a time", other)
        write_leases.renew_leases(connection, owner=owner, until=datetime.now(UTC) + LEASE)

    async def renew() -> None:
        while True:
            try:
                await poller().transact(keep)
            except DBAPIError as error:
                log.error("database: %s; leases are not renewed", error.orig)
            await asyncio.sleep(_RENEW)

    task = asyncio.create_task(renew())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(TimeoutError, DBAPIError):  # then they end by themselves
            await asyncio.wait_for(
                poller().transact(
                    lambda connection: write_leases.release_leases(connection, owner=owner)
                ),
                STOP_WITHIN,
            )


async def drained(poller: Poller) -> None:
    """Store what was read, at a stop; feeds whose polls take too long rest for their interval."""
    try:
        await asyncio.wait_for(poller.drained(), STOP_WITHIN)
    except TimeoutError:
        await given_up(poller)


async def given_up(poller: Poller) -> None:
    """Let feeds that were asked and whose polls are not stored rest, if the database can be had."""
    with contextlib.suppress(TimeoutError, DBAPIError):
        await asyncio.wait_for(poller.give_up(), STOP_WITHIN)


def free_the_dead(connection: Connection, owner: str) -> None:
    """Give back the leases of processes that were killed, or that renew them no more."""
    owners = write_leases.lease_owners(connection)
    ended = [name for name in owners if process_identity.has_ended(name)]
    feeds = write_leases.reclaim_leases(
        connection, ended_owners=ended, owner=owner, now=datetime.now(UTC)
    )
    if feeds:
        log.warning(
            "a process ended or renews its leases no more; the feeds that it held (%d) rest for "
            "their interval, new ones for 5 minutes at most, as it may have asked them",
            feeds,
        )


def follow_clock(seen: system_clock.ClockReading, connection: Connection) -> None:
    """Move the schedule if the clock was set since it was looked at last, by any process."""
    step = write_clock_shift.follow_clock(
        connection, boot=seen.boot, started_at=seen.started_at, now=datetime.now(UTC)
    )
    if step:
        log.warning("the clock was set by %+.0f s; the schedule goes along", step.total_seconds())
