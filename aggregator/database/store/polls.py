"""Leases before a poll, bookkeeping after it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Update,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    update,
)

from aggregator.database.dialects import upsert
from aggregator.database.tables import POLLS_KEPT, Span, UtcDateTime, feeds, hosts, polls, state
from aggregator.model import (
    Constraint,
    DueFeed,
    FeedHead,
    Habits,
    HostPause,
    Move,
    Outcome,
    Validators,
    Wishes,
)

_LOOKED_AT = 4096  # due feeds at most, as some hosts have more than their share
_AT_ONCE = 500  # values in one statement
_NO_SITES: Mapping[str, int] = {}
_AT_HAND = timedelta(seconds=10)  # who takes a feed waits so long for the turn of its host
_NEW_RESTS = timedelta(minutes=5)
_CUT_SHORT = "the last poll was cut short by a stop"

_Rows = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class PollReport:
    """Everything that one poll changes on its feed's row.

    Attributes:
        url: The address that was polled.
        number: The feed's polls recorded before this one.
        head: The document's head, None if no document was read.
        validators: To replace the stored ones, None to leave them alone.
        body_hash: Of a body that was read to the end, None to leave the stored one alone.
        memory: Which entries that body had; stored with `body_hash`.
        freshness: Lifetime of the document, as it is known now.
        constraints: All that was weighed for `next_poll_at`.
        full: A 200 was read; its validators are the only ones that count.
        moved_to, move: Where it is polled from now on, and the redirect that is being watched.
        host: The site of that address.
        pauses: Hosts that have to be left alone for a while.
        paused: The server said itself how long.
        habits: What the feed's documents taught, None if that is nothing new.
    """

    feed_id: int
    url: str
    number: int
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    next_poll_at: datetime | None
    next_reason: str
    not_before: datetime | None = None
    status: int | None = None
    size: int = 0
    new: int = 0
    updated: int = 0
    error: str | None = None
    failures: int = 0
    head: FeedHead | None = None
    validators: Validators | None = None
    body_hash: bytes | None = None
    memory: bytes = b""
    freshness: timedelta | None = None
    gap: timedelta | None = None
    constraints: tuple[Constraint, ...] = ()
    full: bool = False
    habits: Habits | None = None
    moved_to: str | None = None
    move: Move | None = None
    host: str | None = None
    pauses: tuple[HostPause, ...] = ()
    paused: bool = False


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
    statement = _OVERDUE.limit(None if limit is None else max(limit, _LOOKED_AT))
    known = _known_hosts(connection, now)
    resting = [host.name for host in known if _is_resting(host, now)]
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
    # Who holds what is asked again: on PostgreSQL others may have leased since.
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
    statement: _Rows
    known = _known_hosts(connection, now)
    if names is None:
        statement = (
            _DUE.where(feeds.c.subscribed, _FREE, ~feeds.c.gone, _NOBODY_ELSES)
            .where(or_(feeds.c.not_before.is_(None), feeds.c.not_before <= now))
            .order_by(feeds.c.next_poll_at, feeds.c.id)
        )
        if resting := [host.name for host in known if _is_resting(host, now)]:
            statement = statement.where(feeds.c.host.not_in(resting))
        rows = connection.execute(statement, {"owner": owner}).all()
    else:
        statement = _DUE.where(feeds.c.subscribed, _FREE).order_by(feeds.c.name)
        rows = _in_parts(connection, statement, feeds.c.name, sorted(names))
        known = [one._replace(free_at=None) if _is_resting(one, now) else one for one in known]
    return _lease(connection, rows, known, owner=owner, until=until)


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


def release_feeds(connection: Connection, feed_ids: Collection[int]) -> None:
    """Give the leases of these feeds back."""
    connection.execute(_RELEASE, [{"feed": feed_id} for feed_id in feed_ids])


def _in_parts(
    connection: Connection,
    statement: _Rows,
    column: ColumnElement[Any],
    values: Sequence[int | str],
    **named: str,
) -> list[Any]:
    """Return the rows whose `column` is one of `values`, however many these are."""
    parts = [values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE)]
    return [
        row
        for part in parts
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


_LEASE = (
    update(feeds)
    .where(feeds.c.id == bindparam("feed"))
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until", type_=UtcDateTime))
)


class _Host(NamedTuple):
    name: str
    free_at: datetime | None
    pace: timedelta | None


def _is_resting(host: _Host, now: datetime) -> bool:
    """Whether a host is to be left alone for longer than anyone waits for its turn."""
    return host.free_at is not None and host.free_at > now + _AT_HAND


def _known_hosts(connection: Connection, now: datetime) -> list[_Host]:
    """Return the hosts that are to be left alone for a while, or between two requests."""
    return [_Host(*row) for row in connection.execute(_KNOWN_HOSTS, {"now": now})]


def _lease(
    connection: Connection,
    rows: Sequence[Any],
    known: Iterable[_Host],
    *,
    owner: str,
    until: datetime,
) -> list[DueFeed]:
    if rows:
        connection.execute(
            _LEASE, [{"feed": row.id, "owner": owner, "until": until} for row in rows]
        )
    nothing = _Host("", None, None)
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
            habits=row.habits,
            timezone=row.timezone,
            last_success_at=row.last_success_at,
        )
        for row in rows
    ]


def _move(row: Any) -> Move | None:
    if row.moving_to is None:
        return None
    return Move(row.moving_to, row.moving_since, row.moving_seen)


def record_polls(connection: Connection, reports: Sequence[PollReport]) -> None:
    """Write how polls went, give their leases back, and note what readers could see.

    config.yaml may have changed meanwhile.  A poll of an address that is not the feed's any more
    says nothing about the feed, and one that was removed is not polled again.
    """
    if not reports:
        return
    rows = connection.execute(_CURRENT, {"feeds": sorted({one.feed_id for one in reports})})
    feed_of = {row.id: row for row in rows}
    if any(
        one.new or one.updated or one.habits or _head_changed(feed_of[one.feed_id], one)
        for one in reports
    ):
        note_change(connection)
    valid = [one for one in reports if feed_of[one.feed_id].url == one.url]
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for report in valid:
        values = _health(report, subscribed=feed_of[report.feed_id].subscribed)
        row = {"feed": report.feed_id} | {f"new_{name}": v for name, v in values.items()}
        by_columns.setdefault(tuple(values), []).append(row)
    for columns, changes in by_columns.items():
        connection.execute(_update_feed(columns), changes)
    outdated = [{"feed": one.feed_id} for one in reports if feed_of[one.feed_id].url != one.url]
    if outdated:
        connection.execute(_RELEASE, outdated)
    upsert(connection, polls, [_record(report) for report in valid], key=["feed_id", "slot"])
    checked_at = max(report.ended_at for report in reports)
    connection.execute(update(state).values(checked_at=checked_at))
    # After `state`, which a poll with news has written already: two processes would wait for each
    # other's rows otherwise.
    _rest(connection, [pause for report in reports for pause in report.pauses])


def _rest(connection: Connection, pauses: Sequence[HostPause]) -> None:
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


@cache
def _update_feed(columns: tuple[str, ...]) -> Update:
    """Return the statement that sets these columns of a feed; built once for each shape."""
    new: dict[str, ColumnElement[Any]]
    new = {name: bindparam(f"new_{name}", type_=feeds.c[name].type) for name in columns}
    if "last_success_at" not in columns:  # a failure: the first of a row tells since when
        new["failing_since"] = func.coalesce(feeds.c.failing_since, new["failing_since"])
    return update(feeds).where(feeds.c.id == bindparam("feed")).values(new)


def _head_changed(row: Any, report: PollReport) -> bool:
    """Whether a document calls its feed otherwise than the last one did."""
    if report.head is None:
        return False
    return any(row._mapping[key] != value for key, value in _head(report.head).items())


def _health(report: PollReport, *, subscribed: bool) -> dict[str, Any]:
    values: dict[str, Any] = {
        "polls": report.number + 1,
        "last_polled_at": report.started_at,
        "next_poll_at": report.next_poll_at if subscribed else None,
        "next_reason": report.next_reason,
        "not_before": report.not_before,
        "lease_owner": None,
        "lease_until": None,
        "failures": report.failures,
        "error": report.error,
        "gone": report.outcome is Outcome.GONE,
        "plan": [_weighed(constraint) for constraint in report.constraints],
        "moved_to": report.moved_to,
        "moving_to": report.move.to if report.move else None,
        "moving_since": report.move.since if report.move else None,
        "moving_seen": report.move.seen if report.move else None,
    }
    if report.host is not None:
        values["host"] = report.host
    if report.error is None:
        values |= {"last_success_at": report.ended_at, "failing_since": None}
        values |= {"freshness": report.freshness, "gap": report.gap}
        if report.full:
            values["last_full_at"] = report.started_at
    else:
        values["failing_since"] = report.started_at
    if report.validators is not None:
        values |= {
            "validators_url": report.validators.url,
            "etag": report.validators.etag,
            "last_modified": report.validators.last_modified,
        }
    if report.body_hash is not None:
        values |= {"body_hash": report.body_hash, "memory": report.memory}
    if report.head is not None:
        values |= _head(report.head)
    if report.habits is not None:
        values["habits"] = report.habits
    return values


def _weighed(constraint: Constraint) -> list[Any]:
    until = None if constraint.until is None else int(constraint.until.timestamp())
    return [constraint.name, constraint.value, until, constraint.reason]


def _head(head: FeedHead) -> dict[str, Any]:
    return {
        "title": head.title,
        "subtitle": head.subtitle,
        "site_url": head.site_url,
        "feed_id": head.feed_id,
        "language": head.language,
        "author": head.author,
        "rights": head.rights,
        "format": head.format,
        "note": head.note,
        "ttl": head.wishes.ttl,
        "update_every": head.wishes.update_every,
        "skip_hours": list(head.wishes.skip_hours),
        "skip_days": list(head.wishes.skip_days),
    }


_CURRENT = select(
    feeds.c.id, feeds.c.url, feeds.c.subscribed, *(feeds.c[key] for key in _head(FeedHead()))
).where(feeds.c.id.in_(bindparam("feeds", expanding=True)))
_RELEASE = (
    update(feeds).where(feeds.c.id == bindparam("feed")).values(lease_owner=None, lease_until=None)
)


def _record(report: PollReport) -> dict[str, Any]:
    return {
        "feed_id": report.feed_id,
        "slot": report.number % POLLS_KEPT,
        "started_at": report.started_at,
        "outcome": report.outcome.value,
        "status": report.status,
        "size": report.size,
        "seconds": (report.ended_at - report.started_at).total_seconds(),
        "new": report.new,
        "updated": report.updated,
        "error": report.error,
    }


def note_change(connection: Connection) -> None:
    """Let the version grow: something that a page or a merged feed shows has changed."""
    connection.execute(update(state).values(version=state.c.version + 1))
