"""The zone of a feed with times that name no zone.

New entries narrow the zone down.  An entry is written before the first poll with the entry, so a
time in the future means a zone in the east; and after the last poll without the entry, unless the
publisher holds entries back.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from aggregator.model import Date

_EAST, _WEST = 840, -720  # minutes
_SLACK = 10  # minutes between two clocks
_MINUTE = timedelta(minutes=1)
_MIN_VOTES = 3
_MAX_SPREAD = 180  # minutes between the bounds of a zone that is certain

# All offsets of the time zone database (IANA) of today, those of most publishers first.
_ZONES = (
    range(_WEST, _EAST + 1, 60),
    (-570, -210, -150, 210, 270, 330, 390, 570, 630),
    (345, 525, 765, 825),
)


class Bounds(NamedTuple):
    """The offsets left possible by the entries of a feed, in minutes east of UTC.

    Attributes:
        votes: Number of polls in a row with new entries that agree.
    """

    low: int
    high: int
    votes: int


def narrow_bounds(
    known_bounds: Bounds | None,
    times: Iterable[datetime],
    *,
    seen_at: datetime,
    since: datetime | None,
) -> Bounds | None:
    """Return the bounds of a feed after a poll; None if nothing is known.

    Args:
        known_bounds: The bounds before the poll.
        times: The times of new entries, which name no zone, as if in UTC.
        seen_at: The time of the poll, by the server's clock if known.
        since: When the feed was last read, still without the new entries; None: never.
    """
    bounds: Bounds | None = None
    times = list(times)
    if any((time - seen_at) // _MINUTE - _SLACK > _EAST for time in times):
        return known_bounds  # the feed dates events to come, as a calendar does
    for time in times:
        low = max(_WEST, (time - seen_at) // _MINUTE - _SLACK)
        high = min(_EAST, (time - since) // _MINUTE + _SLACK) if since else _EAST
        if high < _WEST or low >= high:
            continue  # an old entry fits every zone
        bounds = (
            Bounds(max(low, bounds.low), min(high, bounds.high), 1)
            if bounds
            else Bounds(low, high, 1)
        )
    if bounds is None or bounds.low > bounds.high:
        return known_bounds
    if known_bounds is None:
        return bounds
    low, high = max(known_bounds.low, bounds.low), min(known_bounds.high, bounds.high)
    return Bounds(low, high, min(known_bounds.votes + 1, _MIN_VOTES)) if low <= high else bounds


def likely_offset(bounds: Bounds | None) -> int:
    """Return the most likely offset, in minutes east of UTC; 0 unless the bounds exclude UTC."""
    if bounds is None:
        return 0
    low, high, votes = bounds
    possible = ([zone for zone in zones if low <= zone <= high] for zones in _ZONES)
    fitting = next(filter(None, possible), [0])
    if low > 0:  # in UTC the entries would be in the future
        return fitting[0]
    is_certain = votes >= _MIN_VOTES and high - low <= _MAX_SPREAD and len(fitting) == 1
    return fitting[0] if is_certain else 0


def in_zone(date: Date, zone: tzinfo | int) -> Date:
    """Return a date without a zone as a date in `zone`, any other date unchanged.

    Args:
        zone: A time zone, or minutes east of UTC for a guessed zone.
    """
    if date.at is None or date.zoned:
        return date
    try:
        if isinstance(zone, int):
            at = date.at - timedelta(minutes=zone)
        else:
            at = date.at.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        at = date.at
    return Date(
        date.text,
        date.field,
        at,
        date.form,
        is_certain=not isinstance(zone, int),
        zoned=True,
        whole_day=date.whole_day,
        precision=date.precision,
    )
