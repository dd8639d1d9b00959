"""Stored episodes for documents and messages, and the states of feeds for the rule of episodes."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from aggregator.database.deadline import OF_ALL_FEEDS, within
from aggregator.database.episode_table import episodes
from aggregator.database.feeds.read_health import OVERDUE_AFTER, has_overdue_feed
from aggregator.database.feeds.read_sources import SOURCE_COLUMNS, source_of, with_category
from aggregator.database.schema import feeds, state
from aggregator.model.health_episodes import (
    WHOLE_PROGRAM,
    Episode,
    EpisodeEnd,
    EpisodeKind,
    FeedState,
    SourcedEpisode,
    Trouble,
)

_IS_OPEN = episodes.c.ended_at.is_(None)


def newest(connection: Connection, *, limit: int) -> list[SourcedEpisode]:
    """Return the episodes with the last changes, the last first."""
    return _sourced(connection, _SOURCED.order_by(episodes.c.position.desc()).limit(limit))


def since(connection: Connection, position: int, *, limit: int) -> list[SourcedEpisode]:
    """Return the episodes with changes above a position, in the order of changes.

    For messages: a caller with the highest position of the last answer misses no change and gets
    no change twice, as positions are visible in their order.  Of an episode with several changes
    in between only the last change comes.

    Args:
        position: Of the last change told; `last_position` to begin with the next change.
    """
    statement = _SOURCED.where(episodes.c.position > position)
    return _sourced(connection, statement.order_by(episodes.c.position).limit(limit))


def last_position(connection: Connection) -> int:
    """Return the position of the last change, 0 before the first."""
    return connection.scalar(select(func.max(episodes.c.position))) or 0


def open_episodes(connection: Connection, feed_id: int) -> list[Episode]:
    """Return the open episodes of a feed, the oldest first."""
    statement = select(episodes).where(episodes.c.feed_id == feed_id, _IS_OPEN)
    return [_episode(row) for row in connection.execute(statement.order_by(episodes.c.id))]


def remembered(connection: Connection, *, ended_after: datetime) -> list[Episode]:
    """Return the open episodes, and episodes with an end after a time."""
    statement = select(episodes).where(or_(_IS_OPEN, episodes.c.ended_at > ended_after))
    return [_episode(row) for row in connection.execute(statement)]


def feed_states(
    connection: Connection, *, silent_since: datetime, min_failures: int
) -> list[FeedState]:
    """Return the states of feeds with an open episode, or in possible need of an episode.

    Args:
        silent_since: A feed with a change after this time is not silent.
        min_failures: A feed with fewer failures in a row has no episode.
    """
    may_need = and_(
        feeds.c.subscribed,
        ~feeds.c.paused,
        or_(
            feeds.c.gone,
            feeds.c.failures >= min_failures,
            feeds.c.moved_to.is_not(None),
            and_(feeds.c.gap.is_not(None), feeds.c.last_change_at < silent_since),
        ),
    )
    has_open = feeds.c.id.in_(select(episodes.c.feed_id).where(_IS_OPEN))
    statement = select(*_STATE_COLUMNS).where(or_(may_need, has_open))
    rows = connection.execute(statement.execution_options(**within(OF_ALL_FEEDS)))
    return [_feed_state(row) for row in rows]


def halted_since(connection: Connection, *, now: datetime) -> datetime | None:
    """Return when the last poll was stored, if feeds are due for minutes since then; else None.

    The cause may be a full disk, a lock, or a scheduler out of service.
    """
    checked_at: datetime | None = connection.scalar(select(state.c.checked_at))
    if checked_at is None or checked_at > now - OVERDUE_AFTER:
        return None
    return checked_at if has_overdue_feed(connection, now=now) else None


_SOURCED = with_category(
    select(*episodes.c, *SOURCE_COLUMNS).select_from(
        episodes.outerjoin(feeds, feeds.c.id == episodes.c.feed_id)
    )
)

_STATE_COLUMNS = (
    feeds.c.id,
    feeds.c.subscribed,
    feeds.c.paused,
    feeds.c.gone,
    feeds.c.opml_list,
    feeds.c.failures,
    feeds.c.failing_since,
    feeds.c.failure,
    feeds.c.error,
    feeds.c.moved_to,
    feeds.c.last_success_at,
    feeds.c.last_change_at,
    feeds.c.gap,
)


def _sourced(connection: Connection, statement: Select[Any]) -> list[SourcedEpisode]:
    """Return episodes with their sources; an episode of a feed without a row is left out."""
    return [
        SourcedEpisode(_episode(row), None if row.source_id is None else source_of(row))
        for row in connection.execute(statement)
        if row.source_id is not None or row.feed_id == WHOLE_PROGRAM
    ]


def _episode(row: Any) -> Episode:
    return Episode(
        id=row.id,
        position=row.position,
        trouble=Trouble(
            kind=EpisodeKind(row.kind),
            began_at=row.began_at,
            feed_id=row.feed_id,
            failure=row.failure,
            detail=row.detail,
            gap=row.gap,
        ),
        opened_at=row.opened_at,
        changed_at=row.changed_at,
        ended_at=row.ended_at,
        end=None if row.ending is None else EpisodeEnd(row.ending),
    )


def _feed_state(row: Any) -> FeedState:
    return FeedState(
        feed_id=row.id,
        is_subscribed=row.subscribed,
        is_paused=row.paused,
        is_gone=row.gone,
        is_listed=row.opml_list is not None,
        failures=row.failures,
        failing_since=row.failing_since,
        failure=row.failure,
        error=row.error,
        moved_to=row.moved_to,
        last_success_at=row.last_success_at,
        last_change_at=row.last_change_at,
        gap=row.gap,
    )
