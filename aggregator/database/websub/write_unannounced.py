"""Lists and feeds with changes that are not announced yet (WebSub), kept over restarts."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, select, update

from aggregator.database.chunks import chunks
from aggregator.database.dialects import upsert
from aggregator.database.lists.list_conditions import IS_SHOWN, is_shown_by_source, is_subscribed
from aggregator.database.schema import entries, feeds, list_members, lists, unannounced
from aggregator.model import ListKind, ListScope

_NONE = 0  # in place of an id
_SHOWN_BY_LISTS = (
    select(list_members.c.list_id)
    .where(
        list_members.c.list_id.in_(select(lists.c.id).where(lists.c.position.is_not(None))),
        list_members.c.entry_id.in_(bindparam("ids", expanding=True)),
        IS_SHOWN,
    )
    .distinct()
)
_SHOWN_BY_FEEDS = (
    select(entries.c.feed_id)
    .where(
        entries.c.id.in_(bindparam("ids", expanding=True)),
        is_shown_by_source(entries),
        is_subscribed(entries),
    )
    .distinct()
)


@dataclass(frozen=True, slots=True)
class Unannounced:
    """A list with changes to announce.

    Attributes:
        list_id: Of a list of several feeds, else 0.
        feed_id: Of a feed's own list, else 0.
        latest_at: Time of the last change at the moment of the query.
    """

    scope: ListScope
    list_id: int
    feed_id: int
    latest_at: datetime


def note_changed_entries(
    connection: Connection, entry_ids: Collection[int], *, now: datetime
) -> None:
    """Note the lists that show new or changed entries."""
    list_ids: set[int] = set()
    feed_ids: set[int] = set()
    for chunk in chunks(sorted(entry_ids)):
        list_ids.update(connection.scalars(_SHOWN_BY_LISTS, {"ids": chunk}))
        feed_ids.update(connection.scalars(_SHOWN_BY_FEEDS, {"ids": chunk}))
    note_unannounced(connection, list_ids=list_ids, feed_ids=feed_ids, now=now)


def note_unannounced(
    connection: Connection,
    *,
    list_ids: Iterable[int] = (),
    feed_ids: Iterable[int] = (),
    now: datetime,
) -> None:
    """Note that entries of lists, and of the own lists of feeds, are new or have changed."""
    keys = [(list_id, _NONE) for list_id in list_ids] + [(_NONE, feed_id) for feed_id in feed_ids]
    rows = [
        {"list_id": list_id, "feed_id": feed_id, "first_at": now, "latest_at": now}
        for list_id, feed_id in keys
    ]
    upsert(connection, unannounced, rows, key=["list_id", "feed_id"], replaced=["latest_at"])


def waiting_changes(
    connection: Connection, *, now: datetime, debounce: timedelta
) -> list[Unannounced]:
    """Return the lists with changes to announce; none while the first change is too young.

    A first change far in the future was noted before the clock was set back, and is not young.

    Args:
        now: Aware, UTC.
        debounce: Age of the first change from which all changes are announced.
    """
    first_at = connection.scalar(select(func.min(unannounced.c.first_at)))
    if first_at is None or abs(now - first_at) < debounce:
        return []
    of_lists = select(unannounced, lists.c.kind, lists.c.key).join(
        lists, lists.c.id == unannounced.c.list_id
    )
    of_feeds = select(unannounced, feeds.c.name).join(feeds, feeds.c.id == unannounced.c.feed_id)
    return [
        Unannounced(ListScope(ListKind(row.kind), row.key), row.list_id, row.feed_id, row.latest_at)
        for row in connection.execute(of_lists.order_by(lists.c.id))
    ] + [
        Unannounced(ListScope(ListKind.SOURCE, row.name), row.list_id, row.feed_id, row.latest_at)
        for row in connection.execute(of_feeds.order_by(feeds.c.id))
    ]


def note_announced(connection: Connection, announced: Sequence[Unannounced]) -> None:
    """Forget announced changes; a list that changed since then waits like after a first change."""
    changes = [{"list": change.list_id, "feed": change.feed_id} for change in announced]
    times = [{"announced_at": change.latest_at} for change in announced]
    connection.execute(
        _FORGET, [change | time for change, time in zip(changes, times, strict=True)]
    )
    connection.execute(_WAIT_AGAIN, changes)


_IS_LIST = (unannounced.c.list_id == bindparam("list"), unannounced.c.feed_id == bindparam("feed"))
_FORGET = delete(unannounced).where(*_IS_LIST, unannounced.c.latest_at == bindparam("announced_at"))
_WAIT_AGAIN = update(unannounced).where(*_IS_LIST).values(first_at=unannounced.c.latest_at)
