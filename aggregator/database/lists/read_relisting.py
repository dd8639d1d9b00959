"""How far entries are listed anew after a change of config.yaml."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from aggregator.database.lists.read_definitions import ALL_FEEDS
from aggregator.database.schema import feeds, relistings


@dataclass(frozen=True, slots=True)
class RelistingProgress:
    """How far entries are listed anew.

    Attributes:
        entries: Number of entries that are listed anew already.
        total: Number of all entries that are to be listed anew.
    """

    entries: int
    total: int


def relisting_progress(connection: Connection) -> RelistingProgress | None:
    """Return how far entries are listed anew, None if nothing remains to be listed."""
    rows = connection.execute(select(relistings.c.feed_id, relistings.c.done)).all()
    if not rows:
        return None
    total = select(func.coalesce(func.sum(feeds.c.entries), 0))
    ids = [row.feed_id for row in rows]
    if ALL_FEEDS not in ids:
        total = total.where(feeds.c.id.in_(ids))
    return RelistingProgress(sum(row.done for row in rows), connection.scalar(total) or 0)
