"""The posts of a message, and the failures of targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from aggregator.database.chunks import chunks
from aggregator.database.lists import read_lists
from aggregator.database.lists.list_conditions import (
    IS_SHOWN,
    is_shown_by_source,
    is_subscribed,
    list_id_of,
)
from aggregator.database.notification_tables import notification_targets
from aggregator.database.schema import entries, list_members
from aggregator.model import ListedEntry, ListKind, ListScope


@dataclass(frozen=True, slots=True)
class FailingTarget:
    """A target without success of the last message.

    Attributes:
        reason: In words, without the target's address.
        retry_at: Time of the next attempt.
    """

    name: str
    reason: str
    failures: int
    retry_at: datetime | None


def failing_targets(connection: Connection) -> list[FailingTarget]:
    """Return the failing targets, by name."""
    columns = notification_targets.c
    statement = select(columns.name, columns.error, columns.failures, columns.retry_at)
    statement = statement.where(columns.failures > 0).order_by(columns.name)
    return [
        FailingTarget(row.name, row.error or "", row.failures, row.retry_at)
        for row in connection.execute(statement)
    ]


def shown_ids(connection: Connection, scope: ListScope, ids: Sequence[int]) -> list[int]:
    """Return the ids of the entries in a list, of some entries, the newest first.

    Args:
        scope: Not a search.
    """
    if scope.kind is ListKind.SOURCE:  # the entries are of the source
        statement = select(entries.c.id).where(is_shown_by_source(entries), is_subscribed(entries))
        entry_id = entries.c.id
    else:
        entry_id = list_members.c.entry_id
        statement = select(entry_id).where(list_members.c.list_id == list_id_of(scope), IS_SHOWN)
    return sorted(
        (
            shown_id
            for chunk in chunks(ids)
            for shown_id in connection.scalars(statement.where(entry_id.in_(chunk)))
        ),
        reverse=True,
    )


def told_entries(connection: Connection, ids: Sequence[int]) -> list[ListedEntry]:
    """Return entries for a message, the newest first."""
    return read_lists.entries_by_id(connection, ids)
