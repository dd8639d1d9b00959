"""The entries of each weekly archive of a list.

An entry belongs to the week of its place in the list.  A late entry, which came or changed after
the end of the week, belongs to the week of its arrival or change (`archived_at`).  Late entries are
few and have a separate index, so both kinds are walks of an index, at any depth.

A closed archive stays as it is: an entry that a list shows no longer stands in `withdrawn_members`
from then on, which every function here reads besides the members.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, select

from aggregator import dates
from aggregator.database.lists.list_conditions import IS_SHOWN, is_subscribed, list_id_of
from aggregator.database.schema import (
    entries,
    list_members,
    lists,
    withdrawn_members,
)
from aggregator.dates import Week
from aggregator.model import Cursor, EntryId, ListScope


def is_closed(connection: Connection, scope: ListScope, week: Week, *, now: datetime) -> bool:
    """Whether the archive of a week takes no more entries; never during the list's first week."""
    statement = select(lists.c.began_at).where(lists.c.id == list_id_of(scope))
    began_at = connection.scalar(statement) or now
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
        scope: The whole list, a category or a view.
        before: Only entries below the cursor; None for all.
    """
    ids: set[int] = set()
    for archived in _archived(scope):
        in_week = archived.in_week(start, end)
        if before is not None:
            in_week &= archived.entry_id < before.id
        newest = archived.ids.where(in_week).order_by(archived.entry_id.desc())
        ids.update(connection.scalars(newest.limit(limit)))
        # All late entries, sorted here: SQLite would walk the whole list for the first ones.
        late_ids = connection.scalars(archived.ids.where(archived.is_late(start, end)))
        ids.update(entry_id for entry_id in late_ids if before is None or entry_id < before.id)
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
        scope: The whole list, a category or a view.
        after: Only entries above the cursor; None for all.
    """
    ids: set[int] = set()
    for archived in _archived(scope):
        in_week = archived.in_week(start, end)
        if after is not None:
            in_week &= archived.entry_id > after.id
        oldest = archived.ids.where(in_week).order_by(archived.entry_id)
        ids.update(connection.scalars(oldest.limit(limit)))
        late_ids = connection.scalars(archived.ids.where(archived.is_late(start, end)))
        ids.update(entry_id for entry_id in late_ids if after is None or entry_id > after.id)
    return sorted(ids)[:limit]


def count_between(
    connection: Connection, scope: ListScope, *, start: datetime, end: datetime
) -> int:
    """Count the entries of a list between `start` and `end` (excluded)."""
    return sum(
        connection.scalar(archived.count.where(condition)) or 0
        for archived in _archived(scope)
        for condition in (archived.in_week(start, end), archived.is_late(start, end))
    )


def newest_week(connection: Connection, scope: ListScope, *, before: datetime) -> Week | None:
    """Return the newest week with entries and a start before `before`, None without entries."""
    weeks = []
    for archived in _archived(scope):
        at_place = archived.archived_at.is_(None) & (archived.entry_id < EntryId.first_at(before))
        newest = archived.ids.where(at_place).order_by(archived.entry_id.desc()).limit(1)
        weeks += [Week.of(EntryId(entry_id).at) for entry_id in connection.scalars(newest)]
        is_late = archived.archived_at < before
        latest = archived.times.where(is_late).order_by(archived.archived_at.desc()).limit(1)
        weeks += [Week.of(at) for at in connection.scalars(latest)]
    return max(weeks, default=None)


@dataclass(frozen=True, slots=True)
class _Archived:
    """Entries of the archives of a list, as statements without a week.

    Attributes:
        ids, times, count: The ids of the entries, the times of late ones, and the number.
    """

    entry_id: ColumnElement[int]
    archived_at: ColumnElement[datetime | None]
    ids: Select[Any]
    times: Select[Any]
    count: Select[Any]

    @classmethod
    def of(
        cls,
        entry_id: ColumnElement[int],
        archived_at: ColumnElement[datetime | None],
        conditions: list[ColumnElement[bool]],
    ) -> "_Archived":
        ids, times = (select(column).where(*conditions) for column in (entry_id, archived_at))
        count = select(func.count(entry_id)).where(*conditions)
        return cls(entry_id, archived_at, ids, times, count)

    def in_week(self, start: datetime, end: datetime) -> ColumnElement[bool]:
        """Return whether an entry belongs to a week by its place."""
        return and_(
            self.archived_at.is_(None),
            self.entry_id >= EntryId.first_at(start),
            self.entry_id < EntryId.first_at(end),
        )

    def is_late(self, start: datetime, end: datetime) -> ColumnElement[bool]:
        """Return whether an entry came into the archive of a week late."""
        return and_(self.archived_at >= start, self.archived_at < end)


def _archived(scope: ListScope) -> Iterator[_Archived]:
    """Yield the members of a list and the entries that the list shows no longer."""
    list_id, members, withdrawn = list_id_of(scope), list_members.c, withdrawn_members.c
    of_list = [members.list_id == list_id, IS_SHOWN]
    yield _Archived.of(members.entry_id, members.archived_at, of_list)
    is_member = members.list_id == withdrawn.list_id, members.entry_id == withdrawn.entry_id
    conditions = [
        withdrawn.list_id == list_id,
        exists()
        .where(entries.c.id == withdrawn.entry_id, is_subscribed(entries))
        .correlate(withdrawn_members),
        ~exists().where(*is_member, IS_SHOWN).correlate(withdrawn_members),
    ]
    yield _Archived.of(withdrawn.entry_id, withdrawn.archived_at, conditions)
