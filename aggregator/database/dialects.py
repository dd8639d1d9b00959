"""Where SQLite and PostgreSQL differ, side by side: upserts and full text."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, literal_column, select, text
from sqlalchemy.dialects import postgresql, sqlite

from aggregator.database.tables import entries

SQLITE_FULL_TEXT = (
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
POSTGRESQL_FULL_TEXT = (
    """ALTER TABLE entries ADD COLUMN text tsvector GENERATED ALWAYS AS
        (to_tsvector('simple', title || ' ' || summary)) STORED""",
    "CREATE INDEX ix_entries_text ON entries USING gin (text)",
)

_TERM = re.compile(r'(-?)"([^"]*)"?|(\S+)')
_WORD = re.compile(r"\w+")
_MAX_TERMS = 16


def create_full_text(connection: Connection) -> None:
    """Make the full-text index over titles and summaries; rows keep it up to date themselves."""
    statements = SQLITE_FULL_TEXT if connection.dialect.name == "sqlite" else POSTGRESQL_FULL_TEXT
    for statement in statements:
        connection.execute(text(statement))


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, key: Sequence[str]
) -> None:
    """Insert `rows`, replacing those that have the same `key`; all rows name the same columns."""
    if not rows:
        return
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
    replaced = {name: insert.excluded[name] for name in rows[0] if name not in key}
    connection.execute(
        insert.on_conflict_do_update(index_elements=list(key), set_=replaced), list(rows)
    )


def matching(connection: Connection, search: str) -> Select[Any] | None:
    """Select from `entries` what `search` finds, as a FROM clause; None: it has no words.

    Words must all occur, `"..."` is a phrase, a leading `-` leaves out.
    """
    wanted, unwanted = search_terms(search)
    if not wanted:
        return None
    if connection.dialect.name == "sqlite":
        return _sqlite_matching(wanted, unwanted)
    return _postgresql_matching(wanted, unwanted)


def search_terms(search: str) -> tuple[list[str], list[str]]:
    """Split a search into phrases (one or more words each) that must and must not occur."""
    wanted: list[str] = []
    unwanted: list[str] = []
    for sign, phrase, word in _TERM.findall(search)[:_MAX_TERMS]:
        without = sign == "-" or (word.startswith("-") and not phrase)
        words = " ".join(_WORD.findall(phrase or word))
        if words:
            (unwanted if without else wanted).append(words)
    return wanted, unwanted


def _sqlite_matching(wanted: list[str], unwanted: list[str]) -> Select[Any]:
    # Only letters and digits are left in a phrase, so quoting is all the escaping it needs.
    expression = " ".join(f'"{phrase}"' for phrase in wanted)
    for phrase in unwanted:
        expression = f'({expression}) NOT "{phrase}"'
    found: ColumnElement[Any] = literal_column("entries_text.rowid")
    return (
        select()
        .select_from(text("entries_text"))
        .join(entries, entries.c.id == found)
        .where(text("entries_text MATCH :expression").bindparams(expression=expression))
    )


def _postgresql_matching(wanted: list[str], unwanted: list[str]) -> Select[Any]:
    column: ColumnElement[Any] = literal_column("entries.text")
    statement = select().select_from(entries)
    for phrase in wanted:
        statement = statement.where(column.op("@@")(func.phraseto_tsquery("simple", phrase)))
    for phrase in unwanted:
        statement = statement.where(~column.op("@@")(func.phraseto_tsquery("simple", phrase)))
    return statement
