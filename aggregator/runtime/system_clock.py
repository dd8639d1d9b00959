"""Whether somebody sets this machine's clock.

The schedule is in wall-clock time, as it outlives processes and reboots.  When the clock is set, a
feed that was due in an hour would be due at once, or in a year; the time since the machine started
knows better, and goes on while it sleeps.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_A_STEP = timedelta(seconds=1)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Reading:
    """The clock, compared with one that nobody can set.

    Attributes:
        boot: Names the machine's present run; readings of two runs say nothing about each other.
        started_at: When the run began, by the wall clock; moves when that is set.
    """

    boot: str
    started_at: datetime

    def agrees_with(self, other: "Reading") -> bool:
        """Whether nobody set the clock between the two."""
        return self.boot == other.boot and abs(self.started_at - other.started_at) < _A_STEP


def read() -> Reading | None:
    """Return a reading, None on a system that has no such second clock."""
    try:
        boot = _BOOT_ID.read_text().strip()
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError):
        return None
    return Reading(boot, datetime.fromtimestamp(time.time() - since_boot, UTC))
