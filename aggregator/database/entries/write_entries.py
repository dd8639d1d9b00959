"""New entries, and new versions of stored entries."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from html import escape
from typing import Any

from sqlalchemy import (
    Connection,
    Update,
    bindparam,
    func,
    select,
    update,
)

from aggregator.database.chunks import chunks, execute_for_each
from aggregator.database.columns import TimeSpan, UtcDateTime
from aggregator.database.dialects import insert_all, upsert
from aggregator.database.entries.write_keys import EntryKey, add_keys, replace_keys
from aggregator.database.lists import write_members
from aggregator.database.lists.read_member_changes import ListedRow
from aggregator.database.schema import contents, entries, feeds
from aggregator.database.stories.write_candidates import packed_keys
from aggregator.database.word_index import word_index
from aggregator.dedup import Change, ChangedEntry, NewEntry
from aggregator.model import IDS_PER_MILLISECOND, CleanEntry, Dating, EntryId
from aggregator.search.entry_words import EntryWords
from aggregator.search.predicate import SearchedEntry


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """A new entry with all decisions made when an entry is first seen.

    Attributes:
        story_keys: See `aggregator.stories`.
        copied: The entry is a copy of a listed original.
        reason: Why the entry stands at `listed_at`, in words.
    """

    feed_id: int
    new_entry: NewEntry
    listed_at: datetime
    public_id: str
    first_seen_at: datetime
    story_keys: tuple[int, ...] = ()
    copied: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A changed entry, and when the change was seen."""

    feed_id: int
    changed_entry: ChangedEntry
    seen_at: datetime

    @property
    def old_keys(self) -> list[EntryKey]:
        """Keys of the stored version only."""
        return [self._key(key) for key in self.changed_entry.old_keys]

    @property
    def new_keys(self) -> list[EntryKey]:
        """Keys of the new version only."""
        return [self._key(key) for key in self.changed_entry.keys]

    def _key(self, key: int) -> EntryKey:
        return EntryKey(self.feed_id, key, self.changed_entry.id)


@dataclass(frozen=True, slots=True)
class CorrectedDate:
    """A more exact time of publication of a stored entry; its place in the list stays."""

    id: int
    published_at: datetime
    precision: timedelta


def add_entries(
    connection: Connection, new_entries: Sequence[PlacedEntry], *, now: datetime | None = None
) -> list[int]:
    """Store new entries, and list them; of several at the same time the first stands highest.

    Args:
        now: When the entries are stored; None: when each was first seen.

    Returns:
        The ids, in the same order.
    """
    if not new_entries:
        return []
    ids = _allocate_ids(connection, [entry.listed_at for entry in new_entries])
    with_ids = list(zip(ids, new_entries, strict=True))
    rows = [
        (*_fixed_values(entry_id, entry), *_replaced_values(entry.new_entry.entry))
        for entry_id, entry in with_ids
    ]
    insert_all(connection, entries, _COLUMNS, rows)
    texts = [
        (entry_id, entry.new_entry.entry.content_html)
        for entry_id, entry in with_ids
        if entry.new_entry.entry.content_html
    ]
    insert_all(connection, contents, ("entry_id", "html"), texts)
    searched = {
        entry_id: SearchedEntry(entry.new_entry.entry, feed_id=entry.feed_id, place=entry_id)
        for entry_id, entry in with_ids
    }
    word_index(connection).add(connection, list(searched.values()))
    add_keys(
        connection,
        [
            EntryKey(entry.feed_id, key, entry_id)
            for entry_id, entry in with_ids
            for key in entry.new_entry.keys
        ],
    )
    _note_changes(
        connection,
        {entry.feed_id: entry.first_seen_at for entry in new_entries},
        new_counts=Counter(entry.feed_id for entry in new_entries),
    )
    write_members.list_rows(
        connection,
        [_listed_row(entry_id, entry) for entry_id, entry in with_ids],
        now=now or new_entries[0].first_seen_at,
        searched=searched,
    )
    return ids


def _listed_row(entry_id: int, entry: PlacedEntry) -> ListedRow:
    return ListedRow(entry_id, entry.feed_id, entry.copied, entry.first_seen_at, is_new=True)


def change_entries(
    connection: Connection, versions: Sequence[NewVersion], *, now: datetime | None = None
) -> None:
    """Store new versions of entries, and list them again; ids and places in the list stay.

    Any change but an update replaces the text and leaves all times.

    Args:
        now: When the versions are stored; None: when each was seen.
    """
    if not versions:
        return
    changed_entries = [version.changed_entry for version in versions]
    searched = {
        version.changed_entry.id: SearchedEntry(
            version.changed_entry.entry, feed_id=version.feed_id, place=version.changed_entry.id
        )
        for version in versions
    }
    _replace_texts(connection, versions, searched.values())
    replace_keys(
        connection,
        old_keys=[key for version in versions for key in version.old_keys],
        new_keys=[key for version in versions for key in version.new_keys],
    )
    seen_at = {
        version.feed_id: version.seen_at for version in versions if version.changed_entry.is_update
    }
    _note_changes(connection, seen_at, new_counts={})
    write_members.list_changed_entries(
        connection,
        searched,
        [entry.id for entry in changed_entries if entry.change is Change.TEXT],
        now=now or versions[0].seen_at,
    )


def correct_dates(connection: Connection, dates: Sequence[CorrectedDate]) -> None:
    """Store more exact dates; ids and places in the list stay."""
    rows = [
        {"entry": date.id, "new_published_at": date.published_at, "new_precision": date.precision}
        for date in dates
    ]
    execute_for_each(connection, _CORRECT_DATE, rows)


def _replace_texts(
    connection: Connection, versions: Sequence[NewVersion], words: Collection[EntryWords]
) -> None:
    """Store the texts and times of versions, and index the words of the texts."""
    changed_entries = [version.changed_entry for version in versions]
    index = word_index(connection)
    index.remove(connection, stored_words(connection, [entry.id for entry in changed_entries]))
    index.add(connection, list(words))
    for change, times in _TIMES.items():
        rows = [
            _version_values(version, times)
            for version in versions
            if version.changed_entry.change is change
        ]
        if rows:
            execute_for_each(connection, _update_entry(*times), rows)
    html = [{"entry_id": entry.id, "html": entry.entry.content_html} for entry in changed_entries]
    upsert(connection, contents, html, key=["entry_id"])


def stored_words(connection: Connection, ids: Sequence[int]) -> list[EntryWords]:
    """Return the words under which searches find stored entries."""
    return [
        EntryWords(*row)
        for chunk in chunks(ids)
        for row in connection.execute(_STORED_TEXTS, {"ids": chunk})
    ]


# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
_STORED_TEXTS = (
    select(
        entries.c.id,
        entries.c.feed_id,
        entries.c.title,
        entries.c.summary,
        func.coalesce(contents.c.html, ""),
        entries.c.authors,
        entries.c.categories,
    )
    .outerjoin(contents, contents.c.entry_id == entries.c.id)
    .where(entries.c.id.in_(bindparam("ids", expanding=True)))
)
_USED_IDS = select(entries.c.id).where(entries.c.id.in_(bindparam("ids", expanding=True)))
_HIGHEST = select(func.max(entries.c.id)).where(
    entries.c.id >= bindparam("low"), entries.c.id < bindparam("high")
)
_CORRECT_DATE = (
    update(entries)
    .where(entries.c.id == bindparam("entry"))
    .values(
        published_at=bindparam("new_published_at", type_=UtcDateTime),
        precision=bindparam("new_precision", type_=TimeSpan),
    )
)
_NOTE_CHANGES = (
    update(feeds)
    .where(feeds.c.id == bindparam("feed"))
    .values(
        entries=feeds.c.entries + bindparam("added"),
        last_change_at=bindparam("seen_at", type_=UtcDateTime),
    )
)


def _fixed_values(entry_id: int, entry: PlacedEntry) -> tuple[Any, ...]:
    """Return the values of `_FIXED`, the columns not replaced by later versions."""
    new_entry = entry.new_entry
    return (
        entry_id,
        entry.feed_id,
        entry.copied,
        new_entry.identity,
        new_entry.record_hash,
        new_entry.entry.guid,
        entry.public_id,
        new_entry.entry.published_at,
        new_entry.entry.date.precision if new_entry.entry.date else None,
        _dating(entry),
        entry.first_seen_at,
        entry.first_seen_at,
        packed_keys(entry.story_keys),
    )


def _note_changes(
    connection: Connection, seen_at: Mapping[int, datetime], *, new_counts: Mapping[int, int]
) -> None:
    """Note the time of changes at feeds, and count new entries.

    Args:
        seen_at: By feed id.
        new_counts: Numbers of new entries by feed id; 0 for all other feeds.
    """
    if seen_at:
        rows = [
            {"feed": feed_id, "added": new_counts.get(feed_id, 0), "seen_at": at}
            for feed_id, at in seen_at.items()
        ]
        execute_for_each(connection, _NOTE_CHANGES, rows)


@cache
def _update_entry(*times: str) -> Update:
    columns = (*_REPLACED, "record_hash", *times)
    return (
        update(entries)
        .where(entries.c.id == bindparam("entry"))
        .values({name: bindparam(f"new_{name}", type_=entries.c[name].type) for name in columns})
    )


def _version_values(version: NewVersion, times: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of `_update_entry`.

    Args:
        times: The columns of times to set.
    """
    changed_entry, seen_at = version.changed_entry, version.seen_at
    values = dict(zip(_REPLACED, _replaced_values(changed_entry.entry), strict=True))
    values["record_hash"] = changed_entry.record_hash
    if "changed_at" in times:
        values["changed_at"] = seen_at
    if "updated_at" in times:
        updated_at = min(changed_entry.entry.updated_at or seen_at, seen_at)
        values["updated_at"] = updated_at if changed_entry.is_update else None
    return {"entry": changed_entry.id} | {f"new_{name}": value for name, value in values.items()}


_TIMES: dict[Change, tuple[str, ...]] = {
    Change.NOISE: ("updated_at",),
    Change.UNCOMPARED: (),
    Change.TRIVIAL: (),
    Change.MARKUP: ("changed_at",),
    Change.TEXT: ("changed_at", "updated_at"),
}
_FIXED = (
    "id",
    "feed_id",
    "copied",
    "identity",
    "record_hash",
    "guid",
    "public_id",
    "published_at",
    "precision",
    "dating",
    "first_seen_at",
    "changed_at",
    "story_keys",
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
_COLUMNS = (*_FIXED, *_REPLACED)


def _replaced_values(entry: CleanEntry) -> tuple[Any, ...]:
    """Return the values of `_REPLACED`, the columns replaced by later versions."""
    return (
        entry.content_hash,
        entry.url,
        entry.title,
        None if entry.title_html == escape(entry.title) else entry.title_html,
        entry.summary,
        entry.authors,
        entry.categories,
        entry.enclosures,
        entry.language,
        entry.comments_url,
        entry.image,
        entry.origin,
    )


def _dating(entry: PlacedEntry) -> Dating:
    date = entry.new_entry.entry.date
    if date is None:
        return Dating(entry.reason)
    return Dating(entry.reason, date.text, date.field, date.form, is_certain=date.is_certain)


def _allocate_ids(connection: Connection, times: Sequence[datetime]) -> list[int]:
    """Return free ids; of several entries at the same place the first has the highest id."""
    positions_at: dict[int, list[int]] = {}
    for position, at in enumerate(times):
        positions_at.setdefault(EntryId.first_at(at), []).append(position)
    ids = [0] * len(times)
    for first_id, positions in positions_at.items():
        for offset, position in enumerate(reversed(positions)):
            ids[position] = first_id + offset
    # Mostly no entry stands at these times, which one statement finds out.
    used_ids = [
        used_id
        for chunk in chunks(ids)
        for used_id in connection.scalars(_USED_IDS, {"ids": chunk})
    ]
    for first_id in {EntryId.first_at(EntryId(used_id).at) for used_id in used_ids}:
        bounds = {"low": first_id, "high": first_id + IDS_PER_MILLISECOND}
        highest = connection.scalar(_HIGHEST, bounds)
        for position in positions_at[first_id]:
            ids[position] += highest + 1 - first_id
    return ids
