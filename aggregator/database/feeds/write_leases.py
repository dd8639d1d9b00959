"""Leases: feeds reserved for one process while the process polls them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    bindparam,
    case,
    or_,
    select,
    update,
)

from aggregator.database.chunks import chunks, execute_for_each
from aggregator.database.clock import database_time
from aggregator.database.columns import TimeSpan, UtcDateTime
from aggregator.database.dialects import wait_for_leases
from aggregator.database.feeds.write_due_places import (
    IS_FREE,
    IS_FREE_HOST,
    NO_SITES,
    due_places,
)
from aggregator.database.feeds.write_hosts import is_pausing, known_hosts
from aggregator.database.schema import feeds
from aggregator.model import (
    DueFeed,
    KnownHost,
    Pacing,
    PermanentRedirect,
    PollHistory,
    PublisherHints,
    Relocation,
    Validation,
    Validators,
)

LEASE = timedelta(minutes=2)
CONFIRMED_FOR = timedelta(seconds=15)
"""Age of a lease up to which nobody else takes the feed, whatever happens to the process."""

_NEW_FEED_PAUSE = timedelta(minutes=5)
BATCH = "batch/"
"""How the owner of a lease begins whose feed waits for a worker."""

CUT_SHORT = "the last poll was cut short by a stop"

_Rows = Select[*tuple[Any, ...]]


def lease_due(
    connection: Connection,
    *,
    owner: str,
    now: datetime,
    until: datetime,
    limit: int | None = None,
    shared_hosts: Collection[str] = (),
    busy_hosts: Collection[str] = (),
    per_host: int | None = None,
    per_site: Mapping[str, int] = NO_SITES,
) -> list[DueFeed]:
    """Lease up to `limit` feeds whose time has come.

    All feeds of a host are leased by one process at a time, so requests to a host keep an order.

    Args:
        owner: Name of this process; `until`: end of the lease without a renewal.
        shared_hosts: Hosts of more than one feed.
        busy_hosts: Hosts with enough leased feeds for now.
        per_host: Feeds of one host at most, so that one host can't fill all places; None: no
            limit, as for `limit`.
        per_site: The same for some hosts.  Of a host with a `min_delay` one feed is leased, and of
            a host in a pause none.
    """
    wait_for_leases(connection)
    hosts = {host.name: host for host in known_hosts(connection, now=now)}
    places = due_places(
        connection,
        hosts,
        owner=owner,
        now=now,
        limit=limit,
        busy_hosts=busy_hosts,
        per_host=per_host,
        per_site=per_site,
    )
    feed_ids = [feed_id for feed_id, _host in places]
    rows = _in_parts(connection, _DUE_BY_ID, feeds.c.id, feed_ids, owner=owner)
    return _lease(connection, rows, hosts, shared_hosts, owner=owner, now=now, until=until)


def lease_batch(
    connection: Connection,
    *,
    token: str,
    owner: str,
    now: datetime,
    until: datetime,
    shared_hosts: Collection[str] = (),
) -> list[DueFeed]:
    """Take over the feeds that are still leased for a batch.

    Args:
        token: Of the batch; see `write_batches.lease_batches`.
        owner: Of the leases from now on; `until`: their end without a renewal.
    """
    rows = connection.execute(_DUE_OF_BATCH, {"token": token}).all()
    hosts = {host.name: host for host in known_hosts(connection, now=now)}
    leased = _lease(connection, rows, hosts, shared_hosts, owner=owner, now=now, until=until)
    release_leases(connection, owner=token)  # of feeds that left config.yaml, or are locked
    return leased


def lease_named(
    connection: Connection,
    *,
    owner: str,
    now: datetime,
    until: datetime,
    names: Collection[str] | None,
    shared_hosts: Collection[str] = (),
) -> list[DueFeed]:
    """Lease the named feeds, or every feed, whatever the schedule.

    Args:
        owner: Name of this process; `until`: end of the lease without a renewal.
        names: A person asked for these feeds: no pause, 410 or other process at the host keeps
            them back.  None: every feed that is not paused, without a pause in force or a 410, of
            hosts without leases of other processes.
        shared_hosts: Hosts of more than one feed.
    """
    wait_for_leases(connection)
    statement: _Rows
    hosts = {host.name: host for host in known_hosts(connection, now=now)}
    if names is None:
        statement = (
            _DUE.where(feeds.c.subscribed, ~feeds.c.paused, IS_FREE, ~feeds.c.gone, IS_FREE_HOST)
            .where(or_(feeds.c.not_before.is_(None), feeds.c.not_before <= now))
            .order_by(feeds.c.next_poll_at, feeds.c.id)
        )
        if pausing := [host.name for host in hosts.values() if is_pausing(host, now)]:
            statement = statement.where(feeds.c.host.not_in(pausing))
        rows = connection.execute(statement, {"owner": owner}).all()
    else:
        statement = _DUE.where(feeds.c.subscribed, IS_FREE).order_by(feeds.c.name)
        rows = _in_parts(connection, statement, feeds.c.name, sorted(names))
        for host in [host for host in hosts.values() if is_pausing(host, now)]:
            hosts[host.name] = replace(host, free_at=None)
    return _lease(connection, rows, hosts, shared_hosts, owner=owner, now=now, until=until)


def lease_owners(connection: Connection) -> list[str]:
    """Return the names of the processes with leases."""
    statement = select(feeds.c.lease_owner).where(feeds.c.lease_owner.is_not(None)).distinct()
    return list(connection.scalars(statement))


def renew_leases(connection: Connection, *, owner: str, until: datetime) -> None:
    """Renew all leases of a process, and those of its batches."""
    connection.execute(update(feeds).where(_is_held_by(owner)).values(lease_until=until))


def confirm_lease(connection: Connection, due: DueFeed) -> bool:
    """Renew the lease of one feed; return False if the lease is not in force any more.

    Another process may have taken over the feeds of a process that was suspended, or that did not
    reach the database.
    """
    renewal = (
        update(feeds)
        .where(feeds.c.id == due.id, feeds.c.lease_owner == due.lease_owner)
        .where(feeds.c.polls == due.history.polls)
        .values(lease_until=database_time(connection) + LEASE)
    )
    return connection.execute(renewal).rowcount == 1


def release_leases(
    connection: Connection, *, owner: str, feed_ids: Collection[int] | None = None
) -> None:
    """Give leases back: those of `feed_ids`, or all leases of `owner` and its batches."""
    statement = update(feeds).where(_is_held_by(owner))
    if feed_ids is not None:
        statement = statement.where(feeds.c.id.in_(sorted(feed_ids)))
    connection.execute(statement.values(lease_owner=None, lease_until=None))


def reclaim_leases(
    connection: Connection,
    *,
    ended_owners: Collection[str],
    owner: str,
    now: datetime,
    ended_at: datetime | None = None,
) -> int:
    """Give back the leases of processes that have ended or don't renew any more.

    Nobody knows which of these feeds were polled.  So each feed counts as polled at the last known
    time of its lease, and waits for its interval; a new feed waits for `_NEW_FEED_PAUSE` at most,
    as a person may be watching.  Feeds of a batch without a worker wait for nothing.

    Args:
        ended_owners: Names of processes known to have ended, at `ended_at` at the latest (None:
            `now`).
        owner: Name of this process: its own leases stay even after their end, as during a lock of
            the database: its polls still go on.

    Returns:
        Number of reclaimed leases.
    """
    until = feeds.c.lease_until
    expired = and_(feeds.c.lease_owner.is_not(None), until < now)
    release = update(feeds).values(lease_owner=None, lease_until=None)
    connection.execute(release.where(expired, _IS_QUEUED))
    ended = and_(~_is_held_by(owner), or_(feeds.c.lease_owner.in_(sorted(ended_owners)), expired))
    last_at = now if ended_at is None else ended_at
    held_at = case((until < last_at, until), else_=bindparam("ended_at", last_at, UtcDateTime))
    is_new = and_(feeds.c.polls == 0, feeds.c.interval > _NEW_FEED_PAUSE)
    again_at = held_at + case(
        (is_new, bindparam("new_feed_pause", _NEW_FEED_PAUSE, TimeSpan)), else_=feeds.c.interval
    )
    connection.execute(
        update(feeds)
        .where(ended, feeds.c.next_poll_at < again_at)
        .values(next_poll_at=again_at, next_reason=CUT_SHORT, plan=None)
    )
    return connection.execute(release.where(ended)).rowcount


def put_off(
    connection: Connection,
    leased: Sequence[DueFeed],
    *,
    requested_at: datetime,
    wait: timedelta | None = None,
    reason: str = CUT_SHORT,
) -> None:
    """Put off the next polls of feeds with a request in vain.

    A feed with a new URL keeps its time.

    Args:
        wait: From `requested_at`; None for the interval of each feed.
    """
    for due in leased:
        until = requested_at + (due.pacing.interval if wait is None else wait)
        connection.execute(
            update(feeds)
            .where(feeds.c.id == due.id, feeds.c.url == due.url)
            .where(feeds.c.next_poll_at < until)
            .values(next_poll_at=until, next_reason=reason, plan=None)
        )


def lock_leased(connection: Connection, due: Sequence[DueFeed]) -> frozenset[int]:
    """Lock the rows of leased feeds; return the ids of the feeds whose polls may be stored.

    A poll counts while its feed has the leased URL, request and selectors, no other process has
    taken the lease since, and no other poll was recorded.  Other polls were overtaken: by a change
    of config.yaml, by another process, or by another database file in place of this one.  On
    PostgreSQL the rows stay locked, so all of this holds until the transaction ends.
    """
    rows = connection.execute(_LOCK_LEASED, {"feeds": sorted({feed.id for feed in due})})
    row_of = {row.id: row for row in rows}
    return frozenset(feed.id for feed in due if _is_in_force(feed, row_of.get(feed.id)))


def _is_held_by(owner: str) -> ColumnElement[bool]:
    """Return whether `owner` has the lease, or one of its batches: NUMBER.ATTEMPT@owner."""
    leasing = feeds.c.lease_owner
    return and_(
        leasing.is_not(None), or_(leasing == owner, leasing.endswith(f"@{owner}", autoescape=True))
    )


def _is_in_force(feed: DueFeed, row: Any) -> bool:
    if row is None or row.polls != feed.history.polls:
        return False
    as_leased = (feed.url, feed.request_digest, feed.selectors)
    if (row.url, row.request_digest, row.selectors) != as_leased:
        return False
    return row.lease_owner in {None, feed.lease_owner}


def _in_parts(
    connection: Connection,
    statement: _Rows,
    column: ColumnElement[Any],
    values: Sequence[int | str],
    **parameters: str,
) -> list[Any]:
    """Return the rows with one of `values` in `column`, in as many statements as needed."""
    return [
        row
        for part in chunks(values)
        for row in connection.execute(statement.where(column.in_(part)), parameters)
    ]


_DUE = select(
    feeds.c.id,
    feeds.c.name,
    feeds.c.url,
    feeds.c.host,
    feeds.c.interval,
    feeds.c.interval_given,
    feeds.c.paused,
    feeds.c.distrust_304,
    feeds.c.validators_url,
    feeds.c.etag,
    feeds.c.last_modified,
    feeds.c.body_hash,
    feeds.c.seen_hashes,
    feeds.c.freshness,
    feeds.c.last_full_at,
    feeds.c.moved_to,
    feeds.c.moving_to,
    feeds.c.moving_since,
    feeds.c.moving_seen,
    feeds.c.ttl,
    feeds.c.update_every,
    feeds.c.skip_hours,
    feeds.c.skip_days,
    feeds.c.gap,
    feeds.c.failures,
    feeds.c.polls,
    feeds.c.habits,
    feeds.c.timezone,
    feeds.c.last_success_at,
    feeds.c.not_before,
    feeds.c.request_digest,
    feeds.c.selectors,
    feeds.c.first_posts,
).with_for_update(skip_locked=True)
_IS_QUEUED = feeds.c.lease_owner.startswith(BATCH)
_DUE_OF_BATCH = _DUE.where(feeds.c.lease_owner == bindparam("token"), feeds.c.subscribed).order_by(
    feeds.c.next_poll_at
)
_DUE_BY_ID = _DUE.where(IS_FREE, IS_FREE_HOST).order_by(feeds.c.next_poll_at)

_LEASE = (
    update(feeds)
    .where(feeds.c.id == bindparam("feed"))
    .values(
        lease_owner=bindparam("owner", type_=Text),
        lease_until=bindparam("until", type_=UtcDateTime),
    )
)

_LOCK_LEASED = (
    select(
        feeds.c.id,
        feeds.c.url,
        feeds.c.request_digest,
        feeds.c.selectors,
        feeds.c.polls,
        feeds.c.lease_owner,
    )
    .where(feeds.c.id.in_(bindparam("feeds", expanding=True)))
    .order_by(feeds.c.id)
    .with_for_update()
)


def _lease(
    connection: Connection,
    rows: Sequence[Any],
    hosts: Mapping[str, KnownHost],
    shared_hosts: Collection[str],
    *,
    owner: str,
    now: datetime,
    until: datetime,
) -> list[DueFeed]:
    if rows:
        leases = [{"feed": row.id, "owner": owner, "until": until} for row in rows]
        execute_for_each(connection, _LEASE, leases)
    leased = []
    for row in rows:
        host = hosts.get(row.host) or KnownHost(row.host)
        if row.host in shared_hosts:
            host = replace(host, is_shared=True)
        leased.append(_due_feed(row, host, owner=owner, leased_at=now))
    return leased


def _due_feed(row: Any, host: KnownHost, *, owner: str, leased_at: datetime) -> DueFeed:
    hints = PublisherHints(row.ttl, row.update_every, row.skip_hours, row.skip_days)
    return DueFeed(
        id=row.id,
        name=row.name,
        url=row.url,
        pacing=Pacing(row.interval, row.interval_given, hints, row.freshness, row.gap),
        leased_at=leased_at,
        lease_owner=owner,
        host=host,
        validation=Validation(
            Validators(row.validators_url, row.etag, row.last_modified),
            row.body_hash,
            row.seen_hashes or b"",
        ),
        relocation=Relocation(row.moved_to, _redirect(row)),
        history=PollHistory(
            row.polls, row.failures, row.last_success_at, row.last_full_at, row.not_before
        ),
        is_paused=row.paused,
        distrust_304=row.distrust_304,
        timezone=row.timezone,
        habits=row.habits,
        request_digest=row.request_digest,
        selectors=row.selectors,
        first_posts=row.first_posts,
    )


def _redirect(row: Any) -> PermanentRedirect | None:
    if row.moving_to is None:
        return None
    return PermanentRedirect(row.moving_to, row.moving_since, row.moving_seen)
