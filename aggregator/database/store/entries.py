"""Entries: what is known of them, new ones, new versions, and the end of old ones."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, TypeVar

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from aggregator.database.dialects import upsert
from aggregator.database.store.polls import note_change
from aggregator.database.tables import contents, entries, feeds
from aggregator.dedup import ChangedEntry, KnownEntry, NewEntry
from aggregator.model import SEQUENCE_BITS, CleanEntry, Enclosure

_T = TypeVar("_T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEQUENCES = 1 << SEQUENCE_BITS
_SQL_VARIABLES = 500  # in one IN (...): far below every database's limit


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """A new entry with all that was decided about it when it was first seen."""

    new: NewEntry
    listed_at: datetime
    public_id: str


def known_entries(
    connection: Connection, feed_id: int, identities: Collection[bytes]
) -> dict[bytes, KnownEntry]:
    """Return the feed's entries that are stored under one of `identities`."""
    return {
        row.identity: KnownEntry(row.id, row.identity, row.content_hash, row.record_hash)
        for chunk in _chunks(sorted(identities))
        for row in connection.execute(
            select(
                entries.c.id, entries.c.identity, entries.c.content_hash, entries.c.record_hash
            ).where(entries.c.identity.in_(chunk), entries.c.feed_id == feed_id)
        )
    }


def taken_elsewhere(
    connection: Connection, feed_id: int, identities: Collection[bytes]
) -> set[bytes]:
    """Return those of `identities` under which an entry of another feed is stored."""
    return {
        identity
        for chunk in _chunks(sorted(identities))
        for identity in connection.scalars(
            select(entries.c.identity).where(
                entries.c.identity.in_(chunk), entries.c.feed_id != feed_id
            )
        )
    }


def add_entries(
    connection: Connection, feed_id: int, placed: Sequence[PlacedEntry], *, now: datetime
) -> None:
    """Store new entries of one feed, in document order: the first stands above the others."""
    if not placed:
        return
    feed = connection.execute(
        select(feeds.c.category_id, feeds.c.subscribed).where(feeds.c.id == feed_id)
    ).one()
    ids = _allocate(connection, [entry.listed_at for entry in placed])
    rows = [
        {
            **_columns(entry.new.entry),
            "id": entry_id,
            "feed_id": feed_id,
            "category_id": feed.category_id,
            "listed": feed.subscribed,
            "identity": entry.new.identity,
            "record_hash": entry.new.record_hash,
            "guid": entry.new.entry.guid,
            "public_id": entry.public_id,
            "published_at": entry.new.entry.published_at,
            "updated_at": None,
            "first_seen_at": now,
            "changed_at": now,
        }
        for entry_id, entry in zip(ids, placed, strict=True)
    ]
    connection.execute(insert(entries), rows)
    texts = [
        {"entry_id": entry_id, "html": entry.new.entry.content_html}
        for entry_id, entry in zip(ids, placed, strict=True)
        if entry.new.entry.content_html
    ]
    if texts:
        connection.execute(insert(contents), texts)
    connection.execute(
        update(feeds)
        .where(feeds.c.id == feed_id)
        .values(entries=feeds.c.entries + len(rows), last_change_at=now)
    )


def change_entries(
    connection: Connection, feed_id: int, changed: Sequence[ChangedEntry], *, now: datetime
) -> None:
    """Store new versions of entries; their place in the list and their ids stay."""
    for change in changed:
        values = _columns(change.entry) | {"record_hash": change.record_hash, "changed_at": now}
        if change.text_changed:
            values["updated_at"] = min(change.entry.updated_at or now, now)
        connection.execute(update(entries).where(entries.c.id == change.id).values(**values))
    if changed:
        upsert(
            connection,
            contents,
            [{"entry_id": c.id, "html": c.entry.content_html} for c in changed],
            key=["entry_id"],
        )
        connection.execute(update(feeds).where(feeds.c.id == feed_id).values(last_change_at=now))


def _columns(entry: CleanEntry) -> dict[str, Any]:
    """The columns that a later version of an entry replaces."""
    return {
        "content_hash": entry.content_hash,
        "url": entry.url,
        "title": entry.title,
        "title_html": None if entry.title_html == escape(entry.title) else entry.title_html,
        "summary": entry.summary,
        "authors": list(entry.authors),
        "categories": list(entry.categories),
        "enclosures": [_enclosure(enclosure) for enclosure in entry.enclosures],
        "language": entry.language,
        "comments_url": entry.comments_url,
    }


def _enclosure(enclosure: Enclosure) -> list[Any]:
    return [enclosure.url, enclosure.type, enclosure.length]


def _allocate(connection: Connection, times: Sequence[datetime]) -> list[int]:
    """Return ids `(ms << 20) | sequence`; of several at one time the first gets the highest."""
    wanted: dict[int, list[int]] = {}
    for position, at in enumerate(times):
        wanted.setdefault((at - _EPOCH) // timedelta(milliseconds=1), []).append(position)
    ids = [0] * len(times)
    for milliseconds, positions in wanted.items():
        low = milliseconds << SEQUENCE_BITS
        highest = connection.scalar(
            select(func.max(entries.c.id)).where(
                entries.c.id >= low, entries.c.id < low + _SEQUENCES
            )
        )
        free = low if highest is None else highest + 1
        for offset, position in enumerate(reversed(positions)):
            ids[position] = free + offset
    return ids


def delete_old(
    connection: Connection, *, before: datetime, min_entries: int, limit: int = 1000
) -> int:
    """Delete up to `limit` entries listed before `before`, never the newest of their feed.

    Args:
        min_entries: So many of each feed stay, however old.

    Returns:
        How many went; call again in a new transaction while it is `limit`.
    """
    oldest_kept = (before - _EPOCH) // timedelta(milliseconds=1) << SEQUENCE_BITS
    newer = entries.alias("newer")
    boundary = (
        select(newer.c.id)
        .where(newer.c.feed_id == feeds.c.id)
        .order_by(newer.c.id.desc())
        .offset(max(min_entries - 1, 0))
        .limit(1)
        .scalar_subquery()
    )
    candidates = (
        select(entries.c.id, entries.c.feed_id)
        .join(feeds, feeds.c.id == entries.c.feed_id)
        .where(entries.c.id < oldest_kept, feeds.c.entries > min_entries)
        .where(and_(entries.c.id < boundary) if min_entries else feeds.c.id.is_not(None))
        .order_by(entries.c.id)
        .limit(limit)
    )
    doomed = connection.execute(candidates).all()
    for chunk in _chunks([row.id for row in doomed]):
        connection.execute(delete(entries).where(entries.c.id.in_(chunk)))
    lost: dict[int, int] = {}
    for row in doomed:
        lost[row.feed_id] = lost.get(row.feed_id, 0) + 1
    for feed_id, count in lost.items():
        connection.execute(
            update(feeds).where(feeds.c.id == feed_id).values(entries=feeds.c.entries - count)
        )
    if doomed:
        note_change(connection)
    return len(doomed)


def _chunks(values: Sequence[_T]) -> Iterable[Sequence[_T]]:
    for start in range(0, len(values), _SQL_VARIABLES):
        yield values[start : start + _SQL_VARIABLES]
