"""Retention: the deletion of old entries."""

import sys
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Connection,
    and_,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from aggregator.database.chunks import chunks
from aggregator.database.clock import database_time
from aggregator.database.entries.write_entries import stored_words
from aggregator.database.entries.write_keys import forget, forget_unlisted
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.lists import write_members
from aggregator.database.schema import entries, feeds
from aggregator.database.stories import write_stories
from aggregator.database.word_index import word_index
from aggregator.model import EntryId


def delete_old(
    connection: Connection,
    *,
    before: datetime,
    min_entries: int,
    max_entries: int = sys.maxsize,
    limit: int = 1000,
) -> int:
    """Delete up to `limit` entries listed before `before`, never the newest of a feed.

    Args:
        min_entries: Number of newest entries kept of each subscribed feed, however old.
        max_entries: Number of newest entries kept of each feed at most, however young; takes
            precedence over `min_entries`.

    Returns:
        Number of deleted entries; call again in a new transaction after `limit`.
    """
    before_id = EntryId.first_at(before)
    first = select(func.min(entries.c.id)).where(entries.c.feed_id == feeds.c.id)
    spared = case((feeds.c.subscribed, min(min_entries, max_entries)), else_=0)
    with_old = select(feeds.c.id, spared).where(
        or_(
            and_(feeds.c.entries > spared, first.scalar_subquery() < before_id),
            feeds.c.entries > literal(max_entries, BigInteger),
        )
    )
    deleted, now = 0, database_time(connection)
    for feed_id, spare in connection.execute(with_old).all():
        bounds = (before_id, spare, max_entries)
        doomed = _oldest(connection, feed_id, *bounds, limit=limit - deleted)
        word_index(connection).remove(connection, stored_words(connection, doomed))
        forget(connection, feed_id, doomed, before=before)
        linked_ids = write_stories.forget(connection, doomed)
        write_members.forget_members(connection, feed_id, doomed)
        for chunk in chunks(doomed):
            connection.execute(delete(entries).where(entries.c.id.in_(chunk)))
        write_stories.regroup(connection, linked_ids, now=now)
        connection.execute(
            update(feeds).where(feeds.c.id == feed_id).values(entries=feeds.c.entries - len(doomed))
        )
        deleted += len(doomed)
        if deleted == limit:
            break
    if deleted:
        note_change(connection)
    if deleted < limit:  # the last call of a run: nearly each run deletes something
        forget_unlisted(connection, before=before)
    return deleted


def _oldest(
    connection: Connection,
    feed_id: int,
    before_id: int,
    spare: int,
    max_entries: int,
    *,
    limit: int,
) -> list[int]:
    """Return the ids of a feed's entries to delete, the lowest first.

    Entries below `before_id` are deleted except for the newest `spare` entries, and all entries
    below the newest `max_entries`.
    """
    ids = select(entries.c.id).where(entries.c.feed_id == feed_id)

    def last_of(newest: int) -> int | None:
        statement = ids.order_by(entries.c.id.desc()).offset(newest - 1).limit(1)
        last: int | None = connection.scalar(statement)
        return last

    if spare and (last := last_of(spare)) is not None:
        before_id = min(before_id, last)
    if max_entries < sys.maxsize and (last := last_of(max_entries)) is not None:
        before_id = max(before_id, last)
    return list(
        connection.scalars(ids.where(entries.c.id < before_id).order_by(entries.c.id).limit(limit))
    )
