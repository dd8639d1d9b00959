"""How polls went: everything that one changes, but for its entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, bindparam, case, func, select, update

from aggregator.database.dialects import upsert
from aggregator.database.feeds.write_hosts import note_pauses
from aggregator.database.feeds.write_leases import release_leases
from aggregator.database.schema import POLLS_KEPT, feeds, polls, state
from aggregator.model import Constraint, FeedHead, Habits, HostPause, Move, Outcome, Validators


@dataclass(frozen=True, slots=True)
class PollReport:
    """Everything that one poll changes on its feed's row.

    Attributes:
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


def note_check(connection: Connection, at: datetime) -> None:
    """Note when a poll ended last; the first statement of each transaction that records polls.

    It locks `state` before `feeds` and `hosts`, as those do that bring news or follow the clock: on
    PostgreSQL two processes would wait for each other's rows otherwise.
    """
    connection.execute(update(state).values(checked_at=at))


def record_polls(connection: Connection, reports: Sequence[PollReport]) -> None:
    """Write how polls went, give their leases back, and note what readers could see.

    All of them count: see `leases_in_force`, which the same transaction has asked.  A feed that
    config.yaml lost meanwhile is not polled again.
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
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for report in reports:
        values = _health(report, subscribed=feed_of[report.feed_id].subscribed)
        row = {"feed": report.feed_id} | {f"new_{name}": v for name, v in values.items()}
        by_columns.setdefault(tuple(values), []).append(row)
    for columns, changes in by_columns.items():
        connection.execute(_update_feed(columns), changes)
    upsert(connection, polls, [_record(report) for report in reports], key=["feed_id", "slot"])
    note_pauses(connection, [pause for report in reports for pause in report.pauses])


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
    feeds.c.id, feeds.c.subscribed, *(feeds.c[key] for key in _head(FeedHead()))
).where(feeds.c.id.in_(bindparam("feeds", expanding=True)))


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


def take_over(connection: Connection, *, owner: str, now: datetime) -> None:
    """Begin with a database that took the place of another one while the program runs.

    The leases that `owner` has in a copy are of when it was made.  Its version goes beyond all that
    the former one can have had: pages and clients know answers by it.
    """
    release_leases(connection, owner=owner)
    beyond = case((state.c.version < (at := int(now.timestamp())), at), else_=state.c.version)
    connection.execute(update(state).values(version=beyond + 1))
