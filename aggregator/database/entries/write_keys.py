"""The keys of entries besides the identity, also of deleted entries."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    select,
    update,
)

from aggregator.database.chunks import chunks, execute_for_each
from aggregator.database.columns import UtcDateTime
from aggregator.database.dialects import insert_keys, stored_keys
from aggregator.database.schema import entries, entry_keys, feeds
from aggregator.dedup import KeyOwner, short_key
from aggregator.model.seen_hashes import seen_ids

FORGOTTEN_AFTER = timedelta(days=30)
"""Time after the deletion of an entry at which its keys go, unless the feed still lists it."""

_DELETE_KEY = delete(entry_keys).where(
    entry_keys.c.feed_id == bindparam("feed"),
    entry_keys.c.key == bindparam("short_key"),
    entry_keys.c.entry_id == bindparam("entry"),
)
_OUTDATED = select(entry_keys.c.feed_id, entry_keys.c.entry_id).where(
    entry_keys.c.gone_before < bindparam("before", type_=UtcDateTime)
)


class EntryKey(NamedTuple):
    """A key within a feed, as a row of the table.

    Attributes:
        key: The short form.
        entry_id: The identified entry; None for an ambiguous key, shared by several entries.
        gone_before: For a deleted entry still listed by the feed: a time after the entry's.
    """

    feed_id: int
    key: int
    entry_id: int | None
    gone_before: datetime | None = None


def key_owners(
    connection: Connection, keys: Sequence[tuple[int, int]]
) -> dict[int, dict[int, KeyOwner]]:
    """Return the owners of stored keys, by feed id and short key.

    Args:
        keys: Feed id and short key of each.
    """
    owners: dict[int, dict[int, KeyOwner]] = {}
    for feed_id, key, entry_id, is_deleted in stored_keys(connection, keys) if keys else ():
        owners.setdefault(feed_id, {})[key] = KeyOwner(entry_id, is_deleted=bool(is_deleted))
    return owners


def add_keys(connection: Connection, keys: Sequence[EntryKey]) -> None:
    """Store keys; a key of another entry of the same feed becomes ambiguous."""
    insert_keys(connection, keys)


def replace_keys(
    connection: Connection, *, old_keys: Sequence[EntryKey], new_keys: Sequence[EntryKey]
) -> None:
    """Store the keys of changed entries, and delete the old keys."""
    if old_keys:
        rows = [
            {"feed": key.feed_id, "short_key": key.key, "entry": key.entry_id} for key in old_keys
        ]
        execute_for_each(connection, _DELETE_KEY, rows)
    add_keys(connection, new_keys)


def forget(
    connection: Connection, feed_id: int, doomed: Collection[int], *, before: datetime
) -> None:
    """Remove the keys of entries about to be deleted; keys of entries still listed stay.

    Args:
        doomed: Ids of the entries.
        before: A time before which the entries were listed.
    """
    listed_ids = _listed_ids(connection, feed_id)
    for ids in chunks([entry_id for entry_id in doomed if entry_id in listed_ids]):
        _set_gone_before(connection, feed_id, ids, before)
        identities = select(entries.c.id, entries.c.identity).where(entries.c.id.in_(ids))
        rows = connection.execute(identities).all()
        keys = [EntryKey(feed_id, short_key(row.identity), row.id, before) for row in rows]
        insert_keys(connection, keys)
    for ids in chunks([entry_id for entry_id in doomed if entry_id not in listed_ids]):
        connection.execute(delete(entry_keys).where(_of_entries(feed_id, ids)))


def forget_unlisted(connection: Connection, *, before: datetime) -> None:
    """Remove the keys of entries deleted long ago and no longer listed by the feed.

    Args:
        before: The argument of current calls of `forget`.
    """
    outdated: dict[int, set[int]] = {}
    for row in connection.execute(_OUTDATED, {"before": before - FORGOTTEN_AFTER}):
        outdated.setdefault(row.feed_id, set()).add(row.entry_id)
    for feed_id, outdated_ids in outdated.items():
        listed_ids = _listed_ids(connection, feed_id)
        for ids in chunks(sorted(outdated_ids - listed_ids)):
            connection.execute(delete(entry_keys).where(_of_entries(feed_id, ids)))
        for ids in chunks(sorted(outdated_ids & listed_ids)):  # looked at again after as long
            _set_gone_before(connection, feed_id, ids, before)


def _set_gone_before(
    connection: Connection, feed_id: int, ids: Sequence[int], before: datetime
) -> None:
    connection.execute(
        update(entry_keys).where(_of_entries(feed_id, ids)).values(gone_before=before)
    )


def _listed_ids(connection: Connection, feed_id: int) -> set[int]:
    """Return the ids of the entries in the last document of a feed."""
    seen_hashes = connection.scalar(select(feeds.c.seen_hashes).where(feeds.c.id == feed_id))
    return seen_ids(seen_hashes or b"")


def _of_entries(feed_id: int, ids: Sequence[int]) -> ColumnElement[bool]:
    return and_(entry_keys.c.feed_id == feed_id, entry_keys.c.entry_id.in_(ids))
