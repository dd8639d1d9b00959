"""Where SQLite and PostgreSQL differ, side by side: upserts and full text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    TextClause,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from aggregator.database.tables import contents, entries

_TERM = re.compile(r'(-?)"([^"]*)"?|(\S+)')
_WORD = re.compile(r"\w+")
_MAX_TERMS = 16
_MAX_TEXT = 100_000  # characters of a text that are indexed

# The cleaned HTML of an entry has no others.  Words go on through these, and end at the rest.
_INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|i|ins|kbd|mark|q|ruby|s|samp|small|span|"
    r"strong|sub|sup|time|u|var|wbr)(?:\s[^>]*)?>"
)
_ANY_TAG = re.compile(r"<[^>]*>")
_INDEX_TEXT = text(
    "INSERT INTO entries_text (rowid, title, summary, content) "
    "VALUES (:id, :title, :summary, :content)"
)
_UNINDEX_TEXT = text(
    "INSERT INTO entries_text (entries_text, rowid, title, summary, content) "
    "VALUES ('delete', :id, :title, :summary, :content)"
)


@dataclass(frozen=True, slots=True)
class Text:
    """What search looks at in an entry; `html` as it is stored."""

    entry_id: int
    title: str
    summary: str
    html: str


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


def index_texts(connection: Connection, texts: Sequence[Text]) -> None:
    """Let search find entries that were stored."""
    _write_texts(connection, _INDEX_TEXT, texts)


def unindex_texts(connection: Connection, texts: Sequence[Text]) -> None:
    """Let search forget entries; `texts` is what they were indexed with, to the letter."""
    _write_texts(connection, _UNINDEX_TEXT, texts)


def _write_texts(connection: Connection, statement: TextClause, texts: Sequence[Text]) -> None:
    if not texts or connection.dialect.name != "sqlite":
        return  # columns of PostgreSQL's tables follow by themselves
    rows = [
        {"id": one.entry_id, "title": one.title, "summary": one.summary, "content": words(one.html)}
        # FTS5 flushes what it has collected at every id below the last one: 3 times dearer.
        for one in sorted(texts, key=lambda one: one.entry_id)
    ]
    connection.execute(statement, rows)


def words(html: str) -> str:
    """Return the text of stored HTML as it is indexed.

    The index has no copy of it: what this returns for a text must not change, or what was indexed
    can't be taken out again.  A change needs a migration that fills the index anew.
    """
    plain = _ANY_TAG.sub(" ", _INLINE_TAG.sub("", html[:_MAX_TEXT]))
    return unescape(plain) if "&" in plain else plain


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
    statement = select().select_from(entries)
    for phrase in wanted:
        statement = statement.where(_occurs(phrase))
    for phrase in unwanted:
        statement = statement.where(~_occurs(phrase))
    return statement


def _occurs(phrase: str) -> ColumnElement[bool]:
    query = func.phraseto_tsquery("simple", phrase)
    short: ColumnElement[Any] = literal_column("entries.text")
    full: ColumnElement[Any] = literal_column("contents.text")
    in_full = exists().where(contents.c.entry_id == entries.c.id, full.op("@@")(query))
    return or_(short.op("@@")(query), in_full)
