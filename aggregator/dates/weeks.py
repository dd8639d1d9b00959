"""The weeks of the archives (ISO 8601), and which of them an entry is in."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from aggregator.dates.placement import STEP

LATE = timedelta(hours=1)
"""How long after its end a week takes entries: what is polled once an hour still gets into it."""

_STORING = timedelta(minutes=5)
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """A week of ISO 8601, Monday to Sunday in UTC: `2026-W47`."""

    year: int
    number: int

    @classmethod
    def of(cls, at: datetime) -> Self:
        """Return the week that a time falls in."""
        calendar = at.astimezone(UTC).isocalendar()
        return cls(calendar.year, calendar.week)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a week as an address carries it.

        Raises:
            ValueError: There is no such week.
        """
        match = _WEEK.fullmatch(text)
        if match is None:
            raise ValueError(f"not a week: {text!r}")
        week = cls(int(match[1]), int(match[2]))
        try:
            _ = week.start, week.end
        except OverflowError as error:  # the last one that there is
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
        """The first moment that is not in it."""
        return self.start + timedelta(weeks=1)

    @property
    def following(self) -> "Week":
        """The week after it."""
        return Week.of(self.end)


def archived_at(listed_at: datetime, stored_at: datetime) -> datetime | None:
    """Return when an entry comes into the archive, None where that is by its place in the list.

    The archive of a week takes no more entries when that week is over: one that is stored or
    changed later belongs to the week in which that happens.

    Args:
        listed_at: Its place; aware.
        stored_at: Now, aware.
    """
    return stored_at if stored_at >= Week.of(listed_at).end + LATE else None


def open_since(now: datetime) -> datetime:
    """Return where the weeks begin whose archives may still take entries."""
    this = Week.of(now)
    before = Week.of(this.start - STEP)
    return this.start if is_closed(before, now) else before.start


def is_closed(week: Week, now: datetime) -> bool:
    """Whether the archive of a week takes no more entries.

    A little later than `archived_at` says, so that what is being stored just then is there.
    """
    return now >= week.end + LATE + _STORING
