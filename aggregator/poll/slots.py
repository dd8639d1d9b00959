"""How many requests run at a time, so that slow hosts don't keep the others waiting."""

import asyncio
from functools import partial

from aggregator.poll.poll_clock import PollClock, Timer

MAX_SLOT_TIME = 1.0
"""Seconds after which a request that still waits for its server makes room for another one."""

SPARE = 2
"""Spare places for such slow requests, for each place there is."""


class Slots:
    """Places for polls; used as an `asyncio.Semaphore`, at most one place for each task.

    Without the spare places hanging hosts could take all places and stop all polling for the length
    of a timeout.
    """

    def __init__(self, count: int, clock: PollClock) -> None:
        self._clock = clock
        self._places = asyncio.Semaphore(count)
        self._spare = count * SPARE
        self._arriving = 0
        # By task: when the task makes room, None once it has.
        self._holders: dict[asyncio.Task[object], Timer | None] = {}
        # Slow tasks that found no spare place, the one that waits longest first.
        self._overdue: dict[asyncio.Task[object], None] = {}

    async def acquire(self) -> None:
        """Wait for a place."""
        self._arriving += 1
        try:
            await self._places.acquire()
        finally:
            self._arriving -= 1
        task = _current_task()
        timer = self._clock.call_later(MAX_SLOT_TIME, partial(self._make_room, task))
        self._holders[task] = timer

    def release(self) -> None:
        """Give the task's place back; a task that was cancelled while waiting has none."""
        task = _current_task()
        if task not in self._holders:
            return
        self._overdue.pop(task, None)
        timer = self._holders.pop(task)
        if timer is not None:
            timer.cancel()
            self._places.release()
            return
        self._spare += 1
        if self._overdue:
            self._make_room(next(iter(self._overdue)))

    @property
    def poll_count(self) -> int:
        """How many polls have a place, made room, or wait for a place."""
        return len(self._holders) + self._arriving

    def keep(self) -> None:
        """Keep the place for any time: from now on the task is work for this machine."""
        task = _current_task()
        self._overdue.pop(task, None)
        if timer := self._holders.get(task):
            timer.cancel()

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *exc: object) -> None:
        self.release()

    def _make_room(self, task: asyncio.Task[object]) -> None:
        """Give a slow task a spare place, now or when one is free again."""
        if not self._spare:
            self._overdue[task] = None
            return
        self._overdue.pop(task, None)
        self._spare -= 1
        self._holders[task] = None
        self._places.release()


def _current_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("only a task can hold a place")
    return task
