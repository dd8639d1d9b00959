"""Due feeds, leased and polled by one process."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from aggregator.database import Connection, database_time, main_file
from aggregator.database.feeds import write_leases, write_polls
from aggregator.database.feeds.write_leases import LEASE
from aggregator.model import DueFeed
from aggregator.poll.host_limits import Budget

from . import leases
from .dispatch import TICK, ClockWatch, DispatchContext, feeds_at_hand
from .leases import FEEDS_PER_SLOT
from .polls_under_way import PollsUnderWay
from .shared_hosts import SharedHosts
from .timed_jobs import TimedJob

log = logging.getLogger(__name__)

_JOB = "dispatch"


class LocalDispatch:
    """Leases and polls due feeds up to the free capacity."""

    def __init__(self, context: DispatchContext) -> None:
        self._context = context
        self._polls = PollsUnderWay(context.present, self._lease_more)
        self._clock = ClockWatch()
        self._shared_hosts = SharedHosts()
        self._is_more_due = False
        self._file: tuple[int, int] | None = None  # of a SQLite database

    @property
    def under_way(self) -> Collection[asyncio.Task[Any]]:
        """The polls under way."""
        return self._polls.tasks

    def jobs(self) -> Mapping[str, TimedJob]:
        """Return the tick, which leases due feeds."""
        return {_JOB: (TICK, self._dispatch)}

    def running(self) -> AbstractAsyncContextManager[None]:
        """Renew the leases of the process; give all leases back at the end."""
        return leases.held_leases(lambda: self._context.present.poller, self._context.owner)

    async def end_polls(self) -> None:
        """Stop fetching; polls in storage end within a moment."""
        await self._polls.cancel()

    async def _dispatch(self) -> None:
        """Lease due feeds up to the free capacity, and start the polls."""
        capacity = self._context.present.settings.concurrency * FEEDS_PER_SLOT
        room = capacity - len(self._polls)
        if room <= 0 or self._context.is_stopping():
            return
        await self._clock.look(self._context.present)
        if self._context.is_switching():  # the next tick is soon enough
            return
        due = await self._lease(room)
        if self._context.is_stopping():  # meanwhile; these leases are given back with the others
            return
        self._is_more_due = len(due) == room
        for feed in due:
            self._polls.start(feed)

    async def _lease(self, room: int) -> list[DueFeed]:
        """Lease up to `room` due feeds; use a database in place of another one."""
        settings, owner = self._context.present.settings, self._context.owner
        per_host = feeds_at_hand(Budget(settings.host_delay))
        special = {site: feeds_at_hand(budget) for site, budget in settings.budgets.items()}
        counts = self._polls.counts_of_hosts()
        busy = [host for host, count in counts.items() if count >= special.get(host, per_host)]
        overdue, file = self._polls.overdue_unstored(), None

        def lease(connection: Connection) -> list[DueFeed]:
            nonlocal file
            file = main_file(connection)
            now = database_time(connection)  # only now: the file may have been locked for long
            if self._file not in {None, file}:
                write_polls.take_over(connection, owner=owner, now=now)
            if overdue:
                write_leases.release_leases(connection, owner=owner, feed_ids=overdue)
            return write_leases.lease_due(
                connection,
                owner=owner,
                now=now,
                until=now + LEASE,
                limit=room,
                shared_hosts=self._shared_hosts.read(connection, self._context.config()),
                busy_hosts=busy,
                per_host=per_host,
                per_site=special,
            )

        due = await self._context.present.transact(lease)
        self._use_file(file)
        self._polls.forget_unstored(overdue)
        return due

    def _use_file(self, file: tuple[int, int] | None) -> None:
        """Bring a database in place of another one up to config.yaml."""
        if file == self._file:
            return
        if self._file is not None:
            database = self._context.config().database
            log.warning("%s: the file was replaced; using the new one", database)
            self._context.on_replaced()
        self._file = file

    def _lease_more(self) -> None:
        """Lease due feeds at once, rather than at the next tick, if requests are running out."""
        is_hungry = len(self._polls) <= self._context.present.settings.concurrency
        if self._is_more_due and is_hungry and not self._context.is_stopping():
            self._is_more_due = False
            self._context.hurry(_JOB)
