"""Which stored entries are still to be listed anew, after a change of config.yaml."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, select

from aggregator.database.dialects import upsert
from aggregator.database.lists.read_definitions import ALL_FEEDS
from aggregator.database.schema import relistings

TOP = 2**63 - 1
"""Above the ids of all entries."""

_MAX_FEEDS = 50  # of more feeds all entries are listed anew


def relist_all_feeds(connection: Connection) -> None:
    """Note that the entries of all feeds are to be listed anew, from the top."""
    _note(connection, {ALL_FEEDS: ()})


def relist_feeds(connection: Connection, former_lists: Mapping[int, Collection[int]]) -> None:
    """Note that the entries of feeds are to be listed anew, from the top.

    Args:
        former_lists: Ids of lists that each feed has left, by feed.
    """
    if len(former_lists) > _MAX_FEEDS:
        left_lists = {list_id for list_ids in former_lists.values() for list_id in list_ids}
        _note(connection, {ALL_FEEDS: sorted(left_lists)})
    else:
        _note(connection, former_lists)


def relist_below(connection: Connection, feed_id: int, below: int) -> None:
    """Note that the entries of a feed below an id are to be listed anew."""
    remaining = select(relistings.c.below).where(relistings.c.feed_id == feed_id)
    if below > (connection.scalar(remaining) or 0):
        row = {"feed_id": feed_id, "below": below, "done": 0}
        upsert(connection, relistings, [row], key=["feed_id"], replaced=["below"])


def _note(connection: Connection, former_lists: Mapping[int, Collection[int]]) -> None:
    rows = connection.execute(select(relistings.c.feed_id, relistings.c.former_lists))
    stored = {row.feed_id: row.former_lists for row in rows}
    noted = {
        feed_id: tuple(sorted({*list_ids, *stored.get(feed_id, ())}))
        for feed_id, list_ids in former_lists.items()
    }
    if ALL_FEEDS in noted:  # which includes whatever was noted before
        all_lists = {list_id for ids in (*stored.values(), *noted.values()) for list_id in ids}
        noted = {ALL_FEEDS: tuple(sorted(all_lists))}
        connection.execute(delete(relistings).where(relistings.c.feed_id != ALL_FEEDS))
    values = [
        {"feed_id": feed_id, "below": TOP, "done": 0, "former_lists": list_ids}
        for feed_id, list_ids in noted.items()
    ]
    upsert(connection, relistings, values, key=["feed_id"])
