"""Whether the clock was set by which feeds are due.

The schedule is in wall-clock time, as the schedule outlives processes and reboots.  After a change
of the clock, a feed that was due in an hour would be due at once, or in a year.  The time since
boot, which also passes during sleep, shows such a change.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

_TOLERANCE = timedelta(seconds=1)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The wall clock, compared with a clock that can't be set.

    Attributes:
        boot: Id of the machine's current boot; readings of two boots can't be compared.
        started_at: Time of the boot by the wall clock; changes when the wall clock is set.
    """

    boot: str
    started_at: datetime

    def agrees_with(self, reading: "ClockReading") -> bool:
        """Whether the clock was not set between two readings of one boot."""
        difference = abs(self.started_at - reading.started_at)
        return self.boot == reading.boot and difference < _TOLERANCE


def read(now: datetime) -> ClockReading | None:
    """Return a reading, None on a system without the second clock.

    Args:
        now: By the clock of the schedule; aware.
    """
    try:
        boot = _BOOT_ID.read_text().strip()
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError):
        return None
    return ClockReading(boot, now - timedelta(seconds=since_boot))
