"""How many posts of one feed stand in the same hour: what bounds its share of a list."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aggregator.database import Connection
from aggregator.database.entries import write_entries

_HOUR = timedelta(hours=1)


def ranked(
    connection: Connection,
    placed: Sequence[write_entries.PlacedEntry],
    newest: Sequence[datetime],
    *,
    are_all: bool,
) -> list[write_entries.PlacedEntry]:
    """Return new entries of one feed with their `hour_rank`.

    Of those that come together the newest count first.  Copies, which no list has, do not count.

    Args:
        newest: Where the newest stored entries of the feed stand, newest first.
        are_all: It has no others.
    """
    counts: dict[datetime, int] = {}
    ranks: dict[int, int] = {}
    for entry in sorted(placed, key=lambda one: one.listed_at, reverse=True):
        if entry.copied:
            continue
        hour = entry.listed_at.replace(minute=0, second=0, microsecond=0)
        if hour not in counts:
            if are_all or newest[-1] < hour:
                counts[hour] = _count(newest, hour)
            else:
                counts[hour] = write_entries.count_within(
                    connection, entry.feed_id, hour, hour + _HOUR
                )
        ranks[id(entry)] = counts[hour]
        counts[hour] += 1
    return [
        replace(entry, hour_rank=rank) if (rank := ranks.get(id(entry))) else entry
        for entry in placed
    ]


def _count(places: Iterable[datetime], hour: datetime) -> int:
    return sum(hour <= place < hour + _HOUR for place in places)
