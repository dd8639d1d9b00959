"""Dates as publishers write them, and an entry's place in the list.  Pure.

Sources: RFC 822 / RFC 2822 (RSS), RFC 3339 (Atom, JSON Feed), ISO 8601.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DIGITS = re.compile(r"-?[0-9]{9,13}")
_UNIX_MILLISECONDS = 10**11  # in seconds this would be the year 5138

STEP = timedelta(seconds=1)
"""Between two undated entries of a first poll: keeps them in feed order."""


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


def _from_unix(text: str) -> datetime | None:
    number = int(text)
    if abs(number) >= _UNIX_MILLISECONDS:
        return _EPOCH + timedelta(milliseconds=number)
    return _EPOCH + timedelta(seconds=number)
