"""Where an entry stands in the list: decided when it is first seen, and never again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from aggregator.model import Order

STEP = timedelta(seconds=1)
"""Between two undated entries of a first poll: keeps them in feed order."""

_DAY = timedelta(days=1)


class Reason(StrEnum):
    """Why an entry stands where it does."""

    PUBLISHED = "published then"
    UNDATED = "no date: first seen"
    SPREAD = "no date: below the dated ones of the first poll"
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
) -> list[Place]:
    """Return where new entries of one document stand in the list, for good.

    Args:
        published: When the entries say, in document order, None for no date; and whether they
            name the day alone.
        first_seen_at: Now, aware UTC.
        first_poll: No document of this feed, at this address, was read before.

    Nothing stands after `first_seen_at`.  Undated entries of a first poll are spread in document
    order below the oldest dated one, so that a backlog does not cover the list.
    """
    times = [at for at, _ in published if at is not None]
    below = min((*times, first_seen_at), default=first_seen_at) if times else first_seen_at + STEP
    result = []
    for at, whole_day in published:
        if at is None and first_poll:
            below -= STEP
            result.append(Place(below, Reason.SPREAD))
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
