"""The tables of pictures; see `schema`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from aggregator.database.columns import UtcDateTime
from aggregator.database.schema import metadata

pictures = Table(
    "pictures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("address_hash", LargeBinary, nullable=False, unique=True),
    Column("url", Text, nullable=False),  # "" for a stored picture that stood within a text
    Column("site", Text, nullable=False),
    Column("feed_id", Integer, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("file_key", Text),  # NULL without files
    Column("width", Integer),
    Column("height", Integer),
    Column("size", BigInteger, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_at", UtcDateTime),
    Column("failure", Text),
)
"""Addresses of pictures; each is fetched once, for all entries that have the picture.

A picture with a `file_key` is stored, in the two sizes of `aggregator.pictures.picture_sizes`; one
with `next_at` is to be fetched; one with a `failure` alone is given up.  `place` is the id of the
newest entry with the picture, `feed_id` its feed.  `size` counts the bytes of both files, also of
those that had to make room for newer ones.
"""
_DUE, _STORED = text("next_at IS NOT NULL"), text("file_key IS NOT NULL")
Index("ix_pictures_due", pictures.c.place, sqlite_where=_DUE, postgresql_where=_DUE)
Index(
    "ix_pictures_stored",
    pictures.c.place,
    pictures.c.size,
    sqlite_where=_STORED,
    postgresql_where=_STORED,
)
Index("ix_pictures_file", pictures.c.file_key, sqlite_where=_STORED, postgresql_where=_STORED)

entry_pictures = Table(
    "entry_pictures",
    metadata,
    Column(
        "entry_id",
        ForeignKey("entries.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("picture_id", Integer, nullable=False),
    Column("may_lead", Boolean, nullable=False),
    Index("ix_entry_pictures_picture", "picture_id"),
    sqlite_with_rowid=False,
)
"""The pictures of each entry in order of preference; the first that `may_lead` leads the entry."""

unchosen_pictures = Table(
    "unchosen_pictures",
    metadata,
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),  # 0: the newest ones
    Column(
        "feed_id",
        ForeignKey("feeds.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    sqlite_with_rowid=False,
)
"""Entries whose pictures are still to be chosen.  Without a foreign key of entries: those that were
deleted meanwhile are passed over."""
