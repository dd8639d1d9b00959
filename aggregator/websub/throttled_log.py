"""Log lines of our own hub: one line of a kind per minute, so that no subscriber floods the log."""

import asyncio
import logging
from collections import Counter

log = logging.getLogger(__name__)

_INTERVAL = 60.0  # seconds


class ThrottledLog:
    """Logs the first line of a kind within a minute, and counts the others."""

    def __init__(self) -> None:
        self._logged_at: dict[str, float] = {}
        self._suppressed: Counter[str] = Counter()

    def log(self, kind: str, text: str, *, level: int = logging.INFO) -> None:
        """Log a line, or count a line of a kind that was logged within the last minute."""
        if self._is_throttled(kind):
            self._suppressed[kind] += 1
            return
        self._logged_at[kind] = asyncio.get_running_loop().time()
        log.log(level, "hub: %s", text)

    def log_counts(self) -> None:
        """Log the number of suppressed lines of each kind that may be logged again."""
        for kind in [kind for kind in self._suppressed if not self._is_throttled(kind)]:
            self.log(kind, f"{kind}: {self._suppressed.pop(kind):,} more within a minute")

    def _is_throttled(self, kind: str) -> bool:
        now = asyncio.get_running_loop().time()
        return kind in self._logged_at and now - self._logged_at[kind] < _INTERVAL
