"""Where SQLite and PostgreSQL differ, side by side: upserts, turns and full text."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator

from aggregator.database.columns import UtcDateTime
from aggregator.database.schema import contents, entries, entry_keys
from aggregator.search import index_form
from aggregator.text.references import unescape

_FULL_TEXTS = contents.alias("full_texts")  # a list may read `contents`, too
_MAX_TEXT = 100_000  # characters of a text that are indexed

# The cleaned HTML of an entry has no others.  Words go on through these, and end at the rest.
_INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|i|ins|kbd|mark|q|ruby|s|samp|small|span|"
    r"strong|sub|sup|time|u|var|wbr)(?:>|\s[^>]*>)"
)
_ANY_TAG = re.compile(r"<[^>]*>")
_INDEX_TEXT = "INSERT INTO entries_text (rowid, title, summary, content) VALUES (?, ?, ?, ?)"
_UNINDEX_TEXT = (
    "INSERT INTO entries_text (entries_text, rowid, title, summary, content) "
    "VALUES ('delete', ?, ?, ?, ?)"
)

_PLACES = {"sqlite": "?", "postgresql": "%s"}
_AT_ONCE = 400  # pairs in one statement
_KEYS_IN_JSON = (
    "SELECT k.feed_id, k.key, k.entry_id, k.gone_before IS NOT NULL "
    "FROM json_each(?) AS wanted CROSS JOIN entry_keys AS k "
    "ON k.feed_id = json_extract(wanted.value, '$[0]') "
    "AND k.key = json_extract(wanted.value, '$[1]')"
)
_KEYS_IN_LIST = select(
    entry_keys.c.feed_id,
    entry_keys.c.key,
    entry_keys.c.entry_id,
    entry_keys.c.gone_before.is_not(None),
).where(tuple_(entry_keys.c.feed_id, entry_keys.c.key).in_(bindparam("keys", expanding=True)))
_INSERT_KEY = (
    "INSERT INTO entry_keys (feed_id, key, entry_id, gone_before) "
    "VALUES ({place}, {place}, {place}, {place}) ON CONFLICT (feed_id, key) DO UPDATE SET "
    "entry_id = CASE WHEN entry_keys.entry_id = excluded.entry_id THEN excluded.entry_id END, "
    "gone_before = excluded.gone_before"
)

_LEASING = 0x6C65617365  # "lease"; any number that nobody else takes in this database
_WAIT_FOR_LEASES = select(func.pg_advisory_xact_lock(_LEASING))


@dataclass(frozen=True, slots=True)
class IndexedText:
    """What search looks at in an entry; `html` as it is stored."""

    entry_id: int
    title: str
    summary: str
    html: str


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    replaced: Sequence[str] | None = None,
) -> None:
    """Insert `rows`, replacing those that have the same `key`; all rows name the same columns.

    Args:
        replaced: The columns of a row that is there that take the new value; None: all.
    """
    if not rows:
        return
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)
    names = [name for name in rows[0] if name not in key] if replaced is None else replaced
    values = {name: insert.excluded[name] for name in names}
    index = [table.c[name] for name in key]
    statement = (
        insert.on_conflict_do_update(index_elements=index, set_=values)
        if values
        else insert.on_conflict_do_nothing(index_elements=index)
    )
    connection.execute(statement, list(rows))


def wait_for_leases(connection: Connection) -> None:
    """Wait until no other transaction is leasing; none does before this one ends.

    On PostgreSQL it would not see what another one has leased and not committed.  SQLite has one
    writer at a time anyway.  The statements after this one see what the others did.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(_WAIT_FOR_LEASES)


def insert_all(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Iterable[Any]]
) -> None:
    """Insert many rows, with values in the order of `columns`.

    Handed to the driver as they are, but for types of ours: SQLAlchemy takes longer to look at a
    row of an entry than SQLite to store it.
    """
    dialect = connection.dialect
    types = [(at, table.c[name].type) for at, name in enumerate(columns)]
    ours = [(at, kind.process_bind_param) for at, kind in types if isinstance(kind, TypeDecorator)]
    found = [list(row) for row in rows]
    for row in found:
        for at, stored in ours:
            row[at] = stored(row[at], dialect)
    if found:
        connection.exec_driver_sql(
            _insert(table, tuple(columns), dialect.name), [tuple(row) for row in found]
        )


@cache
def _insert(table: Table, columns: tuple[str, ...], dialect: str) -> str:
    names = ", ".join(columns)
    places = ", ".join([_PLACES[dialect]] * len(columns))
    return f"INSERT INTO {table.name} ({names}) VALUES ({places})"  # noqa: S608 - no values


def insert_keys(
    connection: Connection, keys: Sequence[tuple[int, int, int | None, datetime | None]]
) -> None:
    """Store keys of entries: feed, number, entry, since when that is gone.

    One that is another entry's already is nobody's from then on.
    """
    if not keys:
        return
    place = _PLACES[connection.dialect.name]
    rows = [(*key, UtcDateTime.encode(gone)) for *key, gone in keys]
    connection.exec_driver_sql(_INSERT_KEY.format(place=place), rows)


def stored_keys(
    connection: Connection, keys: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, int | None, bool]]:
    """Yield feed, number and entry of those of `keys` (feed, number) that are stored, and if gone.

    SQLite walks the whole table for a list of pairs; joined with a JSON array it goes by the key.
    """
    if connection.dialect.name == "sqlite":
        yield from map(tuple, connection.exec_driver_sql(_KEYS_IN_JSON, (json.dumps(keys),)))
        return
    for start in range(0, len(keys), _AT_ONCE):
        some = {"keys": keys[start : start + _AT_ONCE]}
        yield from map(tuple, connection.execute(_KEYS_IN_LIST, some))


def index_texts(connection: Connection, texts: Sequence[IndexedText]) -> None:
    """Let search find entries that were stored."""
    _write_texts(connection, _INDEX_TEXT, texts)


def unindex_texts(connection: Connection, texts: Sequence[IndexedText]) -> None:
    """Let search forget entries; `texts` is what they were indexed with, to the letter."""
    _write_texts(connection, _UNINDEX_TEXT, texts)


def _write_texts(connection: Connection, statement: str, texts: Sequence[IndexedText]) -> None:
    if not texts or connection.dialect.name != "sqlite":
        return  # columns of PostgreSQL's tables follow by themselves
    rows = [
        (one.entry_id, index_form(one.title), index_form(one.summary), index_form(words(one.html)))
        # FTS5 flushes what it has collected at every id below the last one: 3 times dearer.
        for one in sorted(texts, key=lambda one: one.entry_id)
    ]
    connection.exec_driver_sql(statement, rows)


def words(html: str) -> str:
    """Return the text of stored HTML.

    The index has no copy of it: what this and `index_form` return for a text must not change, or
    what was indexed can't be taken out again.  A change needs a migration that makes it anew.
    """
    plain = _ANY_TAG.sub(" ", _INLINE_TAG.sub("", html[:_MAX_TEXT]))
    return unescape(plain) if "&" in plain else plain


def matching(connection: Connection, wanted: Sequence[str], unwanted: Sequence[str]) -> Select[Any]:
    """Select the entries in whose text all of `wanted` occur and none of `unwanted`.

    Phrases are words with single spaces between them; `place_of` is the column that finds them.
    """
    if connection.dialect.name == "sqlite":
        expression = " ".join(_quoted(phrase) for phrase in wanted)
        for phrase in unwanted:
            expression = f"({expression}) NOT {_quoted(phrase)}"
        matches = text("entries_text MATCH :expression").bindparams(expression=expression)
        return select().select_from(text("entries_text")).where(matches)
    return (
        select()
        .select_from(entries)
        .where(*(occurring(connection, phrase, entries) for phrase in wanted))
        .where(*(~occurring(connection, phrase, entries) for phrase in unwanted))
    )


def occurring(connection: Connection, phrase: str, of: FromClause) -> ColumnElement[bool]:
    """Return the condition that `phrase` occurs in an entry's text.

    Args:
        of: The table of entries, or an alias of it.
    """
    if connection.dialect.name != "sqlite":
        return _has(phrase, of)
    matches = text("entries_text MATCH :phrase").bindparams(
        bindparam("phrase", _quoted(phrase), unique=True)
    )
    rowid: ColumnElement[int] = literal_column("entries_text.rowid", entries.c.id.type)
    within: Select[Any] = select(literal_column("1")).select_from(text("entries_text"))
    return exists(within.where(matches, rowid == of.c.id).correlate(of))


def _quoted(phrase: str) -> str:
    """Return a phrase for FTS5: only letters and digits are left in it, so quotes are enough."""
    star = "*" if phrase.endswith("*") else ""
    return f'"{index_form(phrase.rstrip("*"))}"{star}'


def place_of(connection: Connection) -> ColumnElement[int]:
    """Return the column to order what `matching` finds by, and to seek in.

    FTS5 hands out what it finds in the order of its own rowid: ordered by the entries' id, which
    is the same number, everything found would be read and sorted for every page.
    """
    if connection.dialect.name != "sqlite":
        return entries.c.id
    return literal_column("entries_text.rowid", entries.c.id.type)


def gathered(dialect: str, *columns: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an aggregate of rows as one JSON array of arrays; read it with `rows_in`."""
    if dialect == "sqlite":
        return func.json_group_array(func.json_array(*columns))
    return func.json_agg(func.json_build_array(*columns))


def rows_in(value: str | list[list[Any]] | None) -> list[list[Any]]:
    """Return the rows that `gathered` put together, in no order."""
    if not value or value == "[]":
        return []
    return json.loads(value) if isinstance(value, str) else value


def _has(phrase: str, of: FromClause) -> ColumnElement[bool]:
    if phrase.endswith("*"):
        words = " <-> ".join(f"'{word}'" for word in phrase.rstrip("*").split())
        query = func.to_tsquery("simple", func.search_form(f"{words}:*"))
    else:
        query = func.phraseto_tsquery("simple", func.search_form(phrase))
    short: ColumnElement[Any] = literal_column(f"{of.name}.text")  # type: ignore[attr-defined]
    full: ColumnElement[Any] = literal_column("full_texts.text")
    in_full = exists().where(_FULL_TEXTS.c.entry_id == of.c.id, full.op("@@")(query))
    return or_(short.op("@@")(query), in_full)
