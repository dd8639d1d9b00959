"""The rank of new entries within an hour, which bounds the share of a feed in a list."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

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

    Of entries from one poll the newest gets the lowest rank that no stored entry of the hour has:
    a document stored in part by a program that was killed has left the low ranks.  Copies, which
    no list shows, get none.

    Args:
        newest_places: Places in the list of the newest stored entries of the feed, newest first.
        are_all: The feed has no other stored entries.
    """
    unused_ranks: dict[datetime, Iterator[int]] = {}
    ranked = list(new_entries)
    positions = sorted(
        range(len(ranked)), key=lambda position: ranked[position].listed_at, reverse=True
    )
    for position in positions:
        entry = ranked[position]
        if entry.copied:
            continue
        hour = entry.listed_at.replace(minute=0, second=0, microsecond=0)
        if hour not in unused_ranks:
            used_ranks: set[int] = set()
            if not (are_all or newest_places[-1] < hour) or _has_place(newest_places, hour):
                used_ranks = read_known_entries.hour_ranks(
                    connection, entry.feed_id, hour, hour + _HOUR
                )
            unused_ranks[hour] = _unused_ranks(used_ranks)
        ranked[position] = replace(entry, hour_rank=next(unused_ranks[hour]))
    return ranked


def _has_place(places: Sequence[datetime], hour: datetime) -> bool:
    return any(hour <= place < hour + _HOUR for place in places)


def _unused_ranks(used_ranks: set[int]) -> Iterator[int]:
    return (rank for rank in count() if rank not in used_ranks)
