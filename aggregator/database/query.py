"""All reads for pages, merged feeds and commands: values out, no rows.

The list is a walk of one index however deep the page: an entry's id is its place.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    select,
    type_coerce,
    union_all,
)

from aggregator.database import stories
from aggregator.database.dialects import gathered, rows_in
from aggregator.database.narrowing import narrowed
from aggregator.database.tables import (
    POLLS_KEPT,
    activity,
    categories,
    contents,
    entries,
    feeds,
    hosts,
    polls,
    state,
)
from aggregator.model import (
    CategoryCount,
    Constraint,
    Cursor,
    Dating,
    Enclosure,
    FeedHealth,
    FeedOrder,
    HostPause,
    ListedEntry,
    ListPage,
    Origin,
    Outcome,
    Overview,
    PollRecord,
    Scope,
    Sidebar,
    Source,
    SourceName,
    Urgency,
    listed_at_of,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BUSIEST = 12
_WEEK = timedelta(days=7)
_RHYTHM = 4  # weeks
_WEEKS = 26
_MAX_COUNT = 99

EVERYTHING = Scope()


def latest_entries(
    connection: Connection,
    *,
    scope: Scope = EVERYTHING,
    limit: int,
    before: Cursor | None = None,
    with_content: bool = False,
) -> list[ListedEntry]:
    """Return up to `limit` entries of one list, newest first, all older than `before`.

    A search that has to look at entries one by one may return fewer; `page` tells where it ended.
    """
    found = narrowed(connection, scope)
    if found is None:
        return []
    return _read(connection, found.below(before).limit(limit), with_content=with_content)


def page(
    connection: Connection,
    *,
    scope: Scope = EVERYTHING,
    limit: int,
    before: Cursor | None = None,
    with_content: bool = False,
) -> ListPage:
    """Return up to `limit` entries like `latest_entries`, and where the list goes on."""
    found = narrowed(connection, scope)
    if found is None:
        return ListPage()
    statement = found.below(before).limit(limit + 1)  # one more tells whether there are more
    if not found.filters:
        entries = _read(connection, statement, with_content=with_content)
        looked_down_to = None
    else:
        entries, looked_down_to = _read_with_end(
            connection, statement, found.last_looked_at(before), with_content=with_content
        )
    if len(entries) > limit:
        return ListPage(tuple(entries[:limit]), Cursor(entries[limit - 1].id))
    return ListPage(tuple(entries), looked_down_to, ended_early=looked_down_to is not None)


def ids_of(connection: Connection, scope: Scope) -> list[int]:
    """Return the ids of all entries of one list, newest first."""
    found = narrowed(connection, scope)
    if found is None:
        return []
    return list(connection.scalars(found.below(None).add_columns(entries.c.id)))


def entries_of(connection: Connection, ids: Sequence[int]) -> list[ListedEntry]:
    """Return the entries with these ids, newest first, with their full texts."""
    statement = select().select_from(entries).where(entries.c.id.in_(ids))
    return _read(connection, statement.order_by(entries.c.id.desc()), with_content=True)


def dating(connection: Connection, entry_id: int) -> Dating | None:
    """Return why an entry stands where it does, None if there is none with this id."""
    kept: str | None = connection.scalar(select(entries.c.dating).where(entries.c.id == entry_id))
    if kept is None:
        return None
    reason, *date = kept.split("\t", 4)
    if not date:
        return Dating(reason)
    field, form, sure, text = date
    return Dating(reason, text, field, form, sure=bool(sure))


def newer_than(connection: Connection, *, after: Cursor, scope: Scope = EVERYTHING) -> int:
    """Count the entries of one list that stand above `after`; 99 stands for more."""
    found = narrowed(connection, scope)
    if found is None:
        return 0
    some = found.above(after).add_columns(entries.c.id).limit(_MAX_COUNT).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0


def version(connection: Connection) -> int:
    """Return a number that grows with every change a page or merged feed could show."""
    return connection.scalar(select(state.c.version)) or 0


def current_version(engine: Engine) -> int | None:
    """Return `version` without what a transaction costs, None if the database can't be read."""
    try:
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("SELECT version FROM state")
            row = cursor.fetchone()
            cursor.close()
        finally:
            connection.close()
    except Exception:  # of whatever driver: who goes on to ask will hear what it is
        return None
    return None if row is None else int(row[0])


def overview(connection: Connection) -> Overview:
    """Return what every page says of the whole: one row, whatever there is to count."""
    row = connection.execute(_STATE).one()
    return Overview(
        version=row.version,
        checked_at=row.checked_at,
        feeds=row.feeds,
        entries=row.entries,
        failing=row.failing,
        unread_feeds=row.unread,
    )


def sidebar(connection: Connection, *, now: datetime, last: Sidebar | None = None) -> Sidebar:
    """Return what stands beside the list.

    Args:
        last: What stood there a moment ago, to take from it who is busiest: to find that, the week
            of every feed has to be added up.
    """
    statement, values = (_SIDEBAR, {"today": _day(now)}) if last is None else (_CATEGORIES, {})
    rows = connection.execute(statement, values).all()
    return Sidebar(
        categories=tuple(
            sorted(
                (CategoryCount(row.key, row.title, row.entries) for row in rows if not row.busy),
                key=lambda one: one.name.casefold(),
            )
        ),
        busiest=tuple(
            (SourceName(row.key, row.title, row.language), row.entries) for row in rows if row.busy
        )
        if last is None
        else last.busiest,
    )


def category(connection: Connection, slug: str) -> CategoryCount | None:
    """Return the category with this slug, None if no subscription is in it."""
    row = connection.execute(_CATEGORY.where(categories.c.slug == slug)).one_or_none()
    return None if row is None else CategoryCount(row.slug, row.name, row.entries)


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


def urgencies(connection: Connection) -> dict[Urgency, int]:
    """Count the subscriptions by how they are doing."""
    statement = select(_URGENCY, func.count()).where(feeds.c.subscribed).group_by(_URGENCY)
    return {Urgency(row[0]): row[1] for row in connection.execute(statement)}


def feed(connection: Connection, name: str, *, now: datetime) -> FeedHealth | None:
    """Return the subscription with this name, None if there is none."""
    found = _healths(connection, and_(feeds.c.subscribed, feeds.c.name == name), now)
    return found[0] if found else None


def moves(connection: Connection) -> dict[str, str]:
    """Return the new addresses of subscriptions that moved for good, by their old ones."""
    statement = select(feeds.c.url, feeds.c.moved_to).where(
        feeds.c.moved_to.is_not(None), feeds.c.subscribed
    )
    return {row.url: row.moved_to for row in connection.execute(statement)}


def next_due_at(connection: Connection) -> datetime | None:
    """Return when the next feed is due, None if none ever is."""
    due_at: datetime | None = connection.scalar(select(func.min(feeds.c.next_poll_at)))
    return due_at


# ------------------------------------------------------------------------ entries

_SOURCE_COLUMNS = (
    feeds.c.id.label("source_id"),
    feeds.c.name.label("source_name"),
    feeds.c.configured_title.label("source_configured_title"),
    feeds.c.title.label("source_title"),
    feeds.c.url.label("source_url"),
    feeds.c.site_url.label("source_site_url"),
    feeds.c.feed_id.label("source_feed_id"),
    feeds.c.language.label("source_language"),
    feeds.c.author.label("source_author"),
    feeds.c.rights.label("source_rights"),
    feeds.c.last_change_at.label("source_updated_at"),
    categories.c.name.label("source_category"),
    categories.c.slug.label("source_category_slug"),
)

_LISTED_COLUMNS = (
    entries.c.id,
    entries.c.public_id,
    entries.c.url,
    entries.c.title,
    entries.c.title_html,
    entries.c.summary,
    entries.c.first_seen_at,
    entries.c.changed_at,
    entries.c.published_at,
    entries.c.updated_at,
    entries.c.authors,
    entries.c.categories,
    entries.c.enclosures,
    entries.c.language,
    entries.c.comments_url,
    entries.c.image,
    entries.c.origin,
    *_SOURCE_COLUMNS,
)


def _read(
    connection: Connection, statement: Select[Any], *, with_content: bool
) -> list[ListedEntry]:
    rows = connection.execute(_with_columns(connection, statement, with_content=with_content))
    sources: dict[int, Source] = {}
    return [_listed(row, sources, with_content=with_content) for row in rows]


def _read_with_end(
    connection: Connection, statement: Select[Any], end: Select[Any], *, with_content: bool
) -> tuple[list[ListedEntry], Cursor | None]:
    """Return what `_read` does, and the place that `end` selects: one statement for both."""
    listed = _with_columns(connection, statement, with_content=with_content).subquery()
    nothing = [null() for _ in list(listed.c)[1:]]
    both = union_all(select(listed), select(end.scalar_subquery(), *nothing))
    *rows, last = sorted(
        connection.execute(both), key=lambda row: (row.public_id is None, -(row.id or 0))
    )
    sources: dict[int, Source] = {}
    entries = [_listed(row, sources, with_content=with_content) for row in rows]
    return entries, None if last.id is None else Cursor(last.id)


def _with_columns(
    connection: Connection, statement: Select[Any], *, with_content: bool
) -> Select[Any]:
    columns = [*_LISTED_COLUMNS, stories.also_in(connection.dialect.name)]
    if with_content:
        columns.append(contents.c.html)
        statement = statement.outerjoin(contents, contents.c.entry_id == entries.c.id)
    return (
        statement.add_columns(*columns)
        .join(feeds, feeds.c.id == entries.c.feed_id)
        .outerjoin(categories, categories.c.id == feeds.c.category_id)
    )


def _listed(row: Any, sources: dict[int, Source], *, with_content: bool) -> ListedEntry:
    # By place, in the order of _LISTED_COLUMNS: by name takes twice as long, and a page has 40.
    entry_id, public_id, url, title, title_html, summary, first_seen_at, changed_at = row[:8]
    published_at, updated_at, authors, of, files, language, comments_url, image, origin = row[8:17]
    source_id = row[17]
    source = sources.get(source_id) or sources.setdefault(source_id, _source(row))
    return ListedEntry(
        id=entry_id,
        public_id=public_id,
        source=source,
        url=url,
        title=title,
        title_html=escape(title) if title_html is None else title_html,
        summary=summary,
        listed_at=listed_at_of(entry_id),
        first_seen_at=first_seen_at,
        changed_at=changed_at,
        dated=published_at is not None,
        published_at=published_at,
        updated_at=updated_at,
        authors=tuple(authors),
        categories=tuple(of),
        enclosures=tuple(Enclosure(*values) for values in files),
        language=language,
        comments_url=comments_url,
        image=image,
        origin=Origin(*origin) if origin else None,
        content_html=(row.html or "") if with_content else None,
        also_in=stories.sources_in(row.also_in),
    )


def _source(row: Any) -> Source:
    return Source(
        id=row.source_id,
        name=row.source_name,
        title=row.source_configured_title or row.source_title or row.source_name,
        feed_url=row.source_url,
        site_url=row.source_site_url,
        feed_id=row.source_feed_id,
        language=row.source_language,
        author=row.source_author,
        rights=row.source_rights,
        category=row.source_category,
        category_slug=row.source_category_slug,
        updated_at=row.source_updated_at,
    )


# --------------------------------------------------------------- feeds, categories


_SHOWN_TITLE = func.coalesce(
    func.nullif(feeds.c.configured_title, ""), func.nullif(feeds.c.title, ""), feeds.c.name
)

_POSTPONED = exists().where(
    polls.c.feed_id == feeds.c.id,
    polls.c.slot == (feeds.c.polls + POLLS_KEPT - 1) % POLLS_KEPT,
    polls.c.outcome == Outcome.POSTPONED.value,
)
_URGENCY = case(
    (feeds.c.gone, Urgency.GONE.value),
    (_POSTPONED, Urgency.WAITING.value),
    (feeds.c.failures > 0, Urgency.FAILING.value),
    (feeds.c.note.is_not(None), Urgency.DEFECT.value),
    else_=Urgency.FINE.value,
)
_ORDERS = {
    FeedOrder.URGENCY: (_URGENCY, func.lower(_SHOWN_TITLE), feeds.c.id),
    FeedOrder.TITLE: (func.lower(_SHOWN_TITLE), feeds.c.id),
}

_STATE = select(
    state.c.version,
    state.c.checked_at,
    state.c.feeds,
    state.c.entries,
    state.c.failing,
    state.c.unread,
)

_CATEGORY = select(categories.c.slug, categories.c.name, categories.c.entries).where(
    categories.c.feeds > 0
)

_WEEK_OF_EACH = (
    select(activity.c.feed_id, func.sum(activity.c.entries).label("entries"))
    .where(activity.c.day > bindparam("today") - _WEEK.days, activity.c.day <= bindparam("today"))
    .group_by(activity.c.feed_id)
    .subquery()
)

_BUSY = (
    select(
        literal(1).label("busy"),
        feeds.c.name.label("key"),
        _SHOWN_TITLE.label("title"),
        feeds.c.language,
        _WEEK_OF_EACH.c.entries,
    )
    .join_from(_WEEK_OF_EACH, feeds, feeds.c.id == _WEEK_OF_EACH.c.feed_id)
    .where(feeds.c.subscribed)
    .order_by(_WEEK_OF_EACH.c.entries.desc(), feeds.c.id)
    .limit(_BUSIEST)
    .subquery()
)

_CATEGORIES = select(
    literal(0).label("busy"),
    categories.c.slug.label("key"),
    categories.c.name.label("title"),
    null().label("language"),
    categories.c.entries,
).where(categories.c.feeds > 0)

# One statement for both, as a page reads them together.
_SIDEBAR = union_all(_CATEGORIES, select(_BUSY))


_UNCONDITIONAL = and_(
    feeds.c.host != "",
    feeds.c.body_hash.is_not(None),
    feeds.c.etag.is_(None),
    feeds.c.last_modified.is_(None),
)
_HEALTH_COLUMNS = (
    *_SOURCE_COLUMNS,
    feeds.c.subtitle,
    feeds.c.format,
    feeds.c.interval,
    feeds.c.entries,
    feeds.c.last_polled_at,
    feeds.c.last_success_at,
    feeds.c.next_poll_at,
    feeds.c.next_reason,
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
    hosts.c.learned_at,
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
    first_day = _day(now) - _WEEKS * _WEEK.days + 1
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
        weeks[min((day - first_day) // _WEEK.days, _WEEKS - 1)] += number
    history = sorted(rows_in(row.history), key=lambda one: one[0])
    return FeedHealth(
        source=_source(row),
        subtitle=row.subtitle,
        format=row.format,
        interval=row.interval,
        entries=row.entries,
        per_week=sum(weeks[-_RHYTHM:]) / _RHYTHM,
        weeks=tuple(weeks),
        first_entry_at=None if row.oldest is None else listed_at_of(row.oldest),
        last_polled_at=row.last_polled_at,
        last_success_at=row.last_success_at,
        **_schedule(row, now),
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
    host = None
    if row.host_name is not None:
        host = HostPause(row.host_name, row.free_at, row.pace, row.learned_at)
        if at is not None and max(at, now) < host.free_at:
            at, reason = host.free_at, f"{host.name} wants fewer requests"
    weighed = tuple(
        Constraint(name, value, None if until is None else datetime.fromtimestamp(until, UTC), why)
        for name, value, until, why in row.plan
    )
    return {"next_poll_at": at, "next_reason": reason, "constraints": weighed, "host": host}


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
    at, span = _EPOCH + timedelta(microseconds=started_at), timedelta(seconds=seconds)
    return PollRecord(at, Outcome(outcome), status, size, span, new, updated, error)


def _day(at: datetime) -> int:
    """Return the day (UTC) as `activity` counts it."""
    return (at - _EPOCH) // timedelta(days=1)
