"""The dates of an entry: of each kind the first that can be read.

feedparser reads every form; dates in the one form that RSS 2.0 prescribes take a short way to the
same answer.
"""

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta
from time import struct_time
from typing import Any

from feedparser.datetimes import _parse_date

from aggregator import dates
from aggregator.model.times import EPOCH

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
# RFC 822, 5.1, with a year of four digits and without names of time zones but GMT.
_RFC_822 = re.compile(
    rf"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?(\d\d) ({'|'.join(_MONTHS)}) ((?:19|20)\d\d)"
    r" (\d\d):(\d\d):(\d\d) (?:GMT|([+-]\d\d)([0-5]\d))",
    re.ASCII,
)
_MONTH_NUMBERS = {name: number for number, name in enumerate(_MONTHS, 1)}


def date_field(entry: Any, kind: str) -> tuple[str | None, datetime | None]:
    """Return the first date of a kind that can be read, else the first one.

    Args:
        entry: feedparser's, as `context` fills it.
        kind: `published`, `updated` or `created`.

    Returns:
        The date as the document has it, None if there is none, and the time in UTC that feedparser
        reads in that, None if it reads none.
    """
    fields = [read_date(text) for field, text in dict.get(entry, "dates") or () if field == kind]
    if len(fields) > 1:
        readable = (pair for pair in fields if (date := dates.read(*pair)) and date.at)
        return next(readable, fields[0])
    return fields[0] if fields else (None, None)


def read_date(text: str) -> tuple[str, datetime | None]:
    """Return a date beside the time in UTC that feedparser reads in it."""
    at = _rfc_822(text)
    if at is not None:
        return text, at
    parsed = _parse_date(text)
    if not isinstance(parsed, struct_time):
        return text, None
    try:
        return text, EPOCH + timedelta(seconds=timegm(parsed))
    except (OverflowError, ValueError):  # the year 0, or one with five digits
        return text, None


def _rfc_822(text: str) -> datetime | None:
    match = _RFC_822.fullmatch(text)
    if match is None:
        return None
    day, month, year, hour, minute, second, hours, minutes = match.groups()
    try:
        at = datetime(
            int(year), _MONTH_NUMBERS[month], int(day), int(hour), int(minute), int(second), 0, UTC
        )
    except ValueError:  # the 31st of a month of 30 days
        return None
    if hours is None or (hours[1:] == minutes == "00"):
        return at
    offset = timedelta(hours=int(hours), minutes=int(f"{hours[0]}{minutes}"))
    return at - offset
