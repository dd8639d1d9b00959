"""Entries: what is known of them, new ones, new versions, and the end of old ones."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from functools import cache
from html import escape
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Update,
    bindparam,
    func,
    select,
    update,
)

from aggregator import dates
from aggregator.database.chunks import chunks
from aggregator.database.dialects import Text, index_texts, insert_all, unindex_texts, upsert
from aggregator.database.entries.write_keys import add_keys, replace_keys
from aggregator.database.schema import UtcDateTime, contents, entries, feeds, state
from aggregator.database.stories import write_stories
from aggregator.dedup import ChangedEntry, Extent, KnownEntry, NewEntry
from aggregator.dedup import Text as StoredText
from aggregator.model import IDS_PER_MILLISECOND, LOWEST_ID, CleanEntry, Enclosure, EntryId


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """A new entry with all that was decided about it when it was first seen.

    Attributes:
        reason: Why it is listed at `listed_at`, in words; stored with the date as published, its
            field, how it was read, and whether that is sure.
        hour_rank: How many listed entries of its feed have a place in the same hour already.
    """

    feed_id: int
    new: NewEntry
    listed_at: datetime
    public_id: str
    first_seen_at: datetime
    story_keys: tuple[int, ...] = ()
    copied: bool = False
    reason: str = ""
    hour_rank: int = 0


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A changed entry, and when its change was seen."""

    feed_id: int
    change: ChangedEntry
    seen_at: datetime


def stored_under(connection: Connection, identities: Collection[bytes]) -> list[KnownEntry]:
    """Return the entries of any feed that are stored under one of `identities`."""
    return [
        KnownEntry(*row)
        for chunk in chunks(sorted(identities))
        for row in connection.execute(_STORED_UNDER, {"identities": chunk})
    ]


def known_by_id(connection: Connection, ids: Collection[int]) -> list[KnownEntry]:
    """Return the entries with these ids, those that are there."""
    return [
        KnownEntry(*row)
        for chunk in chunks(sorted(ids))
        for row in connection.execute(_KNOWN_BY_ID, {"ids": chunk})
    ]


def stored_texts(connection: Connection, ids: Sequence[int]) -> dict[int, StoredText]:
    """Return titles and full texts by id."""
    return {
        row.id: StoredText(escape(row.title) if row.title_html is None else row.title_html, row[3])
        for chunk in chunks(ids)
        for row in connection.execute(_TEXTS, {"ids": chunk})
    }


def add_entries(
    connection: Connection, placed: Sequence[PlacedEntry], *, now: datetime | None = None
) -> list[int]:
    """Store new entries; of those at one time the first in the sequence stands above the others.

    Args:
        now: When they are stored; None: when each was first seen.

    Returns:
        Their ids.
    """
    if not placed:
        return []
    feed_of = _listing(connection, {entry.feed_id for entry in placed})
    if feed_of[placed[0].feed_id].began_at is None:
        connection.execute(update(state).values(began_at=now or placed[0].first_seen_at))
    ids = _allocate(connection, [entry.listed_at for entry in placed])
    rows = [
        (*_row(entry_id, entry, feed_of[entry.feed_id], now), *_columns(entry.new.entry))
        for entry_id, entry in zip(ids, placed, strict=True)
    ]
    insert_all(connection, entries, _NEW, rows)
    texts = [
        (entry_id, entry.new.entry.content_html)
        for entry_id, entry in zip(ids, placed, strict=True)
        if entry.new.entry.content_html
    ]
    insert_all(connection, contents, ("entry_id", "html"), texts)
    index_texts(
        connection,
        [_text(entry_id, entry.new.entry) for entry_id, entry in zip(ids, placed, strict=True)],
    )
    add_keys(
        connection,
        [
            (entry.feed_id, key, entry_id)
            for entry_id, entry in zip(ids, placed, strict=True)
            for key in entry.new.keys
        ],
    )
    added = Counter(entry.feed_id for entry in placed)
    seen_at = {entry.feed_id: entry.first_seen_at for entry in placed}
    _note_entries(connection, {feed: (count, seen_at[feed]) for feed, count in added.items()})
    return ids


def change_entries(
    connection: Connection, versions: Sequence[NewVersion], *, now: datetime | None = None
) -> None:
    """Store new versions of entries; their place in the list and their ids stay.

    Of one that is no news to a reader the text is replaced and no more.

    Args:
        now: When they are stored; None: when each was seen.
    """
    if not versions:
        return
    unindex_texts(connection, indexed_texts(connection, [one.change.id for one in versions]))
    index_texts(connection, [_text(one.change.id, one.change.entry) for one in versions])
    for extent, columns in _WRITTEN.items():
        rows = [_version(one, columns, now) for one in versions if one.change.extent is extent]
        if rows:
            connection.execute(_update_entry(*columns), rows)
    upsert(
        connection,
        contents,
        [{"entry_id": one.change.id, "html": one.change.entry.content_html} for one in versions],
        key=["entry_id"],
    )
    told = [one for one in versions if one.change.is_told]
    replace_keys(
        connection,
        old=[(one.feed_id, key, one.change.id) for one in versions for key in one.change.old_keys],
        new=[(one.feed_id, key, one.change.id) for one in versions for key in one.change.keys],
    )
    _note_entries(connection, {one.feed_id: (0, one.seen_at) for one in told})


def _text(entry_id: int, entry: CleanEntry) -> Text:
    return Text(entry_id, entry.title, entry.summary, entry.content_html)


def indexed_texts(connection: Connection, ids: Sequence[int]) -> list[Text]:
    """Return what entries were indexed with."""
    return [
        Text(*row) for chunk in chunks(ids) for row in connection.execute(_INDEXED, {"ids": chunk})
    ]


# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
_KNOWN = select(*(entries.c[field.name] for field in fields(KnownEntry)))
_STORED_UNDER = _KNOWN.where(entries.c.identity.in_(bindparam("identities", expanding=True)))
_KNOWN_BY_ID = _KNOWN.where(entries.c.id.in_(bindparam("ids", expanding=True)))
_TEXTS = (
    select(
        entries.c.id,
        entries.c.title,
        entries.c.title_html,
        func.coalesce(contents.c.html, ""),
    )
    .outerjoin(contents, contents.c.entry_id == entries.c.id)
    .where(entries.c.id.in_(bindparam("ids", expanding=True)))
)
_LISTING = select(
    feeds.c.id,
    feeds.c.category_id,
    feeds.c.subscribed,
    feeds.c.body_hash.is_(None).label("unread"),
    select(state.c.began_at).scalar_subquery().label("began_at"),
).where(feeds.c.id.in_(bindparam("feeds", expanding=True)))
_INDEXED = (
    select(entries.c.id, entries.c.title, entries.c.summary, func.coalesce(contents.c.html, ""))
    .outerjoin(contents, contents.c.entry_id == entries.c.id)
    .where(entries.c.id.in_(bindparam("ids", expanding=True)))
)
_TAKEN = select(entries.c.id).where(entries.c.id.in_(bindparam("ids", expanding=True)))
_HIGHEST = select(func.max(entries.c.id)).where(
    entries.c.id >= bindparam("low"), entries.c.id < bindparam("high")
)
_newest = entries.alias("newest")
_last_of_them = (
    select(_newest.c.id)
    .where(_newest.c.feed_id == feeds.c.id)
    .order_by(_newest.c.id.desc())
    .offset(bindparam("more", type_=Integer))
    .limit(1)
    .scalar_subquery()
)
_NEWEST = (
    select(entries.c.feed_id, entries.c.id)
    .join_from(feeds, entries, entries.c.feed_id == feeds.c.id)
    .where(
        feeds.c.id.in_(bindparam("feeds", expanding=True)),
        entries.c.id >= func.coalesce(_last_of_them, LOWEST_ID),
    )
    .order_by(entries.c.feed_id, entries.c.id.desc())
)
_NOTE_ENTRIES = (
    update(feeds)
    .where(feeds.c.id == bindparam("feed"))
    .values(
        entries=feeds.c.entries + bindparam("added"),
        last_change_at=bindparam("seen_at", type_=UtcDateTime),
    )
)


def _listing(connection: Connection, feed_ids: Collection[int]) -> dict[int, Any]:
    rows = connection.execute(_LISTING, {"feeds": sorted(feed_ids)})
    return {row.id: row for row in rows}


def _row(entry_id: int, entry: PlacedEntry, feed: Any, now: datetime | None) -> tuple[Any, ...]:
    """The columns `_FIXED` of a new entry, which no later version replaces."""
    new = entry.new
    return (
        entry_id,
        entry.feed_id,
        feed.category_id,
        feed.subscribed and not entry.copied,
        entry.copied,
        entry.hour_rank,
        new.identity,
        new.record_hash,
        new.entry.guid,
        entry.public_id,
        new.entry.published_at,
        _dating(entry),
        entry.first_seen_at,
        entry.first_seen_at,
        write_stories.packed(entry.story_keys),
        _archived_at(entry, feed, now),
    )


def _archived_at(entry: PlacedEntry, feed: Any, now: datetime | None) -> datetime | None:
    """Return when an entry came into the archive, None where that is by its place in the list.

    In our first week no archive is closed: the past that feeds bring along belongs to the past.
    """
    now = now or entry.first_seen_at
    if feed.unread and dates.archived_at(feed.began_at or now, now) is None:
        return None
    return dates.archived_at(entry.listed_at, now)


def _note_entries(connection: Connection, news: Mapping[int, tuple[int, datetime]]) -> None:
    if not news:
        return
    connection.execute(
        _NOTE_ENTRIES,
        [
            {"feed": feed, "added": added, "seen_at": seen_at}
            for feed, (added, seen_at) in news.items()
        ],
    )


@cache
def _update_entry(*more: str) -> Update:
    columns = (*_REPLACED, "record_hash", *more)
    return (
        update(entries)
        .where(entries.c.id == bindparam("entry"))
        .values({name: bindparam(f"new_{name}", type_=entries.c[name].type) for name in columns})
    )


def _version(version: NewVersion, columns: Sequence[str], now: datetime | None) -> dict[str, Any]:
    change, seen_at = version.change, version.seen_at
    values = dict(zip(_REPLACED, _columns(change.entry), strict=True))
    values["record_hash"] = change.record_hash
    if "changed_at" in columns:
        values["changed_at"] = seen_at
    if "archived_at" in columns:
        values["archived_at"] = dates.archived_at(EntryId(change.id).at, now or seen_at)
    if "updated_at" in columns:
        said_at = min(change.entry.updated_at or seen_at, seen_at)
        values["updated_at"] = said_at if change.is_told else None
    return {"entry": change.id} | {f"new_{name}": value for name, value in values.items()}


_WRITTEN: dict[Extent, tuple[str, ...]] = {
    Extent.UNREST: ("updated_at",),
    Extent.UNWEIGHED: (),
    Extent.NOTHING: (),
    Extent.LOOKS: ("changed_at",),
    Extent.TEXT: ("changed_at", "updated_at", "archived_at"),
}
_FIXED = (
    "id",
    "feed_id",
    "category_id",
    "listed",
    "copied",
    "hour_rank",
    "identity",
    "record_hash",
    "guid",
    "public_id",
    "published_at",
    "dating",
    "first_seen_at",
    "changed_at",
    "story_keys",
    "archived_at",
)
_REPLACED = (
    "content_hash",
    "url",
    "title",
    "title_html",
    "summary",
    "authors",
    "categories",
    "enclosures",
    "language",
    "comments_url",
    "image",
    "origin",
)
_NEW = (*_FIXED, *_REPLACED)


def _columns(entry: CleanEntry) -> tuple[Any, ...]:
    """The columns `_REPLACED`, which a later version of an entry replaces."""
    return (
        entry.content_hash,
        entry.url,
        entry.title,
        None if entry.title_html == escape(entry.title) else entry.title_html,
        entry.summary,
        entry.authors,
        entry.categories,
        [_enclosure(enclosure) for enclosure in entry.enclosures],
        entry.language,
        entry.comments_url,
        entry.image,
        list(astuple(entry.origin)) if entry.origin else None,
    )


def _dating(entry: PlacedEntry) -> str:
    """Return the parts of `Dating` with tabs between them, the published text last."""
    date = entry.new.entry.date
    if date is None:
        return entry.reason
    return f"{entry.reason}\t{date.field}\t{date.form}\t{'sure' * date.sure}\t{date.text}"


def _enclosure(enclosure: Enclosure) -> list[Any]:
    values = [enclosure.url, enclosure.type, enclosure.length]
    return values if enclosure.duration is None else [*values, enclosure.duration]


def _allocate(connection: Connection, times: Sequence[datetime]) -> list[int]:
    """Return free ids; of several entries that are listed at one time the first has the highest."""
    at_once: dict[int, list[int]] = {}
    for position, at in enumerate(times):
        at_once.setdefault(EntryId.first_at(at), []).append(position)
    ids = [0] * len(times)
    for low, positions in at_once.items():
        for offset, position in enumerate(reversed(positions)):
            ids[position] = low + offset
    # Mostly nobody was there at these times, and one statement tells.
    taken = [found for chunk in chunks(ids) for found in connection.scalars(_TAKEN, {"ids": chunk})]
    for low in {EntryId.first_at(EntryId(found).at) for found in taken}:
        highest = connection.scalar(_HIGHEST, {"low": low, "high": low + IDS_PER_MILLISECOND})
        for position in at_once[low]:
            ids[position] += highest + 1 - low
    return ids


def count_within(connection: Connection, feed_id: int, start: datetime, end: datetime) -> int:
    """Return how many entries of a feed that are no copies stand from `start` to before `end`."""
    values = {"feed": feed_id, "low": EntryId.first_at(start), "high": EntryId.first_at(end)}
    return connection.scalar(_COUNT_WITHIN, values) or 0


_COUNT_WITHIN = select(func.count()).where(
    entries.c.feed_id == bindparam("feed"),
    entries.c.id >= bindparam("low"),
    entries.c.id < bindparam("high"),
    ~entries.c.copied,
)


def newest_places(
    connection: Connection, feed_ids: Collection[int], *, limit: int
) -> dict[int, list[datetime]]:
    """Return where the newest entries of feeds stand, at most `limit` of each, newest first."""
    found: dict[int, list[datetime]] = {}
    if not limit:  # `retention: {min_entries: 0}`; PostgreSQL refuses to leave out less than none
        return found
    for chunk in chunks(sorted(feed_ids)):
        for feed_id, entry_id in connection.execute(_NEWEST, {"feeds": chunk, "more": limit - 1}):
            found.setdefault(feed_id, []).append(EntryId(entry_id).at)
    return found
