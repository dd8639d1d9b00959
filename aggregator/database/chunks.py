"""Long lists in chunks: for IN (...), and so that a stop may come between two statements."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from aggregator.database.row_arrays import Statement, execute_for_rows, for_rows

_T = TypeVar("_T")
CHUNK_SIZE = 500
"""Values in one chunk: far below the limit of every database."""


def chunks(values: Sequence[_T]) -> Iterable[Sequence[_T]]:
    """Return `values` in chunks of `CHUNK_SIZE`."""
    for start in range(0, len(values), CHUNK_SIZE):
        yield values[start : start + CHUNK_SIZE]


def execute_for_each(
    connection: Connection, statement: Statement, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Execute a statement with the values of each row, a chunk of the rows at a time.

    Args:
        rows: Values by the names of parameters, or of the columns of an INSERT without values; all
            rows name the same.  No two rows change the same stored row.
    """
    if connection.dialect.name == "sqlite":
        for chunk in chunks(rows):
            connection.execute(statement, chunk)
    elif rows:
        names = tuple(rows[0])
        values = [tuple(row[name] for name in names) for row in rows]
        execute_for_rows(connection, for_rows(statement, names), names, values)
