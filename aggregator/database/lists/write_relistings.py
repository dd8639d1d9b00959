"""Which stored entries are still to be listed anew, after a change of config.yaml."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

from sqlalchemy import Connection, delete, select

from aggregator.database.dialects import upsert
from aggregator.database.lists.read_definitions import ALL_FEEDS, VIEWS_ALONE
from aggregator.database.schema import relistings

TOP = 2**63 - 1
"""Above the ids of all entries."""

_MAX_FEEDS = 50  # of more feeds all entries are listed anew


@dataclass(frozen=True, slots=True)
class ChangedLists:
    """Lists that may lose or gain entries of a feed, besides the present lists of the feed.

    Attributes:
        former_lists: Ids of lists that the feed has left.
        changed_views: Ids of views with possibly other members than before.
    """

    former_lists: frozenset[int] = frozenset()
    changed_views: frozenset[int] = frozenset()

    def __or__(self, other: "ChangedLists") -> "ChangedLists":
        return ChangedLists(
            self.former_lists | other.former_lists, self.changed_views | other.changed_views
        )


def relist_all_feeds(connection: Connection, changed_views: Iterable[int] = ()) -> None:
    """Note that the entries of all feeds are to be listed anew, from the top."""
    _note(connection, {ALL_FEEDS: ChangedLists(changed_views=frozenset(changed_views))})


def relist_views(connection: Connection, changed_views: Iterable[int]) -> None:
    """Note that all entries are to be compared with some views, from the top."""
    _note(connection, {VIEWS_ALONE: ChangedLists(changed_views=frozenset(changed_views))})


def relist_feeds(
    connection: Connection,
    former_lists: Mapping[int, Iterable[int]],
    changed_views: Iterable[int] = (),
) -> None:
    """Note that the entries of feeds are to be listed anew, from the top.

    Args:
        former_lists: Ids of lists that each feed has left, by feed.
    """
    views = frozenset(changed_views)
    changes = {
        feed_id: ChangedLists(frozenset(list_ids), views)
        for feed_id, list_ids in former_lists.items()
    }
    if len(changes) > _MAX_FEEDS:
        _note(connection, {ALL_FEEDS: _joined(changes.values())})
    else:
        _note(connection, changes)


def relist_below(connection: Connection, feed_id: int, below: int) -> None:
    """Note that the entries of a feed below an id are to be listed anew."""
    remaining = select(relistings.c.below).where(relistings.c.feed_id == feed_id)
    if below > (connection.scalar(remaining) or 0):
        row = {"feed_id": feed_id, "below": below, "done": 0}
        upsert(connection, relistings, [row], key=["feed_id"], replaced=["below"])


def _note(connection: Connection, changes: Mapping[int, ChangedLists]) -> None:
    stored = {
        row.feed_id: ChangedLists(frozenset(row.former_lists), frozenset(row.changed_views))
        for row in connection.execute(select(relistings))
    }
    joined = {
        feed_id: _joined([changed_lists, stored.get(feed_id, ChangedLists())])
        for feed_id, changed_lists in changes.items()
    }
    if ALL_FEEDS in joined:  # which includes whatever was noted before
        joined = {ALL_FEEDS: _joined([*stored.values(), *joined.values()])}
        connection.execute(delete(relistings).where(relistings.c.feed_id != ALL_FEEDS))
    rows = [
        {
            "feed_id": feed_id,
            "below": TOP,
            "done": 0,
            "former_lists": sorted(changed_lists.former_lists),
            "changed_views": sorted(changed_lists.changed_views),
        }
        for feed_id, changed_lists in joined.items()
    ]
    upsert(connection, relistings, rows, key=["feed_id"])


def _joined(parts: Iterable[ChangedLists]) -> ChangedLists:
    return reduce(or_, parts, ChangedLists())
