"""Rows of members, and of entries that left a list after its archive was closed, as stored."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from aggregator.database.chunks import chunks
from aggregator.database.schema import list_members, withdrawn_members

_OF_LISTS = select(list_members).where(
    list_members.c.list_id.in_(bindparam("lists", expanding=True))
)
_ROWS = _OF_LISTS.where(list_members.c.entry_id.in_(bindparam("ids", expanding=True)))
_ROWS_IN_SPAN = _OF_LISTS.where(
    list_members.c.entry_id.between(bindparam("lowest"), bindparam("highest"))
)
_WITHDRAWN = select(withdrawn_members).where(
    withdrawn_members.c.entry_id.in_(bindparam("ids", expanding=True))
)


class MemberKey(NamedTuple):
    """A list and an entry."""

    list_id: int
    entry_id: int


class MemberRow(NamedTuple):
    """A row of `list_members`."""

    list_id: int
    entry_id: int
    is_representative: bool
    archived_at: datetime | None = None

    @property
    def key(self) -> MemberKey:
        """The primary key."""
        return MemberKey(self.list_id, self.entry_id)


def member_rows(
    connection: Connection, list_ids: Collection[int], entry_ids: Collection[int]
) -> list[MemberRow]:
    """Return the rows of entries in some lists."""
    ids = sorted(list_ids)
    return [
        MemberRow(*row)
        for chunk in chunks(sorted(entry_ids))
        for row in connection.execute(_ROWS, {"lists": ids, "ids": chunk})
    ]


def member_rows_between(
    connection: Connection, list_ids: Collection[int], lowest: int, highest: int
) -> list[MemberRow]:
    """Return the rows of all entries from one id to another in some lists."""
    values = {"lists": sorted(list_ids), "lowest": lowest, "highest": highest}
    return [MemberRow(*row) for row in connection.execute(_ROWS_IN_SPAN, values)]


def withdrawn_rows(
    connection: Connection, entry_ids: Collection[int]
) -> dict[MemberKey, datetime | None]:
    """Return when withdrawn entries came into archives: by list and entry."""
    return {
        MemberKey(row.list_id, row.entry_id): row.archived_at
        for chunk in chunks(sorted(entry_ids))
        for row in connection.execute(_WITHDRAWN, {"ids": chunk})
    }
