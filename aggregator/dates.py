"""Dates as publishers write them, an entry's place in the list, and its week.  Pure.

Sources: RFC 822 / RFC 2822 (RSS), RFC 3339 (Atom, JSON Feed), ISO 8601.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATE = timedelta(hours=1)
"""How long after its end a week takes entries: what is polled once an hour still gets into it."""

_STORING = timedelta(minutes=5)
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")

_DIGITS = re.compile(r"-?[0-9]{9,13}")
_UNIX_MILLISECONDS = 10**11  # in seconds this would be the year 5138

STEP = timedelta(seconds=1)
"""Between two undated entries of a first poll: keeps them in feed order."""


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
        found = _WEEK.fullmatch(text)
        if found is None:
            raise ValueError(f"not a week: {text!r}")
        week = cls(int(found[1]), int(found[2]))
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


def read(text: str | None, parsed: datetime | None) -> datetime | None:
    """Return the time that a date stands for, None if it stands for none that can be meant.

    Args:
        text: As written in the document.
        parsed: How the parser read it, None if it could not.

    Whole numbers are Unix seconds or milliseconds, whatever a parser makes of them.  The zero of
    Unix and years outside 1900 to 2199 count as missing: nobody means them.
    """
    text = (text or "").strip()
    date = _from_unix(text) if _DIGITS.fullmatch(text) else parsed
    if date is None or date == _EPOCH or not EARLIEST <= date < LATEST:
        return None
    return date


def places(
    published: Sequence[datetime | None], *, first_seen_at: datetime, first_poll: bool
) -> list[datetime]:
    """Return where new entries of one document stand in the list, for good.

    Args:
        published: Their dates in document order, None where there is none.
        first_seen_at: Now, aware UTC.
        first_poll: No document of this feed, at this address, was read before.

    A future date is brought back to `first_seen_at`.  Undated entries stand at `first_seen_at`;
    those of a first poll are spread in document order below the oldest dated one, so that a
    backlog does not cover the list.
    """
    dated = [min(date, first_seen_at) for date in published if date is not None]
    below = min(dated, default=first_seen_at + STEP) if first_poll else first_seen_at
    result = []
    for date in published:
        if date is not None:
            result.append(min(date, first_seen_at))
            continue
        if first_poll:
            below -= STEP
        result.append(below)
    return result


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


def _from_unix(text: str) -> datetime | None:
    number = int(text)
    if abs(number) >= _UNIX_MILLISECONDS:
        return _EPOCH + timedelta(milliseconds=number)
    return _EPOCH + timedelta(seconds=number)
