"""Which zone a feed means that names none with its times.

New entries tell: they were written before they were seen, so a time in the future has to be that
of a zone in the east; and after the feed was read before, if their publisher does not wait.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from aggregator.model import Date

_EAST, _WEST = 840, -720  # minutes
_SLACK = 10  # minutes between two clocks
_MINUTE = timedelta(minutes=1)
_ENOUGH = 3
_CERTAIN = 180  # minutes: no more than that between what is late and what is early

# The zones that there are: first those of most publishers.  IANA, of today.
_ZONES = (
    range(_WEST, _EAST + 1, 60),
    (-570, -210, -150, 210, 270, 330, 390, 570, 630),
    (345, 525, 765, 825),
)


class Bounds(NamedTuple):
    """What the entries of a feed leave possible, in minutes east of UTC.

    Attributes:
        votes: Polls in a row whose new entries agree.
    """

    low: int
    high: int
    votes: int


def narrowed(
    known: Bounds | None,
    times: Iterable[datetime],
    *,
    seen_at: datetime,
    since: datetime | None,
) -> Bounds | None:
    """Return what a poll's new entries leave possible; None if nothing is known.

    Args:
        known: Before.
        times: Of new entries, without a zone: as if they were UTC.
        seen_at: The server's clock, if it has one.
        since: When the feed was read before, and they were not there; None: never.
    """
    bounds: Bounds | None = None
    times = list(times)
    if any((time - seen_at) // _MINUTE - _SLACK > _EAST for time in times):
        return known  # it dates what is to come, as a calendar does
    for time in times:
        low = max(_WEST, (time - seen_at) // _MINUTE - _SLACK)
        high = min(_EAST, (time - since) // _MINUTE + _SLACK) if since else _EAST
        if high < _WEST or low >= high:
            continue  # of long ago: says nothing
        bounds = (
            Bounds(max(low, bounds.low), min(high, bounds.high), 1)
            if bounds
            else Bounds(low, high, 1)
        )
    if bounds is None or bounds.low > bounds.high:
        return known
    if known is None:
        return bounds
    low, high = max(known.low, bounds.low), min(known.high, bounds.high)
    return Bounds(low, high, min(known.votes + 1, _ENOUGH)) if low <= high else bounds


def likely_offset(bounds: Bounds | None) -> int:
    """Return minutes east of UTC; 0 as long as nothing speaks against it."""
    if bounds is None:
        return 0
    low, high, votes = bounds
    possible = ([zone for zone in some if low <= zone <= high] for some in _ZONES)
    fitting = next(filter(None, possible), [0])
    if low > 0:  # what is in the future in UTC
        return fitting[0]
    sure = votes >= _ENOUGH and high - low <= _CERTAIN and len(fitting) == 1
    return fitting[0] if sure else 0


def in_zone(date: Date, zone: tzinfo | int) -> Date:
    """Return a date that names no zone as one in `zone`; another one as it is."""
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
        sure=not isinstance(zone, int),
        zoned=True,
        whole_day=date.whole_day,
    )
