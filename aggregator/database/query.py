"""All reads for pages, merged feeds and commands: values out, no rows.

The list is a walk of one index however deep the page: an entry's id is its place.
"""

from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from aggregator.database.dialects import matching, place_of
from aggregator.database.tables import (
    POLLS_KEPT,
    categories,
    contents,
    entries,
    feeds,
    hosts,
    polls,
    state,
)
from aggregator.model import (
    SEQUENCE_BITS,
    CategoryCount,
    Constraint,
    Cursor,
    Enclosure,
    FeedHealth,
    HostPause,
    ListedEntry,
    Outcome,
    Overview,
    PollRecord,
    Scope,
    Source,
    listed_at_of,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BUSIEST = 12
_WEEK = timedelta(days=7)
_RHYTHM = timedelta(weeks=4)
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

    A search without a word in it finds nothing.
    """
    statement = _in_scope(connection, scope)
    if statement is None:
        return []
    place = place_of(connection, search=scope.search)
    columns = [*_LISTED_COLUMNS]
    if with_content:
        columns.append(contents.c.html)
        statement = statement.outerjoin(contents, contents.c.entry_id == entries.c.id)
    statement = (
        statement.add_columns(*columns)
        .join(feeds, feeds.c.id == entries.c.feed_id)
        .outerjoin(categories, categories.c.id == feeds.c.category_id)
        .order_by(place.desc())
        .limit(limit)
    )
    if before is not None:  # the id is the place in the list: a seek, at any depth
        statement = statement.where(place < before.id)
    sources: dict[int, Source] = {}
    return [
        _listed(row, sources, with_content=with_content) for row in connection.execute(statement)
    ]


def newer_than(connection: Connection, *, after: Cursor, scope: Scope = EVERYTHING) -> int:
    """Count the entries of one list that stand above `after`; 99 stands for more."""
    statement = _in_scope(connection, scope)
    if statement is None:
        return 0
    some = (
        statement.add_columns(entries.c.id)
        .where(place_of(connection, search=scope.search) > after.id)
        .limit(_MAX_COUNT)
        .subquery()
    )
    return connection.scalar(select(func.count()).select_from(some)) or 0


def version(connection: Connection) -> int:
    """Return a number that grows with every change a page or merged feed could show."""
    return connection.scalar(select(state.c.version)) or 0


def overview(connection: Connection, *, now: datetime) -> Overview:
    """Return what every page shows beside its own list."""
    row = connection.execute(select(state.c.version, state.c.checked_at)).one()
    counts = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(feeds.c.entries), 0),
            func.count().filter(_FAILING),
            func.count().filter(feeds.c.last_polled_at.is_(None)),
        ).where(feeds.c.subscribed)
    ).one()
    return Overview(
        version=row.version,
        checked_at=row.checked_at,
        feeds=counts[0],
        entries=counts[1],
        failing=counts[2],
        unread_feeds=counts[3],
        categories=tuple(_categories(connection)),
        busiest=tuple(_busiest(connection, now - _WEEK)),
    )


def category(connection: Connection, slug: str) -> CategoryCount | None:
    """Return the category with this slug, None if no subscription is in it."""
    return next(iter(_categories(connection, slug)), None)


def feeds_by_health(
    connection: Connection, *, now: datetime, history: int = POLLS_KEPT
) -> list[FeedHealth]:
    """Return every subscription and how it is doing, problems first, then by title.

    Args:
        history: So many of the last polls come with each feed, at least one.
    """
    found = _healths(connection, feeds.c.subscribed, now, history=history)
    return sorted(found, key=lambda feed: (_urgency(feed), feed.source.title.casefold()))


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
    *_SOURCE_COLUMNS,
)


def _in_scope(connection: Connection, scope: Scope) -> Select[Any] | None:
    """Return the list as a SELECT without columns, None if nothing can be in it."""
    if scope.search is not None:
        found = matching(connection, scope.search)
        return None if found is None else found.where(entries.c.listed)
    statement = select().select_from(entries)
    if scope.source is not None:
        # A source's own page shows all of its entries, whatever the merged list leaves out.
        feed_id = select(feeds.c.id).where(feeds.c.name == scope.source, feeds.c.subscribed)
        return statement.where(entries.c.feed_id == feed_id.scalar_subquery())
    if scope.category is not None:
        category_id = select(categories.c.id).where(categories.c.slug == scope.category)
        statement = statement.where(entries.c.category_id == category_id.scalar_subquery())
    return statement.where(entries.c.listed)


def _listed(row: Any, sources: dict[int, Source], *, with_content: bool) -> ListedEntry:
    source = sources.get(row.source_id) or sources.setdefault(row.source_id, _source(row))
    return ListedEntry(
        id=row.id,
        public_id=row.public_id,
        source=source,
        url=row.url,
        title=row.title,
        title_html=escape(row.title) if row.title_html is None else row.title_html,
        summary=row.summary,
        listed_at=listed_at_of(row.id),
        first_seen_at=row.first_seen_at,
        changed_at=row.changed_at,
        dated=row.published_at is not None,
        published_at=row.published_at,
        updated_at=row.updated_at,
        authors=tuple(row.authors),
        categories=tuple(row.categories),
        enclosures=tuple(Enclosure(*values) for values in row.enclosures),
        language=row.language,
        comments_url=row.comments_url,
        content_html=(row.html or "") if with_content else None,
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


# Not those that are gone or were asked to wait: there is nothing to look into.
_FAILING = and_(feeds.c.failures > 0, ~feeds.c.gone, feeds.c.not_before.is_(None))


def _categories(connection: Connection, slug: str | None = None) -> list[CategoryCount]:
    statement = (
        select(categories.c.slug, categories.c.name, func.sum(feeds.c.entries).label("entries"))
        .join_from(categories, feeds, feeds.c.category_id == categories.c.id)
        .where(feeds.c.subscribed)
        .group_by(categories.c.id)
        .order_by(categories.c.name)
    )
    if slug is not None:
        statement = statement.where(categories.c.slug == slug)
    return [
        CategoryCount(slug=row.slug, name=row.name, entries=row.entries)
        for row in connection.execute(statement)
    ]


def _busiest(connection: Connection, since: datetime) -> list[tuple[Source, int]]:
    # One seek a feed.  Grouping the entries by feed would read the whole index for every page.
    number = (
        select(func.count())
        .where(entries.c.feed_id == feeds.c.id, entries.c.id >= _first_id(since))
        .scalar_subquery()
    )
    every = select(feeds.c.id, number.label("found")).where(feeds.c.subscribed).subquery()
    counts = (
        select(every)
        .where(every.c.found > 0)
        .order_by(every.c.found.desc(), every.c.id)
        .limit(_BUSIEST)
        .subquery()
    )
    statement = (
        select(counts.c.found, *_SOURCE_COLUMNS)
        .join_from(counts, feeds, feeds.c.id == counts.c.id)
        .outerjoin(categories, categories.c.id == feeds.c.category_id)
        .order_by(counts.c.found.desc(), feeds.c.id)
    )
    return [(_source(row), row.found) for row in connection.execute(statement)]


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
) -> list[FeedHealth]:
    rows = connection.execute(
        select(*_HEALTH_COLUMNS)
        .select_from(feeds)
        .outerjoin(categories, categories.c.id == feeds.c.category_id)
        .outerjoin(hosts, hosts.c.name == feeds.c.host)
        .where(which)
    ).all()
    ids = select(feeds.c.id).where(which)
    last_polls = _last_polls(connection, which, history)
    recent = _counts(connection, ids, since=now - _RHYTHM)
    oldest = _oldest(connection, ids)
    return [
        FeedHealth(
            source=_source(row),
            subtitle=row.subtitle,
            format=row.format,
            interval=row.interval,
            entries=row.entries,
            per_week=recent.get(row.source_id, 0) / (_RHYTHM / _WEEK),
            first_entry_at=oldest.get(row.source_id),
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
            polls=tuple(last_polls.get(row.source_id, ())),
        )
        for row in rows
    ]


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


def _last_polls(
    connection: Connection, which: ColumnElement[bool], count: int
) -> dict[int, list[PollRecord]]:
    """Return the newest `count` polls of each feed, oldest first: the last slots of its ring."""
    slots = [(feeds.c.polls + POLLS_KEPT - back) % POLLS_KEPT for back in range(1, count + 1)]
    statement = (
        select(polls)
        .join_from(feeds, polls, and_(polls.c.feed_id == feeds.c.id, polls.c.slot.in_(slots)))
        .where(which)
        .order_by(feeds.c.id, polls.c.started_at)
    )
    found: dict[int, list[PollRecord]] = {}
    for row in connection.execute(statement):
        found.setdefault(row.feed_id, []).append(
            PollRecord(
                started_at=row.started_at,
                outcome=Outcome(row.outcome),
                status=row.status,
                size=row.size,
                duration=timedelta(seconds=row.seconds),
                new=row.new,
                updated=row.updated,
                error=row.error,
            )
        )
    return found


def _counts(connection: Connection, ids: Select[Any], *, since: datetime) -> dict[int, int]:
    """Count each feed's entries listed since a time."""
    statement = (
        select(entries.c.feed_id, func.count())
        .where(entries.c.id >= _first_id(since), entries.c.feed_id.in_(ids))
        .group_by(entries.c.feed_id)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def _oldest(connection: Connection, ids: Select[Any]) -> dict[int, datetime]:
    oldest = select(func.min(entries.c.id)).where(entries.c.feed_id == feeds.c.id)
    statement = select(feeds.c.id, oldest.scalar_subquery()).where(feeds.c.id.in_(ids))
    return {
        row[0]: listed_at_of(row[1]) for row in connection.execute(statement) if row[1] is not None
    }


def _first_id(at: datetime) -> int:
    """Return the lowest id that an entry listed at `at` can have."""
    return (at - _EPOCH) // timedelta(milliseconds=1) << SEQUENCE_BITS


def _urgency(feed: FeedHealth) -> int:
    """Return 0 for a failing feed, then those that wait, have a defect, are gone, are fine."""
    if feed.gone:
        return 3
    if feed.polls and feed.polls[-1].outcome is Outcome.POSTPONED:
        return 1
    if feed.failures:
        return 0
    return 2 if feed.note else 4
