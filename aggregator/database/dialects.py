"""SQLite and PostgreSQL side by side where they differ: upserts, locks and full text."""

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
from aggregator.database.schema import contents, entries, entry_keys, state
from aggregator.search import index_form
from aggregator.text.references import unescape

_FULL_TEXTS = contents.alias("full_texts")  # as a list may read `contents` as well
_MAX_TEXT = 100_000  # characters of a text in the index

# Inline tags of the cleaned HTML of an entry: words go on through these, and end at other tags.
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
_MAX_PAIRS = 400  # in one statement
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
_LOCK_STATE = select(state.c.version).with_for_update()
_WAIT_FOR_LEASES = select(func.pg_advisory_xact_lock(_LEASING))


@dataclass(frozen=True, slots=True)
class IndexedText:
    """The texts of an entry for the search index; `html` as stored in `contents`."""

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
    """Insert `rows`, or update stored rows with the same `key`; all rows name the same columns.

    Args:
        key: Columns of a unique index.
        replaced: Columns that a stored row takes over; None for all but the key.
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
    """Wait until no other transaction leases feeds, and keep others waiting until the end of this.

    On PostgreSQL a transaction does not see uncommitted leases of another; SQLite has a single
    writer at a time.  Later statements of the transaction see the leases of the others.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(_WAIT_FOR_LEASES)


def wait_for_writers(connection: Connection) -> None:
    """Wait until no other transaction stores polls; none does before this one ends.

    On PostgreSQL, where transactions write at the same time, by the first row that
    `write_polls.lock_polls` locks.  On SQLite a transaction that may write has waited already.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(_LOCK_STATE)


def insert_all(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Iterable[Any]]
) -> None:
    """Insert many rows, with values in the order of `columns`.

    The driver gets the values directly, but for columns with types of `columns`: SQLAlchemy takes
    longer to process the row of an entry than SQLite to store it.
    """
    dialect = connection.dialect
    types = [(at, table.c[name].type) for at, name in enumerate(columns)]
    encoders = [
        (at, kind.process_bind_param) for at, kind in types if isinstance(kind, TypeDecorator)
    ]
    values = [list(row) for row in rows]
    for row in values:
        for at, encode in encoders:
            row[at] = encode(row[at], dialect)
    if values:
        connection.exec_driver_sql(
            _insert(table, tuple(columns), dialect.name), [tuple(row) for row in values]
        )


@cache
def _insert(table: Table, columns: tuple[str, ...], dialect: str) -> str:
    names = ", ".join(columns)
    places = ", ".join([_PLACES[dialect]] * len(columns))
    return f"INSERT INTO {table.name} ({names}) VALUES ({places})"  # noqa: S608 - no values


def insert_keys(
    connection: Connection, keys: Sequence[tuple[int, int, int | None, datetime | None]]
) -> None:
    """Store keys of entries: feed, key, entry, and when that entry was deleted, or None.

    A key of two entries belongs to neither: its entry becomes NULL.
    """
    if not keys:
        return
    place = _PLACES[connection.dialect.name]
    # Of nearly all keys the last value is None, and they are handed to the driver as they are.
    rows = [key if key[3] is None else (*key[:3], UtcDateTime.encode(key[3])) for key in keys]
    connection.exec_driver_sql(_INSERT_KEY.format(place=place), rows)


def stored_keys(
    connection: Connection, keys: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, int | None, bool]]:
    """Yield feed, key, entry, and whether the entry was deleted, for each stored key of `keys`.

    SQLite scans the whole table for a list of pairs, but joins a JSON array by the primary key.

    Args:
        keys: Pairs of feed and key.
    """
    if connection.dialect.name == "sqlite":
        yield from map(tuple, connection.exec_driver_sql(_KEYS_IN_JSON, (json.dumps(keys),)))
        return
    for start in range(0, len(keys), _MAX_PAIRS):
        chunk = {"keys": keys[start : start + _MAX_PAIRS]}
        yield from map(tuple, connection.execute(_KEYS_IN_LIST, chunk))


def index_texts(connection: Connection, texts: Sequence[IndexedText]) -> None:
    """Add stored entries to the search index."""
    _write_texts(connection, _INDEX_TEXT, texts)


def unindex_texts(connection: Connection, texts: Sequence[IndexedText]) -> None:
    """Remove entries from the search index; `texts` must be the indexed texts, to the letter."""
    _write_texts(connection, _UNINDEX_TEXT, texts)


def _write_texts(connection: Connection, statement: str, texts: Sequence[IndexedText]) -> None:
    if not texts or connection.dialect.name != "sqlite":
        return  # columns of PostgreSQL's tables follow by themselves
    rows = [
        (
            text.entry_id,
            index_form(text.title),
            index_form(text.summary),
            index_form(plain_text(text.html)),
        )
        # FTS5 flushes its buffer at every id below the last id, so ids ascend.
        for text in sorted(texts, key=lambda text: text.entry_id)
    ]
    connection.exec_driver_sql(statement, rows)


def plain_text(html: str) -> str:
    """Return the text of stored HTML.

    The index has no copy of the texts: `plain_text` and `index_form` must always return the same
    for a text, or indexed entries can't be removed.  A change needs a migration with a new index.
    """
    text = _ANY_TAG.sub(" ", _INLINE_TAG.sub("", html[:_MAX_TEXT]))
    return unescape(text) if "&" in text else text


def matching(
    connection: Connection, required: Sequence[str], excluded: Sequence[str]
) -> Select[Any]:
    """Select the entries whose texts have all phrases of `required` and none of `excluded`.

    Phrases are words with single spaces between; the column of ids is `place_of`.
    """
    if connection.dialect.name == "sqlite":
        expression = " ".join(_quoted(phrase) for phrase in required)
        for phrase in excluded:
            expression = f"({expression}) NOT {_quoted(phrase)}"
        matches = text("entries_text MATCH :expression").bindparams(expression=expression)
        return select().select_from(text("entries_text")).where(matches)
    return (
        select()
        .select_from(entries)
        .where(*(occurring(connection, phrase, entries) for phrase in required))
        .where(*(~occurring(connection, phrase, entries) for phrase in excluded))
    )


def occurring(connection: Connection, phrase: str, of: FromClause) -> ColumnElement[bool]:
    """Return the condition on an entry to have `phrase` in its texts.

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
    """Return a phrase for FTS5; a phrase has letters and digits only, so quotes are enough."""
    star = "*" if phrase.endswith("*") else ""
    return f'"{index_form(phrase.rstrip("*"))}"{star}'


def place_of(connection: Connection) -> ColumnElement[int]:
    """Return the column of ids by which the entries of `matching` are ordered and sought.

    FTS5 returns matches in the order of its own rowid.  Ordered by the equal id of the entries, all
    matches would be read and sorted for every page.
    """
    if connection.dialect.name != "sqlite":
        return entries.c.id
    return literal_column("entries_text.rowid", entries.c.id.type)


def gathered(dialect: str, *columns: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the aggregate of rows as one JSON array of arrays, for `rows_in`."""
    if dialect == "sqlite":
        return func.json_group_array(func.json_array(*columns))
    return func.json_agg(func.json_build_array(*columns))


def rows_in(value: str | list[list[Any]] | None) -> list[list[Any]]:
    """Return the rows of a `gathered` column, in no order."""
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
