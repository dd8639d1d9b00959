"""What entries may be known by besides their identity, and what is left of deleted ones."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    select,
    update,
)

from aggregator.database.chunks import chunks
from aggregator.database.dialects import insert_keys, stored_keys
from aggregator.database.schema import UtcDateTime, entries, entry_keys, feeds
from aggregator.dedup import Owner, number
from aggregator.model.seen_hashes import seen_ids

FORGOTTEN_AFTER = timedelta(days=30)
"""So long after its end an entry is looked for in its feed's last document, and forgotten."""

_DELETE_KEY = delete(entry_keys).where(
    entry_keys.c.feed_id == bindparam("feed"),
    entry_keys.c.key == bindparam("number"),
    entry_keys.c.entry_id == bindparam("entry"),
)
_OUTDATED = select(entry_keys.c.feed_id, entry_keys.c.entry_id).where(
    entry_keys.c.gone_before < bindparam("before", type_=UtcDateTime)
)


def key_owners(
    connection: Connection, wanted: Sequence[tuple[int, int]]
) -> dict[int, dict[int, Owner]]:
    """Return by feed and number whose keys these are; those that nobody has are left out.

    Args:
        wanted: Feed and number of each.
    """
    found: dict[int, dict[int, Owner]] = {}
    for feed_id, key, entry_id, gone in stored_keys(connection, wanted) if wanted else ():
        found.setdefault(feed_id, {})[key] = Owner(entry_id, gone=bool(gone))
    return found


def add_keys(connection: Connection, keys: Iterable[tuple[int, int, int | None]]) -> None:
    """Store keys: feed, number, entry; no entry for a key that says nothing.

    A key that another entry of the feed has says nothing from now on.
    """
    insert_keys(connection, [(feed, key, entry, None) for feed, key, entry in keys])


def replace_keys(
    connection: Connection,
    *,
    old: Sequence[tuple[int, int, int]],
    new: Sequence[tuple[int, int, int]],
) -> None:
    """Store keys of entries in place of those that they have no more: feed, number, entry."""
    if old:
        rows = [{"feed": feed, "number": key, "entry": entry} for feed, key, entry in old]
        connection.execute(_DELETE_KEY, rows)
    add_keys(connection, new)


def forget(
    connection: Connection, feed_id: int, doomed: Sequence[int], *, before: datetime
) -> None:
    """Remove the keys of entries that are about to be deleted, but of those still listed.

    Args:
        before: They were listed before this.
    """
    still = seen_ids(_memory(connection, feed_id))
    for some in chunks([entry for entry in doomed if entry in still]):
        connection.execute(update(entry_keys).where(_of(feed_id, some)).values(gone_before=before))
        identities = select(entries.c.id, entries.c.identity).where(entries.c.id.in_(some))
        rows = connection.execute(identities).all()
        insert_keys(connection, [(feed_id, number(key), entry, before) for entry, key in rows])
    for some in chunks([entry for entry in doomed if entry not in still]):
        connection.execute(delete(entry_keys).where(_of(feed_id, some)))


def forget_unlisted(connection: Connection, *, before: datetime) -> None:
    """Forget entries that were deleted long ago and that their feeds do not list any more.

    Args:
        before: What `forget` is called with now.
    """
    outdated: dict[int, set[int]] = {}
    for row in connection.execute(_OUTDATED, {"before": before - FORGOTTEN_AFTER}):
        outdated.setdefault(row.feed_id, set()).add(row.entry_id)
    for feed_id, ids in outdated.items():
        listed = seen_ids(_memory(connection, feed_id))
        for some in chunks(sorted(ids - listed)):
            connection.execute(delete(entry_keys).where(_of(feed_id, some)))
        for some in chunks(sorted(ids & listed)):  # to be looked at again after as long
            connection.execute(
                update(entry_keys).where(_of(feed_id, some)).values(gone_before=before)
            )


def _memory(connection: Connection, feed_id: int) -> bytes:
    return connection.scalar(select(feeds.c.memory).where(feeds.c.id == feed_id)) or b""


def _of(feed_id: int, ids: Sequence[int]) -> ColumnElement[bool]:
    return and_(entry_keys.c.feed_id == feed_id, entry_keys.c.entry_id.in_(ids))
