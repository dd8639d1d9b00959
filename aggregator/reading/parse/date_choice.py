"""The dates of an entry: of each kind the first readable one.

feedparser reads all forms; dates in the form of RSS 2.0 take a short way to the same answer.
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
    """Return the first readable date of a kind, else the first one.

    Args:
        entry: A dictionary of feedparser, as `context` fills it.
        kind: `published`, `updated` or `created`.

    Returns:
        The text in the document, None without a date, and feedparser's reading of the text in UTC,
        None where unreadable.
    """
    fields = [read_date(text) for field, text in dict.get(entry, "dates") or () if field == kind]
    if len(fields) > 1:
        readable = (pair for pair in fields if (date := dates.read(*pair)) and date.at)
        return next(readable, fields[0])
    return fields[0] if fields else (None, None)


def read_date(text: str) -> tuple[str, datetime | None]:
    """Return a date beside feedparser's reading in UTC, None where unreadable."""
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
