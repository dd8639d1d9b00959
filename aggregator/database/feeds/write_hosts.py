"""Hosts that want patience: what one process learned, for the others and after a restart."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, or_, select

from aggregator.database.dialects import upsert
from aggregator.database.schema import UtcDateTime, feeds, hosts
from aggregator.model import HostPause

_AT_HAND = timedelta(seconds=10)  # who takes a feed waits so long for the turn of its host


class KnownHost(NamedTuple):
    """What counts when a host's feeds are leased; `hosts` has a row of it."""

    name: str
    free_at: datetime | None
    pace: timedelta | None

    def is_resting(self, now: datetime) -> bool:
        """Whether it is to be left alone for longer than anyone waits for its turn."""
        return self.free_at is not None and self.free_at > now + _AT_HAND


def known_hosts(connection: Connection, *, now: datetime) -> list[KnownHost]:
    """Return the hosts that are to be left alone for a while, or between two requests."""
    return [KnownHost(*row) for row in connection.execute(_KNOWN_HOSTS, {"now": now})]


def shared_hosts(connection: Connection) -> frozenset[str]:
    """Return the hosts of more than one feed."""
    return frozenset(connection.scalars(_SHARED))


def host_pause(connection: Connection, host: str) -> HostPause | None:
    """Return what is known of a host that wants patience, None if nothing is."""
    row = connection.execute(select(hosts).where(hosts.c.name == host)).one_or_none()
    return None if row is None else HostPause(**row._mapping)


def forget_hosts(connection: Connection, *, now: datetime, learned_before: datetime) -> None:
    """Forget hosts that may be asked again and taught us nothing lately."""
    connection.execute(
        delete(hosts).where(
            hosts.c.free_at <= now,
            or_(hosts.c.learned_at.is_(None), hosts.c.learned_at < learned_before),
        )
    )


def note_pauses(connection: Connection, pauses: Sequence[HostPause]) -> None:
    """Note hosts that have to be left alone, and what one taught us; no rest gets shorter."""
    if not pauses:
        return
    names = {pause.name for pause in pauses}
    known = connection.execute(_REST_UNTIL, {"names": sorted(names)})
    until = {row.name: row.free_at for row in known}
    for pause in pauses:
        until[pause.name] = max(pause.free_at, until.get(pause.name, pause.free_at))
    lessons = {one.name: replace(one, free_at=until[one.name]) for one in pauses if one.learned_at}
    # In one order: on PostgreSQL two processes would wait for each other's rows.
    upsert(connection, hosts, [asdict(lessons[name]) for name in sorted(lessons)], key=["name"])
    others = [{"name": name, "free_at": until[name]} for name in sorted(names - lessons.keys())]
    upsert(connection, hosts, others, key=["name"])


_KNOWN_HOSTS = select(hosts.c.name, hosts.c.free_at, hosts.c.pace).where(
    or_(hosts.c.free_at > bindparam("now", type_=UtcDateTime), hosts.c.pace.is_not(None))
)
_REST_UNTIL = select(hosts.c.name, hosts.c.free_at).where(
    hosts.c.name.in_(bindparam("names", expanding=True))
)
_SHARED = (  # the index of due feeds has both columns; others are not polled
    select(feeds.c.host)
    .where(feeds.c.next_poll_at.is_not(None), feeds.c.host != "")
    .group_by(feeds.c.host)
    .having(func.count() > 1)
)
