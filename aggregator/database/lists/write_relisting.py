"""Stored entries listed anew after a change of config.yaml: in batches, the newest first.

Each batch is a transaction of its own.  What remains is stored with it (`relistings`), so that
another process goes on after a kill.  Nothing becomes new by that, and nothing is announced.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, select, update

from aggregator.database.clock import database_time
from aggregator.database.dialects import wait_for_writers
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.lists.read_definitions import ALL_FEEDS, VIEWS_ALONE
from aggregator.database.lists.read_member_changes import (
    ListedRow,
    MemberChanges,
    RelistedSpan,
    member_changes,
    view_changes,
)
from aggregator.database.lists.rule_matching import StoredSpan
from aggregator.database.lists.write_members import write_changes
from aggregator.database.schema import entries, relistings
from aggregator.database.writer import run_after_reading

_MIN_BATCH = 200  # entries; each batch costs some statements for each rule
_MAX_BATCH = 1000
_MAX_ROWS = 800  # that a batch writes, so that others wait for a moment only
_SPARED = 20  # entries that are compared with views in the time of deciding for one
_TARGET = timedelta(milliseconds=100)  # of a batch, with the reading before the first write

_NEXT = select(relistings).order_by(relistings.c.below.desc(), relistings.c.feed_id).limit(1)
_BELOW = (
    select(
        entries.c.id,
        entries.c.feed_id,
        entries.c.copied,
        entries.c.first_seen_at,
        entries.c.exclusion,
        entries.c.story_id,
    )
    .where(entries.c.id < bindparam("below"))
    .order_by(entries.c.id.desc())
    .limit(bindparam("limit"))
)
_IDS_BELOW = (
    select(entries.c.id)
    .where(entries.c.id < bindparam("below"))
    .order_by(entries.c.id.desc())
    .limit(bindparam("limit"))
)
_BELOW_OF_FEED = _BELOW.where(entries.c.feed_id == bindparam("feed"))
_GO_ON = (
    update(relistings)
    .where(relistings.c.feed_id == bindparam("feed"))
    .values(below=bindparam("lowest"), done=relistings.c.done + bindparam("count"))
)


class BatchSize:
    """How many entries are read and decided in one transaction."""

    def __init__(self) -> None:
        self.entries = _MIN_BATCH

    def learn(self, seconds: float, share: float) -> None:
        """Change the size, after such a share of a batch was done in so many seconds."""
        fitting = self.entries * min(_TARGET.total_seconds() / max(seconds, 0.001), 2)
        if share < 1:  # the rows of the others were too many; they are decided again
            fitting = min(fitting, self.entries * share * 1.25)
        self.entries = max(_MIN_BATCH, min(int(fitting), _MAX_BATCH))


def relist_batch(connection: Connection, limit: int, *, now: datetime) -> float | None:
    """List the next entries anew, as many as one transaction may write.

    Reads and decides before the first write.

    Args:
        limit: Number of entries; `_SPARED` times as many if only views have changed.

    Returns:
        The share of these entries with decided lists; None if no entry remained.
    """
    relisting = connection.execute(_NEXT).one_or_none()
    if relisting is None:
        return None
    are_views_alone = relisting.feed_id == VIEWS_ALONE
    size = limit * _SPARED if are_views_alone else limit
    batch = _compare_with_views if are_views_alone else _list_anew
    ids, count = batch(connection, relisting, size, now)
    if len(ids) < size and count == len(ids):
        of_feed = relistings.c.feed_id == relisting.feed_id
        connection.execute(delete(relistings).where(of_feed))
        return 1.0
    progress = {"feed": relisting.feed_id, "lowest": ids[count - 1], "count": count}
    connection.execute(_GO_ON, progress)
    return count / size


def _list_anew(
    connection: Connection, relisting: Any, size: int, now: datetime
) -> tuple[Sequence[int], int]:
    """Decide which lists have the next entries; return the ids, and how many entries are done."""
    feed_id = None if relisting.feed_id == ALL_FEEDS else relisting.feed_id
    statement = _BELOW if feed_id is None else _BELOW_OF_FEED
    values = {"below": relisting.below, "limit": size, "feed": feed_id}
    rows = [ListedRow(*row) for row in connection.execute(statement, values)]
    if not rows:
        return (), 0
    span = StoredSpan(rows[-1].id, rows[0].id, feed_id)
    relisted = RelistedSpan(span, frozenset(relisting.changed_views))
    changes = member_changes(connection, rows, {}, relisted)
    row_counts = changes.row_counts()
    count = _count_within(_MAX_ROWS, [row_counts[row.id] for row in rows])
    _write(connection, changes.without({row.id for row in rows[count:]}), now)
    return [row.id for row in rows], count


def _compare_with_views(
    connection: Connection, relisting: Any, size: int, now: datetime
) -> tuple[Sequence[int], int]:
    """Compare the next entries with changed views; return the ids, and how many are done."""
    values = {"below": relisting.below, "limit": size}
    ids = connection.scalars(_IDS_BELOW, values).all()
    if not ids:
        return (), 0
    span, view_ids = StoredSpan(ids[-1], ids[0]), relisting.changed_views
    changes, lowest = view_changes(connection, span, view_ids, max_rows=_MAX_ROWS)
    _write(connection, changes, now)
    return ids, sum(entry_id >= lowest for entry_id in ids)


def _write(connection: Connection, changes: MemberChanges, now: datetime) -> None:
    if changes.row_counts():  # `state` is locked before entries, as by polls
        wait_for_writers(connection)
    if write_changes(connection, changes, now=now):
        note_change(connection)


def _count_within(limit: int, sizes: Sequence[int]) -> int:
    """Return how many of the first sizes have a sum within the limit; at least one."""
    return max(1, bisect_right(list(accumulate(sizes)), limit))


def relist_all(engine: Engine, *, now: datetime | None = None) -> None:
    """List anew whatever remains to be listed, in as many transactions as that takes.

    Args:
        now: Decides which archives are closed; None: the time of each transaction.
    """
    size = BatchSize()

    def relist(connection: Connection) -> float | None:
        return relist_batch(connection, size.entries, now=now or database_time(connection))

    started_at = monotonic()
    while (share := run_after_reading(engine, relist)) is not None:
        size.learn(monotonic() - started_at, share)
        started_at = monotonic()
