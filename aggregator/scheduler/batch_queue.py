"""Due feeds, leased in batches, and deferred as jobs for workers on any machine."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from time import monotonic

from procrastinate import App
from procrastinate.exceptions import ProcrastinateException
from procrastinate.jobs import Job

from aggregator.database import Connection, database_time
from aggregator.database.feeds import write_leases
from aggregator.database.feeds.write_batches import lease_batches
from aggregator.database.feeds.write_leases import LEASE
from aggregator.database.jobs import write_jobs
from aggregator.database.jobs.write_jobs import Load

from . import leases
from .dispatch import TICK, ClockWatch, DispatchContext
from .job_engine import QUEUES, reason_of
from .leases import FEEDS_PER_SLOT
from .timed_jobs import TimedJob

log = logging.getLogger(__name__)

HEARTBEAT = timedelta(seconds=5)
"""Time between two signs of life of a worker."""

ALIVE_WITHIN = 4 * HEARTBEAT
"""A worker without a sign of life for longer is stalled: dead, suspended, or without a server."""

_CONFIRMED_AFTER = 2 * HEARTBEAT
"""A stalled worker is watched for so long: after an outage of the server all workers seem stalled
until the next sign of life."""

_TICKS_AT_HAND = 8  # the feeds that wait for a worker are enough for so many ticks
_WORKERS_OF_PROCESS = 2


class BatchQueue:
    """Keeps as many feeds in the queues as the workers can poll until the next tick."""

    def __init__(self, app: App, context: DispatchContext) -> None:
        self._app = app
        self._context = context
        self._name = secrets.token_hex(6)
        self._clock = ClockWatch()
        self._stalled_since: dict[tuple[int, int], float] = {}  # by id and attempt of a job
        self._looked_at = 0.0
        self._workers_seen_at: float | None = monotonic()

    def jobs(self) -> Mapping[str, TimedJob]:
        """Return the tick, the watch over workers, and the renewal of leases."""
        return {
            "dispatch": (TICK, self._dispatch),
            "stalled jobs": (HEARTBEAT.total_seconds(), self._reclaim_stalled),
            "queued leases": (LEASE.total_seconds() / 4, self._renew),
        }

    async def take_back(self) -> None:
        """Delete waiting jobs of the process, and give the leases back."""
        tokens = f"{write_leases.BATCH}{self._name}/"
        await self._context.present.transact(partial(write_jobs.take_back, tokens=tokens))

    async def _dispatch(self) -> None:
        if self._context.is_stopping():
            return
        await self._clock.look(self._context.present)
        load = await self._context.present.transact(self._defer)
        if load.workers:
            self._workers_seen_at = monotonic()
        elif load.feeds:
            self._warn_of_missing_workers()

    def _warn_of_missing_workers(self) -> None:
        """Log once that feeds wait, if no worker has been seen for a while."""
        if self._workers_seen_at is None:  # the line is in the log
            return
        if monotonic() - self._workers_seen_at > ALIVE_WITHIN.total_seconds():
            self._workers_seen_at = None
            log.warning(
                "feeds are due, and no worker polls them: start `aggregator work`, here or on "
                "another machine"
            )

    def _defer(self, connection: Connection) -> Load:
        """Lease due feeds and defer their jobs; return the load before."""
        load = write_jobs.load_of_queues(connection, alive_within=ALIVE_WITHIN)
        slots = self._context.present.settings.concurrency
        processes = max(1, round(load.workers / _WORKERS_OF_PROCESS))
        room = processes * slots * FEEDS_PER_SLOT * _TICKS_AT_HAND - load.feeds
        if room > 0:
            now = database_time(connection)
            batches = lease_batches(
                connection, scheduler=self._name, now=now, until=now + LEASE, limit=room
            )
            write_jobs.defer(connection, batches, QUEUES)
        return load

    async def _renew(self) -> None:
        """Renew the leases of all batches in the queues, of whatever process."""
        await self._context.present.transact(
            lambda connection: write_jobs.renew_queued(
                connection, until=database_time(connection) + LEASE
            )
        )

    async def _reclaim_stalled(self) -> None:
        """Give the jobs of stalled workers to other workers, and put the feeds off."""
        try:
            stalled_jobs = await self._app.job_manager.get_stalled_jobs(
                seconds_since_heartbeat=ALIVE_WITHIN.total_seconds()
            )
        except ProcrastinateException as error:
            log.debug("jobs: %s", reason_of(error))
            return
        if confirmed_jobs := self._confirmed([*stalled_jobs]):
            await self._reclaim(confirmed_jobs)

    def _confirmed(self, stalled_jobs: list[Job]) -> list[Job]:
        """Return the jobs found stalled at each look for a while."""
        now = asyncio.get_running_loop().time()
        if now - self._looked_at > 2 * HEARTBEAT.total_seconds():  # the server did not answer
            self._stalled_since = {}
        self._looked_at = now
        self._stalled_since = {
            key: self._stalled_since.get(key, now) for key in map(_attempt_of, stalled_jobs)
        }
        first_seen_by = now - _CONFIRMED_AFTER.total_seconds()
        return [
            job for job in stalled_jobs if self._stalled_since[_attempt_of(job)] <= first_seen_by
        ]

    async def _reclaim(self, jobs: list[Job]) -> None:
        """Put off the feeds held by stalled workers, and let the jobs run again.

        A job then polls feeds still leased for the batch: the stalled worker had not begun.
        """
        prefixes = tuple(f"{job.id}.{job.attempts}@" for job in jobs)

        def reclaim(connection: Connection) -> int:
            owners, now = write_leases.lease_owners(connection), database_time(connection)
            return write_leases.reclaim_leases(
                connection,
                ended_owners=[owner for owner in owners if owner.startswith(prefixes)],
                owner=self._context.owner,
                now=now,
                ended_at=now - ALIVE_WITHIN - _CONFIRMED_AFTER + HEARTBEAT,
            )

        leases.log_reclaimed(await self._context.present.transact(reclaim))
        for job in jobs:
            with contextlib.suppress(ProcrastinateException):  # another process was first
                await self._app.job_manager.retry_job(job)


def _attempt_of(job: Job) -> tuple[int, int]:
    return job.id or 0, job.attempts
