"""Requests of subscribers to our own WebSub hub, which wait for their verification.

By this module alone the web writes: a valid request becomes a row, and a polling process verifies
the request with the subscriber.  Anybody may send requests, so the
number of rows is bounded, for each host of a callback and altogether.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from aggregator.database.clock import database_time
from aggregator.database.hub_table import hub_requests

MAX_WAITING = 1000
"""Requests that wait for verification, in all."""

MAX_WAITING_PER_HOST = 100
"""Requests that wait for verification, with callbacks of one host."""

TAKEN_FOR = timedelta(minutes=1)
"""Time for the verification of a request, after which another process takes the request."""


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    """A request to subscribe to changes of a document, or to unsubscribe (WebSub, 5.1).

    Attributes:
        topic: URL of one of our documents.
        callback: URL that changes are sent to.
        host: Site of the callback.
        secret: Key of the signatures, None for no signatures.
        lease: Length of the subscription; without meaning in a request to unsubscribe.
        is_unsubscribe: The request is to unsubscribe.
    """

    topic: str
    callback: str
    host: str
    secret: str | None
    lease: timedelta
    is_unsubscribe: bool


@dataclass(frozen=True, slots=True)
class TakenRequest:
    """A request under verification by this process, with the row's id."""

    id: int
    request: SubscriptionRequest


def add_request(connection: Connection, request: SubscriptionRequest) -> bool:
    """Store a request; return False at the limit of the host or of all requests.

    Nothing is written then.  Transactions of several processes at the same time may pass a limit by
    a few rows.
    """
    if not has_room(connection, request.host):
        return False
    connection.execute(
        insert(hub_requests).values(
            topic=request.topic,
            callback=request.callback,
            host=request.host,
            secret=request.secret,
            lease=request.lease,
            is_unsubscribe=request.is_unsubscribe,
        )
    )
    return True


def has_room(connection: Connection, host: str) -> bool:
    """Whether another request with a callback of `host` may wait.  Reads only."""
    row = connection.execute(
        select(
            select(func.count()).select_from(hub_requests).scalar_subquery().label("in_all"),
            select(func.count())
            .where(hub_requests.c.host == host)
            .scalar_subquery()
            .label("of_host"),
        )
    ).one()
    return bool(row.in_all < MAX_WAITING and row.of_host < MAX_WAITING_PER_HOST)


def is_waiting(connection: Connection) -> bool:
    """Whether any request is stored.  Reads only."""
    return connection.scalar(select(hub_requests.c.id).limit(1)) is not None


def take_requests(
    connection: Connection, *, limit: int, busy_hosts: Collection[str] = ()
) -> list[TakenRequest]:
    """Take up to `limit` requests to verify, the oldest of each host.

    No request is taken of a host with a request under verification, here or elsewhere: requests of
    a subscriber are verified in order.

    Args:
        limit: Of the number of requests.
        busy_hosts: Hosts whose requests are left out.
    """
    now = database_time(connection)
    is_free = or_(hub_requests.c.taken_until.is_(None), hub_requests.c.taken_until <= now)
    taken_hosts = select(hub_requests.c.host).where(hub_requests.c.taken_until > now)
    oldest = (
        select(func.min(hub_requests.c.id))
        .where(hub_requests.c.host.not_in(taken_hosts), hub_requests.c.host.not_in(busy_hosts))
        .group_by(hub_requests.c.host)
    )
    rows = connection.execute(
        select(hub_requests)
        .where(hub_requests.c.id.in_(oldest), is_free)
        .order_by(hub_requests.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    is_taken = hub_requests.c.id.in_([row.id for row in rows])
    connection.execute(update(hub_requests).where(is_taken).values(taken_until=now + TAKEN_FOR))
    return [
        TakenRequest(
            row.id,
            SubscriptionRequest(
                row.topic, row.callback, row.host, row.secret, row.lease, row.is_unsubscribe
            ),
        )
        for row in rows
    ]


def remove_request(connection: Connection, request_id: int) -> None:
    """Remove a request after its verification."""
    connection.execute(delete(hub_requests).where(hub_requests.c.id == request_id))
