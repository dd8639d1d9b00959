"""Where an entry stands in the list: decided when it is first seen, and never again."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from aggregator.model import Order

STEP = timedelta(seconds=1)
"""Between two undated entries of a first poll that has dated ones: keeps them in feed order."""

_DAY = timedelta(days=1)


class Reason(StrEnum):
    """Why an entry stands where it does."""

    PUBLISHED = "published then"
    UNDATED = "no date: first seen"
    SPREAD = "no date: below the dated ones of the first poll"
    BACKLOG = "no date in the first document: a day below the one before it"
    FUTURE = "dated in the future: first seen"
    THAT_DAY = "dated by day, came that day: first seen"
    ARRIVAL = "config.yaml says by arrival"


class Place(NamedTuple):
    """Where an entry stands, and why."""

    at: datetime
    reason: Reason


def places(
    published: Sequence[tuple[datetime | None, bool]],
    *,
    first_seen_at: datetime,
    first_poll: bool,
    order: Order = Order.PUBLISHED,
    latest: Sequence[datetime | None] = (),
    keep: timedelta = timedelta.max,
) -> list[Place]:
    """Return where new entries of one document stand in the list, for good.

    Args:
        published: When the entries say, in document order, None for no date; and whether they
            name the day alone.
        first_seen_at: Now, aware UTC.
        first_poll: No document of this feed, at this address, was read before.
        latest: When each entry was there at the latest, by an `updated` that does not date it or
            by the document's Last-Modified; None where nothing is known.
        keep: How long entries are kept.

    Nothing stands after `first_seen_at`.  Undated entries of a first poll are spread in document
    order so that a backlog does not cover the list: below the oldest dated one, or a day apart
    where none is dated.
    """
    undated = _undated(published, latest or [None] * len(published), first_seen_at, keep)
    result = []
    for at, whole_day in published:
        if at is None and first_poll:
            result.append(next(undated))
        elif at is None:
            result.append(Place(first_seen_at, Reason.UNDATED))
        elif at > first_seen_at:
            result.append(Place(first_seen_at, Reason.FUTURE))
        elif not first_poll and order is Order.ARRIVAL:
            result.append(Place(first_seen_at, Reason.ARRIVAL))
        elif not first_poll and whole_day and first_seen_at - at < _DAY:
            result.append(Place(first_seen_at, Reason.THAT_DAY))
        else:
            result.append(Place(at, Reason.PUBLISHED))
    return result


def _undated(
    published: Sequence[tuple[datetime | None, bool]],
    latest: Sequence[datetime | None],
    first_seen_at: datetime,
    keep: timedelta,
) -> Iterator[Place]:
    """Yield the places of a first poll's undated entries, in document order."""
    times = [at for at, _ in published if at is not None]
    if times:
        below = min(*times, first_seen_at)
        while True:
            below -= STEP
            yield Place(below, Reason.SPREAD)
    above: datetime | None = None
    for there_at in latest:
        at = min(there_at or first_seen_at, first_seen_at)
        if above is not None:
            # What retention would delete is left out, and would come again as new.
            step = _DAY if first_seen_at - above < keep - 2 * _DAY else STEP
            at = min(at, above - step)
        above = at
        yield Place(at, Reason.BACKLOG)
