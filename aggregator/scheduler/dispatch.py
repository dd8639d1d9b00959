"""Who polls due feeds: the tasks of this process, or workers on any machine.

The database, not a job, decides which feeds are due: a dispatch leases due feeds by index, so a
second process, a restart or a changed clock never poll a feed twice or early.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from math import ceil
from typing import Any, Protocol

from aggregator.config import Config
from aggregator.poll.host_limits import Budget
from aggregator.runtime import system_clock

from . import leases
from .present_poller import PresentPoller
from .timed_jobs import TimedJob

TICK = 1
"""Seconds between two looks for due feeds."""

_SWITCHING = 0.05  # seconds between two looks
_MAX_PER_HOST = 256


@dataclass(frozen=True, slots=True)
class DispatchContext:
    """Parts of the process in which a dispatch works.

    Attributes:
        config: Returns the present configuration, which the database follows.
        is_stopping: Once true, no poll begins any more.
        is_switching: While true, no feed is leased: the poller does not follow the configuration
            yet that made the feed due.
        hurry: Runs a job by time as soon as possible.
        on_replaced: Called when another database file stands in place of the former file.
    """

    owner: str
    present: PresentPoller
    config: Callable[[], Config]
    is_stopping: Callable[[], bool]
    is_switching: Callable[[], bool]
    hurry: Callable[[str], None]
    on_replaced: Callable[[], None]

    async def until_switched(self) -> None:
        """Wait until feeds may be leased; see `is_switching`."""
        while self.is_switching() and not self.is_stopping():
            await asyncio.sleep(_SWITCHING)


class Dispatch(Protocol):
    """Leases due feeds for polls, here or elsewhere."""

    @property
    def under_way(self) -> Collection[asyncio.Task[Any]]:
        """The polls under way here; a former poller ends after the last of its polls."""
        ...

    def jobs(self) -> Mapping[str, TimedJob]:
        """Return the jobs by time of dispatching."""
        ...

    def running(self) -> AbstractAsyncContextManager[None]:
        """Hold leases and connections until the end."""
        ...

    async def end_polls(self) -> None:
        """Stop fetching; polls in storage end within a moment."""
        ...


def feeds_at_hand(budget: Budget) -> int:
    """Return the limit of waiting feeds of one host in a process; further feeds come later."""
    delay = budget.delay.total_seconds()
    return _MAX_PER_HOST if delay <= 0 else min(ceil(2 * TICK / delay) + 1, _MAX_PER_HOST)


class ClockWatch:
    """Moves the schedule along when somebody sets the clock."""

    def __init__(self) -> None:
        self._reading: system_clock.ClockReading | None = None

    async def look(self, present: PresentPoller) -> None:
        """Compare the clock with the last look."""
        reading = system_clock.read(present.poller.now())
        if reading is None or (self._reading and reading.agrees_with(self._reading)):
            return
        self._reading = reading
        await present.transact(leases.follow_clock)
