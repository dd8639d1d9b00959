"""Duties of each polling process: renew its leases, and follow the clock."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial

from aggregator.database import Connection, DBAPIError, database_time
from aggregator.database.clock import has_clock_of_machine
from aggregator.database.feeds import write_clock_shift, write_leases
from aggregator.database.feeds.write_leases import LEASE
from aggregator.database.opml_lists import write_opml_lists
from aggregator.poll import Poller
from aggregator.runtime import process_identity, system_clock

log = logging.getLogger(__name__)

FEEDS_PER_SLOT = 4
"""Feeds leased for each that can be fetched: the next ones are at hand."""

STOP_STEP = 1
"""Seconds that each step of a stop may take: end polls, store what they brought, free leases."""

_RENEWALS = 4  # in the time of a lease


@contextlib.asynccontextmanager
async def held_leases(poller: Callable[[], Poller], owner: str) -> AsyncIterator[None]:
    """Renew the leases of `owner`, this process, and give them back at the end.

    Args:
        poller: Returns the present poller, for its database.
    """

    known_owners = {owner}

    def renew(connection: Connection) -> None:
        reclaim_leases(connection, owner)
        owners = write_leases.lease_owners(connection)
        present = {
            process_identity.process_of(name)
            for name in owners
            if not name.startswith(write_leases.BATCH)
        }
        for new_owner in present - known_owners:
            known_owners.add(new_owner)
            log.info(
                "%s also polls for this database; only one process polls a site at a time",
                new_owner,
            )
        until = database_time(connection) + LEASE
        write_leases.renew_leases(connection, owner=owner, until=until)

    async def keep_renewing() -> None:
        while True:
            try:
                await poller().transact(renew)
            except DBAPIError as error:
                log.error("database: %s; leases are not renewed", error.orig)
            await asyncio.sleep(LEASE.total_seconds() / _RENEWALS)

    task = asyncio.create_task(keep_renewing())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(TimeoutError, DBAPIError):  # then they end by themselves
            await asyncio.wait_for(poller().transact(partial(_release, owner=owner)), STOP_STEP)


def _release(connection: Connection, *, owner: str) -> None:
    write_leases.release_leases(connection, owner=owner)
    write_opml_lists.release(connection, owner=owner)


async def drain(poller: Poller) -> None:
    """Store completed polls, at a stop; put off feeds with slow polls."""
    try:
        await asyncio.wait_for(poller.drained(), STOP_STEP)
    except TimeoutError:
        await abandon(poller)


async def abandon(poller: Poller) -> None:
    """Put off feeds with unstored polls, if the database is free in time."""
    with contextlib.suppress(TimeoutError, DBAPIError):
        await asyncio.wait_for(poller.abandon(), STOP_STEP)


def reclaim_leases(connection: Connection, owner: str) -> None:
    """Give back the leases of processes that have ended or don't renew any more."""
    owners = write_leases.lease_owners(connection)
    ended = [name for name in owners if process_identity.has_ended(name)]
    feeds = write_leases.reclaim_leases(
        connection, ended_owners=ended, owner=owner, now=database_time(connection)
    )
    log_reclaimed(feeds)


def log_reclaimed(feeds: int) -> None:
    """Log that so many leases were taken from a process that has ended."""
    if feeds:
        log.warning(
            "a process ended or stopped renewing its leases; the feeds that it held (%d) wait for "
            "their interval, new ones for 5 minutes at most, as they may have been polled",
            feeds,
        )


def follow_clock(connection: Connection) -> None:
    """Move the schedule if the clock was set since the last look of any process.

    A server on another machine keeps its own time.
    """
    if not has_clock_of_machine(connection):
        return
    now = database_time(connection)
    reading = system_clock.read(now)
    if reading is None:
        return
    step = write_clock_shift.follow_clock(
        connection, boot=reading.boot, started_at=reading.started_at, now=now
    )
    if step:
        log.warning(
            "the clock was set by %+.0f s; the schedule was shifted with it", step.total_seconds()
        )
