"""Reads for the archives: which entries came in which weeks.

An entry belongs to the week of its place in the list, or, where it came or changed when that was
over already (`archived_at`), to the week in which it did.  Those are few and have an index of their
own, so both are walks of an index, at any depth.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from aggregator import dates
from aggregator.database.lists.read_scopes import narrowed
from aggregator.database.schema import entries, state
from aggregator.dates import Week
from aggregator.model import Cursor, EntryId, ListScope


def is_closed(connection: Connection, week: Week, *, now: datetime) -> bool:
    """Whether the archive of a week takes no more entries: never in the week that we began in."""
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
    """Return up to `limit` ids of a list that belong to `start` to before `end`, newest first.

    Args:
        scope: Everything, or a category.
        before: Only those that stand below.
    """
    at_home, late = _belonging(start, end)
    if before is not None:
        at_home &= entries.c.id < before.id
    ids = _at_home(connection, scope, at_home, entries.c.id.desc(), limit=limit)
    # All of them, sorted here: asked for the first ones in order, SQLite walks the whole list.
    ids += [
        entry_id
        for entry_id in _ids(connection, scope, late)
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
    """Return up to `limit` ids of a list that belong to `start` to before `end`, oldest first.

    Args:
        scope: Everything, or a category.
        after: Only those that stand above.
    """
    at_home, late = _belonging(start, end)
    if after is not None:
        at_home &= entries.c.id > after.id
    ids = _at_home(connection, scope, at_home, entries.c.id, limit=limit)
    ids += [
        entry_id
        for entry_id in _ids(connection, scope, late)
        if after is None or entry_id > after.id
    ]
    return sorted(ids)[:limit]


def count_between(
    connection: Connection, scope: ListScope, *, start: datetime, end: datetime
) -> int:
    """Return how many entries of a list belong to `start` to before `end`."""
    of = narrowed(connection, scope)
    if of is None:
        return 0
    counting = of.whole().add_columns(func.count())
    return sum(
        connection.scalar(counting.where(condition)) or 0 for condition in _belonging(start, end)
    )


def newest_week(connection: Connection, scope: ListScope, *, before: datetime) -> Week | None:
    """Return the newest week that began before `before` and has entries, None if there is none."""
    at_home = entries.c.archived_at.is_(None) & (entries.c.id < EntryId.first_at(before))
    found = _at_home(connection, scope, at_home, entries.c.id.desc(), limit=1)
    weeks = [Week.of(EntryId(entry_id).at) for entry_id in found]
    of = narrowed(connection, scope)
    if of is not None:
        late = (
            of.whole()
            .add_columns(func.max(entries.c.archived_at))
            .where(entries.c.archived_at < before)
        )
        at: datetime | None = connection.scalar(late)
        weeks += [Week.of(at)] if at is not None else []
    return max(weeks, default=None)


def _belonging(start: datetime, end: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return what holds of entries that belong to a time by their place, and of late ones."""
    at_home = (
        entries.c.archived_at.is_(None)
        & (entries.c.id >= EntryId.first_at(start))
        & (entries.c.id < EntryId.first_at(end))
    )
    return at_home, (entries.c.archived_at >= start) & (entries.c.archived_at < end)


def _at_home(
    connection: Connection,
    scope: ListScope,
    condition: ColumnElement[bool],
    order: ColumnElement[int],
    *,
    limit: int,
) -> list[int]:
    of = narrowed(connection, scope)
    if of is None:
        return []
    statement = of.whole().add_columns(entries.c.id).where(condition)
    return list(connection.scalars(statement.order_by(order).limit(limit)))


def _ids(connection: Connection, scope: ListScope, condition: ColumnElement[bool]) -> list[int]:
    of = narrowed(connection, scope)
    if of is None:
        return []
    return list(connection.scalars(of.whole().add_columns(entries.c.id).where(condition)))
