"""The health of subscriptions: polls, schedule and entries of each."""

from collections.abc import Sequence
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
from aggregator.database.feeds.read_sources import (
    BY_CATEGORY,
    SOURCE_COLUMNS,
    feeds_shown_in,
    shown_title,
    source_of,
    with_category,
)
from aggregator.database.feeds.read_status import BY_URGENCY
from aggregator.database.schema import (
    POLLS_KEPT,
    activity,
    entries,
    feed_categories,
    feeds,
    hidden_entries,
    hosts,
    lists,
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
    SourceCategory,
)
from aggregator.model.times import EPOCH, span_text

OVERDUE_AFTER = timedelta(minutes=5)
"""Polling has stopped, or is too slow, if a feed has been due for so long."""

_WEEKS = 26
_WEEKS_OF_RATE = 4
_CATEGORY = lists.alias("category")
_MIN_ENTRIES = 3  # fewer tell no rate
_MIN_COVERED = timedelta(hours=3)  # a feed that begins with a burst has no rate of hundreds a day
_MAX_OWN_PAUSE = timedelta(minutes=1)  # a longer pause was most likely asked for (503)


def feeds_by_urgency(
    connection: Connection, *, now: datetime, history: int = POLLS_KEPT
) -> list[FeedHealth]:
    """Return the health of every subscription, problems first, then by title.

    Args:
        history: Number of the last polls to return with each feed; at least one.
    """
    return _healths(connection, feeds.c.subscribed, now, history=history)


def feeds_page(
    connection: Connection, *, now: datetime, order: FeedOrder, limit: int, offset: int = 0
) -> list[FeedHealth]:
    """Return the health of up to `limit` subscriptions, from the position `offset` on."""
    every_id = select(feeds.c.id).where(feeds.c.subscribed)
    ids = every_id.order_by(*_ORDERS[order]).limit(limit).offset(offset)
    return _healths(connection, feeds.c.id.in_(ids.scalar_subquery()), now, order=order)


def feeds_page_by_category(
    connection: Connection,
    categories: Sequence[SourceCategory],
    *,
    now: datetime,
    limit: int,
    offset: int = 0,
) -> list[FeedHealth]:
    """Return `feeds_page` in `FeedOrder.CATEGORY`; only feeds of categories on the page are sorted.

    Args:
        categories: From `read_sources.shown_categories`.
    """
    slugs: list[str | None] = []
    first_place = place = 0
    for category in categories:
        if place + category.feeds > offset and place < offset + limit:
            first_place = place if not slugs else first_place
            slugs.append(category.slug)
        place += category.feeds
    if not slugs:
        return []
    order = FeedOrder.CATEGORY
    ids = feeds_shown_in(slugs).order_by(*_ORDERS[order]).limit(limit).offset(offset - first_place)
    return _healths(connection, feeds.c.id.in_(ids.scalar_subquery()), now, order=order)


def feed(connection: Connection, name: str, *, now: datetime) -> FeedHealth | None:
    """Return the health of the subscription with the name, None for an unknown name."""
    healths = _healths(connection, and_(feeds.c.subscribed, feeds.c.name == name), now)
    return healths[0] if healths else None


def shortest_interval(connection: Connection) -> timedelta | None:
    """Return the shortest interval of a subscription, None without subscriptions."""
    interval: timedelta | None = connection.scalar(
        select(func.min(feeds.c.interval)).where(feeds.c.subscribed)
    )
    return interval


def moved_addresses(connection: Connection) -> dict[str, str]:
    """Return the new addresses of permanently moved subscriptions, by old address."""
    statement = select(feeds.c.url, feeds.c.moved_to).where(
        feeds.c.moved_to.is_not(None), feeds.c.subscribed
    )
    return {row.url: row.moved_to for row in connection.execute(statement)}


def named_feeds(connection: Connection) -> dict[str, str]:
    """Return the masked address of the feed that a web page in place of a feed names.

    By the address of each subscription whose last poll met such a page.
    """
    statement = select(feeds.c.url, feeds.c.failure).where(
        feeds.c.failure.is_not(None), feeds.c.subscribed
    )
    failures = {row.url: row.failure for row in connection.execute(statement)}
    return {url: failure.named_feed for url, failure in failures.items() if failure.named_feed}


def next_due_at(connection: Connection) -> datetime | None:
    """Return when the next feed is due, None if no feed ever is."""
    due_at: datetime | None = connection.scalar(select(func.min(feeds.c.next_poll_at)))
    return due_at


def is_overdue(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a feed has been due for `OVERDUE_AFTER`, and its host is free."""
    due_since = now - OVERDUE_AFTER
    paused_hosts = select(hosts.c.name).where(hosts.c.free_at > due_since)
    return and_(feeds.c.next_poll_at < due_since, feeds.c.host.not_in(paused_hosts))


def has_overdue_feed(connection: Connection, *, now: datetime) -> bool:
    """Whether a subscription is overdue."""
    overdue = select(feeds.c.id).where(feeds.c.subscribed, is_overdue(now)).limit(1)
    return connection.scalar(overdue) is not None


_ORDERS = {
    FeedOrder.URGENCY: (BY_URGENCY, func.lower(shown_title(feeds)), feeds.c.id),
    FeedOrder.TITLE: (func.lower(shown_title(feeds)), feeds.c.id),
    FeedOrder.CATEGORY: (*BY_CATEGORY, func.lower(shown_title(feeds)), feeds.c.id),
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
    feeds.c.paused,
    feeds.c.error,
    feeds.c.failure,
    feeds.c.note,
    feeds.c.moved_to,
    feeds.c.opml_list,
    feeds.c.by_proxy,
    feeds.c.selectors,
    feeds.c.first_posts,
    feeds.c.plan,
    _UNCONDITIONAL.label("unconditional"),
    func.coalesce(hidden_entries.c.entries, 0).label("hidden"),
    hosts.c.name.label("host_name"),
    hosts.c.free_at,
    hosts.c.min_delay,
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
    condition: ColumnElement[bool],
    now: datetime,
    *,
    history: int = POLLS_KEPT,
    order: FeedOrder = FeedOrder.URGENCY,
) -> list[FeedHealth]:
    """Return the health of the feeds under a condition, by one statement."""
    dialect = connection.dialect.name
    first_day = day_of(now) - _WEEKS * WEEK.days + 1
    slots = [(feeds.c.polls + POLLS_KEPT - back) % POLLS_KEPT for back in range(1, history + 1)]
    recent = [] if history == POLLS_KEPT else [polls.c.slot.in_(slots)]
    statement = with_category(
        select(
            *_HEALTH_COLUMNS,
            _per_feed(gathered(dialect, *_POLL_COLUMNS), polls, *recent).label("history"),
            _per_feed(
                gathered(dialect, activity.c.day, activity.c.entries),
                activity,
                activity.c.day >= first_day,
            ).label("days"),
            _per_feed(func.min(entries.c.id), entries).label("oldest"),
            _categories(dialect).label("categories"),
            _per_feed(func.max(entries.c.id), entries).label("newest"),
        ).select_from(feeds)
    )
    statement = (
        statement.outerjoin(hosts, hosts.c.name == feeds.c.host)
        .outerjoin(hidden_entries, hidden_entries.c.feed_id == feeds.c.id)
        .where(condition)
        .order_by(*_ORDERS[order])
        .execution_options(**within(OF_ALL_FEEDS))
    )
    return [_health(row, first_day, now) for row in connection.execute(statement)]


def _per_feed(
    value: ColumnElement[Any], table: Table, *conditions: ColumnElement[bool]
) -> ColumnElement[Any]:
    values = select(value).where(table.c.feed_id == feeds.c.id, *conditions)
    return values.correlate(feeds).scalar_subquery()


def _categories(dialect: str) -> ColumnElement[Any]:
    """Return position, slug and name of each category of a feed."""
    names = select(
        gathered(dialect, feed_categories.c.position, _CATEGORY.c.key, _CATEGORY.c.title)
    )
    return (
        names.join_from(feed_categories, _CATEGORY, _CATEGORY.c.id == feed_categories.c.list_id)
        .where(feed_categories.c.feed_id == feeds.c.id)
        .correlate(feeds)
        .scalar_subquery()
    )


def _health(row: Any, first_day: int, now: datetime) -> FeedHealth:
    weeks = [0] * _WEEKS
    for day, number in rows_in(row.days):
        # Entries with a future date are listed at arrival, but time zones add some hours.
        weeks[min((day - first_day) // WEEK.days, _WEEKS - 1)] += number
    history = sorted(rows_in(row.history), key=lambda poll: poll[0])
    first_entry_at = None if row.oldest is None else EntryId(row.oldest).at
    return FeedHealth(
        source=source_of(row),
        subtitle=row.subtitle,
        format=row.format,
        interval=row.interval,
        categories={slug: name for _, slug, name in sorted(rows_in(row.categories))},
        entries=row.entries,
        hidden=row.hidden,
        per_week=_per_week(sum(weeks[-_WEEKS_OF_RATE:]), first_entry_at, now),
        weeks=tuple(weeks),
        first_entry_at=first_entry_at,
        last_entry_at=None if row.newest is None else EntryId(row.newest).at,
        last_polled_at=row.last_polled_at,
        last_success_at=row.last_success_at,
        **_schedule(row, now),
        not_before=row.not_before,
        failures=row.failures,
        failing_since=row.failing_since,
        is_gone=row.gone,
        is_paused=row.paused,
        error=row.error,
        failure=row.failure,
        note=row.note,
        opml_list=row.opml_list,
        **_request(row),
        polls=tuple(_poll(*poll) for poll in history),
    )


def _request(row: Any) -> dict[str, Any]:
    """Return how a feed is requested and read."""
    return {
        "moved_to": row.moved_to,
        "unconditional": row.unconditional,
        "by_proxy": row.by_proxy,
        "selectors": row.selectors,
        "first_posts": row.first_posts,
    }


def _per_week(number: int, first_entry_at: datetime | None, now: datetime) -> float | None:
    """Return entries a week, of the entries listed in the last four weeks.

    Args:
        number: Of these entries.
        first_entry_at: When the feed's oldest entry was listed: before that nothing is known.
    """
    whole = _WEEKS_OF_RATE * WEEK
    if first_entry_at is None:
        return None
    covered = min(max(now - first_entry_at, _MIN_COVERED), whole)
    if number < _MIN_ENTRIES:
        return number / _WEEKS_OF_RATE if covered == whole else None
    return number * (WEEK / covered)


def _schedule(row: Any, now: datetime) -> dict[str, Any]:
    """Return when a feed is due and why, with the constraint of the host."""
    at, reason = row.next_poll_at, row.next_reason
    constraints = list(row.plan)
    if row.host_name is not None and (row.min_delay is not None or row.free_at > now):
        host = _host_constraint(row, now)
        constraints.append(host)
        if at is not None and max(at, now) < row.free_at:
            at, reason = row.free_at, host.reason
    return {"next_poll_at": at, "next_reason": reason, "constraints": tuple(constraints)}


def _host_constraint(row: Any, now: datetime) -> Constraint:
    """Return the constraint of a host; most are no more than the pause between two requests."""
    is_throttled = row.min_delay is not None or row.free_at - now > _MAX_OWN_PAUSE
    reason = f"{row.host_name} asked for fewer requests" if is_throttled else BY_PAUSE
    value = row.host_name
    if row.min_delay:
        value = f"{span_text(row.min_delay)} between requests"
    return Constraint("host", value, row.free_at, reason)


def _poll(
    started_at: int,
    outcome: str,
    status: int | None,
    size: int,
    seconds: float,
    new_entries: int,
    updated: int,
    error: str | None,
) -> PollRecord:
    at, span = EPOCH + timedelta(microseconds=started_at), timedelta(seconds=seconds)
    return PollRecord(at, Outcome(outcome), status, size, span, new_entries, updated, error)
