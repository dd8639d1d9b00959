"""Limits of hosts: the order and the times of requests.

A *site* is the unit under which one publisher's requests are counted
(`aggregator.urls.site_of`).  This module has one process's view of the sites; pauses that
outlive a process are in the database.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

from aggregator.poll.poll_clock import PollClock

MAX_MIN_DELAY = timedelta(minutes=10)
"""A longer wait that a site asks for is a pause, and says nothing about the next requests."""

MAX_WAIT = timedelta(seconds=90)
"""A request whose turn is further away than this does not wait for its turn."""

_MARGIN = 1.02  # requests are not equally long on their way
_MIN_DELAY_WITHOUT_RETRY_AFTER = 5.0  # seconds, before it is doubled
_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of requests to a site.

    Attributes:
        delay: Between the end of a request and the next request.
        concurrency: Requests at a time.
    """

    delay: timedelta = _ZERO
    concurrency: int = 1


class HostPausedError(Exception):
    """The site wants to be left alone for longer than a request waits for its turn.

    Attributes:
        wait: From now on.
    """

    def __init__(self, site: str, wait: timedelta) -> None:
        super().__init__(f"{site} asked for fewer requests")
        self.site = site
        self.wait = wait


@dataclass(slots=True)
class _HostState:
    """The state of a site while requests wait, and until its pause is over.

    Attributes:
        users: Requests with a turn or waiting for a turn.
        free_at: By the monotonic clock; no request before.
        last_request_at: End of the last request, None before the first.
        gap: Seconds between the last two requests.
        min_delay: Pause between two requests, learned from refusals in this process.
    """

    turns: "_TurnQueue"
    users: int = 0
    free_at: float = 0.0
    last_request_at: float | None = None
    gap: float | None = None
    min_delay: timedelta = _ZERO


class _TurnQueue:
    """A bounded number of turns at a time, in order of arrival; the bound may change meanwhile."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_use = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def resize(self, limit: int) -> None:
        """Allow so many turns from now on; present turns go on."""
        self._limit = limit
        self._grant()

    async def acquire(self) -> None:
        """Wait for a turn."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was granted in the same moment
                self.release()
            raise

    def release(self) -> None:
        """Give a turn back."""
        self._in_use -= 1
        self._grant()

    def _grant(self) -> None:
        while self._waiting and self._in_use < self._limit:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self._in_use += 1
                turn.set_result(None)


class HostLimits:
    """Turns at sites."""

    def __init__(self, clock: PollClock) -> None:
        self._clock = clock
        self._sites: dict[str, _HostState] = {}

    def __len__(self) -> int:
        """Return of how many sites something is known."""
        return len(self._sites)

    @contextlib.asynccontextmanager
    async def turn(
        self,
        site: str,
        budget: Budget,
        *,
        max_wait: timedelta = MAX_WAIT,
        pause: timedelta = _ZERO,
    ) -> AsyncIterator["HostTurn"]:
        """Wait for a turn at `site`; it ends with the block, or before by `HostTurn.leave`.

        Args:
            pause: How long the site wants to be left alone, as another process has learned.

        Raises:
            HostPausedError: The turn is further away than `max_wait`.
        """
        turn = HostTurn(self, max_wait)
        try:
            await turn.move(site, budget, pause=pause)
            yield turn
        finally:
            turn.leave()

    def waiting_sites(self) -> frozenset[str]:
        """Return the sites whose next turn is in the future."""
        now = self._clock.monotonic()
        return frozenset(name for name, state in self._sites.items() if state.free_at > now)

    def pause(self, site: str, wait: timedelta) -> None:
        """Leave a site alone for so long, also in the name of waiting requests."""
        if state := self._sites.get(site):
            state.free_at = max(state.free_at, self._clock.monotonic() + wait.total_seconds())

    def learn_delay(self, site: str, budget: Budget, retry_after: timedelta | None) -> timedelta:
        """Note, and return, a pause between two requests long enough for the site.

        Args:
            retry_after: From the refusal of the last request, None without a `Retry-After`.
        """
        state = self._sites.get(site)
        gap = state.gap if state else None
        limit = MAX_MIN_DELAY.total_seconds()
        if retry_after is None:
            delay = 2 * max(budget.delay.total_seconds(), _MIN_DELAY_WITHOUT_RETRY_AFTER)
        else:
            delay = retry_after.total_seconds()
            delay += gap if gap is not None and gap < limit else 0.0
        delay = max(delay * _MARGIN, budget.delay.total_seconds())
        min_delay = timedelta(seconds=min(delay, limit))
        if state:
            state.min_delay = min_delay
        return min_delay

    def delay(self, site: str, budget: Budget) -> timedelta:
        """Return the pause between two requests to a site."""
        state = self._sites.get(site)
        return max(budget.delay, state.min_delay) if state else budget.delay

    async def enter(
        self, site: str, budget: Budget, *, max_wait: timedelta, pause: timedelta
    ) -> None:
        """Wait for a turn, which `leave` gives back; what `HostTurn` does.

        Raises:
            HostPausedError: The turn is further away than `max_wait`.
        """
        state = self._sites.get(site)
        if state is None:
            self._forget_idle()
            state = self._sites[site] = _HostState(_TurnQueue(budget.concurrency))
        state.turns.resize(budget.concurrency)  # as config.yaml has it now
        state.free_at = max(state.free_at, self._clock.monotonic() + pause.total_seconds())
        state.users += 1
        try:
            await state.turns.acquire()
        except BaseException:
            state.users -= 1
            raise
        try:
            while (wait := state.free_at - self._clock.monotonic()) > 0:
                await self._sleep(site, wait, max_wait)
        except BaseException:
            state.turns.release()
            state.users -= 1
            raise
        # Where requests overlap the pause counts from the start of each.
        delay = budget.delay.total_seconds() if budget.concurrency > 1 else 0.0
        state.free_at = self._clock.monotonic() + delay

    async def _sleep(self, site: str, wait: float, max_wait: timedelta) -> None:
        if wait > max_wait.total_seconds():
            raise HostPausedError(site, timedelta(seconds=wait))
        await self._clock.sleep(wait)

    def leave(self, site: str, budget: Budget) -> None:
        """Give a turn back; the pause until the next request begins."""
        state, now = self._sites[site], self._clock.monotonic()
        last_request_at = state.last_request_at
        state.gap = None if last_request_at is None else now - last_request_at
        state.last_request_at = now
        delay = max(budget.delay, state.min_delay)
        state.free_at = max(state.free_at, now + delay.total_seconds())
        state.users -= 1
        state.turns.release()

    def _forget_idle(self) -> None:
        """Drop sites without waiting requests and without a pause, now and then."""
        if len(self._sites) & 1023 == 1023:
            now = self._clock.monotonic()
            forgotten_before = now - MAX_MIN_DELAY.total_seconds()
            self._sites = {
                name: state
                for name, state in self._sites.items()
                if state.users
                or state.free_at > now
                or (state.last_request_at or 0.0) > forgotten_before
            }


@dataclass(slots=True)
class HostTurn:
    """A turn at one site after the other: a redirect leads from one to the next.

    Attributes:
        site: The site of the present request, or of the last request.
        budget: Of the same site.
        budgets: Of each site with a request in this turn.
    """

    _limits: HostLimits
    _max_wait: timedelta
    site: str = ""
    budget: Budget = field(default_factory=Budget)
    budgets: dict[str, Budget] = field(default_factory=dict)
    _is_inside: bool = False

    async def move(self, site: str, budget: Budget, *, pause: timedelta = _ZERO) -> None:
        """Give the turn back, and wait for a turn at `site`; a file has no site and no limits.

        No request holds a turn while waiting for another turn: two requests could block each other.

        Raises:
            HostPausedError: The turn is further away than this request waits.
        """
        self.leave()
        self.site, self.budget = site, budget
        if site:
            await self._limits.enter(site, budget, max_wait=self._max_wait, pause=pause)
            self._is_inside = True
            self.budgets[site] = budget

    def leave(self) -> None:
        """Give the turn back; the pause begins."""
        if self._is_inside:
            self._is_inside = False
            self._limits.leave(self.site, self.budget)
