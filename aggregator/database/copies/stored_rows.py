"""Rows of tables as stored: in the order of keys, the same in every database.

Values of the types of `columns` are in the stored form, so equal rows have equal values for the
program.  Texts are ordered by code points, whatever the collation of a PostgreSQL database.
"""

from collections.abc import Generator, Iterator, Sequence
from importlib import import_module
from itertools import zip_longest
from pkgutil import iter_modules
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    TypeDecorator,
    func,
    select,
    tuple_,
    type_coerce,
)

from aggregator import database
from aggregator.database.dialects import insert_stored
from aggregator.database.schema import metadata

_ROWS_AT_ONCE = 250  # in memory; an entry may have a text of 500 kB
_MODULES_WITH_TABLES = ("_table", "_tables")  # ends of their names; their import fills `metadata`

Row = tuple[Any, ...]


def tables() -> list[Table]:
    """Return all tables of the program but the index of words."""
    for module in iter_modules(database.__path__, f"{database.__name__}."):
        if module.name.endswith(_MODULES_WITH_TABLES):
            import_module(module.name)
    return metadata.sorted_tables


def count_rows(connection: Connection, table: Table) -> int:
    """Return the number of rows."""
    return connection.scalar(select(func.count()).select_from(table)) or 0


def key_of(table: Table, row: Row) -> Row:
    """Return the values of the primary key in a row of `rows_behind`."""
    pairs = zip(table.c, row, strict=True)
    return tuple(value for column, value in pairs if column.primary_key)


def last_key(connection: Connection, table: Table) -> Row | None:
    """Return the highest key of a table; None for an empty table."""
    keys = _keys(connection, table)
    statement = select(*keys).order_by(*(key.desc() for key in keys)).limit(1)
    row = connection.execute(statement).first()
    return None if row is None else tuple(row)


def rows_behind(connection: Connection, table: Table, key: Row | None) -> Generator[Sequence[Row]]:
    """Yield the rows with a higher key than `key`, all rows for None, some hundred at a time."""
    keys = _keys(connection, table)
    values = (_stored(column).label(column.name) for column in table.c)
    statement = select(*values).order_by(*keys)
    if key is not None:
        statement = statement.where(tuple_(*keys) > tuple_(*key))
    with connection.execute(statement, execution_options={"yield_per": _ROWS_AT_ONCE}) as result:
        for rows in result.partitions():
            yield [tuple(row) for row in rows]


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows of `rows_behind`.

    Raises:
        DBAPIError: The database can't take the rows.
    """
    insert_stored(connection, table, [column.name for column in table.c], rows)


def equal_rows(
    rows: Iterator[Sequence[Row]], copied_rows: Iterator[Sequence[Row]]
) -> Iterator[int]:
    """Compare all rows of a table with the copied rows.

    Args:
        rows, copied_rows: Of `rows_behind`.

    Yields:
        Numbers of equal rows.

    Raises:
        DifferenceError: A row has no equal copy, or a copy no row.
    """
    for part, copied_part in zip_longest(rows, copied_rows, fillvalue=()):
        if part != copied_part:
            pairs = zip_longest(part, copied_part)
            raise DifferenceError(next(row or copy for row, copy in pairs if row != copy))
        yield len(part)


class DifferenceError(Exception):
    """A row and the copied row differ.

    Attributes:
        row: The row; the copy where the row is missing.
    """

    def __init__(self, row: Row) -> None:
        super().__init__(row)
        self.row = row


def _keys(connection: Connection, table: Table) -> list[ColumnElement[Any]]:
    """Return the columns of the primary key for the same comparisons everywhere."""
    is_collated = connection.dialect.name == "postgresql"
    return [
        column.collate("C") if is_collated and isinstance(column.type, Text) else _stored(column)
        for column in table.primary_key
    ]


def _stored(column: Column[Any]) -> ColumnElement[Any]:
    kind = column.type
    return type_coerce(column, kind.impl_instance if isinstance(kind, TypeDecorator) else kind)
