"""Targets follow config.yaml; new entries are queued for targets, and removed after the message.

An entry is queued in the transaction of its storage, and leaves the queue in a transaction after
the message: a process killed in between leaves the entry in the queue.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, and_, delete, func, insert, literal, or_, select, update

from aggregator.database.chunks import chunks
from aggregator.database.clock import database_time
from aggregator.database.columns import UtcDateTime
from aggregator.database.episode_table import episodes
from aggregator.database.episodes import read_episodes
from aggregator.database.lists.list_conditions import is_shown_by_source
from aggregator.database.notification_tables import notification_queue, notification_targets
from aggregator.database.schema import entries, feeds, list_members, lists
from aggregator.model.notification_targets import NewsKind, NotificationTarget

TAKEN_FOR = timedelta(minutes=2)
"""Time for a message, after which another process sends the message."""

MAX_TOLD = 5000
"""Entries of one message."""


@dataclass(frozen=True, slots=True)
class TakenTarget:
    """A target with news, taken by this process.

    Attributes:
        position: Of the last episode told.
        failures: Failed attempts in a row.
        entry_ids: Queued entries; empty for episodes.
    """

    id: int
    name: str
    kind: NewsKind
    key: str
    position: int
    failures: int
    entry_ids: tuple[int, ...]


def follow_targets(connection: Connection, targets: Sequence[NotificationTarget]) -> None:
    """Make the targets agree with config.yaml; new and changed ones begin with the next entry."""
    columns = notification_targets.c
    digests = {
        row.name: row.digest for row in connection.execute(select(columns.name, columns.digest))
    }
    targets_by_name = {target.name: target for target in targets}
    obsolete_names = [
        name
        for name, digest in digests.items()
        if name not in targets_by_name or targets_by_name[name].digest != digest
    ]
    if obsolete_names:
        connection.execute(delete(notification_targets).where(columns.name.in_(obsolete_names)))
    new_targets = [
        targets_by_name[name]
        for name in targets_by_name
        if name not in digests or name in obsolete_names
    ]
    if new_targets:
        position = read_episodes.last_position(connection)
        rows = [
            {
                "name": target.name,
                "digest": target.digest,
                "kind": target.kind.value,
                "key": target.key,
                "position": position,
            }
            for target in new_targets
        ]
        connection.execute(insert(notification_targets), rows)


def queue_entries(connection: Connection, entry_ids: Sequence[int], *, now: datetime) -> None:
    """Queue new entries for the targets of the lists with the entries."""
    for chunk in chunks(entry_ids):
        for members in (_members_of_lists(chunk, now), _members_of_sources(chunk, now)):
            columns = ["target_id", "entry_id", "queued_at"]
            connection.execute(insert(notification_queue).from_select(columns, members))


def _members_of_lists(entry_ids: Sequence[int], now: datetime) -> Select[tuple[int, int, datetime]]:
    of_target = and_(
        notification_targets.c.kind == lists.c.kind, notification_targets.c.key == lists.c.key
    )
    return (
        select(notification_targets.c.id, list_members.c.entry_id, literal(now, UtcDateTime))
        .select_from(list_members)
        .join(lists, lists.c.id == list_members.c.list_id)
        .join(notification_targets, of_target)
        .where(list_members.c.entry_id.in_(entry_ids))
    )


def _members_of_sources(
    entry_ids: Sequence[int], now: datetime
) -> Select[tuple[int, int, datetime]]:
    of_target = and_(
        notification_targets.c.kind == NewsKind.SOURCE.value,
        notification_targets.c.key == feeds.c.name,
    )
    return (
        select(notification_targets.c.id, entries.c.id, literal(now, UtcDateTime))
        .select_from(entries)
        .join(feeds, feeds.c.id == entries.c.feed_id)
        .join(notification_targets, of_target)
        .where(entries.c.id.in_(entry_ids), is_shown_by_source(entries))
    )


def take_due(
    connection: Connection,
    owner: str,
    windows: Mapping[str, timedelta],
    *,
    has_ended: Callable[[str], bool],
) -> list[TakenTarget]:
    """Take the targets with due messages.

    Args:
        owner: Name of this process.
        windows: By the name of a target, how long after the first entry the message is due.
        has_ended: Whether the process of a name is known to have ended.
    """
    now = database_time(connection)
    taken_targets = []
    for row in connection.execute(_WAITING).all():
        is_free = row.taken_until is None or row.taken_until <= now or has_ended(row.taken_by)
        waits_since = row.episode_at if row.kind == NewsKind.HEALTH else row.queued_at
        if (
            row.name not in windows
            or waits_since is None
            or waits_since + windows[row.name] > now
            or (row.retry_at is not None and row.retry_at > now)
            or not is_free
        ):
            continue
        if _take(connection, row.id, row.taken_by, owner, until=now + TAKEN_FOR):
            ids = _QUEUED.where(notification_queue.c.target_id == row.id)
            taken_targets.append(
                TakenTarget(
                    row.id,
                    row.name,
                    NewsKind(row.kind),
                    row.key,
                    row.position,
                    row.failures,
                    tuple(connection.scalars(ids)),
                )
            )
    return taken_targets


def _take(
    connection: Connection, target_id: int, former: str | None, owner: str, *, until: datetime
) -> bool:
    """Take a target unless another process took the target meanwhile."""
    columns = notification_targets.c
    same_owner = columns.taken_by.is_(None) if former is None else columns.taken_by == former
    statement = update(notification_targets).where(columns.id == target_id, same_owner)
    values = {"taken_by": owner, "taken_until": until}
    return connection.execute(statement.values(values)).rowcount == 1


def take_over(connection: Connection, *, target: TakenTarget, former: str, owner: str) -> bool:
    """Take a target from the process with the target; return False if another process has it."""
    until = database_time(connection) + TAKEN_FOR
    return _take(connection, target.id, former, owner, until=until)


def note_sent(connection: Connection, target: TakenTarget, *, position: int) -> None:
    """Remove the entries of a message.

    Args:
        position: Of the last episode told.
    """
    queued = notification_queue.c
    for chunk in chunks(target.entry_ids):
        is_told = queued.target_id == target.id, queued.entry_id.in_(chunk)
        connection.execute(delete(notification_queue).where(*is_told))
    values = {
        "position": position,
        "failures": 0,
        "retry_at": None,
        "error": None,
        "sent_at": database_time(connection),
    }
    _give_back(connection, target.id, values)


def note_failed(
    connection: Connection, target: TakenTarget, *, reason: str, wait: timedelta
) -> None:
    """Store a failed attempt, and the time of the next attempt."""
    retry_at = database_time(connection) + wait
    values = {"failures": target.failures + 1, "error": reason, "retry_at": retry_at}
    _give_back(connection, target.id, values)


def _give_back(connection: Connection, target_id: int, values: Mapping[str, object]) -> None:
    statement = update(notification_targets).where(notification_targets.c.id == target_id)
    connection.execute(statement.values(taken_by=None, taken_until=None, **values))


_FIRST_QUEUED = (
    select(func.min(notification_queue.c.queued_at))
    .where(notification_queue.c.target_id == notification_targets.c.id)
    .scalar_subquery()
)
_FIRST_EPISODE = (
    select(func.min(episodes.c.changed_at))
    .where(episodes.c.position > notification_targets.c.position)
    .scalar_subquery()
)
_WAITING = (
    select(
        notification_targets,
        _FIRST_QUEUED.label("queued_at"),
        _FIRST_EPISODE.label("episode_at"),
    )
    .where(
        or_(
            notification_targets.c.kind == NewsKind.HEALTH.value,
            _FIRST_QUEUED.is_not(None),
        )
    )
    .order_by(notification_targets.c.id)
)
_QUEUED = (
    select(notification_queue.c.entry_id)
    .order_by(notification_queue.c.queued_at, notification_queue.c.entry_id)
    .limit(MAX_TOLD)
)
