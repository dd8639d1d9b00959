"""A clock for polling that stands still until a test moves it on."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from aggregator.poll.poll_clock import PollClock, Timer

START = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)
_SETTLED = 50  # turns of the event loop in which tasks that can go on do so


class _Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class SteppedClock(PollClock):
    """Seconds pass in `advance` alone; whatever is due by then happens in its order."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._numbers = itertools.count()
        self._timers: list[tuple[float, int, _Timer]] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: over.done() or over.set_result(None))
        try:
            await over
        finally:
            timer.cancel()

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        timer = _Timer(lambda: callback() and None)
        heapq.heappush(self._timers, (self._elapsed + seconds, next(self._numbers), timer))
        return timer

    async def advance(self, seconds: float = 0.0) -> None:
        """Let time pass, and all tasks do what they can."""
        await _settled()
        end = self._elapsed + seconds
        while self._timers and self._timers[0][0] <= end:
            self._elapsed, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                timer.callback()
                await _settled()
        self._elapsed = end


async def _settled() -> None:
    for _ in range(_SETTLED):
        await asyncio.sleep(0)
