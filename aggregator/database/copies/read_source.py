"""Whether the source of a copy stands still, its state, and rows that no copy can take."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, exists, func, select

from aggregator.database.copies import stored_rows
from aggregator.database.opml_table import opml_lists
from aggregator.database.schema import feeds, state


def leased_until(connection: Connection, *, now: datetime) -> datetime | None:
    """Return when the last lease of a process ends; None without leases."""
    ends = [
        connection.scalar(
            select(func.max(table.c.lease_until)).where(table.c.lease_owner.is_not(None))
        )
        for table in (feeds, opml_lists)
    ]
    return max((end for end in ends if end is not None and end > now), default=None)


def state_of(connection: Connection) -> str:
    """Return a text; after every poll, change on a page, new or deleted row, the text differs."""
    polls = (
        func.sum(feeds.c.polls),
        func.max(feeds.c.last_polled_at),
        func.max(feeds.c.next_poll_at),
    )
    rows = [connection.execute(select(*columns)).one() for columns in (state.c, polls)]
    counts = [stored_rows.count_rows(connection, table) for table in stored_rows.tables()]
    return json.dumps([counts, *map(list, rows)], default=str)


@dataclass(frozen=True, slots=True)
class Orphans:
    """Rows that refer to missing rows, as `sqlite3` leaves them, which checks no references.

    Attributes:
        key: Primary key of the first of the rows.
        statement: SQL that deletes the rows.
    """

    table: str
    count: int
    key: tuple[object, ...]
    parent: str
    statement: str


def orphans(connection: Connection) -> Iterator[Orphans]:
    """Yield the rows whose parents are missing, by table and reference."""
    for table in stored_rows.tables():
        for reference in table.foreign_keys:
            column, parent_column = reference.parent, reference.column
            is_orphan = _has_no_parent(column, parent_column)
            count = connection.scalar(select(func.count()).select_from(table).where(is_orphan))
            if count:
                key = list(table.primary_key)
                first = connection.execute(select(*key).where(is_orphan).order_by(*key)).first()
                yield Orphans(
                    table=table.name,
                    count=count,
                    key=tuple(first or ()),
                    parent=parent_column.table.name,
                    statement=_deletion(table, column, parent_column),
                )


def _has_no_parent(column: Column[Any], parent_column: Column[Any]) -> ColumnElement[bool]:
    has_parent = exists().where(parent_column == column).correlate(column.table)
    return column.is_not(None) & ~has_parent


def _deletion(table: Table, column: Column[Any], parent_column: Column[Any]) -> str:
    parents = f"SELECT {parent_column.name} FROM {parent_column.table.name}"  # noqa: S608
    return f"DELETE FROM {table.name} WHERE {column.name} NOT IN ({parents})"  # noqa: S608
