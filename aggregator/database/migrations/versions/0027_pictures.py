"""Pictures of entries, and which of a feed are fetched."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add a column and three tables; no feed has pictures before config.yaml says so."""
    op.add_column("feeds", sa.Column("pictures", sa.Text()))
    op.create_table(
        "pictures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("file_key", sa.Text()),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
        sa.Column("size", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_at", sa.BigInteger()),
        sa.Column("failure", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address_hash"),
    )
    _index("ix_pictures_due", ["place"], "next_at IS NOT NULL")
    _index("ix_pictures_stored", ["place", "size"], "file_key IS NOT NULL")
    _index("ix_pictures_file", ["file_key"], "file_key IS NOT NULL")
    _make_tables_of_entries()


def _make_tables_of_entries() -> None:
    op.create_table(
        "entry_pictures",
        sa.Column("entry_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("position", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("picture_id", sa.Integer(), nullable=False),
        sa.Column("may_lead", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "position"),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_entry_pictures_picture", "entry_pictures", ["picture_id"])
    op.create_table(
        "unchosen_pictures",
        sa.Column("entry_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("feed_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("entry_id", "feed_id"),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )


def _index(name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, "pictures", columns, sqlite_where=where, postgresql_where=where)
