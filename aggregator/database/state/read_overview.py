"""Numbers of the whole database for pages: counters, categories, busiest sources."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    select,
    union_all,
)

from aggregator.database.deadline import OF_ALL_FEEDS, within
from aggregator.database.feeds.read_sources import KNOWN_URL, shown_title
from aggregator.database.lists.list_conditions import STORIES_ON, is_shown_by_source
from aggregator.database.picture_tables import entry_pictures
from aggregator.database.schema import (
    WHOLE_LIST_ID,
    activity,
    entries,
    feeds,
    former_names,
    hidden_entries,
    lists,
    relistings,
    state,
)
from aggregator.model import EntryId, ListKind, ListScope, NamedList, Overview, Sidebar, SourceName
from aggregator.model.times import EPOCH

_BUSIEST = 12

WEEK = timedelta(days=7)

# As the list shows its members: a story once, if stories are on.
_POSTS = case((STORIES_ON, lists.c.stories), else_=lists.c.entries)

_STATE = select(
    state.c.version,
    state.c.checked_at,
    state.c.feeds,
    select(_POSTS).where(lists.c.id == WHOLE_LIST_ID).scalar_subquery().label("posts"),
    state.c.failing,
    state.c.unpolled,
    exists(select(former_names.c.name)).label("renamed"),
    select(func.sum(relistings.c.done)).scalar_subquery().label("relisted"),
    exists(select(entry_pictures.c.entry_id)).label("pictured"),
)

# Columns of `_LISTS` that sources do not have
_NO_LIST = (
    literal("").label("kind"),
    literal("").label("description"),
    literal(0).label("position"),
)

_IDS_OF_WEEK = entries.c.id >= bindparam("first_id"), entries.c.id < bindparam("end_id")

# A count for each feed with hidden entries, within `ix_entries_feed`: a join would read the rows of
# all entries of the week.
_HIDDEN_OF_WEEK = (
    select(
        hidden_entries.c.feed_id,
        select(func.count())
        .where(
            entries.c.feed_id == hidden_entries.c.feed_id,
            *_IDS_OF_WEEK,
            ~is_shown_by_source(entries),
        )
        .scalar_subquery()
        .label("entries"),
    )
    .where(hidden_entries.c.entries > 0)
    .subquery()
)

_WEEK_OF_EACH = (
    select(activity.c.feed_id, func.sum(activity.c.entries).label("entries"))
    .where(activity.c.day > bindparam("today") - WEEK.days, activity.c.day <= bindparam("today"))
    .group_by(activity.c.feed_id)
    .subquery()
)

_SHOWN_OF_WEEK = _WEEK_OF_EACH.c.entries - func.coalesce(_HIDDEN_OF_WEEK.c.entries, 0)

_BUSY = (
    select(
        literal(1).label("busy"),
        feeds.c.name.label("key"),
        shown_title(feeds).label("title"),
        feeds.c.language,
        KNOWN_URL.label("url"),
        _SHOWN_OF_WEEK.label("entries"),
        *_NO_LIST,
    )
    .join_from(_WEEK_OF_EACH, feeds, feeds.c.id == _WEEK_OF_EACH.c.feed_id)
    .outerjoin(_HIDDEN_OF_WEEK, _HIDDEN_OF_WEEK.c.feed_id == feeds.c.id)
    .where(feeds.c.subscribed, _SHOWN_OF_WEEK > 0)
    .order_by(_SHOWN_OF_WEEK.desc(), feeds.c.id)
    .limit(_BUSIEST)
    .subquery()
)

_LISTS = select(
    literal(0).label("busy"),
    lists.c.key,
    lists.c.title,
    null().label("language"),
    null().label("url"),
    _POSTS.label("entries"),
    lists.c.kind,
    lists.c.description,
    lists.c.position,
).where(lists.c.position.is_not(None), lists.c.kind != ListKind.ALL.value)

_NAMED_SOURCES = select(
    literal(1).label("busy"),
    feeds.c.name.label("key"),
    shown_title(feeds).label("title"),
    feeds.c.language,
    KNOWN_URL.label("url"),
    literal(0).label("entries"),
    *_NO_LIST,
).where(feeds.c.subscribed, feeds.c.name.in_(bindparam("names", expanding=True)))

# One statement for both, as a page reads them together.
_SIDEBAR = union_all(_LISTS, select(_BUSY)).execution_options(**within(OF_ALL_FEEDS))
_SIDEBAR_AGAIN = union_all(_LISTS, _NAMED_SOURCES)


def version(connection: Connection) -> int:
    """Return the number that grows with every change on pages or in merged feeds."""
    return connection.scalar(select(state.c.version)) or 0


def config_problem(connection: Connection) -> str | None:
    """Return the first mistake of the present config.yaml, None if the file is in use."""
    problem: str | None = connection.scalar(select(state.c.config_problem))
    return problem


def current_version(engine: Engine) -> int | None:
    """Return `version` without a transaction, None if the database can't be read."""
    try:
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("SELECT version FROM state")
            row = cursor.fetchone()
            cursor.close()
        finally:
            connection.close()
    except Exception:  # of any driver; the next statement raises it
        return None
    return None if row is None else int(row[0])


def overview(connection: Connection) -> Overview:
    """Return the counters for every page, which are one row."""
    row = connection.execute(_STATE).one()
    return Overview(
        version=row.version,
        checked_at=row.checked_at,
        feeds=row.feeds,
        posts=row.posts,
        failing=row.failing,
        unpolled_feeds=row.unpolled,
        has_former_names=bool(row.renamed),
        relisted_entries=None if row.relisted is None else int(row.relisted),
        has_pictures=bool(row.pictured),
    )


def sidebar(connection: Connection, *, now: datetime, last: Sidebar | None = None) -> Sidebar:
    """Return the content of the sidebar.

    Args:
        last: A recent sidebar as the source of the busiest sources, less former subscriptions; to
            count the busiest sources, the week of every feed has to be added up.
    """
    if last is None:
        rows = connection.execute(_SIDEBAR, _week_until(day_of(now))).all()
        counts = [(row.key, row.entries) for row in rows if row.busy]
    else:
        counts = [(source.name, number) for source, number in last.busiest]
        rows = connection.execute(_SIDEBAR_AGAIN, {"names": [name for name, _ in counts]}).all()
    source_names = {
        row.key: SourceName(row.key, row.title, row.language, row.url) for row in rows if row.busy
    }
    return Sidebar(
        lists=tuple(
            _named_list(row) for row in sorted(rows, key=_place_in_sidebar) if not row.busy
        ),
        busiest=tuple(
            (source_names[name], number) for name, number in counts if name in source_names
        ),
    )


def named_list(connection: Connection, scope: ListScope) -> NamedList | None:
    """Return a category with a subscription, or a view; None if there is none."""
    is_named = lists.c.kind == scope.kind.value, lists.c.key == scope.key
    row = connection.execute(_LISTS.where(*is_named)).one_or_none()
    return None if row is None else _named_list(row)


def _named_list(row: Any) -> NamedList:
    scope = ListScope(ListKind(row.kind), row.key)
    return NamedList(scope, row.title, row.entries, row.description)


def _place_in_sidebar(row: Any) -> tuple[bool, int, str]:
    """Return a key: categories by name, then views in the order of config.yaml."""
    if row.kind == ListKind.VIEW:
        return True, row.position, ""
    return False, 0, row.title.casefold()


def _week_until(today: int) -> dict[str, int]:
    """Return the parameters of `_SIDEBAR` for the seven days that end with a day."""
    end = EPOCH + timedelta(days=today + 1)
    return {
        "today": today,
        "first_id": EntryId.first_at(end - WEEK),
        "end_id": EntryId.first_at(end),
    }


def day_of(at: datetime) -> int:
    """Return the number of a day (UTC) in the table `activity`."""
    return (at - EPOCH) // timedelta(days=1)
