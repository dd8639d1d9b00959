"""Which pictures entries have: noted when entries are stored, chosen soon after.

Choosing reads texts, so the transaction that stores a poll only notes the ids of its entries.  The
stage that fetches pictures goes on from there, also after a kill.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    null,
    select,
    tuple_,
    update,
)

from aggregator import urls
from aggregator.database.chunks import chunks
from aggregator.database.columns import UtcDateTime
from aggregator.database.dialects import upsert, wait_for_writers
from aggregator.database.picture_tables import entry_pictures, pictures, unchosen_pictures
from aggregator.database.schema import contents, entries, feeds
from aggregator.model import Enclosure, PictureMode
from aggregator.pictures.picture_choice import ChosenPicture, address_hash
from aggregator.pictures.picture_sizes import PictureSize, may_lead

ENTRIES_PER_FEED = 100
"""Newest entries of a feed whose pictures are fetched."""

EVICTED = "removed: page.pictures_size"
"""The failure of a picture for which there is no room."""

_WHOLE_FEED = 0  # in place of an id


@dataclass(frozen=True, slots=True)
class UnchosenEntry:
    """An entry whose pictures are to be chosen."""

    id: int
    feed_id: int
    mode: PictureMode
    image: str | None
    enclosures: tuple[Enclosure, ...]
    html: str


def note_entries(connection: Connection, entry_ids: Collection[int]) -> None:
    """Note new and changed entries of feeds with pictures."""
    for chunk in chunks(sorted(entry_ids)):
        rows = connection.execute(_OF_FEEDS_WITH_PICTURES, {"ids": chunk})
        _note(connection, [(row.feed_id, row.id) for row in rows])


def note_feeds(connection: Connection, modes: Mapping[int, PictureMode]) -> None:
    """Forget which pictures the entries of feeds have; note the newest ones of feeds with pictures.

    Args:
        modes: By the ids of feeds.
    """
    for chunk in chunks(sorted(modes)):
        connection.execute(_FORGET_FEEDS, {"ids": chunk})
        connection.execute(_UNNOTE_FEEDS, {"ids": chunk})
    with_pictures = [feed_id for feed_id in modes if modes[feed_id] is not PictureMode.OFF]
    _note(connection, [(feed_id, _WHOLE_FEED) for feed_id in with_pictures])


def _note(connection: Connection, keys: Sequence[tuple[int, int]]) -> None:
    rows = [{"feed_id": feed_id, "entry_id": entry_id} for feed_id, entry_id in keys]
    upsert(connection, unchosen_pictures, rows, key=["feed_id", "entry_id"])


def has_unchosen(connection: Connection) -> bool:
    """Return whether pictures are to be chosen."""
    return bool(connection.scalar(_HAS_UNCHOSEN))


def unchosen_entries(connection: Connection, limit: int) -> list[UnchosenEntry]:
    """Return the newest entries whose pictures are to be chosen, and note them no more.

    The entries of one more feed are noted, if `note_feeds` has noted any feed; so the list may be
    empty although pictures of other feeds are to be chosen (`has_unchosen`).
    """
    if not has_unchosen(connection):
        return []
    wait_for_writers(connection)  # no other process deletes pictures that are found here
    feed_id = connection.scalar(_NOTED_FEED)
    if feed_id is not None:
        bounds = {"feed": feed_id, "limit": ENTRIES_PER_FEED}
        ids = connection.scalars(_NEWEST, bounds).all()
        _note(connection, [(feed_id, entry_id) for entry_id in ids])
        connection.execute(_UNNOTE, {"keys": [(feed_id, _WHOLE_FEED)]})
    keys = [tuple(row) for row in connection.execute(_NOTED, {"limit": limit})]
    if not keys:
        return []
    connection.execute(_UNNOTE, {"keys": keys})
    rows = connection.execute(_UNCHOSEN, {"ids": [entry_id for _, entry_id in keys]})
    unchosen = [UnchosenEntry(*row) for row in rows]
    return [entry for entry in unchosen if _is_new(connection, entry)]


def store_choice(
    connection: Connection, entry: UnchosenEntry, choice: Sequence[ChosenPicture], now: datetime
) -> None:
    """Store the pictures of an entry in order of preference, and make the first ones due."""
    connection.execute(delete(entry_pictures).where(entry_pictures.c.entry_id == entry.id))
    if not choice:
        return
    by_hash = {address_hash(picture.url): picture for picture in choice}
    ids = _stored_ids(connection, entry, by_hash)
    connection.execute(
        entry_pictures.insert(),
        [
            {
                "entry_id": entry.id,
                "position": position,
                "picture_id": ids[key],
                "may_lead": picture.may_lead,
            }
            for position, (key, picture) in enumerate(by_hash.items())
        ],
    )
    if entry.mode is PictureMode.ALL:
        connection.execute(_MAKE_DUE, {"ids": list(ids.values()), "now": now})
    else:
        make_next_due(connection, [entry.id], now)


def _stored_ids(
    connection: Connection, entry: UnchosenEntry, by_hash: Mapping[bytes, ChosenPicture]
) -> dict[bytes, int]:
    """Store the addresses that are new, and return the ids of all by their hashes."""
    rows = [
        {
            "address_hash": key,
            "url": picture.url,
            "site": urls.site_of(picture.url) if urls.is_web(picture.url) else "",
            "feed_id": entry.feed_id,
            "place": entry.id,
        }
        for key, picture in by_hash.items()
    ]
    upsert(connection, pictures, rows, key=["address_hash"], replaced=[])
    hashes = {"hashes": list(by_hash)}
    connection.execute(_MOVE_UP, hashes | {"entry": entry.id, "feed": entry.feed_id})
    return {row.address_hash: row.id for row in connection.execute(_IDS, hashes)}


def make_next_due(connection: Connection, entry_ids: Collection[int], now: datetime) -> None:
    """Make the next picture due that may lead each entry, unless a better one leads or is due."""
    next_ids: set[int] = set()
    for chunk in chunks(sorted(entry_ids)):
        rows = connection.execute(_CANDIDATES, {"entries": chunk})
        for _, candidates in groupby(rows, key=attrgetter("entry_id")):
            next_ids.update(_next_id(candidates))
    for ids in chunks(sorted(next_ids)):
        connection.execute(_MAKE_DUE, {"ids": ids, "now": now})


def _next_id(candidates: Iterable[Any]) -> Iterable[int]:
    """Yield the id of the picture of an entry that is to be fetched next, if any is.

    Args:
        candidates: In order of preference.
    """
    for row in candidates:
        if row.file_key is not None and may_lead(PictureSize(row.width, row.height)):
            return
        if row.failure is None and row.file_key is None:
            if row.next_at is None:
                yield row.id
            return


def _is_new(connection: Connection, entry: UnchosenEntry) -> bool:
    """Whether an entry is one of the newest of its feed."""
    bounds = {"feed": entry.feed_id, "limit_less_one": ENTRIES_PER_FEED - 1}
    last_id = connection.scalar(_LAST, bounds)
    return last_id is None or entry.id >= last_id


_OF_FEEDS_WITH_PICTURES = (
    select(entries.c.id, entries.c.feed_id)
    .join(feeds, feeds.c.id == entries.c.feed_id)
    .where(entries.c.id.in_(bindparam("ids", expanding=True)), feeds.c.pictures.is_not(None))
)
_FEED_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_FORGET_FEEDS = delete(entry_pictures).where(
    select(literal(1))
    .where(entries.c.id == entry_pictures.c.entry_id, entries.c.feed_id.in_(_FEED_IDS))
    .exists()
)
_UNNOTE_FEEDS = delete(unchosen_pictures).where(unchosen_pictures.c.feed_id.in_(_FEED_IDS))
_HAS_UNCHOSEN = select(exists(select(unchosen_pictures.c.entry_id)))
_NOTED_FEED = (
    select(unchosen_pictures.c.feed_id).where(unchosen_pictures.c.entry_id == _WHOLE_FEED).limit(1)
)
_NEWEST = (
    select(entries.c.id)
    .where(entries.c.feed_id == bindparam("feed"))
    .order_by(entries.c.id.desc())
    .limit(bindparam("limit"))
)
_LAST = (
    select(entries.c.id)
    .where(entries.c.feed_id == bindparam("feed"))
    .order_by(entries.c.id.desc())
    .offset(bindparam("limit_less_one"))
    .limit(1)
)
_NOTED = (
    select(unchosen_pictures.c.feed_id, unchosen_pictures.c.entry_id)
    .where(unchosen_pictures.c.entry_id != _WHOLE_FEED)
    .order_by(unchosen_pictures.c.entry_id.desc())
    .limit(bindparam("limit"))
)
_UNNOTE = delete(unchosen_pictures).where(
    tuple_(unchosen_pictures.c.feed_id, unchosen_pictures.c.entry_id).in_(
        bindparam("keys", expanding=True)
    )
)
_UNCHOSEN = (
    select(
        entries.c.id,
        entries.c.feed_id,
        feeds.c.pictures,
        entries.c.image,
        entries.c.enclosures,
        func.coalesce(contents.c.html, ""),
    )
    .join(feeds, feeds.c.id == entries.c.feed_id)
    .outerjoin(contents, contents.c.entry_id == entries.c.id)
    .where(entries.c.id.in_(bindparam("ids", expanding=True)), feeds.c.pictures.is_not(None))
)
_MOVE_UP = (
    update(pictures)
    .where(
        pictures.c.address_hash.in_(bindparam("hashes", expanding=True)),
        pictures.c.place < bindparam("entry"),
    )
    .values(
        place=bindparam("entry"),
        feed_id=bindparam("feed"),
        # For the picture of a newer entry an older one makes room.
        failure=case(
            (and_(pictures.c.failure == EVICTED, pictures.c.url != ""), null()),
            else_=pictures.c.failure,
        ),
    )
)
_IDS = select(pictures.c.address_hash, pictures.c.id).where(
    pictures.c.address_hash.in_(bindparam("hashes", expanding=True))
)
_MAKE_DUE = (
    update(pictures)
    .where(
        pictures.c.id.in_(bindparam("ids", expanding=True)),
        pictures.c.file_key.is_(None),
        pictures.c.next_at.is_(None),
        pictures.c.failure.is_(None),
    )
    .values(next_at=bindparam("now", type_=UtcDateTime))
)
_CANDIDATES = (
    select(
        entry_pictures.c.entry_id,
        pictures.c.id,
        pictures.c.file_key,
        pictures.c.width,
        pictures.c.height,
        pictures.c.next_at,
        pictures.c.failure,
    )
    .join(entry_pictures, entry_pictures.c.picture_id == pictures.c.id)
    .where(
        entry_pictures.c.entry_id.in_(bindparam("entries", expanding=True)),
        entry_pictures.c.may_lead,
    )
    .order_by(entry_pictures.c.entry_id, entry_pictures.c.position)
)
