"""Batches: due feeds, leased for a job until a worker takes the feeds over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, Connection, Integer, Text, any_, bindparam, select, update

from aggregator.database.chunks import execute_for_each
from aggregator.database.columns import UtcDateTime
from aggregator.database.dialects import wait_for_leases
from aggregator.database.feeds.write_due_places import due_places
from aggregator.database.feeds.write_hosts import known_hosts
from aggregator.database.feeds.write_leases import BATCH
from aggregator.database.schema import feeds

MAX_FEEDS = 50
"""Feeds of a batch: one job costs about as much as half a poll, shared by so many."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Due feeds of one site, or due feeds of as many sites.

    Attributes:
        token: Owner of the leases.
        site: None for feeds of many sites.
    """

    token: str
    site: str | None
    feed_ids: tuple[int, ...]


def lease_batches(
    connection: Connection, *, scheduler: str, now: datetime, until: datetime, limit: int
) -> list[Batch]:
    """Lease up to `limit` due feeds for batches.

    As for `write_leases.lease_due`, all feeds of a site are leased for the same batch or process.

    Args:
        scheduler: Part of the tokens, a name of the present process without a slash.
        until: End of the leases without a renewal.
    """
    wait_for_leases(connection)
    hosts = {host.name: host for host in known_hosts(connection, now=now)}
    owner = f"{BATCH}{scheduler}/"
    places = due_places(connection, hosts, owner=owner, now=now, limit=limit, per_host=MAX_FEEDS)
    if not places:
        return []
    parameters = {"feeds": [feed_id for feed_id, _site in places]}
    free_ids = set(connection.scalars(_LOCK_FREE, parameters))
    free_places = [place for place in places if place[0] in free_ids]
    batches = [
        Batch(f"{owner}{feed_ids[0]}-{int(now.timestamp() * 1000)}", site, tuple(feed_ids))
        for site, feed_ids in grouped(free_places)
    ]
    rows = [
        {"feed": feed_id, "token": batch.token, "until": until}
        for batch in batches
        for feed_id in batch.feed_ids
    ]
    if rows:
        execute_for_each(connection, _LEASE, rows)
    return batches


def grouped(places: Iterable[tuple[int, str]]) -> list[tuple[str | None, Sequence[int]]]:
    """Return the ids of feeds in groups for batches, with the site of each group.

    Args:
        places: Ids and sites of feeds; a file has the site "".
    """
    ids_of_sites: dict[str, list[int]] = {}
    for feed_id, site in places:
        ids_of_sites.setdefault(site, []).append(feed_id)
    files = ids_of_sites.pop("", [])
    singles = [feed_ids[0] for feed_ids in ids_of_sites.values() if len(feed_ids) == 1]
    mixed_ids = [*singles, *files]
    groups: list[tuple[str | None, Sequence[int]]] = [
        (None, mixed_ids[start : start + MAX_FEEDS])
        for start in range(0, len(mixed_ids), MAX_FEEDS)
    ]
    groups += [(site, feed_ids) for site, feed_ids in ids_of_sites.items() if len(feed_ids) > 1]
    return groups


_LOCK_FREE = (
    select(feeds.c.id)
    .where(feeds.c.id == any_(bindparam("feeds", type_=ARRAY(Integer))))
    .where(feeds.c.lease_owner.is_(None))
    .with_for_update(skip_locked=True)
)
_LEASE = (
    update(feeds)
    .where(feeds.c.id == bindparam("feed"))
    .values(
        lease_owner=bindparam("token", type_=Text),
        lease_until=bindparam("until", type_=UtcDateTime),
    )
)
