"""The weeks of the archives (ISO 8601), and the archive of each entry."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Self

from aggregator.dates.placement import STEP

ARCHIVE_DELAY = timedelta(hours=1)
"""Time after the end of a week for which its archive stays open, so that entries of feeds that are
polled once an hour get into it."""

_STORING = timedelta(minutes=5)
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """A week of ISO 8601, Monday to Sunday in UTC: `2026-W47`."""

    year: int
    number: int

    @classmethod
    def of(cls, at: datetime) -> Self:
        """Return the week of a time."""
        calendar = at.astimezone(UTC).isocalendar()
        return cls(calendar.year, calendar.week)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a week as written in addresses.

        Raises:
            ValueError: The text does not name a week.
        """
        match = _WEEK.fullmatch(text)
        if match is None:
            raise ValueError(f"not a week: {text!r}")
        week = cls(int(match[1]), int(match[2]))
        try:
            _ = week.start, week.end
        except OverflowError as error:  # the last week of year 9999
            raise ValueError(f"not a week: {text!r}") from error
        return week

    def __str__(self) -> str:
        return f"{self.year:04}-W{self.number:02}"

    @property
    def start(self) -> datetime:
        """The first moment of Monday."""
        return datetime.fromisocalendar(self.year, self.number, 1).replace(tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment after Sunday."""
        return self.start + timedelta(weeks=1)

    @property
    def following(self) -> "Week":
        """The next week."""
        return Week.of(self.end)


def archived_at(listed_at: datetime, stored_at: datetime) -> datetime | None:
    """Return when an entry comes into the archive; None: at the place in the list.

    The archive of a week takes no more entries when the week is over: an entry stored or changed
    later belongs to the week of the change.

    Args:
        listed_at: The place of the entry, aware.
        stored_at: Now, aware.
    """
    return stored_at if stored_at >= _closing(listed_at.astimezone(UTC).date()) else None


@lru_cache(maxsize=64)
def _closing(day: date) -> datetime:
    """Return when the archive of the week that a day (UTC) is in stops taking entries."""
    return Week.of(datetime(day.year, day.month, day.day, tzinfo=UTC)).end + ARCHIVE_DELAY


def open_since(now: datetime) -> datetime:
    """Return the start of the first week with an archive that may still take entries."""
    this_week = Week.of(now)
    week_before = Week.of(this_week.start - STEP)
    return this_week.start if is_closed(week_before, now) else week_before.start


def is_closed(week: Week, now: datetime) -> bool:
    """Whether the archive of a week takes no more entries."""
    return now >= closed_at(week)


def closed_at(week: Week) -> datetime:
    """Return when the archive of a week takes no more entries.

    The archive closes a little later than `archived_at` allows, as entries may be being stored
    just then.
    """
    return week.end + ARCHIVE_DELAY + _STORING
