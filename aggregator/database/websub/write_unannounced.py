"""Feeds with changes that were not announced yet (WebSub); a restart forgets none of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, select, update

from aggregator.database.dialects import upsert
from aggregator.database.schema import feeds, unannounced


@dataclass(frozen=True, slots=True)
class Unannounced:
    """A feed with changes to announce; `latest_at`: the last of them when it was looked at."""

    feed_id: int
    name: str
    latest_at: datetime


def note_unannounced(connection: Connection, feed_ids: Iterable[int], *, now: datetime) -> None:
    """Note that entries of these feeds are new or have changed."""
    rows = [{"feed_id": one, "first_at": now, "latest_at": now} for one in feed_ids]
    upsert(connection, unannounced, rows, key=["feed_id"], replaced=["latest_at"])


def waiting_changes(
    connection: Connection, *, now: datetime, debounce: timedelta
) -> list[Unannounced]:
    """Return the feeds with changes to announce, none if the first change is newer than `debounce`.

    One that is further in the future than that was noted before the clock was set back.
    """
    first_at = connection.scalar(select(func.min(unannounced.c.first_at)))
    if first_at is None or abs(now - first_at) < debounce:
        return []
    statement = select(feeds.c.id, feeds.c.name, unannounced.c.latest_at).join(unannounced)
    return [Unannounced(*row) for row in connection.execute(statement)]


def note_announced(connection: Connection, told: Sequence[Unannounced]) -> None:
    """Note that changes were announced; what changed again meanwhile waits its own time."""
    connection.execute(_TOLD, [{"feed": one.feed_id, "told_at": one.latest_at} for one in told])
    connection.execute(_CHANGED_AGAIN, [{"feed": one.feed_id} for one in told])


_TOLD = delete(unannounced).where(
    unannounced.c.feed_id == bindparam("feed"), unannounced.c.latest_at == bindparam("told_at")
)
_CHANGED_AGAIN = (
    update(unannounced)
    .where(unannounced.c.feed_id == bindparam("feed"))
    .values(first_at=unannounced.c.latest_at)
)
