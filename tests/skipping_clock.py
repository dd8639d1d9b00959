"""A clock for polling on which pauses take no time."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from aggregator.poll.poll_clock import PollClock

_SKIPPED_FROM = 0.1  # seconds; shorter sleeps are waits for what goes on at the same time


class SkippingClock(PollClock):
    """Goes on at the end of each sleep as if the time had passed; else it is a real clock."""

    def __init__(self) -> None:
        self._skips: list[tuple[float, float]] = []  # when, by the real clock; seconds

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._skipped())

    def monotonic(self) -> float:
        return self.at(time.monotonic())

    async def sleep(self, seconds: float) -> None:
        if seconds < _SKIPPED_FROM:
            await asyncio.sleep(seconds)
            return
        await asyncio.sleep(0)
        self._skips.append((time.monotonic(), seconds))

    def at(self, moment: float) -> float:
        """Return what this clock showed at a moment of the real monotonic clock."""
        return moment + self._skipped(moment)

    def _skipped(self, until: float = float("inf")) -> float:
        return sum(seconds for skipped_at, seconds in self._skips if skipped_at <= until)
