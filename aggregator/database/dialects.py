"""SQLite and PostgreSQL side by side where they differ: upserts, locks, JSON and letters.

`word_index` has the index of words of each.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Integer,
    Table,
    Text,
    and_,
    case,
    cast,
    column,
    exists,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator

from aggregator.database.chunks import execute_for_each
from aggregator.database.columns import UtcDateTime
from aggregator.database.row_arrays import Statement, execute_for_rows, for_rows, unnested
from aggregator.database.schema import entry_keys, state

_KEYS_IN_JSON = (
    "SELECT k.feed_id, k.key, k.entry_id, k.gone_before IS NOT NULL "
    "FROM json_each(?) AS wanted CROSS JOIN entry_keys AS k "
    "ON k.feed_id = json_extract(wanted.value, '$[0]') "
    "AND k.key = json_extract(wanted.value, '$[1]')"
)
_WANTED_KEYS = unnested({"feed_id": entry_keys.c.feed_id.type, "key": entry_keys.c.key.type})
_KEYS_IN_ARRAYS = select(
    entry_keys.c.feed_id,
    entry_keys.c.key,
    entry_keys.c.entry_id,
    entry_keys.c.gone_before.is_not(None),
).join_from(
    _WANTED_KEYS,
    entry_keys,
    and_(entry_keys.c.feed_id == _WANTED_KEYS.c.feed_id, entry_keys.c.key == _WANTED_KEYS.c.key),
)
_INSERT_KEY = (
    "INSERT INTO entry_keys (feed_id, key, entry_id, gone_before) "
    "VALUES (?, ?, ?, ?) ON CONFLICT (feed_id, key) DO UPDATE SET "
    "entry_id = CASE WHEN entry_keys.entry_id = excluded.entry_id THEN excluded.entry_id END, "
    "gone_before = excluded.gone_before"
)
_KEY_COLUMNS = ("feed_id", "key", "entry_id", "gone_before")
_NEW_KEY = postgresql.insert(entry_keys)
_INSERT_KEYS = for_rows(
    _NEW_KEY.on_conflict_do_update(
        index_elements=[entry_keys.c.feed_id, entry_keys.c.key],
        set_={
            "entry_id": case(
                (entry_keys.c.entry_id == _NEW_KEY.excluded.entry_id, _NEW_KEY.excluded.entry_id)
            ),
            "gone_before": _NEW_KEY.excluded.gone_before,
        },
    ),
    _KEY_COLUMNS,
)

_LEASING = 0x6C65617365  # "lease"; any number that nobody else takes in this database
_LOCK_STATE = select(state.c.version).with_for_update()
_WAIT_FOR_LEASES = select(func.pg_advisory_xact_lock(_LEASING))


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
    names = [name for name in rows[0] if name not in key] if replaced is None else replaced
    merged: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:  # one statement of PostgreSQL writes no row twice
        values = tuple(row[name] for name in key)
        first = merged.get(values)
        merged[values] = row if first is None else {**first, **{n: row[n] for n in names}}
    statement = _upsert(table, tuple(key), tuple(names), connection.dialect.name)
    execute_for_each(connection, statement, list(merged.values()))


@cache
def _upsert(table: Table, key: tuple[str, ...], replaced: tuple[str, ...], dialect: str) -> Any:
    """Return the statement; built once, which takes longer than to run it."""
    insert = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    values = {name: insert.excluded[name] for name in replaced}
    index = [table.c[name] for name in key]
    if values:
        return insert.on_conflict_do_update(index_elements=index, set_=values)
    return insert.on_conflict_do_nothing(index_elements=index)


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


def literal_limit(limit: int) -> ColumnElement[int]:
    """Return a number that stands in the statement: one plan of PostgreSQL is for that number.

    With a parameter, the plan would be for a tenth of all rows.
    """
    return literal_column(str(limit), Integer)


def plan_for_values(connection: Connection) -> None:
    """Have PostgreSQL plan the statements of the transaction for their values.

    A plan for any search would not know whether a word is common or rare.
    """
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


def renew_statistics(connection: Connection, table: Table) -> None:
    """Have PostgreSQL look at a table of which many rows changed.

    By itself, the server does so minutes later; until then it takes every feed for leased, and
    reads all feeds in place of an index of few.
    """
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"ANALYZE {table.name}")


def insert_all(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Iterable[Any]]
) -> None:
    """Insert many rows, with values in the order of `columns`.

    The driver gets the values directly, but for columns with types of `columns`: SQLAlchemy takes
    longer to process the row of an entry than SQLite to store it.
    """
    dialect = connection.dialect
    if dialect.name != "sqlite":
        values_of_rows = [tuple(row) for row in rows]
        execute_for_rows(connection, _insert_rows(table, tuple(columns)), columns, values_of_rows)
        return
    types = [(at, table.c[name].type) for at, name in enumerate(columns)]
    encoders = [
        (at, kind.process_bind_param) for at, kind in types if isinstance(kind, TypeDecorator)
    ]
    values = [list(row) for row in rows]
    for row in values:
        for at, encode in encoders:
            row[at] = encode(row[at], dialect)
    if values:
        connection.exec_driver_sql(_insert(table, tuple(columns)), [tuple(row) for row in values])


@cache
def _insert_rows(table: Table, columns: tuple[str, ...]) -> Statement:
    return for_rows(table.insert(), columns)


@cache
def _insert(table: Table, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    places = ", ".join("?" * len(columns))
    return f"INSERT INTO {table.name} ({names}) VALUES ({places})"  # noqa: S608 - no values


def insert_stored(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> None:
    """Insert many rows, with values in their stored form and in the order of `columns`.

    By COPY where the driver is psycopg.

    Args:
        columns: Names in the database.
    """
    names = ", ".join(f'"{name}"' for name in columns)
    target = f'"{table.name}" ({names})'
    if not rows:
        return
    if connection.dialect.driver == "psycopg":
        _copy_from(connection, f"COPY {target} FROM STDIN", rows)
    else:
        place = "?" if connection.dialect.name == "sqlite" else "%s"
        places = ", ".join([place] * len(columns))
        statement = f"INSERT INTO {target} VALUES ({places})"  # noqa: S608 - no values
        connection.exec_driver_sql(statement, [tuple(row) for row in rows])


def _copy_from(connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    driver = connection.dialect.loaded_dbapi
    try:
        cursor: Any = connection.connection.cursor()
        with cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except driver.Error as error:  # which SQLAlchemy turns into its own of statements alone
        raise DBAPIError.instance(None, None, error, driver.Error) from error


def insert_keys(
    connection: Connection, keys: Sequence[tuple[int, int, int | None, datetime | None]]
) -> None:
    """Store keys of entries: feed, key, entry, and when that entry was deleted, or None.

    A key of two entries belongs to neither: its entry becomes NULL.
    """
    if not keys:
        return
    if connection.dialect.name != "sqlite":
        execute_for_rows(connection, _INSERT_KEYS, _KEY_COLUMNS, _merged_keys(keys))
        return
    # Of nearly all keys the last value is None, and they are handed to the driver as they are.
    rows = [key if key[3] is None else (*key[:3], UtcDateTime.encode(key[3])) for key in keys]
    connection.exec_driver_sql(_INSERT_KEY, rows)


def _merged_keys(
    keys: Sequence[tuple[int, int, int | None, datetime | None]],
) -> list[tuple[int, int, int | None, datetime | None]]:
    """Return keys as `insert_keys` would leave them, each once."""
    merged: dict[tuple[int, int], tuple[int, int, int | None, datetime | None]] = {}
    for feed_id, key, entry_id, gone_before in keys:
        first = merged.get((feed_id, key))
        owner = entry_id if first is None or first[2] == entry_id else None
        merged[feed_id, key] = (feed_id, key, owner, gone_before)
    return list(merged.values())


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
    feed_ids, short_keys = map(list, zip(*keys, strict=True))
    arrays = {"feed_id": feed_ids, "key": short_keys}
    yield from map(tuple, connection.execute(_KEYS_IN_ARRAYS, arrays))


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


def in_ascii_lower_case(connection: Connection, value: ColumnElement[str]) -> ColumnElement[str]:
    """Return a text with ASCII letters in lower case, and other letters as they are."""
    if connection.dialect.name == "sqlite":  # which knows no other letters
        return func.lower(value)
    return func.lower(value.collate("C"))


def has_enclosure_of_type(
    connection: Connection, enclosures: ColumnElement[Any], prefix: str
) -> ColumnElement[bool]:
    """Return the condition that an enclosure has a type that begins with `prefix`."""
    stored = type_coerce(enclosures, Text)
    if connection.dialect.name == "sqlite":
        rows = func.json_each(stored).table_valued("value")
        kind = func.json_extract(rows.c.value, "$[1]")
    else:
        rows = func.json_array_elements(cast(stored, JSON)).table_valued(column("value", JSON))
        kind = rows.c.value[1].as_string()
    return exists(
        select(literal_column("1"))
        .select_from(rows)
        .where(func.lower(kind).startswith(prefix, autoescape=True))
    )
