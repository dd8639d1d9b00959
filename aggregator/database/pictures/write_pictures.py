"""Pictures that are fetched, stored as files, and forgotten."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from aggregator.database.chunks import chunks
from aggregator.database.columns import UtcDateTime
from aggregator.database.dialects import wait_for_writers
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.picture_tables import entry_pictures, pictures
from aggregator.database.pictures.read_room import room
from aggregator.database.pictures.write_choices import (
    EVICTED,
    has_unchosen,
    make_next_due,
    note_entries,
)
from aggregator.database.schema import feeds
from aggregator.model import DuePicture, FetchedPicture
from aggregator.pictures.picture_sizes import PictureSize, may_lead

_MAX_CANDIDATES = 200  # due pictures that are looked at, as some sites have many


def claim_due(
    connection: Connection,
    *,
    now: datetime,
    until: datetime,
    limit: int,
    busy: Collection[str],
    waiting: Collection[str] = (),
    max_size: int,
) -> list[DuePicture]:
    """Return up to `limit` due pictures, newest first, each of another site.

    Pictures for `evict` to remove at once count as evicted, without a request.

    Args:
        until: No process fetches the same pictures before; after a kill they are due then.
        busy: Sites to leave alone just now.
        waiting: Sites with a turn in the future, after all others.
        max_size: Bytes of all files together.
    """
    rows = connection.execute(_DUE, {"now": now, "busy": sorted(busy)}).all()
    if not rows:
        return []
    room_now = room(connection, max_size=max_size)
    claimed: dict[object, DuePicture] = {}
    superfluous: list[int] = []
    for *values, size in sorted(rows, key=lambda row: row.site in waiting):
        picture = DuePicture(*values)
        if not room_now.has_for(picture.place, size):
            superfluous.append(picture.id)
        elif len(claimed) < limit:
            claimed.setdefault(picture.site or picture.id, picture)
    if superfluous:
        connection.execute(_GIVE_UP, {"ids": superfluous})
    if claimed:
        ids = [picture.id for picture in claimed.values()]
        connection.execute(_CLAIM, {"ids": ids, "until": until})
    return list(claimed.values())


def store_outcomes(
    connection: Connection, outcomes: Sequence[FetchedPicture], *, now: datetime
) -> None:
    """Store what became of due pictures; where one can't lead its entries, the next one is due."""
    if outcomes:
        wait_for_writers(connection)  # first: `state` is locked before all other tables
    if any(outcome.stored for outcome in outcomes):
        note_change(connection)
    for outcome in outcomes:
        connection.execute(_STORE, _values(outcome))
    unfit = [outcome.due.id for outcome in outcomes if not _leads(outcome)]
    for chunk in chunks(unfit):
        entry_ids = connection.scalars(_USES, {"ids": chunk}).all()
        make_next_due(connection, entry_ids, now)


def _leads(outcome: FetchedPicture) -> bool:
    stored = outcome.stored
    return stored is not None and may_lead(PictureSize(stored.width, stored.height))


def _values(outcome: FetchedPicture) -> dict[str, Any]:
    stored = outcome.stored
    is_settled = outcome.again_at is None
    is_inline = outcome.due.url.startswith("data:")
    return {
        "picture": outcome.due.id,
        "new_url": "" if is_settled and is_inline else outcome.due.url,
        "new_key": stored.key if stored else None,
        "new_width": stored.width if stored else None,
        "new_height": stored.height if stored else None,
        "new_size": outcome.size,
        "new_failure": outcome.failure or None,
        "new_attempts": outcome.due.attempts + (outcome.is_attempt and stored is None),
        "again_at": outcome.again_at,
    }


def has_due(connection: Connection, *, now: datetime) -> bool:
    """Return whether pictures are to be chosen or fetched."""
    return has_unchosen(connection) or bool(connection.scalar(_HAS_DUE, {"now": now}))


def evict(connection: Connection, *, max_size: int) -> list[str]:
    """Take the pictures of the oldest entries off pages, until all files have `max_size` bytes.

    Returns:
        Keys of files that nothing needs any more.
    """
    surplus = -room(connection, max_size=max_size).free
    if surplus <= 0:
        return []
    doomed: list[int] = []
    keys: list[str] = []
    for row in connection.execute(_OLDEST):
        if surplus <= 0:
            break
        surplus -= row.size
        doomed.append(row.id)
        keys.append(row.file_key)
    if doomed:
        note_change(connection)
    for chunk in chunks(doomed):
        connection.execute(_EVICT, {"ids": chunk})
    return _unused(connection, keys)


def readmit(connection: Connection, *, max_size: int, now: datetime) -> int:
    """Make evicted pictures due again, the newest first, as many as have room; return how many.

    The first that has no room is the last to be considered, so that none is evicted soon after.
    """
    rows = connection.execute(_NEWEST_EVICTED).all()
    free = max_size - (connection.scalar(_KNOWN_SIZE) or 0)
    average = room(connection, max_size=max_size).average if rows else 0
    due_ids: list[int] = []
    ids_within_texts: list[int] = []
    for picture_id, url, size in rows:
        free -= size or average
        if free < 0:
            break
        (due_ids if url else ids_within_texts).append(picture_id)
    for chunk in chunks(due_ids):
        connection.execute(_READMIT, {"ids": chunk, "now": now})
    _choose_again(connection, ids_within_texts)
    return len(due_ids) + len(ids_within_texts)


def delete_unused(connection: Connection, *, limit: int) -> tuple[int, list[str]]:
    """Delete up to `limit` pictures that no entry has.

    Returns:
        The number of deleted pictures, and the keys of files that nothing needs any more.
    """
    wait_for_writers(connection)  # no other process gives these pictures to entries
    rows = connection.execute(_WITHOUT_USE, {"limit": limit}).all()
    for chunk in chunks([row.id for row in rows]):
        connection.execute(delete(pictures).where(pictures.c.id.in_(chunk)))
    return len(rows), _unused(connection, [row.file_key for row in rows if row.file_key])


def fetch_again(connection: Connection, keys: Iterable[str], *, now: datetime) -> None:
    """Make pictures due again whose files are missing; those within texts are chosen again."""
    for chunk in chunks(sorted(keys)):
        connection.execute(_FETCH_AGAIN, {"keys": chunk, "now": now})
        _choose_again(connection, connection.scalars(_WITHIN_TEXTS, {"keys": chunk}).all())


def _choose_again(connection: Connection, ids: Sequence[int]) -> None:
    """Delete pictures, and note the entries that have them."""
    for chunk in chunks(ids):
        of_pictures = entry_pictures.c.picture_id.in_(chunk)
        entry_ids = connection.scalars(select(entry_pictures.c.entry_id).where(of_pictures)).all()
        note_entries(connection, set(entry_ids))
        connection.execute(delete(entry_pictures).where(of_pictures))
        connection.execute(delete(pictures).where(pictures.c.id.in_(chunk)))


def _unused(connection: Connection, keys: Sequence[str]) -> list[str]:
    """Return the keys that no picture has: equal pictures of two addresses share their files."""
    unused = set(keys)
    for chunk in chunks(sorted(unused)):
        unused -= set(connection.scalars(_USED_KEYS, {"keys": chunk}))
    return sorted(unused)


_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_IS_USED = exists(
    select(literal(1)).where(entry_pictures.c.picture_id == pictures.c.id).correlate(pictures)
)
_DUE = (
    select(
        pictures.c.id,
        pictures.c.url,
        pictures.c.site,
        func.coalesce(feeds.c.url, ""),
        pictures.c.attempts,
        feeds.c.request_digest,
        pictures.c.place,
        pictures.c.size,
    )
    .outerjoin(feeds, feeds.c.id == pictures.c.feed_id)
    .where(
        pictures.c.next_at.is_not(None),
        pictures.c.next_at <= bindparam("now", type_=UtcDateTime),
        pictures.c.site.not_in(bindparam("busy", expanding=True)),
        _IS_USED,  # pictures may have been turned off meanwhile
    )
    .order_by(pictures.c.place.desc())
    .limit(_MAX_CANDIDATES)
    .with_for_update(of=pictures, skip_locked=True)
)
_HAS_DUE = select(
    exists(
        select(pictures.c.id).where(
            pictures.c.next_at.is_not(None),
            pictures.c.next_at <= bindparam("now", type_=UtcDateTime),
            _IS_USED,
        )
    )
)
_CLAIM = (
    update(pictures)
    .where(pictures.c.id.in_(_IDS))
    .values(next_at=bindparam("until", type_=UtcDateTime))
)
_STORE = (
    update(pictures)
    .where(pictures.c.id == bindparam("picture"))
    .values(
        url=bindparam("new_url"),
        file_key=bindparam("new_key"),
        width=bindparam("new_width"),
        height=bindparam("new_height"),
        size=bindparam("new_size"),
        failure=bindparam("new_failure"),
        attempts=bindparam("new_attempts"),
        next_at=bindparam("again_at", type_=UtcDateTime),
    )
)
_USES = select(entry_pictures.c.entry_id).where(
    entry_pictures.c.picture_id.in_(_IDS), entry_pictures.c.may_lead
)
_OLDEST = (
    select(pictures.c.id, pictures.c.size, pictures.c.file_key)
    .where(pictures.c.file_key.is_not(None))
    .order_by(pictures.c.place)
    .limit(1000)
)
_EVICT = update(pictures).where(pictures.c.id.in_(_IDS)).values(file_key=None, failure=EVICTED)
_GIVE_UP = update(pictures).where(pictures.c.id.in_(_IDS)).values(next_at=None, failure=EVICTED)
_KNOWN_SIZE = select(func.sum(pictures.c.size)).where(
    or_(pictures.c.file_key.is_not(None), pictures.c.next_at.is_not(None))
)
_NEWEST_EVICTED = (
    select(pictures.c.id, pictures.c.url, pictures.c.size)
    .where(pictures.c.failure == EVICTED, _IS_USED)
    .order_by(pictures.c.place.desc())
    .limit(1000)
)
_READMIT = (
    update(pictures)
    .where(pictures.c.id.in_(_IDS))
    .values(failure=None, next_at=bindparam("now", type_=UtcDateTime))
)
_WITHOUT_USE = select(pictures.c.id, pictures.c.file_key).where(~_IS_USED).limit(bindparam("limit"))
_USED_KEYS = select(pictures.c.file_key).where(
    pictures.c.file_key.in_(bindparam("keys", expanding=True))
)
_FETCH_AGAIN = (
    update(pictures)
    .where(pictures.c.file_key.in_(bindparam("keys", expanding=True)), pictures.c.url != "")
    .values(file_key=None, size=0, next_at=bindparam("now", type_=UtcDateTime))
)
_WITHIN_TEXTS = select(pictures.c.id).where(
    pictures.c.file_key.in_(bindparam("keys", expanding=True)), pictures.c.url == ""
)
