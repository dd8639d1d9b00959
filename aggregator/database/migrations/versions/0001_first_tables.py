"""First tables: feeds, their polls, entries, full texts and the full-text index."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SQLITE_FULL_TEXT = (
    """CREATE VIRTUAL TABLE entries_text USING fts5(
        title, summary, content='entries', content_rowid='id',
        tokenize='unicode61 remove_diacritics 2')""",
    """CREATE TRIGGER entries_text_insert AFTER INSERT ON entries BEGIN
        INSERT INTO entries_text(rowid, title, summary)
        VALUES (new.id, new.title, new.summary);
    END""",
    """CREATE TRIGGER entries_text_delete AFTER DELETE ON entries BEGIN
        INSERT INTO entries_text(entries_text, rowid, title, summary)
        VALUES ('delete', old.id, old.title, old.summary);
    END""",
    """CREATE TRIGGER entries_text_update AFTER UPDATE OF title, summary ON entries BEGIN
        INSERT INTO entries_text(entries_text, rowid, title, summary)
        VALUES ('delete', old.id, old.title, old.summary);
        INSERT INTO entries_text(rowid, title, summary)
        VALUES (new.id, new.title, new.summary);
    END""",
)
_POSTGRESQL_FULL_TEXT = (
    """ALTER TABLE entries ADD COLUMN text tsvector GENERATED ALWAYS AS
        (to_tsvector('simple', title || ' ' || summary)) STORED""",
    "CREATE INDEX ix_entries_text ON entries USING gin (text)",
)


def upgrade() -> None:
    """Make everything."""
    _categories()
    _feeds()
    _polls()
    _entries()
    _full_text()


def _categories() -> None:
    op.create_table(
        "categories",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slug"),
    )
    op.create_table(
        "state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO state (id, version) VALUES (1, 1)")


def _feeds() -> None:
    op.create_table(
        "feeds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("configured_title", sa.Text()),
        sa.Column("category_id", sa.Integer()),
        sa.Column("interval", sa.BigInteger(), nullable=False),
        sa.Column("subscribed", sa.Boolean(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("subtitle", sa.Text(), nullable=False),
        sa.Column("site_url", sa.Text()),
        sa.Column("feed_id", sa.Text()),
        sa.Column("language", sa.Text()),
        sa.Column("author", sa.Text()),
        sa.Column("rights", sa.Text()),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("validators_url", sa.Text()),
        sa.Column("etag", sa.Text()),
        sa.Column("last_modified", sa.Text()),
        sa.Column("body_hash", sa.LargeBinary()),
        sa.Column("memory", sa.LargeBinary()),
        sa.Column("moved_to", sa.Text()),
        sa.Column("ttl", sa.BigInteger()),
        sa.Column("next_poll_at", sa.BigInteger()),
        sa.Column("next_reason", sa.Text()),
        sa.Column("not_before", sa.BigInteger()),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("last_polled_at", sa.BigInteger()),
        sa.Column("last_success_at", sa.BigInteger()),
        sa.Column("last_change_at", sa.BigInteger()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("error", sa.Text()),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index("ix_feeds_due", "feeds", ["next_poll_at"])


def _polls() -> None:
    op.create_table(
        "polls",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feed_id", "slot"),
        sqlite_with_rowid=False,
    )


def _entries() -> None:
    op.create_table(
        "entries",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer()),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("record_hash", sa.LargeBinary(), nullable=False),
        sa.Column("guid", sa.Text()),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_html", sa.Text()),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("authors", sa.Text()),
        sa.Column("categories", sa.Text()),
        sa.Column("enclosures", sa.Text()),
        sa.Column("language", sa.Text()),
        sa.Column("comments_url", sa.Text()),
        sa.Column("published_at", sa.BigInteger()),
        sa.Column("updated_at", sa.BigInteger()),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("identity", "feed_id"),
    )
    op.create_index("ix_entries_category", "entries", ["category_id", "id"])
    op.create_index("ix_entries_feed", "entries", ["feed_id", "id"])
    op.create_table(
        "contents",
        sa.Column(
            "entry_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("html", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entry_id"),
    )


def _full_text() -> None:
    """Index titles and summaries; the rows keep the index up to date by themselves."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE_FULL_TEXT if sqlite else _POSTGRESQL_FULL_TEXT:
        op.execute(statement)
