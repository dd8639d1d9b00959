"""The clock of polling.  Tests hand in a clock of their own."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from aggregator.database import system_time


class Timer(Protocol):
    """A call in the future."""

    def cancel(self) -> None:
        """Forget the call."""


class PollClock:
    """The time of day, and spans of time on the running event loop.

    Args:
        time_of_day: Returns the time of the database (`clock_of`), aware and in UTC.
    """

    def __init__(self, time_of_day: Callable[[], datetime] = system_time) -> None:
        self._time_of_day = time_of_day

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        return self._time_of_day()

    def monotonic(self) -> float:
        """Return seconds that never go back, whatever happens to the machine's clock."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` after so many seconds, unless the timer is cancelled."""
        return asyncio.get_running_loop().call_later(seconds, callback)
