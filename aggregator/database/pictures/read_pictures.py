"""Pictures for pages."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from aggregator.database.chunks import chunks
from aggregator.database.picture_tables import entry_pictures, pictures
from aggregator.model import PictureState, StoredPicture
from aggregator.pictures.picture_sizes import MIN_LEAD_HEIGHT, MIN_LEAD_WIDTH

_STORED = (pictures.c.file_key, pictures.c.width, pictures.c.height)
_LEADS = (
    select(entry_pictures.c.entry_id, *_STORED)
    .join(pictures, pictures.c.id == entry_pictures.c.picture_id)
    .where(
        entry_pictures.c.entry_id.in_(bindparam("ids", expanding=True)),
        entry_pictures.c.may_lead,
        pictures.c.file_key.is_not(None),
        pictures.c.width >= MIN_LEAD_WIDTH,
        pictures.c.height >= MIN_LEAD_HEIGHT,
    )
    .order_by(entry_pictures.c.entry_id, entry_pictures.c.position.desc())
)
_OF_ENTRY = (
    select(pictures.c.address_hash, *_STORED)
    .join(entry_pictures, entry_pictures.c.picture_id == pictures.c.id)
    .where(entry_pictures.c.entry_id == bindparam("entry"), pictures.c.file_key.is_not(None))
)
_STATES = (
    select(pictures.c.url, *_STORED, pictures.c.failure, pictures.c.next_at)
    .join(entry_pictures, entry_pictures.c.picture_id == pictures.c.id)
    .where(entry_pictures.c.entry_id == bindparam("entry"))
    .order_by(entry_pictures.c.position)
)
_KEYS = select(pictures.c.file_key).where(pictures.c.file_key.is_not(None)).distinct()


def lead_pictures(connection: Connection, ids: Sequence[int]) -> dict[int, StoredPicture]:
    """Return the picture that leads each entry, by the entry's id; entries without one are out."""
    return {
        entry_id: StoredPicture(*values)  # the best comes last
        for chunk in chunks(ids)
        for entry_id, *values in connection.execute(_LEADS, {"ids": chunk})
    }


def pictures_of_entry(connection: Connection, entry_id: int) -> dict[bytes, StoredPicture]:
    """Return the stored pictures of an entry by the hashes of their addresses."""
    rows = connection.execute(_OF_ENTRY, {"entry": entry_id})
    return {address_hash: StoredPicture(*values) for address_hash, *values in rows}


def picture_states(connection: Connection, entry_id: int) -> list[PictureState]:
    """Return what became of the pictures of an entry, in order of preference."""
    return [
        PictureState(
            url, None if key is None else StoredPicture(key, width, height), failure or "", next_at
        )
        for url, key, width, height, failure, next_at in connection.execute(
            _STATES, {"entry": entry_id}
        )
    ]


def file_keys(connection: Connection) -> set[str]:
    """Return the keys of all files that pages show."""
    return set(connection.scalars(_KEYS))
