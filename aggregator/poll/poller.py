"""Feeds brought up to date, many at a time.

One event loop fetches, worker processes read, one thread writes; what one hands to the next waits
in bounded places, so that memory does not depend on how many feeds are due.  No transaction is
open while anything waits for the network.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Self, TypeVar

from aggregator import urls
from aggregator.database import Connection, DatabaseWriter, DBAPIError, Engine, is_passing
from aggregator.database.feeds import write_hosts, write_leases, write_polls
from aggregator.errors import FeedError, FetchError, ParseError
from aggregator.fetch import Fetcher
from aggregator.model import DueFeed, Fetched, HostPause, Validators
from aggregator.poll import document_reader, recording
from aggregator.poll.host_limits import PATIENCE, Budget, Hosts, RestingError, Visit
from aggregator.poll.network_health import Network
from aggregator.poll.reports import (
    STALE_AFTER,
    CompletedPoll,
    FailedPoll,
    PollResult,
    PollSuccess,
    failure_of,
    offline_failure_of,
    relocation_after_failure,
    relocation_of,
    result_of,
    success_of,
)
from aggregator.poll.settings import PollSettings
from aggregator.poll.slots import Slots
from aggregator.poll.story_matching import match_postponed
from aggregator.runtime.worker_pool import Workers

log = logging.getLogger(__name__)

MAX_BATCH = 100
"""Polls that one transaction stores at most."""

LINGER = 0.3
"""Seconds that a finished poll waits for others that are under way: thirty statements cost nearly
the same for one and for many."""

_LOOK = 0.03  # seconds after which it looks whether there are enough

MAX_ENTRIES = 500
"""Entries after which a transaction takes no more polls: others wait for it, also at a stop."""

_T = TypeVar("_T")


class UnstoredPoll:
    """A poll that is over and waits to be stored.

    Attributes:
        result: What whoever asked for the poll waits for; None once it is known not to count.
    """

    def __init__(self, poll: CompletedPoll) -> None:
        self.poll = poll
        self.result: asyncio.Future[PollResult | None] = asyncio.get_running_loop().create_future()

    def end(self, report: write_polls.PollReport | None) -> None:
        """Tell whoever waits what was stored; None: nothing was."""
        if report is None:
            log.info(
                "%s: what was read is not stored: its address changed meanwhile, or another "
                "process has taken it over",
                self.poll.due.name,
            )
        if not self.result.done():
            self.result.set_result(None if report is None else result_of(report))


class Poller:
    """Brings feeds up to date, many at a time.  Use with `async with`.

    Args:
        after: The one that this one succeeds, because the settings changed: the pauses between
            two requests to a host, what is known of the network and the thread that writes stay
            the same.
        patience: How long a database may be locked or full; None: for ever.
    """

    def __init__(
        self,
        engine: Engine,
        settings: PollSettings,
        *,
        after: "Poller | None" = None,
        patience: timedelta | None = None,
    ) -> None:
        self._settings = settings
        self._fetcher = Fetcher(settings.fetch)
        self._workers = Workers(settings.workers, max_size=settings.fetch.max_size)
        self._slots = Slots(settings.concurrency)
        self._hosts: Hosts = after._hosts if after else Hosts()
        self._database: DatabaseWriter = (
            after._database if after else DatabaseWriter(engine, max_wait=patience)
        )
        self._finished: asyncio.Queue[UnstoredPoll] = asyncio.Queue(MAX_BATCH)
        self._unstored: dict[int, DueFeed] = {}  # of finished polls
        self._handing_over: set[asyncio.Task[None]] = set()
        self._network: Network = after._network if after else Network()
        self._storing: asyncio.Task[None] | None = None
        self._put_off: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._fetcher.__aenter__()
        self._storing = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.retire()
        await asyncio.to_thread(self._database.stop)

    async def retire(self) -> None:
        """End, but for what a successor goes on with."""
        if self._storing is not None:
            self._storing.cancel()
            await asyncio.gather(self._storing, return_exceptions=True)
        await asyncio.to_thread(self._workers.stop)
        await self._fetcher.__aexit__(None, None, None)

    async def poll(self, due: DueFeed) -> PollResult | None:
        """Poll one leased feed, store what came of it, and give its lease back.

        Returns:
            None if nothing was asked, as its host wants to be left alone, or if what was read does
            not count any more.
        """
        budget = self._budget(due.host.name, due.host.min_delay)
        patience = max(PATIENCE, self._settings.host_delay)
        rest = _until(due.host.free_at)
        try:
            async with (
                self._hosts.visit(due.host.name, budget, patience=patience, rest=rest) as visit,
                self._slots,
            ):
                storing = UnstoredPoll(await self._attempt(due, visit))
                await self._hand_over(storing)
        except RestingError:
            await self.transact(partial(_give_back, due))
            return None
        return await storing.result

    def share(self, sites: Collection[str]) -> None:
        """Note which sites other processes may ask as well: these learn of every request there."""
        self._hosts.shared = sites

    def _budget(self, site: str, pace: timedelta | None) -> Budget:
        budget = self._settings.budget_of(site)
        return budget if pace is None else replace(budget, delay=max(budget.delay, pace))

    async def transact(self, work: Callable[[Connection], _T]) -> _T:
        """Do `work` in one transaction, in the thread that writes; wait out a busy database."""
        return await self._database.transact(work)

    async def drained(self) -> None:
        """Return when every poll that came to an end is stored."""
        while self._handing_over:
            await asyncio.wait(self._handing_over)
        await self._finished.join()
        await asyncio.gather(*self._put_off, return_exceptions=True)

    async def give_up(self) -> None:
        """Let feeds whose polls are still not stored rest for their interval, at a stop.

        They were asked, and nobody will store what they answered: without this they would be asked
        again as soon as their leases are given back.
        """
        feeds = list(self._unstored.values())
        if feeds:
            await self.transact(partial(_put_off, feeds, datetime.now(UTC)))

    async def _hand_over(self, storing: UnstoredPoll) -> None:
        """Wait for a place in the writer's queue; a poll that is cancelled there gets it later."""
        self._unstored[storing.poll.due.id] = storing.poll.due
        try:
            self._finished.put_nowait(storing)
        except asyncio.QueueFull:
            task = asyncio.create_task(self._finished.put(storing))
            self._handing_over.add(task)
            task.add_done_callback(self._handing_over.discard)
            await asyncio.shield(task)

    async def _attempt(self, due: DueFeed, visit: Visit) -> CompletedPoll:
        started_at = datetime.now(UTC)
        status, size = None, 0
        result: PollSuccess | FailedPoll
        try:
            fetched = await self._fetch(due, visit, started_at)
            status, size = fetched.status, fetched.size
            body, fetched = fetched.body, replace(fetched, body=b"")
            reading = self._read(due, started_at, fetched, body)
            del body  # only the coroutine that reads it holds it, and lets go as soon as can be
            result = await reading
            ended_at = datetime.now(UTC)
            relocation = relocation_of(due, fetched.moved_to, started_at)
        except asyncio.CancelledError:
            self._cut_short(due, started_at)
            raise
        except Exception as error:
            ended_at = datetime.now(UTC)
            if isinstance(error, FetchError):
                status, size = error.status, error.size
            result = await self._failure(due, started_at, error, status)
            relocation = relocation_after_failure(due, result)
        poll = CompletedPoll(due, started_at, ended_at, relocation, result, status, size)
        return replace(poll, pauses=self._pauses(poll, visit))

    async def _fetch(self, due: DueFeed, visit: Visit, started_at: datetime) -> Fetched:
        """Make the request, and give the host's turn back."""
        try:
            fetched = await self._fetcher.fetch(
                due.address,
                _validators(due, started_at),
                subscribed=due.url,
                before_redirect=partial(self._hop, visit),
            )
        finally:
            visit.leave()
            self._slots.keep()
        if urls.is_web(due.url):
            self._network.reached(due.id)
        return fetched

    async def _read(
        self, due: DueFeed, started_at: datetime, fetched: Fetched, body: bytes
    ) -> PollSuccess:
        """Return what an answer brought; its body is read unless it is the last one again."""
        body_hash = sha256(body).digest()[:16]
        if fetched.status == 304 or body_hash == due.validation.body_hash:
            return success_of(due, started_at, fetched)
        reading = document_reader.read(self._workers, due, fetched.headers, fetched.url, body)
        del body
        document = await reading
        return success_of(due, started_at, fetched, document, body_hash)

    async def _failure(
        self, due: DueFeed, started_at: datetime, error: Exception, status: int | None
    ) -> FailedPoll:
        """Return what follows from an error; a fault of ours costs one feed one poll."""
        if not isinstance(error, FeedError):
            log.error("%s: could not be polled", due.name, exc_info=error)
            error = ParseError(due.url, "could not be polled; the log says why")
        if await self._is_offline(due, error):
            return offline_failure_of(due, started_at, error)
        return failure_of(due, started_at, error, status=status)

    def _cut_short(self, due: DueFeed, started_at: datetime) -> None:
        """Note that a feed was asked, though nobody waits for the answer: not again at once."""
        task = asyncio.create_task(self.transact(partial(_put_off, [due], started_at)))
        self._put_off.add(task)
        task.add_done_callback(self._put_off.discard)

    async def _hop(self, visit: Visit, url: str) -> None:
        """Wait for a turn at the site that a redirect leads to; others have the slot meanwhile.

        Raises:
            FetchError: It wants to be left alone for longer.
        """
        site = urls.site_of(url)
        if site == visit.site:
            return
        self._slots.release()
        try:
            visit.leave()
            known = await self.transact(lambda connection: write_hosts.host_pause(connection, site))
            if known is None:
                await visit.move(site, self._budget(site, None))
            else:
                rest = _until(known.free_at)
                await visit.move(site, self._budget(site, known.min_delay), rest=rest)
        except RestingError as error:
            reason = f"a redirect leads to {error.site}, which wants fewer requests"
            raise FetchError(urls.masked(url), reason, retry_after=error.wait) from error
        finally:
            await self._slots.acquire()

    def _pauses(self, poll: CompletedPoll, visit: Visit) -> tuple[HostPause, ...]:
        """Return what other processes, and those after a restart, have to know of the sites."""
        site, now, result = visit.site, poll.ended_at, poll.result
        asked = dict(visit.asked)  # a redirect leads from one to the next
        refused: tuple[HostPause, ...] = ()
        if site in asked and poll.status in {429, 503} and isinstance(result, FailedPoll):
            until = result.next_poll.not_before
            if until is not None:
                del asked[site]
                refused = (self._refused(visit, poll.status, result, now, until),)
        between = (self._between(poll.due, one, budget, now) for one, budget in asked.items())
        return (*chain.from_iterable(between), *refused)

    def _refused(
        self, visit: Visit, status: int, result: FailedPoll, now: datetime, until: datetime
    ) -> HostPause:
        """Leave the site that was asked last alone, and return what it taught us."""
        site = visit.site
        rest = until - now
        self._hosts.rest(site, rest)
        if status == 503:
            return HostPause(site, until)
        retry_after = rest if result.pause is not None else None
        pace = self._hosts.lesson(site, visit.budget, retry_after)
        return HostPause(site, max(until, now + pace), pace, now)

    def _between(
        self, due: DueFeed, site: str, budget: Budget, now: datetime
    ) -> tuple[HostPause, ...]:
        """Return the pause between two requests to a site, if others have to know of it."""
        delay = self._hosts.delay(site, budget)
        # What only one feed needs to know is not worth a row: its interval is longer.
        is_shared = site in self._hosts.shared or site != due.host.name
        if delay > self._settings.host_delay or (delay and is_shared):
            return (HostPause(site, now + delay),)
        return ()

    async def _is_offline(self, due: DueFeed, error: FeedError) -> bool:
        """Whether it is this machine's network that failed, and not the server of a feed."""
        if not isinstance(error, FetchError):
            return False
        if error.status is not None or error.redirected:
            self._network.reached(due.id)
        if not error.unreachable:
            return False
        self._slots.release()  # what follows takes time, but no work
        return not await self._network.works(due.id, others=self._slots.taken > 0)

    async def _write(self) -> None:
        """Store finished polls for ever, as many in a transaction as have come together."""
        await self._match_postponed()  # by a process that ended before it came to them
        while True:
            batch = [await self._finished.get()]
            entries = batch[0].poll.entry_count
            looks = round(LINGER / _LOOK)
            while looks and len(batch) < MAX_BATCH and entries < MAX_ENTRIES:
                if not self._finished.empty():
                    batch.append(self._finished.get_nowait())
                    entries += batch[-1].poll.entry_count
                elif not self._slots.taken:
                    break
                else:
                    looks -= 1
                    await asyncio.sleep(_LOOK)
            await self._store(batch)
            for storing in batch:
                self._unstored.pop(storing.poll.due.id, None)
                self._finished.task_done()
            del storing
            batch = []  # until the next poll comes nobody needs what these brought
            if entries:
                await self._match_postponed()

    async def _match_postponed(self) -> None:
        """Compare the entries that no transaction had time for, polls that are over in between."""
        try:
            while await self.transact(match_postponed) and self._finished.empty():
                pass
        except DBAPIError as error:  # they stay where they are
            log.error("stories: entries could not be compared: %s", error.orig)

    async def _store(self, batch: list[UnstoredPoll]) -> None:
        polls = [storing.poll for storing in batch]
        if len({poll.due.id for poll in polls}) < len(polls):
            await self._store_each(batch)  # a poll has to see what the one before it brought
            return
        try:
            reports = await self.transact(self._recording(polls))
        except Exception as error:
            if _will_pass(error):
                _refuse(batch, error)  # out of patience
            else:
                await self._store_each(batch)  # the fault of one feed is not the others'
            return
        for storing, report in zip(batch, reports, strict=True):
            storing.end(report)

    async def _store_each(self, batch: list[UnstoredPoll]) -> None:
        for storing in batch:
            poll = storing.poll
            try:
                report, refused = await self.transact(self._recording_at_least(poll))
            except Exception as fault:  # it takes nothing any more: whoever asked has to know
                _refuse([storing], fault)
                continue
            if refused is not None:
                said = str(refused.orig) if isinstance(refused, DBAPIError) else "see the traceback"
                trace = None if isinstance(refused, DBAPIError) else refused
                log.error("%s: could not be stored: %s", poll.due.name, said, exc_info=trace)
            storing.end(report)

    def _recording(
        self, polls: list[CompletedPoll]
    ) -> Callable[[Connection], list[write_polls.PollReport | None]]:
        return lambda connection: recording.record(connection, polls, self._settings)

    def _recording_at_least(
        self, poll: CompletedPoll
    ) -> Callable[[Connection], tuple[write_polls.PollReport | None, Exception | None]]:
        """Record a poll; as a failure and without its document if only that is refused.

        Both in one transaction: a database that was damaged and is repaired a moment later has to
        refuse the whole poll, or it would seem to be the document's fault.
        """
        error = ParseError(poll.due.url, "its entries could not be stored; see the log")
        failure = failure_of(poll.due, poll.started_at, error)
        without = replace(
            poll, relocation=relocation_after_failure(poll.due, failure), result=failure
        )

        def record(
            connection: Connection,
        ) -> tuple[write_polls.PollReport | None, Exception | None]:
            whole = connection.begin_nested()
            try:
                report = self._recording([poll])(connection)[0]
                whole.commit()
            except Exception as refused:
                if _will_pass(refused):  # a full disk ended all of it: there is nothing to go
                    raise  # back to, and trying that would hide why
                whole.rollback()
                return self._recording([without])(connection)[0], refused
            return report, None

        return record


def _will_pass(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and is_passing(error)


def _put_off(feeds: Sequence[DueFeed], asked_at: datetime, connection: Connection) -> None:
    for due in feeds:
        write_leases.put_off(connection, due, until=asked_at + due.pacing.interval)


def _give_back(due: DueFeed, connection: Connection) -> None:
    write_leases.release_leases(connection, owner=due.lease_owner, feed_ids=[due.id])


def _until(at: datetime | None) -> timedelta:
    return timedelta(0) if at is None else max(at - datetime.now(UTC), timedelta(0))


def _validators(due: DueFeed, now: datetime) -> Validators:
    """Return what to send back; nothing to a server whose 304 nobody believes any more."""
    last_full_at = due.history.last_full_at
    stale = last_full_at is not None and now - last_full_at > STALE_AFTER
    return Validators() if due.distrust_304 and stale else due.validation.validators


def _refuse(batch: list[UnstoredPoll], error: Exception) -> None:
    for storing in batch:
        if not storing.result.done():
            storing.result.set_exception(error)
