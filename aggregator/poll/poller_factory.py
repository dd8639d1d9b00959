"""Pollers with their parts; made here alone."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from aggregator.database import DatabaseWriter, Engine, Transact, clock_of
from aggregator.fetch import Fetcher
from aggregator.poll.host_limits import HostLimits
from aggregator.poll.network_health import NetworkHealth
from aggregator.poll.picture_fetcher import PictureFetcher, PictureSettings
from aggregator.poll.picture_stage import PictureStage
from aggregator.poll.poll_clock import PollClock
from aggregator.poll.poller import Poller, PollerParts
from aggregator.poll.settings import PollSettings
from aggregator.poll.slots import Slots
from aggregator.poll.storage_queue import LINGER, MAX_BATCH, StorageQueue
from aggregator.reading.worker_task import slow_warning
from aggregator.runtime.process_memory import return_large_blocks
from aggregator.runtime.worker_pool import Workers

log = logging.getLogger(__name__)


def new_workers(settings: PollSettings) -> Workers:
    """Return processes for reading documents; each starts with its first document."""
    return Workers(settings.workers, max_size=settings.fetch.max_size)


class PollerFactory:
    """Makes pollers for one database, one after the other as the settings change.

    The pollers share the pauses between two requests to a host, the state of the network, and the
    writing thread.

    Args:
        max_wait: How long a database may be locked or full before a poll fails; None: for ever.
        clock: Of the pollers and all their parts; None: the clock of the database.
        workers: Makes the processes that read documents.
        max_batch, linger: Of `StorageQueue`.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        max_wait: timedelta | None = None,
        clock: PollClock | None = None,
        workers: Callable[[PollSettings], Workers] = new_workers,
        max_batch: int = MAX_BATCH,
        linger: float = LINGER,
    ) -> None:
        if warning := slow_warning():
            log.warning(warning)
        return_large_blocks()  # of documents
        self._clock = clock or PollClock(clock_of(engine))
        self._workers = workers
        self._max_batch = max_batch
        self._linger = linger
        self._database = DatabaseWriter(engine, max_wait=max_wait)
        self._host_limits = HostLimits(self._clock)
        self._network = NetworkHealth(self._clock)

    def poller(self, settings: PollSettings) -> Poller:
        """Return a poller, not entered yet."""
        slots = Slots(settings.concurrency, self._clock)
        queue = StorageQueue(
            self._database,
            settings,
            slots,
            self._clock,
            max_batch=self._max_batch,
            linger=self._linger,
        )
        parts = PollerParts(
            fetcher=Fetcher(settings.fetch),
            workers=self._workers(settings),
            slots=slots,
            queue=queue,
            host_limits=self._host_limits,
            network=self._network,
            database=self._database,
            clock=self._clock,
        )
        return Poller(settings, parts)

    def picture_stage(
        self, settings: PollSettings, pictures: PictureSettings, transact: Transact
    ) -> PictureStage:
        """Return the stage that fetches pictures, not entered yet.

        Args:
            settings: Of the limits of hosts.
        """
        fetcher = PictureFetcher(
            pictures,
            host_limits=self._host_limits,
            budget_of=settings.budget_of,
            request_of=settings.request_of,
            transact=transact,
            clock=self._clock,
        )
        return PictureStage(pictures, fetcher, transact, self._clock)

    async def close(self) -> None:
        """End the writing thread after its present transaction."""
        await asyncio.to_thread(self._database.stop)

    @contextlib.asynccontextmanager
    async def polling(self, settings: PollSettings) -> AsyncIterator[Poller]:
        """Yield a poller with settings for its whole life; close the factory at the end."""
        try:
            async with self.poller(settings) as poller:
                yield poller
        finally:
            await self.close()
