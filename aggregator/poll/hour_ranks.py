"""The rank of new entries within an hour, which bounds the share of a feed in a list."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aggregator.database import Connection
from aggregator.database.entries import read_known_entries, write_entries

_HOUR = timedelta(hours=1)


def with_hour_ranks(
    connection: Connection,
    new_entries: Sequence[write_entries.PlacedEntry],
    newest_places: Sequence[datetime],
    *,
    are_all: bool,
) -> list[write_entries.PlacedEntry]:
    """Return new entries of a feed with `hour_rank` set, in the same order.

    Of entries from one poll the newest counts first.  Copies, which no list shows, do not count.

    Args:
        newest_places: Places in the list of the newest stored entries of the feed, newest first.
        are_all: The feed has no other stored entries.
    """
    counts: dict[datetime, int] = {}
    ranked = list(new_entries)
    positions = sorted(
        range(len(ranked)), key=lambda position: ranked[position].listed_at, reverse=True
    )
    for position in positions:
        entry = ranked[position]
        if entry.copied:
            continue
        hour = entry.listed_at.replace(minute=0, second=0, microsecond=0)
        if hour not in counts:
            if are_all or newest_places[-1] < hour:
                counts[hour] = _count(newest_places, hour)
            else:
                counts[hour] = read_known_entries.count_within(
                    connection, entry.feed_id, hour, hour + _HOUR
                )
        if counts[hour]:
            ranked[position] = replace(entry, hour_rank=counts[hour])
        counts[hour] += 1
    return ranked


def _count(places: Iterable[datetime], hour: datetime) -> int:
    return sum(hour <= place < hour + _HOUR for place in places)
