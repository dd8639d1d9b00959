"""How far entries are listed anew after a change of config.yaml."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from aggregator.database.lists.read_definitions import ALL_FEEDS, VIEWS_ALONE
from aggregator.database.schema import feeds, relistings

_OF_ALL = (ALL_FEEDS, VIEWS_ALONE)


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
    of_all = select(func.coalesce(func.sum(feeds.c.entries), 0))
    feed_ids = [row.feed_id for row in rows if row.feed_id not in _OF_ALL]
    total = connection.scalar(of_all.where(feeds.c.id.in_(feed_ids))) or 0
    if len(feed_ids) < len(rows):
        total += (connection.scalar(of_all) or 0) * (len(rows) - len(feed_ids))
    return RelistingProgress(sum(row.done for row in rows), total)
