"""Lists of entries, page by page.

A list is a walk of one index however deep the page: an entry's id is its place.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from html import escape
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Row, Select, func, null, select, union_all

from aggregator.database.deadline import SEARCHING, STEP, attempt, within
from aggregator.database.feeds.read_sources import SOURCE_COLUMNS, source_of
from aggregator.database.lists.read_scopes import Narrowed, narrowed
from aggregator.database.schema import categories, contents, entries, feeds
from aggregator.database.stories import read_stories
from aggregator.errors import DeadlineError
from aggregator.model import (
    Cursor,
    Dating,
    EntryId,
    ListedEntry,
    ListPage,
    ListScope,
    Source,
)

Fits = Callable[[ListedEntry], bool]
"""Whether an entry still has a place on a page."""

_MAX_COUNT = 99
_FIRST_STEP = 500  # entries; each further step has twice as many
_STEPPING = 0.2  # seconds after which no other step begins

EVERYTHING = ListScope()


def page(
    connection: Connection,
    *,
    scope: ListScope = EVERYTHING,
    limit: int,
    before: Cursor | None = None,
    with_content: bool = False,
    takes: Fits = lambda _: True,
) -> ListPage:
    """Return up to `limit` entries of one list, newest first, all older than `before`.

    A search that has to look at entries one by one, or that meets its deadline, may return fewer
    and tells where it ended.

    Args:
        takes: Asked for each entry in turn; the page ends before the first one that it refuses,
            which is the last one that is read.
    """
    found = narrowed(connection, scope)
    if found is None:
        return ListPage()
    if scope.search is None:
        return _page(connection, _Wanted(found, limit, takes, with_content), before)
    wanted = _Wanted(found, limit, takes, with_content, within(SEARCHING))
    try:
        with attempt(connection):
            return _page(connection, wanted, before)
    except DeadlineError:
        return _page_by_steps(connection, wanted, before)


def ids_of(connection: Connection, scope: ListScope) -> list[int]:
    """Return the ids of all entries of one list, newest first."""
    found = narrowed(connection, scope)
    if found is None:
        return []
    return list(connection.scalars(found.below(None).add_columns(entries.c.id)))


def entries_of(
    connection: Connection, ids: Sequence[int], *, takes: Fits = lambda _: True
) -> list[ListedEntry]:
    """Return the entries with these ids, newest first, with their full texts.

    Args:
        takes: As of `page`.
    """
    statement = select().select_from(entries).where(entries.c.id.in_(ids))
    rows = _rows(connection, statement.order_by(entries.c.id.desc()), with_content=True)
    return _taken(rows, len(ids), takes, with_content=True)[0]


def dating(connection: Connection, entry_id: int) -> Dating | None:
    """Return why an entry stands where it does, None if there is none with this id."""
    statement = select(entries.c.dating).where(entries.c.id == entry_id)
    dating: Dating | None = connection.scalar(statement)
    return dating


def newer_than(connection: Connection, *, after: Cursor, scope: ListScope = EVERYTHING) -> int:
    """Count the entries of one list that stand above `after`; 99 stands for more."""
    found = narrowed(connection, scope)
    if found is None:
        return 0
    some = found.above(after).add_columns(entries.c.id).limit(_MAX_COUNT).subquery()
    count = select(func.count()).select_from(some).execution_options(**within(SEARCHING))
    return connection.scalar(count) or 0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a page has to have; see `page`."""

    found: Narrowed
    limit: int
    takes: Fits
    with_content: bool
    options: dict[str, Any] = field(default_factory=dict)


def _page(connection: Connection, wanted: _Wanted, before: Cursor | None) -> ListPage:
    found, with_content = wanted.found, wanted.with_content
    statement = found.below(before).limit(wanted.limit + 1)  # one more tells whether there are more
    statement = statement.execution_options(**wanted.options)
    if not found.filters:
        rows: Iterable[Row[Any]] = _rows(connection, statement, with_content=with_content)
        end = None
    else:
        rows, end = _rows_and_end(
            connection, statement, found.last_looked_at(before), with_content=with_content
        )
    entries, is_cut = _taken(rows, wanted.limit, wanted.takes, with_content=with_content)
    if is_cut:
        return ListPage(tuple(entries), Cursor(entries[-1].id))
    return ListPage(tuple(entries), end, ended_early=end is not None)


def _page_by_steps(connection: Connection, wanted: _Wanted, before: Cursor | None) -> ListPage:
    """Return what can be found in the newest entries below `before` while there is time."""
    taken: list[ListedEntry] = []
    place, size, ends = before, _FIRST_STEP, monotonic() + _STEPPING
    while place is before or monotonic() < ends:
        try:
            with attempt(connection):
                lowest = connection.scalar(wanted.found.step(place, size))
                statement = wanted.found.between(place, lowest).execution_options(**within(STEP))
                room = wanted.limit - len(taken)
                rows = _rows(
                    connection, statement.limit(room + 1), with_content=wanted.with_content
                )
                more, is_cut = _taken(rows, room, wanted.takes, with_content=wanted.with_content)
        except DeadlineError:
            break
        taken += more
        if is_cut:
            return ListPage(tuple(taken), Cursor(taken[-1].id))
        if lowest is None:
            return ListPage(tuple(taken))
        place, size = Cursor(lowest), 2 * size
    return ListPage(tuple(taken), None if place is before else place, ended_early=True)


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
)
"""Fields of `ListedEntry` that are columns of `entries`, by the same names."""

_LISTED_COLUMNS = (
    *(entries.c[name] for name in _STORED),
    entries.c.title_html,
    *SOURCE_COLUMNS,
)


def _rows(
    connection: Connection, statement: Select[Any], *, with_content: bool
) -> Iterator[Row[Any]]:
    """Yield rows one by one: full texts that a page has no room for are never in memory."""
    columns = _with_columns(connection, statement, with_content=with_content)
    with closing(connection.execute(columns)) as rows:
        yield from rows


def _taken(
    rows: Iterable[Row[Any]], limit: int, takes: Fits, *, with_content: bool
) -> tuple[list[ListedEntry], bool]:
    """Return up to `limit` entries, as many as `takes` lets pass, and whether there is another.

    Raises:
        DeadlineError: The statement met its deadline before the first one; later it is one more
            reason to end there.
    """
    sources: dict[int, Source] = {}
    taken: list[ListedEntry] = []
    try:
        for row in rows:
            if len(taken) == limit:
                return taken, True
            entry = _listed(row, sources, with_content=with_content)
            if not takes(entry):
                return taken, True
            taken.append(entry)
    except DeadlineError:
        if not taken:
            raise
        return taken, True
    return taken, False


def _rows_and_end(
    connection: Connection, statement: Select[Any], end: Select[Any], *, with_content: bool
) -> tuple[Iterable[Row[Any]], Cursor | None]:
    """Return what `_rows` does, and the place that `end` selects.

    One statement for both, but where there are full texts, which it would have to hold at once.
    """
    if with_content:
        place = connection.scalar(select(end.scalar_subquery()))
        rows = _rows(connection, statement, with_content=True)
        return rows, None if place is None else Cursor(place)
    listed = _with_columns(connection, statement, with_content=with_content).subquery()
    nothing = [null() for _ in list(listed.c)[1:]]
    both = union_all(select(listed), select(end.scalar_subquery(), *nothing))
    *listed_rows, last = sorted(
        connection.execute(both.execution_options(**statement.get_execution_options())),
        key=lambda row: (row.public_id is None, -(row.id or 0)),
    )
    return listed_rows, None if last.id is None else Cursor(last.id)


def _with_columns(
    connection: Connection, statement: Select[Any], *, with_content: bool
) -> Select[Any]:
    columns = [*_LISTED_COLUMNS, read_stories.also_in(connection.dialect.name)]
    if with_content:
        columns.append(contents.c.html)
        statement = statement.outerjoin(contents, contents.c.entry_id == entries.c.id)
    return (
        statement.add_columns(*columns)
        .join(feeds, feeds.c.id == entries.c.feed_id)
        .outerjoin(categories, categories.c.id == feeds.c.category_id)
    )


def _listed(row: Any, sources: dict[int, Source], *, with_content: bool) -> ListedEntry:
    values = dict(zip(_STORED, row, strict=False))  # twice as fast as by name, and a page has 40
    values["id"] = entry_id = EntryId(values["id"])
    source_id = row.source_id
    return ListedEntry(
        source=sources.get(source_id) or sources.setdefault(source_id, source_of(row)),
        title_html=escape(values["title"]) if row.title_html is None else row.title_html,
        listed_at=entry_id.at,
        dated=values["published_at"] is not None,
        content_html=(row.html or "") if with_content else None,
        also_in=read_stories.sources_in(row.also_in),
        **values,
    )
