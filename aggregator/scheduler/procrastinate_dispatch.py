"""Due feeds on PostgreSQL: deferred by some processes, polled by workers on any machine."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from aggregator.database import DBAPIError, Engine
from aggregator.errors import DatabaseError

from . import leases
from .batch_queue import BatchQueue
from .batch_worker import BatchWorker
from .dispatch import DispatchContext
from .job_engine import new_app, reason_of
from .leases import STOP_STEP
from .timed_jobs import TimedJob

log = logging.getLogger(__name__)


class ProcrastinateDispatch:
    """Defers batches of due feeds, polls batches, or both.

    Args:
        schedules: The process defers batches.
        works: The process polls batches.
    """

    def __init__(
        self, context: DispatchContext, engine: Engine, *, schedules: bool, works: bool
    ) -> None:
        self._context = context
        self._app = new_app(engine, context.is_stopping)
        self._queue = BatchQueue(self._app, context) if schedules else None
        self._worker = BatchWorker(self._app, context) if works else None
        self._working: asyncio.Task[None] | None = None

    @property
    def under_way(self) -> Collection[asyncio.Task[Any]]:
        """The polls under way."""
        return self._worker.under_way if self._worker else ()

    def jobs(self) -> Mapping[str, TimedJob]:
        """Return the jobs by time: those of deferring."""
        return self._queue.jobs() if self._queue else {}

    def running(self) -> AbstractAsyncContextManager[None]:
        """Hold connections and leases, and work, until the end."""
        return self._run()

    async def end_polls(self) -> None:
        """Take no job any more, and stop fetching; give unfinished jobs back."""
        if self._worker and self._working:
            await self._worker.end_polls()
            await asyncio.wait({self._working}, timeout=STOP_STEP)
        if self._queue:
            with contextlib.suppress(TimeoutError, DBAPIError):  # then the leases expire
                await asyncio.wait_for(self._queue.take_back(), STOP_STEP)

    @contextlib.asynccontextmanager
    async def _run(self) -> AsyncIterator[None]:
        present = self._context.present
        async with leases.held_leases(lambda: present.poller, self._context.owner):
            try:
                await self._app.connector.open_async()
            except Exception as error:
                raise DatabaseError(f"jobs: no connection: {reason_of(error)}") from error
            try:
                if self._worker:
                    self._working = asyncio.create_task(self._worker.run())
                yield
            finally:
                if self._working:
                    self._working.cancel()
                    await asyncio.wait({self._working}, timeout=STOP_STEP)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._app.connector.close_async(), STOP_STEP)
