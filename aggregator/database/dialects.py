"""Where SQLite and PostgreSQL differ, side by side: upserts and full text."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, literal_column, select, text
from sqlalchemy.dialects import postgresql, sqlite

from aggregator.database.tables import entries

_TERM = re.compile(r'(-?)"([^"]*)"?|(\S+)')
_WORD = re.compile(r"\w+")
_MAX_TERMS = 16


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


def place_of(connection: Connection, *, search: str | None) -> ColumnElement[int]:
    """Return the column to order a list by, and to seek in.

    FTS5 hands out what it finds in the order of its own rowid: ordered by the entries' id, which
    is the same number, everything found would be read and sorted for every page.
    """
    if search is None or connection.dialect.name != "sqlite":
        return entries.c.id
    return literal_column("entries_text.rowid", entries.c.id.type)


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
    found = literal_column("entries_text.rowid", entries.c.id.type)
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
