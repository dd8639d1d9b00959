"""Completed polls on their way into the database, many in a transaction.

The queue is bounded, so memory does not depend on the number of due feeds.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from aggregator.database import Connection, DatabaseWriter, DBAPIError, is_passing
from aggregator.database.feeds import write_leases
from aggregator.database.feeds.write_polls import PollReport
from aggregator.errors import ParseError
from aggregator.model import DueFeed
from aggregator.poll import recording
from aggregator.poll.poll_clock import PollClock
from aggregator.poll.recording import Recording
from aggregator.poll.reports import (
    CompletedPoll,
    PollResult,
    failure_of,
    relocation_after_failure,
    result_of,
)
from aggregator.poll.settings import PollSettings
from aggregator.poll.slots import Slots
from aggregator.poll.story_matching import match_postponed

log = logging.getLogger(__name__)

MAX_BATCH = 100
"""Polls that one transaction stores at most."""

MAX_ENTRIES = 500
"""Entries after which a transaction takes no more polls: others wait for it, also at a stop."""

LINGER = 0.3
"""Seconds that a completed poll waits for others that are under way: thirty statements cost nearly
the same for one and for many."""

_CHECK_INTERVAL = 0.03  # seconds between two looks whether more polls have come


class UnstoredPoll:
    """A completed poll in the queue.

    Attributes:
        result: For the caller of the poll; None for an overtaken poll.
    """

    def __init__(self, poll: CompletedPoll) -> None:
        self.poll = poll
        self.result: asyncio.Future[PollResult | None] = asyncio.get_running_loop().create_future()

    def resolve(self, report: PollReport | None) -> None:
        """Hand the result to the caller of the poll; None: the poll was overtaken."""
        if report is None:
            log.info(
                "%s: what was read is discarded, as its address changed in the meantime or another "
                "process took it over",
                self.poll.due.name,
            )
        elif report.feed.name != self.poll.due.name:
            log.info("%s is now called %s", self.poll.due.name, report.feed.name)
        if not self.result.done():
            self.result.set_result(None if report is None else result_of(report))

    def fail(self, error: Exception) -> None:
        """Raise an error in the caller of the poll."""
        if not self.result.done():
            self.result.set_exception(error)


class StorageQueue:
    """Completed polls waiting for a transaction.

    Args:
        slots: A transaction waits for further polls while some are under way.
        linger: Seconds of this wait at most.
    """

    def __init__(
        self,
        database: DatabaseWriter,
        settings: PollSettings,
        slots: Slots,
        clock: PollClock,
        *,
        max_batch: int = MAX_BATCH,
        linger: float = LINGER,
    ) -> None:
        self._database = database
        self._settings = settings
        self._slots = slots
        self._clock = clock
        self._max_batch = max_batch
        self._linger = linger
        self._queue: asyncio.Queue[UnstoredPoll] = asyncio.Queue(max_batch)
        self._entering: set[asyncio.Task[None]] = set()
        self._unstored: dict[int, DueFeed] = {}

    @property
    def entering(self) -> int:
        """How many polls wait for a place in the queue."""
        return len(self._entering)

    async def enqueue(self, poll: CompletedPoll) -> asyncio.Future[PollResult | None]:
        """Wait for a place in the queue; return the future of the stored outcome.

        A cancelled caller leaves the poll behind: the poll gets its place later.
        """
        unstored = UnstoredPoll(poll)
        self._unstored[poll.due.id] = poll.due
        try:
            self._queue.put_nowait(unstored)
        except asyncio.QueueFull:
            task = asyncio.create_task(self._queue.put(unstored))
            self._entering.add(task)
            task.add_done_callback(self._entering.discard)
            await asyncio.shield(task)
        return unstored.result

    async def run(self) -> None:
        """Store polls until cancelled, many in a transaction."""
        await self._match_postponed()  # by a process that ended before it came to them
        while True:
            batch = await self._next_batch()
            has_entries = any(unstored.poll.entry_count for unstored in batch)
            await self.store(batch)
            for unstored in batch:
                self._unstored.pop(unstored.poll.due.id, None)
                self._queue.task_done()
            del unstored, batch  # large documents are not kept until the next poll comes
            if has_entries:
                await self._match_postponed()

    async def drained(self) -> None:
        """Return when every poll in the queue is stored."""
        while self._entering:
            await asyncio.wait(self._entering)
        await self._queue.join()

    async def abandon(self) -> None:
        """Put off the next polls of feeds with unstored polls, at a stop.

        The outcome of these requests is lost: without this the feeds would be requested again as
        soon as their leases are given back.
        """
        feeds = list(self._unstored.values())
        if feeds:
            now = self._clock.now()
            await self._database.transact(
                lambda connection: write_leases.put_off(connection, feeds, requested_at=now)
            )

    async def _next_batch(self) -> list[UnstoredPoll]:
        batch = [await self._queue.get()]
        entry_count = batch[0].poll.entry_count
        checks_left = round(self._linger / _CHECK_INTERVAL)
        while checks_left and len(batch) < self._max_batch and entry_count < MAX_ENTRIES:
            if not self._queue.empty():
                batch.append(self._queue.get_nowait())
                entry_count += batch[-1].poll.entry_count
            elif not self._slots.poll_count:
                break
            else:
                checks_left -= 1
                await self._clock.sleep(_CHECK_INTERVAL)
        return batch

    async def _match_postponed(self) -> None:
        """Compare the entries left over by earlier transactions; completed polls come first."""
        try:
            while await self._database.transact(match_postponed) and self._queue.empty():
                pass
        except DBAPIError as error:  # they stay where they are
            log.error("stories: entries could not be compared: %s", error.orig)

    async def store(self, batch: Sequence[UnstoredPoll]) -> None:
        """Store polls together, or one by one after a refusal."""
        polls = [unstored.poll for unstored in batch]
        if len({poll.due.id for poll in polls}) < len(polls):
            await self._store_each(batch)  # a poll has to see what the one before it brought
            return
        try:
            reports = await self._record(polls)
        except Exception as error:
            if _will_pass(error):  # the database was locked or full for too long
                for unstored in batch:
                    unstored.fail(error)
            else:
                await self._store_each(batch)  # the fault of one feed is not the others'
            return
        for unstored, report in zip(batch, reports, strict=True):
            unstored.resolve(report)

    async def _record(self, polls: Sequence[CompletedPoll]) -> Sequence[PollReport | None]:
        """Store polls, a long document in several transactions."""
        state = Recording(tuple(polls))
        while state.reports is None:
            work = partial(recording.record_part, recording=state, settings=self._settings)
            state = await self._database.transact_after_reading(work)
        return state.reports

    async def _store_each(self, batch: Sequence[UnstoredPoll]) -> None:
        for unstored in batch:
            poll = unstored.poll
            try:
                report, refusal = await self._record_at_least(poll)
            except Exception as error:  # the database takes nothing: the caller has to know
                unstored.fail(error)
                continue
            if refusal is not None:
                _log_refusal(poll.due, refusal)
            unstored.resolve(report)

    async def _record_at_least(
        self, poll: CompletedPoll
    ) -> tuple[PollReport | None, Exception | None]:
        """Store a poll; as a failure without its document if only the document is refused.

        Returns:
            The report, None for an overtaken poll; why the document was refused, None if it was
            not.
        """
        error = ParseError(poll.due.url, "its entries could not be stored; see the log")
        failure = failure_of(poll.due, poll.started_at, error)
        relocation = relocation_after_failure(poll.due, failure)
        without_document = replace(poll, relocation=relocation, result=failure)
        state, refusal = Recording((poll,)), None
        while state.reports is None:
            work = partial(
                _record_part_at_least,
                state=state,
                without_document=without_document,
                settings=self._settings,
            )
            state, refusal = await self._database.transact_after_reading(work)
        (report,) = state.reports
        return report, refusal


def _record_part_at_least(
    connection: Connection,
    state: Recording,
    without_document: CompletedPoll,
    settings: PollSettings,
) -> tuple[Recording, Exception | None]:
    """Store the next part of a poll; if that is refused, end with the poll as a failure.

    Both in one transaction: a damaged database, repaired a moment later, has to refuse the whole
    poll, or the document would seem to be at fault.
    """
    savepoint = connection.begin_nested()
    try:
        state = recording.record_part(connection, state, settings)
        savepoint.commit()
    except Exception as refusal:
        if _will_pass(refusal):  # a full disk ended all of it: the savepoint is gone, and
            raise  # going back to it would hide why
        savepoint.rollback()
        reports = recording.record(connection, [without_document], settings)
        return replace(state, reports=reports), refusal
    return state, None


def _log_refusal(due: DueFeed, refusal: Exception) -> None:
    """Log why the database refused a poll; a fault of ours with its traceback."""
    if isinstance(refusal, DBAPIError):
        log.error("%s: could not be stored: %s", due.name, refusal.orig)
    else:
        log.error("%s: could not be stored: see the traceback", due.name, exc_info=refusal)


def _will_pass(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and is_passing(error)
