"""Manners towards hosts: whose turn it is, and when.

A *site* is what one publisher's requests are counted under (`aggregator.urls.site_of`).  This is
one event loop's view of them; pauses that have to outlive a process are the database's.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from datetime import timedelta

MAX_PACE = timedelta(minutes=10)
"""A longer wait that a site asks for is a pause, and says nothing about the next requests."""

PATIENCE = timedelta(seconds=90)
"""Whose turn is further away than this does not wait for it."""

_MARGIN = 1.02  # requests are not equally long on their way
_LEAST_PACE = 5.0


@dataclass(frozen=True, slots=True)
class Budget:
    """What a site is asked for at most.

    Attributes:
        delay: Between the end of a request and the next one.
        concurrency: Requests at a time.
    """

    delay: timedelta = timedelta(0)
    concurrency: int = 1


class RestingError(Exception):
    """The site wants to be left alone for longer than anyone waits here.

    Attributes:
        wait: From now on.
    """

    def __init__(self, site: str, wait: timedelta) -> None:
        super().__init__(f"{site} wants fewer requests")
        self.site = site
        self.wait = wait


@dataclass(slots=True)
class _Site:
    """What is known of a site while somebody visits it, and until its pause is over.

    Attributes:
        free_at: Of the event loop's clock; no request before.
        asked_at: End of the last request, None before the first.
        gap: Between the last two.
        pace: Pause between two requests that it has taught us since we know it.
    """

    turns: "_Turns"
    visitors: int = 0
    free_at: float = 0.0
    asked_at: float | None = None
    gap: float | None = None
    pace: timedelta = timedelta(0)


class _Turns:
    """So many at a time, in order of arrival; the number may change while some wait."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def resize(self, limit: int) -> None:
        """Allow so many from now on; who has a turn keeps it."""
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
        self._taken -= 1
        self._grant()

    def _grant(self) -> None:
        while self._waiting and self._taken < self._limit:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self._taken += 1
                turn.set_result(None)


class Hosts:
    """Turns at sites.

    Attributes:
        shared: Sites that other processes may ask as well: those of more than one feed.
    """

    def __init__(self) -> None:
        self.shared: Collection[str] = ()
        self._sites: dict[str, _Site] = {}

    @contextlib.asynccontextmanager
    async def visit(
        self,
        site: str,
        budget: Budget,
        *,
        patience: timedelta = PATIENCE,
        rest: timedelta = timedelta(0),
    ) -> AsyncIterator["Visit"]:
        """Wait for a turn at `site`; it ends with the visit, or before if that says so.

        Args:
            rest: The site wants to be left alone for so long, as somebody else was told.

        Raises:
            RestingError: The turn is further away than `patience`.
        """
        visit = Visit(self, patience)
        try:
            await visit.move(site, budget, rest=rest)
            yield visit
        finally:
            visit.leave()

    async def _enter(self, site: str, budget: Budget, patience: timedelta, rest: timedelta) -> None:
        """Wait for a turn.

        Raises:
            RestingError: It is further away than `patience`.
        """
        loop = asyncio.get_running_loop()
        known = self._sites.get(site)
        if known is None:
            self._forget(loop.time())
            known = self._sites[site] = _Site(_Turns(budget.concurrency))
        known.turns.resize(budget.concurrency)  # as config.yaml has it now
        known.free_at = max(known.free_at, loop.time() + rest.total_seconds())
        known.visitors += 1
        try:
            await known.turns.acquire()
        except BaseException:
            known.visitors -= 1
            raise
        try:
            while (wait := known.free_at - loop.time()) > 0:
                await _sleep(site, wait, patience)
        except BaseException:
            known.turns.release()
            known.visitors -= 1
            raise
        known.free_at = loop.time() + (budget.delay.total_seconds() if _shared(budget) else 0.0)

    def _leave(self, site: str, delay: timedelta) -> None:
        known, now = self._sites[site], asyncio.get_running_loop().time()
        known.gap = None if known.asked_at is None else now - known.asked_at
        known.asked_at = now
        known.free_at = max(known.free_at, now + max(delay, known.pace).total_seconds())
        known.visitors -= 1
        known.turns.release()

    def rest(self, site: str, wait: timedelta) -> None:
        """Leave a site alone for so long, whoever waits for it."""
        if known := self._sites.get(site):
            now = asyncio.get_running_loop().time()
            known.free_at = max(known.free_at, now + wait.total_seconds())

    def lesson(self, site: str, budget: Budget, retry_after: timedelta | None) -> timedelta:
        """Learn, and return, the pause between two requests that would not have been refused.

        Args:
            retry_after: What the site said to the last one, None if nothing.
        """
        known = self._sites.get(site)
        gap = known.gap if known else None
        most = MAX_PACE.total_seconds()
        if retry_after is None:
            pace = 2 * max(budget.delay.total_seconds(), _LEAST_PACE)
        else:
            pace = retry_after.total_seconds()
            pace += gap if gap is not None and gap < most else 0.0
        pace = max(pace * _MARGIN, budget.delay.total_seconds())
        learned = timedelta(seconds=min(pace, most))
        if known:
            known.pace = learned
        return learned

    def delay(self, site: str, budget: Budget) -> timedelta:
        """Return the pause that is kept between two requests."""
        known = self._sites.get(site)
        return max(budget.delay, known.pace) if known else budget.delay

    def _forget(self, now: float) -> None:
        """Drop sites that nobody visits and that may be asked at once, now and then."""
        if len(self._sites) & 1023 == 1023:
            old = now - MAX_PACE.total_seconds()
            self._sites = {
                name: site
                for name, site in self._sites.items()
                if site.visitors or site.free_at > now or (site.asked_at or 0.0) > old
            }


async def _sleep(site: str, wait: float, patience: timedelta) -> None:
    if wait > patience.total_seconds():
        raise RestingError(site, timedelta(seconds=wait))
    await asyncio.sleep(wait)


@dataclass(slots=True)
class Visit:
    """A turn at one site after the other: a redirect leads from one to the next.

    Attributes:
        site: The one that is being asked, or was asked last.
        asked: Each one that it had a turn at, with its budget.
    """

    _hosts: Hosts
    _patience: timedelta
    site: str = ""
    budget: Budget = field(default_factory=Budget)
    asked: dict[str, Budget] = field(default_factory=dict)
    _inside: bool = False

    async def move(self, site: str, budget: Budget, *, rest: timedelta = timedelta(0)) -> None:
        """Give the turn back, and wait for one at `site`; a file is no site and has its turn.

        Nobody holds one while waiting for another: two could wait for each other.
        """
        self.leave()
        self.site, self.budget = site, budget
        if site:
            await self._hosts._enter(site, budget, self._patience, rest)
            self._inside = True
            self.asked[site] = budget

    def leave(self) -> None:
        """Give the turn back; the pause begins."""
        if self._inside:
            self._inside = False
            self._hosts._leave(self.site, self.budget.delay)


def _shared(budget: Budget) -> bool:
    """Whether others come while a request is under way, so that the pause counts from its start."""
    return budget.concurrency > 1
