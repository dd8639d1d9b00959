"""What entries may be known by besides their identity, filled in from what is stored."""

import sqlalchemy as sa
from alembic import op

from aggregator.database.migrations.frozen.entry_identity import key_numbers

revision = "0006"
down_revision = "0005"

_AT_ONCE = 1000
_ROWS = sa.text(
    "SELECT id, feed_id, guid, url, title, content_hash FROM entries "
    "WHERE id > :last ORDER BY id LIMIT :limit"
)
_ADD = sa.text(
    "INSERT INTO entry_keys (feed_id, key, entry_id) VALUES (:feed, :key, :entry) "
    "ON CONFLICT (feed_id, key) DO UPDATE SET entry_id = NULL"
)


def upgrade() -> None:
    """Make the table, and what feeds need to go with it.

    What feeds remember of their last document gets another form: the next one is read whole.
    """
    op.create_table(
        "entry_keys",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger()),
        sa.Column("gone_before", sa.BigInteger()),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feed_id", "key"),
        sqlite_with_rowid=False,
    )
    gone = sa.text("gone_before IS NOT NULL")
    op.create_index(
        "ix_entry_keys_gone",
        "entry_keys",
        ["gone_before"],
        sqlite_where=gone,
        postgresql_where=gone,
    )
    op.add_column("feeds", sa.Column("habits", sa.Text()))
    op.execute("UPDATE feeds SET memory = NULL")
    _fill()


def _fill() -> None:
    connection, last = op.get_bind(), -(1 << 63)
    while rows := connection.execute(_ROWS, {"last": last, "limit": _AT_ONCE}).all():
        keys = [
            {"feed": row.feed_id, "key": key, "entry": row.id}
            for row in rows
            for key in key_numbers(row.guid, row.url, row.title, bytes(row.content_hash))
        ]
        connection.execute(_ADD, keys)
        last = rows[-1].id
