"""Where an entry stands in the list: decided when the entry is first seen, and never again."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from aggregator.model import Order

STEP = timedelta(seconds=1)
"""Time between two undated entries of a first poll, which keeps them in document order."""

_DAY = timedelta(days=1)


class PlacementReason(StrEnum):
    """Why an entry stands at a place in the list."""

    PUBLISHED = "published then"
    UNDATED = "no date: first seen"
    SPREAD = "no date: below the dated ones of the first poll"
    BACKLOG = "no date in the first document: a day below the one before it"
    FUTURE = "dated in the future: first seen"
    THAT_DAY = "dated by day, came that day: first seen"
    ARRIVAL = "config.yaml says by arrival"


class PublishedTime(NamedTuple):
    """The time of publication according to an entry.

    Attributes:
        at: None for an entry without a date.
        whole_day: Whether the date names a day without a time.
    """

    at: datetime | None
    whole_day: bool


class Placement(NamedTuple):
    """Where an entry stands, and why."""

    at: datetime
    reason: PlacementReason


def placements(
    published: Sequence[PublishedTime],
    *,
    first_seen_at: datetime,
    first_poll: bool,
    order: Order = Order.PUBLISHED,
    latest: Sequence[datetime | None] = (),
    keep: timedelta = timedelta.max,
) -> list[Placement]:
    """Return the permanent places in the list of the new entries of a document.

    No entry stands after `first_seen_at`.  Undated entries of a first poll are spread in document
    order, lest a backlog covers the list: below the oldest dated entry, or a day apart
    where no entry is dated.

    Args:
        published: One for each entry, in document order.
        first_seen_at: Now, aware UTC.
        first_poll: No document of the feed was read at the same address before.
        latest: A time at which each entry existed, from an `updated` not used as date or from the
            document's Last-Modified; None if unknown.
        keep: How long entries are kept.
    """
    undated = _undated(published, latest or [None] * len(published), first_seen_at, keep)
    entry_placements = []
    for at, whole_day in published:
        if at is None and first_poll:
            entry_placements.append(next(undated))
        elif at is None:
            entry_placements.append(Placement(first_seen_at, PlacementReason.UNDATED))
        elif at > first_seen_at:
            entry_placements.append(Placement(first_seen_at, PlacementReason.FUTURE))
        elif not first_poll and order is Order.ARRIVAL:
            entry_placements.append(Placement(first_seen_at, PlacementReason.ARRIVAL))
        elif not first_poll and whole_day and first_seen_at - at < _DAY:
            entry_placements.append(Placement(first_seen_at, PlacementReason.THAT_DAY))
        else:
            entry_placements.append(Placement(at, PlacementReason.PUBLISHED))
    return entry_placements


def _undated(
    published: Sequence[PublishedTime],
    latest: Sequence[datetime | None],
    first_seen_at: datetime,
    keep: timedelta,
) -> Iterator[Placement]:
    """Yield the placements of a first poll's undated entries, in document order."""
    times = [at for at, _ in published if at is not None]
    if times:
        below = min(*times, first_seen_at)
        while True:
            below -= STEP
            yield Placement(below, PlacementReason.SPREAD)
    above: datetime | None = None
    for latest_at in latest:
        at = min(latest_at or first_seen_at, first_seen_at)
        if above is not None:
            # An entry that retention would delete is left out, and would come again as new.
            step = _DAY if first_seen_at - above < keep - 2 * _DAY else STEP
            at = min(at, above - step)
        above = at
        yield Placement(at, PlacementReason.BACKLOG)
