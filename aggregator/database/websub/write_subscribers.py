"""Subscribers of our own WebSub hub, and what they are still to get.

`wanted` counts the changes of a topic, `delivered` how many of them the subscriber knows of; what
changes while a delivery is under way is therefore never lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    case,
    delete,
    func,
    literal,
    select,
    update,
)

from aggregator.database.columns import UtcDateTime
from aggregator.database.dialects import upsert
from aggregator.database.schema import subscribers

_TOPICS = 500


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Somebody who is to get a document.

    Attributes:
        host: The site of the callback.
        wanted: The change that this delivery will have told of.
        failures: Attempts in a row that failed.
    """

    id: int
    topic: str
    callback: str
    host: str
    secret: str | None
    wanted: int
    failures: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a delivery went: well, to be tried again at `retry_at`, or the subscription `ended`.

    Attributes:
        failed: Whether to try it again counts as a failure.
    """

    of: Subscriber
    retry_at: datetime | None = None
    ended: bool = False
    failed: bool = True


def add_subscriber(
    connection: Connection,
    *,
    topic: str,
    callback: str,
    host: str,
    secret: str | None,
    lease_until: datetime,
    most_of_host: int,
    most: int,
) -> bool:
    """Add a subscription, or renew it; return False if the callback's host, or all, have enough."""
    same = (subscribers.c.topic == topic) & (subscribers.c.callback == callback)
    is_new = connection.scalar(select(func.count()).where(same)) == 0
    of_host = connection.scalar(select(func.count()).where(subscribers.c.host == host)) or 0
    in_all = connection.scalar(select(func.count()).select_from(subscribers)) or 0
    if is_new and (of_host >= most_of_host or in_all >= most):
        return False
    row: dict[str, Any] = {"topic": topic, "callback": callback, "host": host, "secret": secret}
    if is_new:
        row |= {"wanted": 0, "delivered": 0, "failures": 0}
    upsert(
        connection,
        subscribers,
        [{**row, "lease_until": lease_until}],
        key=["topic", "callback"],
    )
    return True


def remove_subscriber(connection: Connection, topic: str, callback: str) -> None:
    """End a subscription."""
    same = (subscribers.c.topic == topic) & (subscribers.c.callback == callback)
    connection.execute(delete(subscribers).where(same))


def end_leases(connection: Connection, *, now: datetime) -> None:
    """Remove the subscriptions whose time is over."""
    connection.execute(delete(subscribers).where(subscribers.c.lease_until < now))


def mark_topics(connection: Connection, *, topics: Sequence[str], now: datetime) -> None:
    """Note a change of documents; who failed before is still left alone for its time."""
    values: dict[str, Any] = {
        "wanted": subscribers.c.wanted + 1,
        "next_at": case(
            (subscribers.c.failures > 0, subscribers.c.next_at), else_=literal(now, UtcDateTime())
        ),
    }
    for start in range(0, len(topics), _TOPICS):
        chosen = subscribers.c.topic.in_(topics[start : start + _TOPICS])
        connection.execute(update(subscribers).where(chosen).values(values))


def due_subscribers(
    connection: Connection, *, now: datetime, limit: int, busy_hosts: Sequence[str] = ()
) -> list[Subscriber]:
    """Return up to `limit` subscribers that are to get something now, those that failed last.

    Args:
        busy_hosts: Whose subscribers are left out.
    """
    statement = (
        select(
            subscribers.c.id,
            subscribers.c.topic,
            subscribers.c.callback,
            subscribers.c.host,
            subscribers.c.secret,
            subscribers.c.wanted,
            subscribers.c.failures,
        )
        .where(
            subscribers.c.next_at <= now,
            subscribers.c.lease_until >= now,
            subscribers.c.host.not_in(busy_hosts),
        )
        .order_by(subscribers.c.failures > 0, subscribers.c.next_at, subscribers.c.topic)
        .limit(limit)
    )
    return [Subscriber(*row) for row in connection.execute(statement)]


def note_deliveries(connection: Connection, *, deliveries: Sequence[Delivery]) -> None:
    """Write how deliveries went."""
    for one in deliveries:
        own = subscribers.c.id == one.of.id
        if one.ended:
            connection.execute(delete(subscribers).where(own))
        elif one.retry_at is not None:
            connection.execute(
                update(subscribers)
                .where(own)
                .values(failures=subscribers.c.failures + one.failed, next_at=one.retry_at)
            )
        else:
            connection.execute(_DELIVERED, {"subscriber": one.of.id, "told": one.of.wanted})


# Still due if the document changed once more while it was under way.
_DELIVERED = (
    update(subscribers)
    .where(subscribers.c.id == bindparam("subscriber"))
    .values(
        delivered=bindparam("told"),
        failures=0,
        next_at=case(
            (subscribers.c.wanted > bindparam("told"), subscribers.c.next_at),
            else_=bindparam("never", None, type_=UtcDateTime),
        ),
    )
)
