"""New entries compared with entries of other feeds, for a bounded time in each transaction."""

from collections.abc import Sequence
from datetime import datetime
from time import monotonic

from aggregator.database import Connection, database_time
from aggregator.database.entries import write_entries
from aggregator.database.stories import write_candidates, write_stories
from aggregator.stories import similarity

MATCH_SECONDS = 0.2
"""How long one transaction compares entries.  Hundreds of copies need less; the pairs that hostile
or very long texts leave over are compared in transactions of their own, so that no poll waits."""

_BATCH = 50  # pairs whose texts are in memory at the same time
_MAX_PAIRS = 2000  # of a transaction


def match_stories(
    connection: Connection,
    new_entries: Sequence[write_entries.PlacedEntry],
    entry_ids: Sequence[int],
    *,
    now: datetime,
) -> None:
    """Find the stories of stored entries; the rows of the feeds are written.

    Args:
        entry_ids: Ids under which `new_entries` were stored.
    """
    _compare(connection, _candidates(connection, new_entries, entry_ids), now)


def postpone_matching(
    connection: Connection,
    new_entries: Sequence[write_entries.PlacedEntry],
    entry_ids: Sequence[int],
) -> None:
    """Leave stored entries to `match_postponed`.

    Args:
        entry_ids: Ids under which `new_entries` were stored.
    """
    write_candidates.postpone(connection, _candidates(connection, new_entries, entry_ids))


def _candidates(
    connection: Connection,
    new_entries: Sequence[write_entries.PlacedEntry],
    entry_ids: Sequence[int],
) -> list[tuple[int, int]]:
    """Store the keys of new entries; return pairs of ids to compare."""
    keyed_entries = {
        entry_id: write_candidates.KeyedEntry(entry.feed_id, entry.story_keys)
        for entry_id, entry in zip(entry_ids, new_entries, strict=True)
    }
    return write_candidates.candidates(connection, keyed_entries)


def match_postponed(connection: Connection) -> bool:
    """Compare entries postponed by earlier transactions; return whether any are left."""
    pairs = write_candidates.take_postponed(connection, _MAX_PAIRS)
    return _compare(connection, pairs, database_time(connection)) or len(pairs) == _MAX_PAIRS


def _compare(connection: Connection, pairs: Sequence[tuple[int, int]], now: datetime) -> bool:
    """Link pairs of the same story; postpone the pairs beyond the time limit.

    Returns:
        Whether any were postponed.
    """
    links: list[similarity.StoryLink] = []
    compared, stop_at = 0, monotonic() + MATCH_SECONDS
    while compared < len(pairs) and (compared == 0 or monotonic() < stop_at):
        batch = pairs[compared : compared + _BATCH]
        compared += len(batch)
        for entry, candidate in write_candidates.articles(connection, batch):
            link = similarity.compare(entry, candidate)
            if link is not None:
                links.append(link)
    write_stories.add_links(connection, links, now=now)
    write_candidates.postpone(connection, pairs[compared:])
    return compared < len(pairs)
