"""Subscribers of our own WebSub hub, and their pending deliveries.

The column `wanted` counts the changes of a subscription's document; `delivered` is the count at the
last successful delivery.  So a change during a delivery is never lost.
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

_TOPICS_PER_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A subscription with a pending delivery.

    Attributes:
        topic: URL of the document.
        callback: URL of the subscriber.
        host: Site of the callback.
        secret: Key of the signatures, None for no signatures.
        change_count: Changes of the document that the pending delivery covers.
        failures: Failed attempts in a row.
    """

    id: int
    topic: str
    callback: str
    host: str
    secret: str | None
    change_count: int
    failures: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """The outcome of a delivery: a success, unless another attribute is set.

    Attributes:
        retry_at: Time of the next attempt, None for no further attempt.
        is_ended: The subscription has ended.
        is_failure: Another attempt counts as after a failure.
    """

    subscriber: Subscriber
    retry_at: datetime | None = None
    is_ended: bool = False
    is_failure: bool = True


def add_subscriber(
    connection: Connection,
    *,
    topic: str,
    callback: str,
    host: str,
    secret: str | None,
    lease_until: datetime,
    max_per_host: int,
    max_total: int,
) -> bool:
    """Add or renew a subscription; return False at the limit of the host or of all subscriptions.

    Args:
        topic: URL of the document.
        callback: URL of the subscriber.
        host: Site of the callback.
        secret: Key of the signatures, None for no signatures.
        lease_until: End of the subscription.
        max_per_host: Subscriptions of one host; a renewal is always accepted.
        max_total: Subscriptions in all.
    """
    is_subscription = (subscribers.c.topic == topic) & (subscribers.c.callback == callback)
    is_new = connection.scalar(select(func.count()).where(is_subscription)) == 0
    host_count = connection.scalar(select(func.count()).where(subscribers.c.host == host)) or 0
    total_count = connection.scalar(select(func.count()).select_from(subscribers)) or 0
    if is_new and (host_count >= max_per_host or total_count >= max_total):
        return False
    row: dict[str, Any] = {"topic": topic, "callback": callback, "host": host, "secret": secret}
    row |= {"lease_until": lease_until}
    if is_new:
        row |= {"wanted": 0, "delivered": 0, "failures": 0}
    upsert(connection, subscribers, [row], key=["topic", "callback"])
    return True


def remove_subscriber(connection: Connection, topic: str, callback: str) -> None:
    """End a subscription."""
    is_subscription = (subscribers.c.topic == topic) & (subscribers.c.callback == callback)
    connection.execute(delete(subscribers).where(is_subscription))


def end_leases(connection: Connection, *, now: datetime) -> None:
    """Remove subscriptions after the end of the lease."""
    connection.execute(delete(subscribers).where(subscribers.c.lease_until < now))


def subscribed_topics(connection: Connection) -> list[str]:
    """Return the URLs of all documents with subscribers."""
    return list(connection.scalars(select(subscribers.c.topic).distinct()))


def mark_topics(connection: Connection, *, topics: Sequence[str], now: datetime) -> None:
    """Note a change of documents; after a failure a subscriber still waits for the next attempt."""
    values: dict[str, Any] = {
        "wanted": subscribers.c.wanted + 1,
        "next_at": case(
            (subscribers.c.failures > 0, subscribers.c.next_at), else_=literal(now, UtcDateTime())
        ),
    }
    for start in range(0, len(topics), _TOPICS_PER_STATEMENT):
        batch = topics[start : start + _TOPICS_PER_STATEMENT]
        is_of_topic = subscribers.c.topic.in_(batch)
        connection.execute(update(subscribers).where(is_of_topic).values(values))


def due_subscribers(
    connection: Connection, *, now: datetime, limit: int, busy_hosts: Sequence[str] = ()
) -> list[Subscriber]:
    """Return up to `limit` subscribers with a delivery due, first those without failures.

    Args:
        now: Deliveries due later are left out.
        limit: Of the number of subscribers.
        busy_hosts: Hosts whose subscribers are left out.
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
    """Write the outcomes of deliveries."""
    for delivery in deliveries:
        subscriber = delivery.subscriber
        is_subscriber = subscribers.c.id == subscriber.id
        if delivery.is_ended:
            connection.execute(delete(subscribers).where(is_subscriber))
        elif delivery.retry_at is not None:
            failures = subscribers.c.failures + int(delivery.is_failure)
            connection.execute(
                update(subscribers)
                .where(is_subscriber)
                .values(failures=failures, next_at=delivery.retry_at)
            )
        else:
            values = {"subscriber": subscriber.id, "change_count": subscriber.change_count}
            connection.execute(_DELIVERED, values)


# The subscriber is still due after another change of the document during the delivery.
_DELIVERED = (
    update(subscribers)
    .where(subscribers.c.id == bindparam("subscriber"))
    .values(
        delivered=bindparam("change_count"),
        failures=0,
        next_at=case(
            (subscribers.c.wanted > bindparam("change_count"), subscribers.c.next_at),
            else_=bindparam("never", None, type_=UtcDateTime),
        ),
    )
)
