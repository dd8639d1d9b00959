"""Which lists have an entry, for `explain-story`."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from aggregator.database.lists.list_conditions import IS_SHOWN
from aggregator.database.schema import list_members, lists
from aggregator.model import ListKind, ListScope


@dataclass(frozen=True, slots=True)
class Membership:
    """A list that has an entry; `is_shown`: the entry, and not another one of its story."""

    scope: ListScope
    is_shown: bool


def memberships(connection: Connection, ids: Collection[int]) -> dict[int, list[Membership]]:
    """Return the lists of config.yaml that have each entry, in the order of pages."""
    statement = (
        select(list_members.c.entry_id, lists.c.kind, lists.c.key, IS_SHOWN.label("is_shown"))
        .join_from(lists, list_members, list_members.c.list_id == lists.c.id)
        .where(list_members.c.entry_id.in_(ids), lists.c.position.is_not(None))
        .order_by(lists.c.kind, lists.c.position, lists.c.key)
    )
    memberships: dict[int, list[Membership]] = {entry_id: [] for entry_id in ids}
    for row in connection.execute(statement):
        scope = ListScope(ListKind(row.kind), row.key)
        memberships[row.entry_id].append(Membership(scope, bool(row.is_shown)))
    return memberships
