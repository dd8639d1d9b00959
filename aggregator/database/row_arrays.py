"""Many rows in one statement on PostgreSQL: an array for each column, of which it makes rows.

A driver sends a statement for many rows once for each row.  PostgreSQL then reads, answers and
counts each by itself, and calls for each the triggers that count the rows of a statement.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Connection, Delete, Insert, Update, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.sql.visitors import iterate, replacement_traverse
from sqlalchemy.types import TypeEngine

MAX_ROWS = 500
_MAX_CHARACTERS = 4_000_000
"""Characters and bytes in the arrays of one statement, but for a single row with more of them."""

Row = Sequence[Any]
Statement = Insert | Update | Delete


def unnested(types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Return rows with these columns, which are the arrays of the parameters with their names."""
    arrays = (bindparam(name, type_=ARRAY(type_, dimensions=1)) for name, type_ in types.items())
    columns = (column(name, type_) for name, type_ in types.items())
    return func.unnest(*arrays).table_valued(*columns).render_derived()


@lru_cache(maxsize=500)
def for_rows(statement: Statement, names: tuple[str, ...]) -> Statement:
    """Return a statement for one row as a statement for the rows of `unnested`.

    Args:
        names: Of an INSERT without values, the columns; else the parameters that differ by row.
    """
    if isinstance(statement, Insert):
        rows = unnested({name: statement.table.c[name].type for name in names})
        return statement.from_select(list(names), select(*rows.c))
    rows = unnested(
        {
            element.key: element.type
            for element in iterate(statement)
            if isinstance(element, BindParameter) and element.key in names
        }
    )

    def column_of_rows(element: Any, **_options: Any) -> Any:
        is_of_rows = isinstance(element, BindParameter) and element.key in names
        return rows.c[element.key] if is_of_rows else None

    return cast("Statement", replacement_traverse(statement, {}, column_of_rows))


def execute_for_rows(
    connection: Connection, statement: Statement, names: Sequence[str], rows: Sequence[Row]
) -> None:
    """Execute a statement with `unnested` rows, some hundred rows at a time.

    Args:
        names: Of the values in each row.
    """
    for chunk in _chunks(rows):
        arrays = ([_driver_value(value) for value in values] for values in zip(*chunk, strict=True))
        connection.execute(statement, dict(zip(names, arrays, strict=True)))


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    start = size = 0
    for end, row in enumerate(rows):
        row_size = sum(len(value) for value in row if isinstance(value, str | bytes))
        if end > start and (end - start == MAX_ROWS or size + row_size > _MAX_CHARACTERS):
            yield rows[start:end]
            start, size = end, 0
        size += row_size
    if rows:
        yield rows[start:]


def _driver_value(value: Any) -> Any:
    """Return an id as a number: the driver takes all numbers of an array for as large as one id."""
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
