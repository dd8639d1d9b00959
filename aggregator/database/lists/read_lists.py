"""Pages of lists of entries.

A page is a walk of one index at any depth, as the id of an entry is the place in the list.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from html import escape
from itertools import chain
from time import monotonic
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    case,
    func,
    null,
    select,
    union_all,
)

from aggregator.database.deadline import SEARCHING, STEP, attempt, within
from aggregator.database.dialects import literal_limit
from aggregator.database.feeds.read_sources import SOURCE_COLUMNS, source_of, with_category
from aggregator.database.lists.list_conditions import is_shown_by_source, is_subscribed
from aggregator.database.lists.list_query import ListQuery, list_query
from aggregator.database.lists.read_searches import count_entries
from aggregator.database.schema import contents, entries, feeds
from aggregator.database.stories import read_stories
from aggregator.errors import DeadlineError
from aggregator.model import (
    Cursor,
    Dating,
    EntryId,
    ListedEntry,
    ListKind,
    ListPage,
    ListScope,
    Source,
)
from aggregator.search.search_parser import parse

PageLimit = Callable[[ListedEntry], bool]
"""Whether an entry still has room on a page."""

_MAX_COUNT = 99
_NEARBY_ENTRIES = 20  # entries
_FIRST_STEP = 500  # entries; each further step reads twice as many
_MAX_STEPPING = 0.2  # seconds after which no further step begins

WHOLE_LIST = ListScope()


def entries_page(
    connection: Connection,
    *,
    scope: ListScope = WHOLE_LIST,
    limit: int,
    before: Cursor | None = None,
    with_content: bool = False,
    fits: PageLimit = lambda _: True,
    count_up_to: int | None = None,
) -> ListPage:
    """Return up to `limit` entries of a list, newest first, all older than `before`.

    A search that tests entries one by one, or meets the deadline, may return fewer entries; the
    page says where the search ended.

    Args:
        before: None for the first page.
        with_content: Read full texts as well.
        fits: Called with each entry in turn; the page ends before the first entry without room, and
            no entry below is read.
        count_up_to: How far to count the entries of the list; None to leave `total` unknown.
    """
    query = list_query(connection, scope)
    if query is None:
        return ListPage()
    request = _PageRequest(query, limit, fits, with_content)
    if scope.kind is not ListKind.SEARCH:
        page = _page(connection, request, before)
    else:
        page = _search_page(connection, replace(request, options=within(SEARCHING)), before)
        names = tuple((test.field.value, test.value) for test in query.unknown_names)
        page = replace(page, unknown_names=names)
    if count_up_to is None:
        return page
    return replace(page, total=_total(connection, query, page, count_up_to))


def _total(
    connection: Connection, query: ListQuery, page: ListPage, count_limit: int
) -> int | None:
    """Return the number of entries of a list with this first page, up to `count_limit`."""
    if page.ended_early:
        return None
    if page.next is None:
        return len(page.entries)
    return count_entries(connection, query, count_limit)


def entry_ids(connection: Connection, scope: ListScope) -> list[int]:
    """Return the ids of all entries of a list, newest first."""
    query = list_query(connection, scope)
    if query is None:
        return []
    return list(connection.scalars(query.below(None).add_columns(entries.c.id)))


def entries_by_id(
    connection: Connection, ids: Sequence[int], *, fits: PageLimit = lambda _: True
) -> list[ListedEntry]:
    """Return the entries with the given ids, newest first, with full texts.

    Args:
        fits: As for `entries_page`.
    """
    statement = select().select_from(entries).where(entries.c.id.in_(ids))
    rows = _rows(connection, statement.order_by(entries.c.id.desc()), with_content=True)
    return _fitting_entries(rows, len(ids), fits, with_content=True)[0]


def post(connection: Connection, entry_id: int) -> ListedEntry | None:
    """Return an entry with its full text; None if the list of its source does not show the entry.

    Feeds that config.yaml lacks show no entries.
    """
    statement = select().select_from(entries).where(entries.c.id == entry_id)
    statement = statement.where(is_shown_by_source(entries), is_subscribed(entries))
    rows = _rows(connection, statement, with_content=True)
    return next((_listed_entry(row, {}, with_content=True) for row in rows), None)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The entries above and below an entry in a list, None without one."""

    above: ListedEntry | None = None
    below: ListedEntry | None = None


def neighbours(connection: Connection, scope: ListScope, entry_id: int) -> Neighbours | None:
    """Return the entries around an entry in a list, without content; None if it is not in the list.

    Of the `_NEARBY_ENTRIES` entries on each side, the nearest that can be read here; none of a
    search that takes long.  The whole list has a place for every entry.
    """
    query = list_query(connection, scope)
    if parse(scope.search_text).is_costly or query is None:
        return Neighbours()
    place, next_place = Cursor(entry_id), Cursor(entry_id + 1)
    above = query.above(place).order_by(query.order.oldest_first)
    parts = [
        _nearest_id(above, entries.c.id),
        _nearest_id(query.below(place), entries.c.id.desc()),
        _nearest_id(query.between(next_place, entry_id), entries.c.id),
    ]
    nearest_ids = select(union_all(*parts).subquery().c.id)
    statement = select().select_from(entries).where(entries.c.id.in_(nearest_ids))
    statement = statement.order_by(entries.c.id.desc()).execution_options(**within(SEARCHING))
    try:
        with attempt(connection):
            rows = list(_rows(connection, statement, with_content=False))
    except DeadlineError:
        return Neighbours()
    nearest = [_listed_entry(row, {}, with_content=False) for row in rows]
    if scope.kind is not ListKind.ALL and all(entry.id != entry_id for entry in nearest):
        return None
    return Neighbours(
        next((entry for entry in nearest if entry.id > entry_id), None),
        next((entry for entry in nearest if entry.id < entry_id), None),
    )


def _nearest_id(side: Select[Any], order: ColumnElement[Any]) -> Select[Any]:
    """Return the id of the first entry of a part of a list that can be read here."""
    nearby_ids = side.add_columns(entries.c.id).limit(literal_limit(_NEARBY_ENTRIES))
    nearby = select(entries.c.id).join(feeds, feeds.c.id == entries.c.feed_id)
    nearby = nearby.where(entries.c.id.in_(nearby_ids), feeds.c.read_here)
    return select(nearby.order_by(order).limit(literal_limit(1)).subquery())


def dating(connection: Connection, entry_id: int) -> Dating | None:
    """Return the reason for the place of an entry, None for an unknown id."""
    statement = select(entries.c.dating).where(entries.c.id == entry_id)
    dating: Dating | None = connection.scalar(statement)
    return dating


def count_newer(connection: Connection, *, after: Cursor, scope: ListScope = WHOLE_LIST) -> int:
    """Count the entries of a list above `after`, up to 99."""
    query = list_query(connection, scope)
    if query is None:
        return 0
    newer = query.above(after).add_columns(entries.c.id).limit(_MAX_COUNT).subquery()
    count = select(func.count()).select_from(newer).execution_options(**within(SEARCHING))
    return connection.scalar(count) or 0


@dataclass(frozen=True, slots=True)
class _PageRequest:
    """The arguments of `entries_page`, and the execution options of the statement."""

    query: ListQuery
    limit: int
    fits: PageLimit
    with_content: bool
    options: dict[str, Any] = field(default_factory=dict)


def _search_page(connection: Connection, request: _PageRequest, before: Cursor | None) -> ListPage:
    try:
        with attempt(connection):
            return _page(connection, request, before)
    except DeadlineError:
        return _page_by_steps(connection, request, before)


def _page(connection: Connection, request: _PageRequest, before: Cursor | None) -> ListPage:
    query, with_content = request.query, request.with_content
    statements = [  # the last row shows that there is a next page
        part.limit(literal_limit(request.limit + 1)).execution_options(**request.options)
        for part in query.parts(connection, before)
    ]
    rows: Iterable[Row[Any]]
    end = None
    if not query.filters:
        rows = chain.from_iterable(
            _rows(connection, statement, with_content=with_content) for statement in statements
        )
    else:
        rows, end = _rows_and_end(
            connection, statements[0], query.last_examined(before), with_content=with_content
        )
    entries, is_cut = _fitting_entries(rows, request.limit, request.fits, with_content=with_content)
    if is_cut:
        return ListPage(tuple(entries), Cursor(entries[-1].id))
    return ListPage(tuple(entries), end, ended_early=end is not None)


def _page_by_steps(
    connection: Connection, request: _PageRequest, before: Cursor | None
) -> ListPage:
    """Search in the newest entries below `before` while time remains."""
    results: list[ListedEntry] = []
    place, size, ends = before, _FIRST_STEP, monotonic() + _MAX_STEPPING
    while place is before or monotonic() < ends:
        try:
            with attempt(connection):
                lowest = connection.scalar(request.query.step(place, size))
                statement = request.query.between(place, lowest).execution_options(**within(STEP))
                room = request.limit - len(results)
                rows = _rows(
                    connection, statement.limit(room + 1), with_content=request.with_content
                )
                step_results, is_cut = _fitting_entries(
                    rows, room, request.fits, with_content=request.with_content
                )
        except DeadlineError:
            break
        results += step_results
        if is_cut:
            return ListPage(tuple(results), Cursor(results[-1].id))
        if lowest is None:
            return ListPage(tuple(results))
        place, size = Cursor(lowest), 2 * size
    return ListPage(tuple(results), None if place is before else place, ended_early=True)


_STORED = (
    "id",
    "public_id",
    "url",
    "title",
    "summary",
    "first_seen_at",
    "changed_at",
    "published_at",
    "updated_at",
    "authors",
    "categories",
    "enclosures",
    "language",
    "comments_url",
    "image",
    "origin",
    "exclusion",
)
"""Fields of `ListedEntry` that are columns of `entries`, by the same names."""

_LISTED_COLUMNS = (
    *(entries.c[name] for name in _STORED),
    entries.c.title_html,
    *SOURCE_COLUMNS,
)


_HTML = (
    select(contents.c.html)
    .where(contents.c.entry_id == entries.c.id)
    .correlate(entries)
    .scalar_subquery()
)
_PICTURE = "<img "
# Most excerpts tell that there is more, and a text that is an excerpt is short: so a list reads
# next to nothing of full texts.
_TEXT_COLUMNS = (
    case(
        (entries.c.summary.like("%…"), null()),
        else_=func.coalesce(func.length(_HTML, type_=Integer), 0),
    ).label("text_length"),
    case(
        (
            entries.c.summary == "",
            func.coalesce(
                func.length(_HTML, type_=Integer)
                - func.length(func.replace(_HTML, _PICTURE, ""), type_=Integer),
                0,
            )
            // len(_PICTURE),
        ),
        else_=0,
    ).label("pictures"),
)
"""Columns about full texts, for lists without full texts."""


def _rows(
    connection: Connection, statement: Select[Any], *, with_content: bool
) -> Iterator[Row[Any]]:
    """Yield rows one by one, so that full texts beyond the end of a page are never in memory."""
    columns = _with_columns(connection, statement, with_content=with_content)
    with closing(connection.execute(columns)) as rows:
        yield from rows


def _fitting_entries(
    rows: Iterable[Row[Any]], limit: int, fits: PageLimit, *, with_content: bool
) -> tuple[list[ListedEntry], bool]:
    """Return up to `limit` entries with room on a page, and whether another entry follows.

    Raises:
        DeadlineError: The statement met the deadline before the first entry; later a deadline ends
            the page.
    """
    sources: dict[int, Source] = {}
    fitting: list[ListedEntry] = []
    try:
        for row in rows:
            if len(fitting) == limit:
                return fitting, True
            entry = _listed_entry(row, sources, with_content=with_content)
            if not fits(entry):
                return fitting, True
            fitting.append(entry)
    except DeadlineError:
        if not fitting:
            raise
        return fitting, True
    return fitting, False


def _rows_and_end(
    connection: Connection, statement: Select[Any], end: Select[Any], *, with_content: bool
) -> tuple[Iterable[Row[Any]], Cursor | None]:
    """Return the rows of `statement`, and the place of the row of `end`.

    One statement reads both, except with full texts, which would all be in memory for sorting.
    """
    if with_content:
        place = connection.scalar(select(end.scalar_subquery()))
        rows = _rows(connection, statement, with_content=True)
        return rows, None if place is None else Cursor(place)
    page = _with_columns(connection, statement, with_content=with_content).subquery()
    nulls = [null() for _ in list(page.c)[1:]]
    both = union_all(select(page), select(end.scalar_subquery(), *nulls))
    *rows_of_page, last = sorted(
        connection.execute(both.execution_options(**statement.get_execution_options())),
        key=lambda row: (row.public_id is None, -(row.id or 0)),
    )
    return rows_of_page, None if last.id is None else Cursor(last.id)


def _with_columns(
    connection: Connection, statement: Select[Any], *, with_content: bool
) -> Select[Any]:
    columns = [*_LISTED_COLUMNS, read_stories.also_in(connection.dialect.name)]
    if with_content:
        columns.append(contents.c.html)
        statement = statement.outerjoin(contents, contents.c.entry_id == entries.c.id)
    else:
        columns += _TEXT_COLUMNS
    statement = statement.add_columns(*columns).join(feeds, feeds.c.id == entries.c.feed_id)
    return with_category(statement)


def _listed_entry(row: Any, sources: dict[int, Source], *, with_content: bool) -> ListedEntry:
    values = dict(zip(_STORED, row, strict=False))  # twice as fast as by name, and a page has 40
    values["id"] = entry_id = EntryId(values["id"])
    source_id = row.source_id
    return ListedEntry(
        source=sources.get(source_id) or sources.setdefault(source_id, source_of(row)),
        title_html=escape(values["title"]) if row.title_html is None else row.title_html,
        listed_at=entry_id.at,
        dated=values["published_at"] is not None,
        content_html=(row.html or "") if with_content else None,
        text_length=len(row.html or "") if with_content else row.text_length,
        pictures=0 if with_content else row.pictures,
        also_in=read_stories.other_entries(row.also_in),
        **values,
    )
