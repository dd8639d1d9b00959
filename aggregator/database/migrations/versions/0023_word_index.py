"""One index of words for all searches, with the same words on SQLite and on PostgreSQL.

The words come folded from the program, so that letters are compared as people type them and each
character of a script without spaces is a word.  Authors, tags and the feed are in the index, too.

On SQLite the ids of the index are those of the entries with the sign changed: FTS5 loses rows when
it goes back over ids that leap by more than 2^56, which is two years.
"""

import logging

from alembic import op
from sqlalchemy import text

from aggregator.database.migrations.frozen.word_index_rows import add_to_index

revision = "0023"
down_revision = "0022"

log = logging.getLogger("aggregator.database.migrations")

_AT_ONCE = 1000
_LOGGED_AFTER = 50_000  # entries
_TEXTS = text(
    "SELECT id, feed_id, title, summary, coalesce(html, ''), authors, categories FROM entries "
    "LEFT JOIN contents ON entry_id = id WHERE id < :last ORDER BY id DESC LIMIT :limit"
)
_SQLITE = (
    "DROP TABLE entries_text",  # first, because its pages are used again
    # The tokenizer `ascii` splits at spaces here, as words have letters and digits alone.
    """CREATE VIRTUAL TABLE word_index USING fts5(
        title, summary, content, authors, tags, feed,
        content='', columnsize=0, tokenize='ascii')""",
    "CREATE VIRTUAL TABLE indexed_words USING fts5vocab(word_index, instance)",
    # Fewer, larger merges, and all of a large transaction's words in one go: a third less CPU.
    "INSERT INTO word_index (word_index, rank) VALUES ('automerge', 8)",
    "INSERT INTO word_index (word_index, rank) VALUES ('hashsize', 8000000)",
)
_POSTGRESQL = (
    "ALTER TABLE entries DROP COLUMN text",
    "ALTER TABLE contents DROP COLUMN text",
    "DROP FUNCTION search_form(text)",
    """CREATE TABLE word_index (
        entry_id bigint PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,
        words text NOT NULL,
        lexemes tsvector NOT NULL)""",
)
_INDEX_ON_POSTGRESQL = "CREATE INDEX ix_word_index_lexemes ON word_index USING gin (lexemes)"


def upgrade() -> None:
    """Make the index, and fill it from what is stored."""
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    for statement in _SQLITE if is_sqlite else _POSTGRESQL:
        connection.exec_driver_sql(statement)
    _fill()
    if not is_sqlite:
        connection.exec_driver_sql(_INDEX_ON_POSTGRESQL)


def _fill() -> None:
    connection, last, count = op.get_bind(), (1 << 63) - 1, 0
    while rows := connection.execute(_TEXTS, {"last": last, "limit": _AT_ONCE}).all():
        add_to_index(connection, map(tuple, rows))
        last, count = rows[-1][0], count + len(rows)
        if count % _LOGGED_AFTER == 0:
            log.info("Making the index of searches: %s posts so far", f"{count:,}")
