"""Procrastinate on the database of the program: tables, connections, jobs."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ProcrastinateException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.schema import SchemaManager

from aggregator.database import Engine, connection_arguments
from aggregator.database.jobs.write_job_schema import follow_scripts
from aggregator.database.jobs.write_jobs import Queues, is_batch

log = logging.getLogger(__name__)

QUEUES = Queues(task="poll", batches="batches", sites="sites")

CONNECTIONS = 4
"""Connections of a process to the server at most, besides the one that stores polls."""

_PATIENCE = 10  # seconds to wait for a connection
_MAX_BACKOFF = 5  # seconds; the pool would double its pauses up to minutes during an outage
_ARGUMENTS_SHOWN = 100  # characters
_RETRY = 2  # seconds until the end of a job is stored again


def prepare_tables(engine: Engine) -> None:
    """Bring the tables to the installed version of Procrastinate.

    Raises:
        DatabaseError: The tables can't be written, or belong to a newer version.
    """
    paths = Path(SchemaManager.get_migrations_path()).glob("*.sql")
    migrations = {path.stem: path.read_text("utf-8") for path in sorted(paths)}
    follow_scripts(engine, SchemaManager.get_schema(), migrations)


def new_app(engine: Engine, is_stopping: Callable[[], bool]) -> App:
    """Return an application on the database, not opened yet.

    Args:
        is_stopping: Once true, nothing waits for an absent server.
    """
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # we log errors by ourselves
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    connector = PsycopgConnector(
        kwargs={**connection_arguments(engine), "autocommit": True},
        min_size=1,
        max_size=CONNECTIONS,
        timeout=_PATIENCE,
        reconnect_timeout=_MAX_BACKOFF,
    )
    app = App(connector=connector)
    app.job_manager = _Jobs(connector, is_stopping)
    return app


def reason_of(error: Exception) -> str:
    """Return in words why the server did not answer."""
    return " ".join(str(error.__cause__ or error).split())


class _Jobs(JobManager):
    """Jobs; the end of a job is stored sooner or later, as the job keeps others off its site."""

    def __init__(self, connector: Any, is_stopping: Callable[[], bool]) -> None:
        super().__init__(connector)
        self._is_stopping = is_stopping
        self._is_failing = False

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Return a job for a worker; None without a job free to run.

        A job that somebody else has written ends as failed, and stays in the table.
        """
        while True:
            try:
                job: Job | None = await super().fetch_job(queues, worker_id)
            except UniqueViolation:  # another worker took a job of the same site in this moment
                return None
            if job is None or (job.task_name == QUEUES.task and is_batch(job.task_kwargs)):
                return job
            log.error(
                "jobs: job %s is not a job of this program, and ends as failed: %s(%s)",
                job.id, job.task_name, json.dumps(job.task_kwargs)[:_ARGUMENTS_SHOWN],
            )  # fmt: skip
            await self.finish_job(job, Status.FAILED, delete_job=False)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Store the end of a job, unless the job was given to another worker."""
        while True:
            try:
                await super().finish_job(job, status, delete_job)
            except ProcrastinateException as error:
                if self._is_stopping() or _is_given_away(error):
                    log.debug("job %s: its end is not stored: %s", job.id, reason_of(error))
                    return
                self._note_failure(error)
                await asyncio.sleep(_RETRY)
            else:
                self._is_failing = False
                return

    def _note_failure(self, error: ProcrastinateException) -> None:
        """Log an error once; of an absent server, others say it."""
        if not self._is_failing and not _is_away(error):
            log.error("jobs: the end of a job is not stored: %s; trying again", reason_of(error))
            self._is_failing = True


def _is_given_away(error: ProcrastinateException) -> bool:
    """Return whether the job belongs to another worker by now, or was deleted."""
    return getattr(error.__cause__, "sqlstate", None) == "P0001"  # raised by the engine's function


def _is_away(error: ProcrastinateException) -> bool:
    """Return whether the server did not answer at all."""
    return getattr(error.__cause__, "sqlstate", None) in {None, "57P01", "57P02", "57P03"}
