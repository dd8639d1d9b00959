"""Search finds the words of full texts, too.

On SQLite the index holds no copy of the texts (`content=''`), and the program writes to it: a
trigger can't tell the text of HTML, and writes rows as they come, where FTS5 wants them in order.
"""

from alembic import op
from sqlalchemy import text

from aggregator.database.migrations.frozen.indexed_texts import words

revision = "0002"
down_revision = "0001"

_AT_ONCE = 500
_SQLITE = (
    "DROP TRIGGER entries_text_insert",
    "DROP TRIGGER entries_text_delete",
    "DROP TRIGGER entries_text_update",
    "DROP TABLE entries_text",
    """CREATE VIRTUAL TABLE entries_text USING fts5(
        title, summary, content, content='', tokenize='unicode61 remove_diacritics 2')""",
    # Fewer, larger merges, and all of a large transaction's words in one go: a third less CPU.
    "INSERT INTO entries_text(entries_text, rank) VALUES ('automerge', 8)",
    "INSERT INTO entries_text(entries_text, rank) VALUES ('hashsize', 8000000)",
)
_POSTGRESQL = (
    # A tsvector takes a megabyte at most.
    """ALTER TABLE contents ADD COLUMN text tsvector GENERATED ALWAYS AS
        (to_tsvector('simple', left(html, 100000))) STORED""",
    "CREATE INDEX ix_contents_text ON contents USING gin (text)",
)


def upgrade() -> None:
    """Make the index anew, and fill it from what is stored."""
    if op.get_bind().dialect.name != "sqlite":
        for statement in _POSTGRESQL:
            op.execute(statement)
        return
    for statement in _SQLITE:
        op.execute(statement)
    _fill()


def _fill() -> None:
    connection, last = op.get_bind(), -(1 << 63)
    while True:
        rows = connection.execute(
            text(
                "SELECT id, title, summary, coalesce(html, '') FROM entries "
                "LEFT JOIN contents ON entry_id = id WHERE id > :last ORDER BY id LIMIT :limit"
            ),
            {"last": last, "limit": _AT_ONCE},
        ).all()
        if not rows:
            return
        connection.execute(
            text(
                "INSERT INTO entries_text (rowid, title, summary, content) VALUES (:r, :t, :s, :c)"
            ),
            [
                {"r": id_, "t": title, "s": short, "c": words(html)}
                for id_, title, short, html in rows
            ],
        )
        last = rows[-1][0]
