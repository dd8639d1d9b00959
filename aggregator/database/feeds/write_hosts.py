"""Pauses and limits of hosts, for all processes and after a restart."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, or_, select

from aggregator.database.columns import UtcDateTime
from aggregator.database.dialects import upsert
from aggregator.database.schema import feeds, hosts
from aggregator.model import HostPause, KnownHost

_SHORT_WAIT = timedelta(seconds=10)
"""A process that leases a feed waits so long for its host's turn."""


def is_pausing(host: KnownHost, now: datetime) -> bool:
    """Return whether a host is to be left alone for longer than a lease is worth."""
    return host.free_at is not None and host.free_at > now + _SHORT_WAIT


def known_hosts(connection: Connection, *, now: datetime) -> list[KnownHost]:
    """Return the hosts in a pause, or with a delay between two requests."""
    return [KnownHost(*row) for row in connection.execute(_KNOWN_HOSTS, {"now": now})]


def shared_hosts(connection: Connection) -> frozenset[str]:
    """Return the hosts of more than one feed."""
    return frozenset(connection.scalars(_SHARED_HOSTS))


def host_pause(connection: Connection, name: str) -> HostPause | None:
    """Return the stored limits of a host, None without any."""
    row = connection.execute(_BY_NAME, {"name": name}).one_or_none()
    return None if row is None else HostPause(*row)


def forget_hosts(connection: Connection, *, now: datetime, throttled_before: datetime) -> None:
    """Forget hosts that may be asked again and have refused nothing since `throttled_before`."""
    connection.execute(
        delete(hosts).where(
            hosts.c.free_at <= now,
            or_(hosts.c.throttled_at.is_(None), hosts.c.throttled_at < throttled_before),
        )
    )


def note_pauses(connection: Connection, pauses: Sequence[HostPause]) -> None:
    """Store pauses of hosts, and delays between two requests.

    A stored pause never gets shorter.  `hosts` is the last table to lock in a transaction; see
    `write_polls.lock_polls`.
    """
    if not pauses:
        return
    names = {pause.name for pause in pauses}
    rows = connection.execute(_PAUSES, {"names": sorted(names)})
    free_at = {row.name: row.free_at for row in rows}
    for pause in pauses:
        free_at[pause.name] = max(pause.free_at, free_at.get(pause.name, pause.free_at))
    throttled = {pause.name: pause for pause in pauses if pause.throttled_at}
    # In one order: on PostgreSQL two processes would wait for each other's rows.
    rows_of_throttled: list[dict[str, Any]] = [
        {
            "name": name,
            "free_at": free_at[name],
            "min_delay": throttled[name].min_delay,
            "throttled_at": throttled[name].throttled_at,
        }
        for name in sorted(throttled)
    ]
    upsert(connection, hosts, rows_of_throttled, key=["name"])
    rows_of_others = [
        {"name": name, "free_at": free_at[name]} for name in sorted(names - throttled.keys())
    ]
    upsert(connection, hosts, rows_of_others, key=["name"])


_KNOWN_HOSTS = select(hosts.c.name, hosts.c.free_at, hosts.c.min_delay).where(
    or_(hosts.c.free_at > bindparam("now", type_=UtcDateTime), hosts.c.min_delay.is_not(None))
)
_BY_NAME = select(hosts.c.name, hosts.c.free_at, hosts.c.min_delay, hosts.c.throttled_at).where(
    hosts.c.name == bindparam("name")
)
_PAUSES = select(hosts.c.name, hosts.c.free_at).where(
    hosts.c.name.in_(bindparam("names", expanding=True))
)
_SHARED_HOSTS = (  # the index of due feeds has both columns; feeds outside of it are not polled
    select(feeds.c.host)
    .where(feeds.c.next_poll_at.is_not(None), feeds.c.host != "")
    .group_by(feeds.c.host)
    .having(func.count() > 1)
)
