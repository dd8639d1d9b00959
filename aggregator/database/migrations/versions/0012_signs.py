"""Search finds Chinese and Japanese words within a row of signs (SQLite).

The index of entries with such signs is written anew; the others are only read.
"""

from alembic import op
from sqlalchemy import text

from aggregator.database.migrations.frozen.indexed_texts import spaced, words

revision = "0012"
down_revision = "0011"

_AT_ONCE = 500
_TEXTS = text(
    "SELECT id, title, summary, coalesce(html, '') FROM entries "
    "LEFT JOIN contents ON entry_id = id WHERE id > :last ORDER BY id LIMIT :limit"
)
_FORGET = text(
    "INSERT INTO entries_text (entries_text, rowid, title, summary, content) "
    "VALUES ('delete', :id, :title, :summary, :content)"
)
_INDEX = text(
    "INSERT INTO entries_text (rowid, title, summary, content) "
    "VALUES (:id, :title, :summary, :content)"
)
_NAMES = ("id", "title", "summary", "content")


def upgrade() -> None:
    """Take the texts with signs out as they were put in, and put them in anew."""
    if op.get_bind().dialect.name != "sqlite":
        return
    connection, last = op.get_bind(), -(1 << 63)
    while rows := connection.execute(_TEXTS, {"last": last, "limit": _AT_ONCE}).all():
        last = rows[-1][0]
        others = [row for row in rows if any(spaced(each) != each for each in row[1:])]
        if others:
            old = [(*row[:3], words(row[3])) for row in others]
            new = [(row[0], *map(spaced, row[1:])) for row in old]
            connection.execute(_FORGET, [dict(zip(_NAMES, row, strict=True)) for row in old])
            connection.execute(_INDEX, [dict(zip(_NAMES, row, strict=True)) for row in new])
