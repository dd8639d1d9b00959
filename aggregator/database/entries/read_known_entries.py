"""Stored entries, for the comparison with the entries of a document."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from html import escape

from sqlalchemy import Connection, Integer, bindparam, func, select

from aggregator.database.chunks import chunks
from aggregator.database.schema import contents, entries, feeds
from aggregator.dedup import EntryText, KnownEntry
from aggregator.model import LOWEST_ID, EntryId

# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
_SELECT_KNOWN = select(*(entries.c[field.name] for field in fields(KnownEntry)))
_KNOWN_BY_IDENTITY = _SELECT_KNOWN.where(
    entries.c.identity.in_(bindparam("identities", expanding=True))
)
_KNOWN_BY_ID = _SELECT_KNOWN.where(entries.c.id.in_(bindparam("ids", expanding=True)))
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
_newest = entries.alias("newest")
_last_place = (
    select(_newest.c.id)
    .where(_newest.c.feed_id == feeds.c.id)
    .order_by(_newest.c.id.desc())
    .offset(bindparam("limit_less_one", type_=Integer))
    .limit(1)
    .scalar_subquery()
)
_NEWEST_PLACES = (
    select(entries.c.feed_id, entries.c.id)
    .join_from(feeds, entries, entries.c.feed_id == feeds.c.id)
    .where(
        feeds.c.id.in_(bindparam("feeds", expanding=True)),
        entries.c.id >= func.coalesce(_last_place, LOWEST_ID),
    )
    .order_by(entries.c.feed_id, entries.c.id.desc())
)


def known_by_identity(connection: Connection, identities: Collection[bytes]) -> list[KnownEntry]:
    """Return the stored entries of any feed with an identity among `identities`."""
    return [
        KnownEntry(*row)
        for chunk in chunks(sorted(identities))
        for row in connection.execute(_KNOWN_BY_IDENTITY, {"identities": chunk})
    ]


def known_by_id(connection: Connection, ids: Collection[int]) -> list[KnownEntry]:
    """Return the stored entries with an id among `ids`."""
    return [
        KnownEntry(*row)
        for chunk in chunks(sorted(ids))
        for row in connection.execute(_KNOWN_BY_ID, {"ids": chunk})
    ]


def stored_texts(connection: Connection, ids: Sequence[int]) -> dict[int, EntryText]:
    """Return the stored title and text of entries, by id."""
    return {
        row.id: EntryText(escape(row.title) if row.title_html is None else row.title_html, row[3])
        for chunk in chunks(ids)
        for row in connection.execute(_TEXTS, {"ids": chunk})
    }


def newest_places(
    connection: Connection, feed_ids: Collection[int], *, limit: int
) -> dict[int, list[datetime]]:
    """Return where the newest entries of feeds stand, at most `limit` of each, newest first."""
    places: dict[int, list[datetime]] = {}
    if not limit:  # `retention: {min_entries: 0}`; PostgreSQL refuses a negative offset
        return places
    for chunk in chunks(sorted(feed_ids)):
        values = {"feeds": chunk, "limit_less_one": limit - 1}
        for feed_id, entry_id in connection.execute(_NEWEST_PLACES, values):
            places.setdefault(feed_id, []).append(EntryId(entry_id).at)
    return places
