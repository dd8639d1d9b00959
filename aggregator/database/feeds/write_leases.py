"""Leases: which feeds a process polls, so that nobody else does meanwhile."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    or_,
    select,
    update,
)

from aggregator.database.chunks import chunks
from aggregator.database.dialects import wait_for_leases
from aggregator.database.feeds.write_hosts import KnownHost, known_hosts
from aggregator.database.schema import Span, UtcDateTime, feeds
from aggregator.model import DueFeed, Move, Validators, Wishes

_LOOKED_AT = 4096  # due feeds at most, as some hosts have more than their share
_NO_SITES: Mapping[str, int] = {}
_NEW_RESTS = timedelta(minutes=5)
_CUT_SHORT = "the last poll was cut short by a stop"

_Rows = Select[*tuple[Any, ...]]


def lease_due(
    connection: Connection,
    *,
    owner: str,
    now: datetime,
    until: datetime,
    limit: int | None = None,
    busy_hosts: Collection[str] = (),
    per_host: int | None = None,
    per_site: Mapping[str, int] = _NO_SITES,
) -> list[DueFeed]:
    """Take up to `limit` feeds whose time has come, so that nobody else polls them.

    Feeds of a host are one process's at a time: its requests follow each other in there.

    Args:
        owner: Name of this process; `until`: when the lease ends by itself.
        busy_hosts: Hosts that are not to be asked for more now.
        per_host: At most so many feeds of one host: one host can't fill all places.
        per_site: The same for some hosts.  Of those that taught us a pace one feed is enough,
            and those that want to be left alone now are left out.

    None stands for no limit.
    """
    wait_for_leases(connection)
    statement = _OVERDUE.limit(None if limit is None else max(limit, _LOOKED_AT))
    known = known_hosts(connection, now=now)
    resting = [host.name for host in known if host.is_resting(now)]
    if left_out := {*busy_hosts, *resting}:
        statement = statement.where(feeds.c.host.not_in(sorted(left_out)))
    paced = {host.name for host in known if host.pace is not None}
    chosen: list[int] = []
    of_host: dict[str, int] = {}
    for feed_id, host in connection.execute(statement, {"now": now, "owner": owner}):
        count = of_host.get(host, 0)
        most = 1 if host in paced else per_site.get(host, per_host)
        if host and most and count >= most:
            continue
        of_host[host] = count + 1
        chosen.append(feed_id)
        if len(chosen) == limit:
            break
    rows = _in_parts(connection, _CHOSEN, feeds.c.id, chosen, owner=owner)
    return _lease(connection, rows, known, owner=owner, until=until)


def lease_named(
    connection: Connection,
    *,
    owner: str,
    now: datetime,
    until: datetime,
    names: Collection[str] | None,
) -> list[DueFeed]:
    """Take the named feeds, or all that nobody forbade to ask, whatever their schedule.

    Args:
        names: A person asked for these, pauses, 410 and other processes at their sites or not;
            None: every feed without a pause in force or a 410, of sites that nobody else asks.
    """
    wait_for_leases(connection)
    statement: _Rows
    known = known_hosts(connection, now=now)
    if names is None:
        statement = (
            _DUE.where(feeds.c.subscribed, _FREE, ~feeds.c.gone, _NOBODY_ELSES)
            .where(or_(feeds.c.not_before.is_(None), feeds.c.not_before <= now))
            .order_by(feeds.c.next_poll_at, feeds.c.id)
        )
        if resting := [host.name for host in known if host.is_resting(now)]:
            statement = statement.where(feeds.c.host.not_in(resting))
        rows = connection.execute(statement, {"owner": owner}).all()
    else:
        statement = _DUE.where(feeds.c.subscribed, _FREE).order_by(feeds.c.name)
        rows = _in_parts(connection, statement, feeds.c.name, sorted(names))
        known = [one._replace(free_at=None) if one.is_resting(now) else one for one in known]
    return _lease(connection, rows, known, owner=owner, until=until)


def lease_owners(connection: Connection) -> list[str]:
    """Return the names of the processes that hold leases."""
    statement = select(feeds.c.lease_owner).where(feeds.c.lease_owner.is_not(None)).distinct()
    return list(connection.scalars(statement))


def renew_leases(connection: Connection, *, owner: str, until: datetime) -> None:
    """Keep the leases of feeds that wait or are being polled."""
    connection.execute(update(feeds).where(feeds.c.lease_owner == owner).values(lease_until=until))


def release_leases(
    connection: Connection, *, owner: str, feed_ids: Collection[int] | None = None
) -> None:
    """Give leases back: those of `feed_ids`, or all that `owner` holds."""
    statement = update(feeds).where(feeds.c.lease_owner == owner)
    if feed_ids is not None:
        statement = statement.where(feeds.c.id.in_(sorted(feed_ids)))
    connection.execute(statement.values(lease_owner=None, lease_until=None))


def reclaim_leases(
    connection: Connection, *, gone: Collection[str], owner: str, now: datetime
) -> int:
    """Give back the leases of processes that are gone, or that don't renew them any more.

    Nobody knows which of their feeds they asked.  So each counts as asked when its lease was last
    known to be held, and rests for its interval; one that is new, which somebody waits for, for
    `_NEW_RESTS` at most.

    Args:
        gone: Names of processes that are known to have ended.
        owner: Name of this process: a lease of its own that ran out, as the database was locked,
            stays, as the poll still goes on.

    Returns:
        How many feeds were leased.
    """
    until = feeds.c.lease_until
    ended = and_(
        feeds.c.lease_owner.is_not(None),
        feeds.c.lease_owner != owner,
        or_(feeds.c.lease_owner.in_(sorted(gone)), until < now),
    )
    held_at = case((until < now, until), else_=bindparam("now", now, UtcDateTime))
    new = and_(feeds.c.polls == 0, feeds.c.interval > _NEW_RESTS)
    again_at = held_at + case(
        (new, bindparam("new_rests", _NEW_RESTS, Span)), else_=feeds.c.interval
    )
    connection.execute(
        update(feeds)
        .where(ended, feeds.c.next_poll_at < again_at)
        .values(next_poll_at=again_at, next_reason=_CUT_SHORT, plan=None)
    )
    given_back = update(feeds).where(ended).values(lease_owner=None, lease_until=None)
    return connection.execute(given_back).rowcount


def put_off(connection: Connection, due: DueFeed, *, until: datetime) -> None:
    """Let a feed that was asked without result rest until then, unless the file changed it."""
    connection.execute(
        update(feeds)
        .where(feeds.c.id == due.id, feeds.c.url == due.url, feeds.c.next_poll_at < until)
        .values(next_poll_at=until, next_reason=_CUT_SHORT, plan=None)
    )


def leases_in_force(connection: Connection, due: Sequence[DueFeed]) -> frozenset[int]:
    """Return the ids of those of `due` whose polls may be stored in this transaction.

    A poll counts while its feed has the address that was leased, no other process has taken the
    lease since, and no other poll was recorded.  The rest were overtaken: by a change of
    config.yaml, by a process that took the feed over, or by another database in this one's place.
    On PostgreSQL the rows stay locked, so that all of that holds until the transaction ends.
    """
    rows = connection.execute(_IN_FORCE, {"feeds": sorted({feed.id for feed in due})})
    row_of = {row.id: row for row in rows}
    return frozenset(feed.id for feed in due if _is_in_force(feed, row_of.get(feed.id)))


def _is_in_force(feed: DueFeed, row: Any) -> bool:
    if row is None or row.url != feed.url or row.polls != feed.polls:
        return False
    return row.lease_owner in {None, feed.lease_owner}


def _in_parts(
    connection: Connection,
    statement: _Rows,
    column: ColumnElement[Any],
    values: Sequence[int | str],
    **named: str,
) -> list[Any]:
    """Return the rows whose `column` is one of `values`, however many these are."""
    return [
        row
        for part in chunks(values)
        for row in connection.execute(statement.where(column.in_(part)), named)
    ]


_DUE = select(
    feeds.c.id,
    feeds.c.name,
    feeds.c.url,
    feeds.c.host,
    feeds.c.interval,
    feeds.c.interval_given,
    feeds.c.distrust_304,
    feeds.c.validators_url,
    feeds.c.etag,
    feeds.c.last_modified,
    feeds.c.body_hash,
    feeds.c.memory,
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
).with_for_update(skip_locked=True)
_FREE = feeds.c.lease_owner.is_(None)
_held = feeds.alias("held")
_NOBODY_ELSES = feeds.c.host.not_in(  # no other process, but `owner`, holds feeds of this host
    select(_held.c.host).where(
        _held.c.lease_owner.is_not(None),
        _held.c.lease_owner != bindparam("owner"),
        _held.c.host != "",  # of a file
    )
)
_OVERDUE = (
    select(feeds.c.id, feeds.c.host)
    .where(feeds.c.next_poll_at <= bindparam("now", type_=UtcDateTime), feeds.c.subscribed)
    .where(_FREE, _NOBODY_ELSES)
    .order_by(feeds.c.next_poll_at)
)
_CHOSEN = _DUE.where(_FREE, _NOBODY_ELSES).order_by(feeds.c.next_poll_at)

_LEASE = (
    update(feeds)
    .where(feeds.c.id == bindparam("feed"))
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until", type_=UtcDateTime))
)

_IN_FORCE = (
    select(feeds.c.id, feeds.c.url, feeds.c.polls, feeds.c.lease_owner)
    .where(feeds.c.id.in_(bindparam("feeds", expanding=True)))
    .order_by(feeds.c.id)
    .with_for_update()
)


def _lease(
    connection: Connection,
    rows: Sequence[Any],
    known: Iterable[KnownHost],
    *,
    owner: str,
    until: datetime,
) -> list[DueFeed]:
    if rows:
        connection.execute(
            _LEASE, [{"feed": row.id, "owner": owner, "until": until} for row in rows]
        )
    nothing = KnownHost("", None, None)
    of_host = {host.name: host for host in known}
    return [
        DueFeed(
            id=row.id,
            name=row.name,
            url=row.url,
            interval=row.interval,
            interval_given=row.interval_given,
            distrust_304=row.distrust_304,
            validators=Validators(row.validators_url, row.etag, row.last_modified),
            body_hash=row.body_hash,
            memory=row.memory or b"",
            wishes=Wishes(row.ttl, row.update_every, tuple(row.skip_hours), tuple(row.skip_days)),
            freshness=row.freshness,
            gap=row.gap,
            last_full_at=row.last_full_at,
            moved_to=row.moved_to,
            move=_move(row),
            host=row.host,
            pace=of_host.get(row.host, nothing).pace,
            host_free_at=of_host.get(row.host, nothing).free_at,
            failures=row.failures,
            polls=row.polls,
            lease_owner=owner,
            habits=row.habits,
            timezone=row.timezone,
            last_success_at=row.last_success_at,
            not_before=row.not_before,
        )
        for row in rows
    ]


def _move(row: Any) -> Move | None:
    if row.moving_to is None:
        return None
    return Move(row.moving_to, row.moving_since, row.moving_seen)
