"""Feeds with changes that are not announced yet (WebSub), kept over restarts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, select, update

from aggregator.database.dialects import upsert
from aggregator.database.schema import feeds, unannounced


@dataclass(frozen=True, slots=True)
class Unannounced:
    """A feed with changes to announce.

    Attributes:
        latest_at: Time of the last change at the moment of the query.
    """

    feed_id: int
    name: str
    latest_at: datetime


def note_unannounced(connection: Connection, feed_ids: Iterable[int], *, now: datetime) -> None:
    """Note that entries of these feeds are new or have changed."""
    rows = [{"feed_id": feed_id, "first_at": now, "latest_at": now} for feed_id in feed_ids]
    upsert(connection, unannounced, rows, key=["feed_id"], replaced=["latest_at"])


def waiting_changes(
    connection: Connection, *, now: datetime, debounce: timedelta
) -> list[Unannounced]:
    """Return the feeds with changes to announce; none while the first change is too young.

    A first change far in the future was noted before the clock was set back, and is not young.

    Args:
        now: Aware, UTC.
        debounce: Age of the first change from which all changes are announced.
    """
    first_at = connection.scalar(select(func.min(unannounced.c.first_at)))
    if first_at is None or abs(now - first_at) < debounce:
        return []
    statement = select(feeds.c.id, feeds.c.name, unannounced.c.latest_at).join(unannounced)
    return [Unannounced(*row) for row in connection.execute(statement)]


def note_announced(connection: Connection, announced: Sequence[Unannounced]) -> None:
    """Forget announced changes; a feed that changed since then waits like after a first change."""
    connection.execute(
        _FORGET,
        [{"feed": change.feed_id, "announced_at": change.latest_at} for change in announced],
    )
    connection.execute(_WAIT_AGAIN, [{"feed": change.feed_id} for change in announced])


_FORGET = delete(unannounced).where(
    unannounced.c.feed_id == bindparam("feed"), unannounced.c.latest_at == bindparam("announced_at")
)
_WAIT_AGAIN = (
    update(unannounced)
    .where(unannounced.c.feed_id == bindparam("feed"))
    .values(first_at=unannounced.c.latest_at)
)
