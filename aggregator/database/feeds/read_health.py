"""Subscriptions and how they are doing."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Table,
    and_,
    func,
    select,
    type_coerce,
)

from aggregator.database.deadline import OF_ALL_FEEDS, within
from aggregator.database.dialects import gathered, rows_in
from aggregator.database.feeds.read_sources import SOURCE_COLUMNS, shown_title, source_of
from aggregator.database.feeds.read_status import BY_URGENCY
from aggregator.database.schema import (
    POLLS_KEPT,
    activity,
    categories,
    entries,
    feeds,
    hosts,
    polls,
)
from aggregator.database.state.read_overview import WEEK, day_of
from aggregator.model import (
    BY_PAUSE,
    Constraint,
    EntryId,
    FeedHealth,
    FeedOrder,
    Outcome,
    PollRecord,
)
from aggregator.model.times import EPOCH, span_text

_WEEKS = 26

_RHYTHM = 4  # weeks

_OUR_PAUSE = timedelta(minutes=1)  # a longer rest was most likely asked for (503)


def feeds_by_health(
    connection: Connection, *, now: datetime, history: int = POLLS_KEPT
) -> list[FeedHealth]:
    """Return every subscription and how it is doing, problems first, then by title.

    Args:
        history: So many of the last polls come with each feed, at least one.
    """
    return _healths(connection, feeds.c.subscribed, now, history=history)


def page_of_feeds(
    connection: Connection, *, now: datetime, order: FeedOrder, limit: int, offset: int = 0
) -> list[FeedHealth]:
    """Return up to `limit` subscriptions from the place `offset` of their list on."""
    some = (
        select(feeds.c.id)
        .where(feeds.c.subscribed)
        .order_by(*_ORDERS[order])
        .limit(limit)
        .offset(offset)
    )
    return _healths(connection, feeds.c.id.in_(some.scalar_subquery()), now, order=order)


def feed(connection: Connection, name: str, *, now: datetime) -> FeedHealth | None:
    """Return the subscription with this name, None if there is none."""
    found = _healths(connection, and_(feeds.c.subscribed, feeds.c.name == name), now)
    return found[0] if found else None


def shortest_interval(connection: Connection) -> timedelta | None:
    """Return the interval of the subscription that is asked most often, None if there is none."""
    interval: timedelta | None = connection.scalar(
        select(func.min(feeds.c.interval)).where(feeds.c.subscribed)
    )
    return interval


def moves(connection: Connection) -> dict[str, str]:
    """Return the new addresses of subscriptions that moved for good, by their old ones."""
    statement = select(feeds.c.url, feeds.c.moved_to).where(
        feeds.c.moved_to.is_not(None), feeds.c.subscribed
    )
    return {row.url: row.moved_to for row in connection.execute(statement)}


def errors(connection: Connection) -> dict[str, str]:
    """Return why the last poll of each failing subscription failed, by address."""
    statement = select(feeds.c.url, feeds.c.error).where(
        feeds.c.error.is_not(None), feeds.c.subscribed
    )
    return {row.url: row.error for row in connection.execute(statement)}


def next_due_at(connection: Connection) -> datetime | None:
    """Return when the next feed is due, None if none ever is."""
    due_at: datetime | None = connection.scalar(select(func.min(feeds.c.next_poll_at)))
    return due_at


def is_anything_due_since(connection: Connection, at: datetime) -> bool:
    """Whether a feed should have been polled then, and its host does not rest."""
    resting = select(hosts.c.name).where(hosts.c.free_at > at)
    late = select(feeds.c.id).where(feeds.c.next_poll_at < at, feeds.c.subscribed)
    return connection.scalar(late.where(feeds.c.host.not_in(resting)).limit(1)) is not None


_ORDERS = {
    FeedOrder.URGENCY: (BY_URGENCY, func.lower(shown_title(feeds)), feeds.c.id),
    FeedOrder.TITLE: (func.lower(shown_title(feeds)), feeds.c.id),
}

_UNCONDITIONAL = and_(
    feeds.c.host != "",
    feeds.c.body_hash.is_not(None),
    feeds.c.etag.is_(None),
    feeds.c.last_modified.is_(None),
)

_HEALTH_COLUMNS = (
    *SOURCE_COLUMNS,
    feeds.c.subtitle,
    feeds.c.format,
    feeds.c.interval,
    feeds.c.entries,
    feeds.c.last_polled_at,
    feeds.c.last_success_at,
    feeds.c.next_poll_at,
    feeds.c.next_reason,
    feeds.c.not_before,
    feeds.c.failures,
    feeds.c.failing_since,
    feeds.c.gone,
    feeds.c.error,
    feeds.c.note,
    feeds.c.moved_to,
    feeds.c.plan,
    _UNCONDITIONAL.label("unconditional"),
    hosts.c.name.label("host_name"),
    hosts.c.free_at,
    hosts.c.pace,
)

_POLL_COLUMNS = (
    type_coerce(polls.c.started_at, BigInteger),
    polls.c.outcome,
    polls.c.status,
    polls.c.size,
    polls.c.seconds,
    polls.c.new,
    polls.c.updated,
    polls.c.error,
)


def _healths(
    connection: Connection,
    which: ColumnElement[bool],
    now: datetime,
    *,
    history: int = POLLS_KEPT,
    order: FeedOrder = FeedOrder.URGENCY,
) -> list[FeedHealth]:
    """Return feeds with their polls and rhythm: one statement for all of them."""
    dialect = connection.dialect.name
    first_day = day_of(now) - _WEEKS * WEEK.days + 1
    slots = [(feeds.c.polls + POLLS_KEPT - back) % POLLS_KEPT for back in range(1, history + 1)]
    some = [] if history == POLLS_KEPT else [polls.c.slot.in_(slots)]
    rows = connection.execute(
        select(
            *_HEALTH_COLUMNS,
            _of_the_feed(gathered(dialect, *_POLL_COLUMNS), polls, *some).label("history"),
            _of_the_feed(
                gathered(dialect, activity.c.day, activity.c.entries),
                activity,
                activity.c.day >= first_day,
            ).label("days"),
            _of_the_feed(func.min(entries.c.id), entries).label("oldest"),
        )
        .select_from(feeds)
        .outerjoin(categories, categories.c.id == feeds.c.category_id)
        .outerjoin(hosts, hosts.c.name == feeds.c.host)
        .where(which)
        .order_by(*_ORDERS[order])
        .execution_options(**within(OF_ALL_FEEDS))
    )
    return [_health(row, first_day, now) for row in rows]


def _of_the_feed(
    value: ColumnElement[Any], table: Table, *conditions: ColumnElement[bool]
) -> ColumnElement[Any]:
    of_it = select(value).where(table.c.feed_id == feeds.c.id, *conditions)
    return of_it.correlate(feeds).scalar_subquery()


def _health(row: Any, first_day: int, now: datetime) -> FeedHealth:
    weeks = [0] * _WEEKS
    for day, number in rows_in(row.days):
        # What is dated in the future is listed by arrival, but for the hours of a time zone.
        weeks[min((day - first_day) // WEEK.days, _WEEKS - 1)] += number
    history = sorted(rows_in(row.history), key=lambda one: one[0])
    return FeedHealth(
        source=source_of(row),
        subtitle=row.subtitle,
        format=row.format,
        interval=row.interval,
        entries=row.entries,
        per_week=sum(weeks[-_RHYTHM:]) / _RHYTHM,
        weeks=tuple(weeks),
        first_entry_at=None if row.oldest is None else EntryId(row.oldest).at,
        last_polled_at=row.last_polled_at,
        last_success_at=row.last_success_at,
        **_schedule(row, now),
        not_before=row.not_before,
        failures=row.failures,
        failing_since=row.failing_since,
        gone=row.gone,
        error=row.error,
        note=row.note,
        moved_to=row.moved_to,
        unconditional=row.unconditional,
        polls=tuple(_poll(*one) for one in history),
    )


def _schedule(row: Any, now: datetime) -> dict[str, Any]:
    """Return when a feed is due, with what its host wants counted in."""
    at, reason = row.next_poll_at, row.next_reason
    weighed = list(row.plan)
    if row.host_name is not None and (row.pace is not None or row.free_at > now):
        host = _wish_of_host(row, now)
        weighed.append(host)
        if at is not None and max(at, now) < row.free_at:
            at, reason = row.free_at, host.reason
    return {"next_poll_at": at, "next_reason": reason, "constraints": tuple(weighed)}


def _wish_of_host(row: Any, now: datetime) -> Constraint:
    """Return what a host has to say; most rest only for the pause between two requests."""
    is_asked = row.pace is not None or row.free_at - now > _OUR_PAUSE
    reason = f"{row.host_name} wants fewer requests" if is_asked else BY_PAUSE
    value = row.host_name
    if row.pace:
        value = f"{span_text(row.pace)} between requests"
    return Constraint("host", value, row.free_at, reason)


def _poll(
    started_at: int,
    outcome: str,
    status: int | None,
    size: int,
    seconds: float,
    new: int,
    updated: int,
    error: str | None,
) -> PollRecord:
    at, span = EPOCH + timedelta(microseconds=started_at), timedelta(seconds=seconds)
    return PollRecord(at, Outcome(outcome), status, size, span, new, updated, error)
