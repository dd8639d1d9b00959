"""Episodes open, end, and open again; old episodes are deleted."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from aggregator.database.chunks import execute_for_each
from aggregator.database.episode_table import episodes
from aggregator.database.feeds.write_polls import note_change
from aggregator.model.health_episodes import EpisodeChanges, EpisodeEnd, Trouble


def write_changes(connection: Connection, changes: EpisodeChanges, *, now: datetime) -> None:
    """Write changes of episodes, but for changes by another process meanwhile.

    Positions are given under the lock of `state`, and so become visible in order.
    """
    if not changes:
        return
    note_change(connection)  # which locks `state`, or fails if what was read is not true any more
    positions = _free_positions(connection)
    for ending in changes.ended:
        values: dict[str, Any] = {"ended_at": ending.ended_at, "ending": ending.end.value}
        is_open = episodes.c.id == ending.episode_id, episodes.c.ended_at.is_(None)
        _change(connection, is_open, values, next(positions), now)
    for episode_id in changes.reopened:
        values = {"ended_at": None, "ending": None}
        is_ended = episodes.c.id == episode_id, episodes.c.ended_at.is_not(None)
        _change(connection, is_ended, values, next(positions), now)
    rows = [_row(trouble, None, next(positions), now) for trouble in changes.opened]
    rows += [_row(trouble, end_at, next(positions), now) for trouble, end_at in changes.passed]
    # A feed that has an open episode of the kind already gets no second one.
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(episodes)
    execute_for_each(connection, insert.on_conflict_do_nothing(), rows)


def forget_old(connection: Connection, *, ended_before: datetime) -> None:
    """Delete episodes with an end before a time; the last position is never given again."""
    last = select(func.max(episodes.c.position)).scalar_subquery()
    connection.execute(
        delete(episodes).where(episodes.c.ended_at < ended_before, episodes.c.position != last)
    )


def _free_positions(connection: Connection) -> Iterator[int]:
    position = connection.scalar(select(func.max(episodes.c.position))) or 0
    while True:
        position += 1
        yield position


def _change(
    connection: Connection, conditions: Any, values: dict[str, Any], position: int, now: datetime
) -> None:
    row = values | {"position": position, "changed_at": now}
    connection.execute(update(episodes).where(*conditions).values(row))


def _row(
    trouble: Trouble, ended_at: datetime | None, position: int, now: datetime
) -> dict[str, Any]:
    return {
        "id": position,
        "position": position,
        "kind": trouble.kind.value,
        "feed_id": trouble.feed_id,
        "began_at": trouble.began_at,
        "opened_at": now,
        "changed_at": now,
        "ended_at": ended_at,
        "ending": EpisodeEnd.MENDED.value if ended_at else None,
        "failure": trouble.failure,
        "detail": trouble.detail,
        "gap": trouble.gap,
    }
