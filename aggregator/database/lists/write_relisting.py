"""Stored entries listed anew after a change of config.yaml: in batches, the newest first.

Each batch is a transaction of its own.  What remains is stored with it (`relistings`), so that
another process goes on after a kill.  Nothing becomes new by that, and nothing is announced.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, select, update

from aggregator.database.dialects import wait_for_writers
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.lists.read_definitions import ALL_FEEDS
from aggregator.database.lists.read_member_changes import (
    ListedRow,
    RelistedSpan,
    member_changes,
)
from aggregator.database.lists.rule_matching import StoredSpan
from aggregator.database.lists.write_members import write_changes
from aggregator.database.schema import entries, relistings
from aggregator.database.writer import run_after_reading

_MIN_BATCH = 200  # entries; each batch costs some statements for each rule
_MAX_BATCH = 1000
_MAX_ROWS = 800  # that a batch writes, so that others wait for a moment only
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

    def learn(self, seconds: float, count: int) -> None:
        """Change the size, after a batch took so long and worked over so many entries."""
        fitting = int(self.entries * min(_TARGET.total_seconds() / max(seconds, 0.001), 2))
        if count < self.entries:  # the rows of the others were too many; they are decided again
            fitting = min(fitting, count * 5 // 4)
        self.entries = max(_MIN_BATCH, min(fitting, _MAX_BATCH))


def relist_batch(connection: Connection, limit: int, *, now: datetime) -> int | None:
    """List the next entries anew, at most `limit`; return how many, None if none remained.

    Reads and decides before the first write.
    """
    relisting = connection.execute(_NEXT).one_or_none()
    if relisting is None:
        return None
    feed_id = None if relisting.feed_id == ALL_FEEDS else relisting.feed_id
    statement = _BELOW if feed_id is None else _BELOW_OF_FEED
    values = {"below": relisting.below, "limit": limit, "feed": feed_id}
    rows = [ListedRow(*row) for row in connection.execute(statement, values)]
    done_rows = _list_anew(connection, rows, relisting, now) if rows else rows
    if len(done_rows) < limit and len(done_rows) == len(rows):
        of_feed = relistings.c.feed_id == relisting.feed_id
        connection.execute(delete(relistings).where(of_feed))
    else:
        lowest = done_rows[-1].id
        progress = {"feed": relisting.feed_id, "lowest": lowest, "count": len(done_rows)}
        connection.execute(_GO_ON, progress)
    return len(done_rows)


def _list_anew(
    connection: Connection, rows: Sequence[ListedRow], relisting: Any, now: datetime
) -> Sequence[ListedRow]:
    """List the first of the entries anew, as many as one transaction may write; return these."""
    feed_id = None if relisting.feed_id == ALL_FEEDS else relisting.feed_id
    span = StoredSpan(rows[-1].id, rows[0].id, feed_id)
    relisted = RelistedSpan(span, frozenset(relisting.changed_views))
    changes = member_changes(connection, rows, {}, relisted)
    row_counts = changes.row_counts()
    if row_counts:  # `state` is locked before entries, as by polls
        wait_for_writers(connection)
    count = _count_within(_MAX_ROWS, [row_counts[row.id] for row in rows])
    changes = changes.without({row.id for row in rows[count:]})
    if write_changes(connection, changes, now=now):
        note_change(connection)
    return rows[:count]


def _count_within(limit: int, sizes: Sequence[int]) -> int:
    """Return how many of the first sizes have a sum within the limit; at least one."""
    return max(1, bisect_right(list(accumulate(sizes)), limit))


def relist_all(engine: Engine, *, now: datetime | None = None) -> None:
    """List anew whatever remains to be listed, in as many transactions as that takes.

    Args:
        now: Decides which archives are closed; None: the time of each transaction.
    """
    size = BatchSize()

    def relist(connection: Connection) -> int | None:
        return relist_batch(connection, size.entries, now=now or datetime.now(UTC))

    started_at = monotonic()
    while (count := run_after_reading(engine, relist)) is not None:
        size.learn(monotonic() - started_at, count)
        started_at = monotonic()
