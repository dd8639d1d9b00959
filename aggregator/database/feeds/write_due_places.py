"""Which due feeds a process may lease: the share of each host among those that wait longest."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from aggregator.database.columns import UtcDateTime
from aggregator.database.feeds.write_hosts import is_pausing
from aggregator.database.schema import feeds
from aggregator.model import KnownHost

_MAX_CANDIDATES = 4096  # due feeds that are read, as some hosts have more than their share
NO_SITES: Mapping[str, int] = {}

IS_FREE = feeds.c.lease_owner.is_(None)
_held_feeds = feeds.alias("held")
IS_FREE_HOST = feeds.c.host.not_in(  # no process but `owner` holds feeds of this host
    select(_held_feeds.c.host).where(
        _held_feeds.c.lease_owner.is_not(None),
        _held_feeds.c.lease_owner != bindparam("owner"),
        _held_feeds.c.host != "",  # of a file
    )
)
_OVERDUE = (
    select(feeds.c.id, feeds.c.host)
    .where(feeds.c.next_poll_at <= bindparam("now", type_=UtcDateTime), feeds.c.subscribed)
    .where(IS_FREE, IS_FREE_HOST)
    .order_by(feeds.c.next_poll_at)
)


def due_places(
    connection: Connection,
    hosts: Mapping[str, KnownHost],
    *,
    owner: str,
    now: datetime,
    limit: int | None,
    busy_hosts: Collection[str] = (),
    per_host: int | None = None,
    per_site: Mapping[str, int] = NO_SITES,
) -> list[tuple[int, str]]:
    """Return ids and hosts of feeds for a lease, the feed that has waited longest first.

    Args:
        hosts: Of `known_hosts`; the remaining arguments are those of `lease_due`.
    """
    # Mostly, twice as many candidates are enough: each has a host of its own.
    sizes = [None] if limit is None else [2 * limit, max(2 * limit, _MAX_CANDIDATES)]
    statement = _OVERDUE
    pausing = [host.name for host in hosts.values() if is_pausing(host, now)]
    if excluded := {*busy_hosts, *pausing}:
        statement = statement.where(feeds.c.host.not_in(sorted(excluded)))
    throttled = {host.name for host in hosts.values() if host.min_delay is not None}
    places: list[tuple[int, str]] = []
    for size in sizes:
        candidates = connection.execute(statement.limit(size), {"now": now, "owner": owner}).all()
        places = _shares(candidates, limit, throttled, per_host, per_site)
        if len(places) == limit or size is None or len(candidates) < size:
            break
    return places


def _shares(
    candidates: Sequence[Any],
    limit: int | None,
    throttled: Collection[str],
    per_host: int | None,
    per_site: Mapping[str, int],
) -> list[tuple[int, str]]:
    """Return the first candidates, of each host no more than its share; of throttled hosts one."""
    places: list[tuple[int, str]] = []
    counts: dict[str, int] = {}
    for feed_id, host in candidates:
        count = counts.get(host, 0)
        max_count = 1 if host in throttled else per_site.get(host, per_host)
        if host and max_count and count >= max_count:
            continue
        counts[host] = count + 1
        places.append((feed_id, host))
        if len(places) == limit:
            break
    return places
