"""Batches of due feeds, taken from the queues and polled."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from math import ceil
from typing import Any

from procrastinate import App, JobContext
from procrastinate.exceptions import ProcrastinateException
from procrastinate.worker import Worker

from aggregator.database import Connection, DBAPIError, database_time
from aggregator.database.feeds import write_leases
from aggregator.database.feeds.write_batches import MAX_FEEDS
from aggregator.database.feeds.write_leases import LEASE
from aggregator.model import DueFeed

from .batch_queue import HEARTBEAT
from .dispatch import TICK, DispatchContext, feeds_at_hand
from .job_engine import QUEUES, reason_of
from .leases import FEEDS_PER_SLOT
from .polls_under_way import PollsUnderWay
from .shared_hosts import SharedHosts

log = logging.getLogger(__name__)

_NEVER = 1e9  # seconds
_FORGOTTEN_AFTER = 3600  # seconds without a sign of life
_RESTART = 2  # seconds until work begins again after an error


class BatchWorker:
    """Polls batches, as many at a time as fill the slots of the poller."""

    def __init__(self, app: App, context: DispatchContext) -> None:
        self._app = app
        self._context = context
        self._polls = PollsUnderWay(context.present)
        self._shared_hosts = SharedHosts()
        self._workers: set[Worker] = set()
        self._left_over: set[str] = set()  # owners of leases that are to be given back
        self._queues_without_server: set[str] = set()
        app.task(name=QUEUES.task, pass_context=True)(self._poll_batch)

    @property
    def under_way(self) -> Collection[asyncio.Task[Any]]:
        """The polls under way."""
        return self._polls.tasks

    async def run(self) -> None:
        """Work until a cancellation."""
        keeping_alive = asyncio.create_task(self._keep_alive())
        try:
            await asyncio.gather(
                self._work(QUEUES.batches, _batches_that_fill),
                self._work(QUEUES.sites, lambda slots: slots),
            )
        finally:
            keeping_alive.cancel()

    async def end_polls(self) -> None:
        """Take no job any more, and stop fetching."""
        for worker in self._workers:
            worker.stop()
        await self._polls.cancel()

    async def _work(self, queue: str, jobs_of: Callable[[int], int]) -> None:
        """Run jobs; after a change of `poll.concurrency`, as many as that needs.

        Args:
            jobs_of: Returns the number of jobs at a time that fill a number of slots.
        """
        running = set[asyncio.Task[None]]()
        try:
            while not self._context.is_stopping():
                slots = self._context.present.settings.concurrency
                worker = self._worker(queue, jobs_of(slots))
                task = asyncio.create_task(self._run(worker))
                running.add(task)
                while not task.done() and slots == self._context.present.settings.concurrency:
                    await asyncio.wait({task}, timeout=TICK)
                worker.stop()  # jobs that run end with the former worker
                running = {task for task in running if not task.done()}
        finally:
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)

    def _worker(self, queue: str, jobs: int) -> Worker:
        return Worker(
            self._app,
            queues=[queue],
            name=queue,
            concurrency=jobs,
            fetch_job_polling_interval=TICK,
            abort_job_polling_interval=_NEVER,
            update_heartbeat_interval=_NEVER,  # an outage would end the worker
            stalled_worker_timeout=_FORGOTTEN_AFTER,
            listen_notify=False,
            install_signal_handlers=False,
            delete_jobs="always",
        )

    async def _run(self, worker: Worker) -> None:
        """Run jobs until `worker` is stopped or the server is away; wait a moment then."""
        self._workers.add(worker)
        try:
            await worker.run()
        except ProcrastinateException as error:
            if not self._queues_without_server:  # one line of an outage
                log.error("jobs: %s; trying again", reason_of(error))
            self._queues_without_server.add(worker.worker_name or "")
            await asyncio.sleep(_RESTART)
        except Exception:
            log.exception("jobs: a worker failed unexpectedly; starting another one")
            await asyncio.sleep(_RESTART)
        finally:
            self._workers.discard(worker)

    async def _keep_alive(self) -> None:
        """Send signs of life, also while the workers wait for the server."""
        while True:
            await asyncio.sleep(HEARTBEAT.total_seconds())
            for worker in [*self._workers]:
                if worker.worker_id is not None:
                    with contextlib.suppress(ProcrastinateException):
                        await self._app.job_manager.update_heartbeat(worker.worker_id)
                        self._queues_without_server.discard(worker.worker_name or "")

    async def _poll_batch(self, context: JobContext, *, token: str, feeds: Sequence[int]) -> None:
        """Poll the feeds of a job with leases for the batch; give unfinished feeds back at a stop.

        Args:
            token: Owner of the leases.
            feeds: Ids, for people looking at the job.
        """
        owner = f"{context.job.id}.{context.job.attempts}@{self._context.owner}"
        try:
            await self._context.until_switched()
            left_over = frozenset(self._left_over)
            due = await self._context.present.transact(
                partial(self._take_over, token=token, owner=owner, left_over=left_over)
            )
            self._left_over -= left_over
            await self._poll_each(due)
            unstored_ids = set(self._polls.forget_unstored([feed.id for feed in due]))
            if unstored_ids or self._context.is_stopping():
                unstored = [feed for feed in due if feed.id in unstored_ids]
                await self._context.present.transact(
                    partial(_give_back, unstored=unstored, owner=owner)
                )
            else:  # nearly always nothing is left: not worth a transaction
                self._left_over.add(owner)
        except Exception as error:
            self._left_over.add(owner)
            if not isinstance(error, DBAPIError):
                log.exception("a batch of %d feeds failed unexpectedly", len(feeds))
            else:
                log.error("a batch of %d feeds: %s", len(feeds), error.orig)

    def _take_over(
        self, connection: Connection, *, token: str, owner: str, left_over: Collection[str]
    ) -> list[DueFeed]:
        now = database_time(connection)
        for former_owner in left_over:
            write_leases.release_leases(connection, owner=former_owner)
        return write_leases.lease_batch(
            connection,
            token=token,
            owner=owner,
            now=now,
            until=now + LEASE,
            shared_hosts=self._shared_hosts.read(connection, self._context.config()),
        )

    async def _poll_each(self, due: Sequence[DueFeed]) -> None:
        """Poll feeds; of a site with several feeds only a few at a time."""
        waiting, running = deque(due), set[asyncio.Task[None]]()
        sites = {feed.host.name for feed in due if feed.host.name}
        at_once = len(due)
        if len(sites) == 1:
            at_once = feeds_at_hand(self._context.present.settings.budget_of(*sites))
        while waiting or running:
            while waiting and len(running) < at_once and not self._context.is_stopping():
                running.add(self._polls.start(waiting.popleft()))
            if not running:
                return
            _ended, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)


def _batches_that_fill(slots: int) -> int:
    return max(2, ceil(slots * FEEDS_PER_SLOT / MAX_FEEDS))


def _give_back(connection: Connection, *, unstored: Sequence[DueFeed], owner: str) -> None:
    """Put off feeds with unstored polls, and free the remaining leases."""
    write_leases.put_off(connection, unstored, requested_at=database_time(connection))
    write_leases.release_leases(connection, owner=owner)
