"""Rows of members, and of entries that left a list after its archive was closed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Boolean, Connection, bindparam, delete, update

from aggregator.database.chunks import chunks, execute_for_each
from aggregator.database.columns import UtcDateTime
from aggregator.database.dialects import insert_all, upsert
from aggregator.database.lists.read_member_rows import MemberKey, MemberRow
from aggregator.database.schema import list_members, lists, withdrawn_members

_DELETE = delete(list_members).where(
    list_members.c.list_id == bindparam("a_list"), list_members.c.entry_id == bindparam("an_entry")
)
_DELETE_ALL = delete(list_members).where(
    list_members.c.list_id.in_(bindparam("lists", expanding=True)),
    list_members.c.entry_id.in_(bindparam("ids", expanding=True)),
)
_DELETE_WITHDRAWN = delete(withdrawn_members).where(
    withdrawn_members.c.list_id == bindparam("a_list"),
    withdrawn_members.c.entry_id == bindparam("an_entry"),
)
_CHANGE = (
    update(list_members)
    .where(
        list_members.c.list_id == bindparam("a_list"),
        list_members.c.entry_id == bindparam("an_entry"),
    )
    .values(
        is_representative=bindparam("representative", type_=Boolean),
        archived_at=bindparam("at", type_=UtcDateTime),
    )
)
_BEGIN = (
    update(lists)
    .where(lists.c.id.in_(bindparam("ids", expanding=True)), lists.c.began_at.is_(None))
    .values(began_at=bindparam("at", type_=UtcDateTime))
)


def add_members(connection: Connection, rows: Sequence[MemberRow]) -> None:
    """Insert rows, in the order of the primary key."""
    columns = ("list_id", "entry_id", "is_representative", "archived_at")
    insert_all(connection, list_members, columns, sorted(rows))


def change_members(connection: Connection, rows: Iterable[MemberRow]) -> None:
    """Replace the values of stored rows."""
    changes = [
        {
            "a_list": row.list_id,
            "an_entry": row.entry_id,
            "representative": row.is_representative,
            "at": row.archived_at,
        }
        for row in rows
    ]
    if changes:
        execute_for_each(connection, _CHANGE, changes)


def remove_members(connection: Connection, keys: Iterable[MemberKey]) -> None:
    """Delete rows."""
    rows = [{"a_list": list_id, "an_entry": entry_id} for list_id, entry_id in keys]
    if rows:
        execute_for_each(connection, _DELETE, rows)


def delete_members(
    connection: Connection, list_ids: Collection[int], entry_ids: Collection[int]
) -> None:
    """Delete the rows of entries in some lists; `withdrawn_members` follows the entries."""
    ids = sorted(list_ids)
    for chunk in chunks(sorted(entry_ids)):
        connection.execute(_DELETE_ALL, {"lists": ids, "ids": chunk})


def withdraw(connection: Connection, archived_at: Mapping[MemberKey, datetime | None]) -> None:
    """Keep entries in closed archives of lists that show the entries no longer.

    Args:
        archived_at: As stored with the member.
    """
    rows = [
        {"list_id": key.list_id, "entry_id": key.entry_id, "archived_at": at}
        for key, at in archived_at.items()
    ]
    upsert(connection, withdrawn_members, rows, key=["list_id", "entry_id"], replaced=[])


def forget_withdrawn(connection: Connection, keys: Iterable[MemberKey]) -> None:
    """Delete the rows of entries that left a list; a list shows the entries again."""
    rows = [{"a_list": list_id, "an_entry": entry_id} for list_id, entry_id in keys]
    if rows:
        execute_for_each(connection, _DELETE_WITHDRAWN, rows)


def note_beginning(connection: Connection, list_ids: Collection[int], at: datetime) -> None:
    """Store when lists had their first member, if they had none before."""
    if list_ids:
        connection.execute(_BEGIN, {"ids": sorted(list_ids), "at": at})
