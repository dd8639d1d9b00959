"""Feeds brought up to date, many at a time.

One event loop fetches, worker processes read, one thread writes; the places between are
bounded, so memory does not depend on the number of due feeds.  No transaction is open during a
request.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import ParamSpec, Self, TypeVar

from aggregator import urls
from aggregator.database import Connection, DatabaseWriter
from aggregator.database.feeds import write_hosts, write_leases
from aggregator.database.feeds.write_leases import CONFIRMED_FOR
from aggregator.errors import FeedError, FetchError, NoWorkerError, ParseError
from aggregator.fetch import Fetcher
from aggregator.model import DueFeed, FailureKind, Fetched, HostPause, Validators
from aggregator.model.times import EPOCH
from aggregator.poll import document_reader
from aggregator.poll.host_limits import MAX_WAIT, Budget, HostLimits, HostPausedError, HostTurn
from aggregator.poll.network_health import NetworkHealth, OfflineError
from aggregator.poll.poll_clock import PollClock
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
    success_of,
)
from aggregator.poll.settings import PollSettings
from aggregator.poll.slots import Slots
from aggregator.poll.storage_queue import StorageQueue
from aggregator.runtime.worker_pool import Workers

log = logging.getLogger(__name__)

_UNREAD = "this machine could not start a process to read the last document"
_OTHER_CONFIG = "config.yaml has just been read"
_CONFIG_WAIT = timedelta(seconds=10)
_LASTING = 3  # times that a feed is put off for another config.yaml
_SILENCE = timedelta(minutes=1)  # in which one line about lost leases is enough
_THROTTLING = frozenset({429, 503})  # statuses with which a server asks for fewer requests
_T = TypeVar("_T")
_P = ParamSpec("_P")


@dataclass(frozen=True, slots=True)
class PollerParts:
    """The parts of a poller; `PollerFactory` makes a set.

    Attributes:
        fetcher, workers, slots, queue: This poller's own; made from its settings.
        host_limits, network, database, clock: Shared with the poller before and after this one.
    """

    fetcher: Fetcher
    workers: Workers
    slots: Slots
    queue: StorageQueue
    host_limits: HostLimits
    network: NetworkHealth
    database: DatabaseWriter
    clock: PollClock


class Poller:
    """Brings feeds up to date, many at a time.  Use with `async with`."""

    def __init__(self, settings: PollSettings, parts: PollerParts) -> None:
        self._settings = settings
        self._fetcher = parts.fetcher
        self._workers = parts.workers
        self._slots = parts.slots
        self._queue = parts.queue
        self._host_limits = parts.host_limits
        self._network = parts.network
        self._database = parts.database
        self._clock = parts.clock
        self._storing: asyncio.Task[None] | None = None
        self._putting_off: set[asyncio.Task[None]] = set()
        self._lacks_workers = False
        self._lost_lease_at = EPOCH
        self._disagreements: Counter[int] = Counter()  # by feed

    async def __aenter__(self) -> Self:
        await self._fetcher.__aenter__()
        self._storing = asyncio.create_task(self._queue.run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._storing is not None:
            self._storing.cancel()
            await asyncio.gather(self._storing, return_exceptions=True)
        await asyncio.to_thread(self._workers.stop)
        await self._fetcher.__aexit__(None, None, None)

    async def poll(self, due: DueFeed) -> PollResult | None:
        """Poll one leased feed, store the outcome, and give the lease back.

        Returns:
            None if no request was made, as the host wants to be left alone, the database follows
            another config.yaml, or the lease is lost; also if the poll does not count: another
            overtook it, no answer came to a process that stood still, or this machine could not
            read the document.

        Raises:
            DBAPIError: The database did not take the poll.
        """
        if self._settings.request_of(due.url).digest != due.request_digest:
            await self._leave_to_newer_config(due)
            return None
        host = due.host
        budget = self._budget(host.name, host.min_delay)
        max_wait = max(MAX_WAIT, self._settings.host_delay)
        pause = self._time_until(host.free_at)
        try:
            async with (
                self._host_limits.turn(host.name, budget, max_wait=max_wait, pause=pause) as turn,
                self._slots,
            ):
                if not await self._is_leased(due):
                    return None
                completed = await self._attempt(due, turn)
                if completed.status is None and not await self._is_leased(due):
                    return None
                result = await self._queue.enqueue(completed)
        except (HostPausedError, NoWorkerError):
            await self.transact(partial(_release, due))
            return None
        return await result

    def now(self) -> datetime:
        """Return the time by which feeds are due; aware, UTC."""
        return self._clock.now()

    @property
    def lacks_workers(self) -> bool:
        """Whether this machine could not start a process to read the last document."""
        return self._lacks_workers

    async def transact_after_reading(self, work: Callable[[Connection], _T]) -> _T:
        """Do `work`, which reads before its first write, in one transaction in the same thread."""
        return await self._database.transact_after_reading(work)

    async def transact(
        self, work: Callable[[Connection], _T], *, is_stopping: Callable[[], bool] | None = None
    ) -> _T:
        """Do `work` in one transaction, in the writing thread; wait out a busy database.

        Args:
            is_stopping: Once true, the transaction ends at its next statement and is undone.
        """
        return await self._database.transact(work, is_stopping=is_stopping)

    async def fetch(
        self, url: str, validators: Validators, *, is_requested: bool = False
    ) -> Fetched:
        """Fetch an OPML list, in a turn of the host and in a slot.

        Args:
            url: An address of config.yaml.
            is_requested: A person asked for this request, so no stored pause delays the request.

        Raises:
            FetchError: No usable response came.
            HostPausedError: The host wants to be left alone for longer.
            OfflineError: This machine's network failed.
        """
        site = urls.site_of(url)
        stored = await self.transact(partial(write_hosts.host_pause, name=site))
        budget = self._budget(site, stored.min_delay if stored else None)
        pause = self._time_until(stored.free_at if stored and not is_requested else None)
        max_wait = max(MAX_WAIT, self._settings.host_delay)
        async with (
            self._host_limits.turn(site, budget, max_wait=max_wait, pause=pause) as turn,
            self._slots,
        ):
            try:
                fetched = await self._fetcher.fetch(
                    url,
                    validators,
                    feed_request=self._settings.request_of(url),
                    before_redirect=partial(self._follow, turn),
                )
            except FetchError as error:
                if error.retry_after is not None:
                    self._host_limits.pause(turn.site, error.retry_after)
                turn.leave()
                if await self._is_offline(url, url, error):
                    raise OfflineError(error.reason) from error
                raise
        if site:
            self._network.note_response(url)
        return fetched

    async def read(
        self, url: str, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run a function on a document in a worker process; see `Workers.run`."""
        return await self._workers.run(url, function, *args, **kwargs)

    async def drained(self) -> None:
        """Return when every completed poll is stored."""
        await self._queue.drained()
        await asyncio.gather(*self._putting_off, return_exceptions=True)

    async def abandon(self) -> None:
        """Put off the next polls of feeds with unstored polls, at a stop."""
        await self._queue.abandon()

    async def _leave_to_newer_config(self, due: DueFeed) -> None:
        """Put off a feed whose request in the database is not the poller's, and free the lease.

        A moment ago this or another process has read a newer config.yaml.
        """
        self._disagreements[due.id] += 1
        if self._disagreements[due.id] == _LASTING:
            log.warning(
                "%s: not polled: another process has read config.yaml with another `request`; "
                "do all processes have the same variables?",
                due.name,
            )
        now = self._clock.now()

        def leave(connection: Connection) -> None:
            write_leases.put_off(
                connection, [due], requested_at=now, wait=_CONFIG_WAIT, reason=_OTHER_CONFIG
            )
            _release(due, connection)

        await self.transact(leave)

    async def _is_leased(self, due: DueFeed) -> bool:
        """Whether the feed is still this process's to poll.

        The database is asked about a lease that is not new: while this process was suspended,
        another process may have polled the feed.
        """
        now = self._clock.now()
        if now - due.leased_at < CONFIRMED_FOR:
            return True
        if await self.transact(partial(write_leases.confirm_lease, due=due)):
            return True
        if now - self._lost_lease_at > _SILENCE:
            log.warning(
                "leases of this process ended, as it was suspended or did not reach the database; "
                "what it had not polled by then is left to other processes"
            )
        self._lost_lease_at = now
        return False

    def _budget(self, site: str, min_delay: timedelta | None) -> Budget:
        budget = self._settings.budget_of(site)
        if min_delay is None:
            return budget
        return replace(budget, delay=max(budget.delay, min_delay))

    def _time_until(self, at: datetime | None) -> timedelta:
        return timedelta(0) if at is None else max(at - self._clock.now(), timedelta(0))

    async def _attempt(self, due: DueFeed, turn: HostTurn) -> CompletedPoll:
        started_at = self._clock.now()
        status, size = None, 0
        result: PollSuccess | FailedPoll
        try:
            fetched = await self._fetch(due, turn, started_at)
            status, size = fetched.status, fetched.size
            body, fetched = fetched.body, replace(fetched, body=b"")
            reading = self._read(due, started_at, fetched, body)
            del body  # only the coroutine that reads it holds it, and lets go as soon as can be
            result = await reading
            ended_at = self._clock.now()
            relocation = relocation_of(due, fetched.moved_to, started_at)
        except asyncio.CancelledError:
            self._put_off(due, started_at)
            raise
        except NoWorkerError as error:
            if not self._lacks_workers:  # one line, not one for each feed
                log.error("%s; the feeds with new documents are polled again later", error)
                self._lacks_workers = True
            await self.transact(
                partial(write_leases.put_off, leased=[due], requested_at=started_at, reason=_UNREAD)
            )
            raise
        except Exception as error:
            ended_at = self._clock.now()
            if isinstance(error, FetchError):
                status, size = error.status, error.size
            result = await self._failure(due, started_at, error, status)
            relocation = relocation_after_failure(due, result)
        pauses = self._pauses(due, turn, result, status, ended_at)
        return CompletedPoll(due, started_at, ended_at, relocation, result, status, size, pauses)

    async def _fetch(self, due: DueFeed, turn: HostTurn, started_at: datetime) -> Fetched:
        """Make the request, and give the host's turn back."""
        try:
            fetched = await self._fetcher.fetch(
                due.address,
                _validators(due, started_at),
                feed_request=self._settings.request_of(due.url),
                subscribed=due.url,
                is_page=due.selectors is not None,
                before_redirect=partial(self._follow, turn),
            )
        finally:
            turn.leave()
            self._slots.keep()
        if urls.is_web(due.url):
            self._network.note_response(due.id)
        return fetched

    async def _follow(self, turn: HostTurn, url: str) -> None:
        """Wait for a turn at the site that a redirect leads to; other polls have the slot then.

        Raises:
            FetchError: The site wants to be left alone for longer.
        """
        site = urls.site_of(url)
        if site == turn.site:
            return
        self._slots.release()
        try:
            turn.leave()
            stored = await self.transact(partial(write_hosts.host_pause, name=site))
            budget = self._budget(site, stored.min_delay if stored else None)
            pause = self._time_until(stored.free_at if stored else None)
            await turn.move(site, budget, pause=pause)
        except HostPausedError as error:
            reason = f"a redirect leads to {error.site}, which asked for fewer requests"
            raise FetchError(
                urls.masked(url), reason, FailureKind.THROTTLED, retry_after=error.wait
            ) from error
        finally:
            await self._slots.acquire()

    async def _read(
        self, due: DueFeed, started_at: datetime, fetched: Fetched, body: bytes
    ) -> PollSuccess:
        """Return the outcome of an answer; the same body as last time is not read again."""
        body_hash = sha256(body).digest()[:16]
        if fetched.status == 304 or body_hash == due.validation.body_hash:
            return success_of(due, started_at, fetched)
        reading = document_reader.read(
            self._workers, due, fetched.headers, fetched.url, body, requested_at=started_at
        )
        del body
        document = await reading
        if self._lacks_workers and document.feed is not None:
            log.warning("processes that read documents can be started again")
            self._lacks_workers = False
        return success_of(due, started_at, fetched, document, body_hash)

    async def _failure(
        self, due: DueFeed, started_at: datetime, error: Exception, status: int | None
    ) -> FailedPoll:
        """Return the outcome of an error; a fault of ours costs one feed one poll."""
        if not isinstance(error, FeedError):
            log.error("%s: could not be polled", due.name, exc_info=error)
            error = ParseError(due.url, "could not be polled; the log says why")
        if await self._is_offline(due.id, due.address, error):
            return offline_failure_of(due, started_at, error)
        return failure_of(due, started_at, error, status=status)

    async def _is_offline(self, key: Hashable, address: str, error: FeedError) -> bool:
        """Return whether this machine's network failed, and not the server of `address`."""
        if not isinstance(error, FetchError):
            return False
        if error.status is not None or error.redirected:
            self._network.note_response(key)
        is_refused = error.kind in {FailureKind.REFUSED, FailureKind.UNKNOWN_HOST} and not (
            # What this machine refuses itself says nothing about the network.
            error.redirected or urls.is_loopback(urls.host_of(address))
        )
        if not (error.unreachable or is_refused):
            return False
        self._slots.release()  # what follows takes time, but no work
        return not await self._network.is_working(
            key,
            others_under_way=self._slots.poll_count > 0,
            refusing_site=urls.site_of(address) if is_refused else None,
        )

    def _put_off(self, due: DueFeed, started_at: datetime) -> None:
        """Put off the next poll of a feed whose poll was cancelled during the request."""
        task = asyncio.create_task(
            self.transact(partial(write_leases.put_off, leased=[due], requested_at=started_at))
        )
        self._putting_off.add(task)
        task.add_done_callback(self._putting_off.discard)

    def _pauses(
        self,
        due: DueFeed,
        turn: HostTurn,
        result: PollSuccess | FailedPoll,
        status: int | None,
        now: datetime,
    ) -> tuple[HostPause, ...]:
        """Return the pauses of sites for other processes and for those after a restart."""
        budgets = dict(turn.budgets)  # a redirect leads from one site to the next
        pauses = []
        throttled: HostPause | None = None
        if turn.site in budgets and status in _THROTTLING and isinstance(result, FailedPoll):
            throttled = self._throttled(turn, result, status, now)
        if throttled is not None:
            del budgets[turn.site]
        for site, budget in budgets.items():
            delay = self._host_limits.delay(site, budget)
            # What only one feed needs to know is not worth a row: its interval is longer.
            is_shared = due.host.is_shared or site != due.host.name
            if delay > self._settings.host_delay or (delay and is_shared):
                pauses.append(HostPause(site, now + delay))
        if throttled is not None:
            pauses.append(throttled)
        return tuple(pauses)

    def _throttled(
        self, turn: HostTurn, result: FailedPoll, status: int, now: datetime
    ) -> HostPause | None:
        """Leave the site of the last request alone, and return its pause.

        Returns:
            None if the site did not ask for a pause.
        """
        not_before = result.next_poll.not_before
        if not_before is None:
            return None
        pause = not_before - now
        self._host_limits.pause(turn.site, pause)
        if status == 503:
            return HostPause(turn.site, not_before)
        retry_after = pause if result.pause is not None else None
        min_delay = self._host_limits.learn_delay(turn.site, turn.budget, retry_after)
        return HostPause(turn.site, max(not_before, now + min_delay), min_delay, now)


def _release(due: DueFeed, connection: Connection) -> None:
    write_leases.release_leases(connection, owner=due.lease_owner, feed_ids=[due.id])


def _validators(due: DueFeed, now: datetime) -> Validators:
    """Return the validators to send; none to a server whose 304 is not trusted any more."""
    last_full_at = due.history.last_full_at
    is_stale = last_full_at is not None and now - last_full_at > STALE_AFTER
    return Validators() if due.distrust_304 and is_stale else due.validation.validators
