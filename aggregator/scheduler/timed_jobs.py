"""Jobs by time: APScheduler with a handful of jobs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from aggregator.database import DBAPIError, database_error

log = logging.getLogger(__name__)

_BROKEN = 60  # seconds until a job tries a database again that waiting does not heal

Job = Callable[[], Awaitable[None]]
TimedJob = tuple[float, Job]
"""Seconds between two runs, and the job; missed runs are left out."""


class TimedJobs:
    """Runs jobs by time; each job runs once at a time.

    Args:
        database: URL, for messages.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": 30},
        )

    def start(self, jobs: Mapping[str, TimedJob]) -> None:
        """Run each job now, and from then on by time."""
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)  # a tick that is long
        now = datetime.now(UTC)
        for name, (seconds, job) in jobs.items():
            self._scheduler.add_job(
                self._guarded(job), "interval", seconds=seconds, id=name, name=name,
                next_run_time=now,
            )  # fmt: skip
        self._scheduler.start()

    def hurry(self, name: str) -> None:
        """Run a job of the present process, if any has the name, as soon as possible."""
        if self._scheduler.get_job(name):
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    async def stop(self) -> None:
        """Begin no job any more; the runs under way are cancelled."""
        self._scheduler.pause()
        await asyncio.sleep(0)  # jobs that were submitted begin: `_guarded` sees their end
        self._scheduler.shutdown(wait=False)

    def _guarded(self, job: Job) -> Job:
        """Return `job` so that neither a stop nor a broken database is an error of APScheduler.

        An error that waiting does not heal is logged once a minute, however often the job is due.
        """
        not_before = 0.0

        async def run() -> None:
            nonlocal not_before
            loop = asyncio.get_running_loop()
            if loop.time() < not_before:
                return
            try:
                await job()
            except asyncio.CancelledError:
                pass
            except DBAPIError as error:
                not_before = loop.time() + _BROKEN
                log.error("%s", database_error(error, self._database))

        return run
