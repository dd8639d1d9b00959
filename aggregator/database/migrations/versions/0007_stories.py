"""Stories: the keys by which their entries are found, what links them, which ones lists show.

Entries that are there get their keys, so that new ones are compared with them; they are not
compared with each other, as that would move what was read.
"""

import sqlalchemy as sa
from alembic import op

from aggregator.database.migrations.frozen.story_fingerprints import packed, story_keys

revision = "0007"
down_revision = "0006"

_AT_ONCE = 500


def upgrade() -> None:
    """Make the tables and columns, and the keys of what is stored."""
    op.add_column("state", _flag("stories"))
    op.add_column("categories", _flag("stories"))
    op.add_column("entries", sa.Column("story_id", sa.BigInteger()))
    op.add_column("entries", _flag("leads"))
    op.add_column("entries", _flag("leads_category"))
    op.add_column("entries", sa.Column("story_keys", sa.LargeBinary()))
    has_story = sa.text("story_id IS NOT NULL")
    op.create_index(
        "ix_entries_story",
        "entries",
        ["story_id"],
        sqlite_where=has_story,
        postgresql_where=has_story,
    )
    op.create_table(
        "story_keys",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "entry_id"),
        sqlite_with_rowid=False,
    )
    entry = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "story_links",
        sa.Column("one", entry, nullable=False),
        sa.Column("other", entry, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["one"], ["entries.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["other"], ["entries.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("one", "other"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_story_links_other", "story_links", ["other"])
    _fill()


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.true())


def _fill() -> None:
    """Give the entries their keys, oldest first; a key that many have goes to the first of them."""
    connection, last = op.get_bind(), -(1 << 63)
    while True:
        rows = connection.execute(
            sa.text(
                "SELECT id, feed_id, url, title, coalesce(html, '') FROM entries "
                "LEFT JOIN contents ON entry_id = id WHERE id > :last ORDER BY id LIMIT :limit"
            ),
            {"last": last, "limit": _AT_ONCE},
        ).all()
        if not rows:
            return
        found = [(entry, feed, story_keys(*text)) for entry, feed, *text in rows]
        connection.execute(
            sa.text("UPDATE entries SET story_keys = :keys WHERE id = :entry"),
            [{"entry": entry, "keys": packed(keys)} for entry, _, keys in found],
        )
        every = [
            {"key": key, "entry": entry, "feed": feed}
            for entry, feed, keys in found
            for key in keys
        ]
        if every:
            connection.execute(
                sa.text("INSERT INTO story_keys VALUES (:key, :entry, :feed)"), every
            )
        last = rows[-1][0]
