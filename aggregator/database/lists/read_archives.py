"""The entries of each weekly archive.

An entry belongs to the week of its place in the list.  A late entry, which came or changed after
the end of the week, belongs to the week of its arrival or change (`archived_at`).  Late entries are
few and have a separate index, so both kinds are walks of an index, at any depth.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from aggregator import dates
from aggregator.database.lists.list_query import list_query
from aggregator.database.schema import entries, state
from aggregator.dates import Week
from aggregator.model import Cursor, EntryId, ListScope


def is_closed(connection: Connection, week: Week, *, now: datetime) -> bool:
    """Whether the archive of a week takes no more entries; never during the week of the first."""
    began_at = connection.scalar(select(state.c.began_at)) or now
    return dates.is_closed(max(week, Week.of(began_at)), now)


def newest_between(
    connection: Connection,
    scope: ListScope,
    *,
    start: datetime,
    end: datetime,
    before: Cursor | None,
    limit: int,
) -> list[int]:
    """Return up to `limit` ids of a list between `start` and `end` (excluded), newest first.

    Args:
        scope: The whole list, or a category.
        before: Only entries below the cursor; None for all.
    """
    in_week, is_late = _belonging(start, end)
    if before is not None:
        in_week &= entries.c.id < before.id
    ids = _ids_in_order(connection, scope, in_week, entries.c.id.desc(), limit=limit)
    # All late entries, sorted here: SQLite would walk the whole list for the first ones in order.
    ids += [
        entry_id
        for entry_id in _ids(connection, scope, is_late)
        if before is None or entry_id < before.id
    ]
    return sorted(ids, reverse=True)[:limit]


def oldest_between(
    connection: Connection,
    scope: ListScope,
    *,
    start: datetime,
    end: datetime,
    after: Cursor | None,
    limit: int,
) -> list[int]:
    """Return up to `limit` ids of a list between `start` and `end` (excluded), oldest first.

    Args:
        scope: The whole list, or a category.
        after: Only entries above the cursor; None for all.
    """
    in_week, is_late = _belonging(start, end)
    if after is not None:
        in_week &= entries.c.id > after.id
    ids = _ids_in_order(connection, scope, in_week, entries.c.id, limit=limit)
    ids += [
        entry_id
        for entry_id in _ids(connection, scope, is_late)
        if after is None or entry_id > after.id
    ]
    return sorted(ids)[:limit]


def count_between(
    connection: Connection, scope: ListScope, *, start: datetime, end: datetime
) -> int:
    """Count the entries of a list between `start` and `end` (excluded)."""
    query = list_query(connection, scope)
    if query is None:
        return 0
    counting = query.whole().add_columns(func.count())
    return sum(
        connection.scalar(counting.where(condition)) or 0 for condition in _belonging(start, end)
    )


def newest_week(connection: Connection, scope: ListScope, *, before: datetime) -> Week | None:
    """Return the newest week with entries and a start before `before`, None without entries."""
    in_week = entries.c.archived_at.is_(None) & (entries.c.id < EntryId.first_at(before))
    newest_ids = _ids_in_order(connection, scope, in_week, entries.c.id.desc(), limit=1)
    weeks = [Week.of(EntryId(entry_id).at) for entry_id in newest_ids]
    query = list_query(connection, scope)
    if query is not None:
        latest = (
            query.whole()
            .add_columns(func.max(entries.c.archived_at))
            .where(entries.c.archived_at < before)
        )
        at: datetime | None = connection.scalar(latest)
        weeks += [Week.of(at)] if at is not None else []
    return max(weeks, default=None)


def _belonging(start: datetime, end: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions on entries of a week: by their place, and on late entries."""
    in_week = (
        entries.c.archived_at.is_(None)
        & (entries.c.id >= EntryId.first_at(start))
        & (entries.c.id < EntryId.first_at(end))
    )
    return in_week, (entries.c.archived_at >= start) & (entries.c.archived_at < end)


def _ids_in_order(
    connection: Connection,
    scope: ListScope,
    condition: ColumnElement[bool],
    order: ColumnElement[int],
    *,
    limit: int,
) -> list[int]:
    query = list_query(connection, scope)
    if query is None:
        return []
    statement = query.whole().add_columns(entries.c.id).where(condition)
    return list(connection.scalars(statement.order_by(order).limit(limit)))


def _ids(connection: Connection, scope: ListScope, condition: ColumnElement[bool]) -> list[int]:
    query = list_query(connection, scope)
    if query is None:
        return []
    return list(connection.scalars(query.whole().add_columns(entries.c.id).where(condition)))
