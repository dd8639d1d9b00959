"""Stored entries listed anew after a change of config.yaml: in batches, the newest first.

Each batch is a transaction of its own.  What remains is stored with it (`relistings`), so that
another process goes on after a kill.  Nothing becomes new by that, and nothing is announced.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic

from sqlalchemy import Connection, Engine, bindparam, delete, select, update

from aggregator.database.dialects import wait_for_writers
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.lists.read_definitions import ALL_FEEDS
from aggregator.database.lists.rule_matching import StoredSpan
from aggregator.database.lists.write_members import ListedRow, list_rows
from aggregator.database.schema import entries, relistings

FIRST_BATCH = 100
"""Entries of the first batch; `BatchSize` finds how many more take `_TARGET`."""

_TARGET = timedelta(milliseconds=20)  # of a transaction
_MAX_BATCH = 5000

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
    """How many entries one transaction lists anew, so that others wait for a moment only."""

    def __init__(self) -> None:
        self.entries = FIRST_BATCH

    def learn(self, seconds: float) -> None:
        """Change the size, after a batch took so long."""
        fitting = int(self.entries * _TARGET.total_seconds() / max(seconds, 0.001))
        self.entries = max(10, min(fitting, 2 * self.entries, _MAX_BATCH))


def relist_batch(connection: Connection, limit: int, *, now: datetime) -> bool:
    """List the next entries anew, at most `limit`; return whether any remained to be listed."""
    wait_for_writers(connection)
    relisting = connection.execute(_NEXT).one_or_none()
    if relisting is None:
        return False
    statement = _BELOW if relisting.feed_id == ALL_FEEDS else _BELOW_OF_FEED
    values = {"below": relisting.below, "limit": limit, "feed": relisting.feed_id}
    rows = [ListedRow(*row) for row in connection.execute(statement, values)]
    if rows:
        feed_id = None if relisting.feed_id == ALL_FEEDS else relisting.feed_id
        span = StoredSpan(rows[-1].id, rows[0].id, feed_id)
        if list_rows(connection, rows, now=now, searched={}, span=span):
            note_change(connection)
    if len(rows) < limit:
        of_feed = relistings.c.feed_id == relisting.feed_id
        connection.execute(delete(relistings).where(of_feed))
    else:
        changes = {"feed": relisting.feed_id, "lowest": rows[-1].id, "count": len(rows)}
        connection.execute(_GO_ON, changes)
    return True


def relist_all(engine: Engine, *, now: datetime | None = None) -> None:
    """List anew whatever remains to be listed, in as many transactions as that takes.

    Args:
        now: Decides which archives are closed; None: the time of each transaction.
    """
    size, remains = BatchSize(), True
    while remains:
        started = monotonic()
        with engine.begin() as connection:
            remains = relist_batch(connection, size.entries, now=now or datetime.now(UTC))
        size.learn(monotonic() - started)
