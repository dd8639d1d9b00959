"""The entries of a list, or of a search, as a SELECT along one index.

Words, one source, one category and days are walks of an index.  The other conditions of a search
(a source among words, an author) are tested entry by entry, on `MAX_EXAMINED` entries at most: a
short page is marked as such, and the next page continues behind the last tested entry.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    Text,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)

from aggregator import urls
from aggregator.database.dialects import matching, occurring, place_of
from aggregator.database.feeds.read_sources import shown_title
from aggregator.database.lists.hourly_limit import WITHIN_HOURLY_LIMIT
from aggregator.database.schema import categories, entries, feeds
from aggregator.database.stories import read_stories
from aggregator.model import LOWEST_ID, Cursor, EntryId, ListScope
from aggregator.search import Filter, FlatSearch, Kind, parse

MAX_EXAMINED = 20_000
"""Entries at most that a page tests one by one."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The entries of a list as a SELECT without columns.

    Attributes:
        candidates: Finds entries by an index; a search in texts is not joined with `entries`.
        place: The column to order by, and to seek in.
        conditions: Further conditions, which nearly every candidate meets.
        filters: Further conditions, which few candidates may meet.
        days: The days of a search as conditions on ids of entries.
    """

    candidates: Select[Any]
    place: ColumnElement[int]
    conditions: Sequence[ColumnElement[bool]] = ()
    filters: Sequence[ColumnElement[bool]] = ()
    days: Sequence[ColumnElement[bool]] = ()

    def below(self, before: Cursor | None) -> Select[Any]:
        """Return the list, newest first, below a place."""
        statement = self._joined()
        if before is not None:  # the id is the place in the list: a seek, at any depth
            statement = statement.where(self.place < before.id)
        if self.filters:
            statement = statement.where(self._is_examined(before))
        return statement.order_by(self.place.desc())

    def between(self, before: Cursor | None, lowest: int | None) -> Select[Any]:
        """Return the part of the list below the place `before`, down to the id `lowest`."""
        statement = self._joined()
        if before is not None:
            statement = statement.where(self.place < before.id)
        if lowest is not None:
            statement = statement.where(self.place >= lowest)
        return statement.order_by(self.place.desc())

    def step(self, before: Cursor | None, size: int) -> Select[Any]:
        """Return the id of the last of the next `size` entries, in the list or not.

        No row if there are fewer entries.
        """
        statement = select(entries.c.id).where(*self.days)
        if before is not None:
            statement = statement.where(entries.c.id < before.id)
        return statement.order_by(entries.c.id.desc()).limit(1).offset(size - 1)

    def above(self, after: Cursor) -> Select[Any]:
        """Return the part of the list above a place."""
        statement = self._joined().where(self.place > after.id)
        return statement.where(self._is_examined(None)) if self.filters else statement

    def whole(self) -> Select[Any]:
        """Return the list in no order; not for searches."""
        return self._joined()

    def last_examined(self, before: Cursor | None) -> Select[Any]:
        """Return the lowest candidate of `below`; no row if `below` tests all candidates."""
        statement = self.candidates.add_columns(self.place)
        if before is not None:
            statement = statement.where(self.place < before.id)
        return statement.order_by(self.place.desc()).limit(1).offset(MAX_EXAMINED - 1)

    def _is_examined(self, before: Cursor | None) -> ColumnElement[bool]:
        last = self.last_examined(before).correlate(None).scalar_subquery()
        return self.place >= func.coalesce(last, LOWEST_ID)

    def _joined(self) -> Select[Any]:
        statement = self.candidates
        if self.place is not entries.c.id:
            statement = statement.join(entries, entries.c.id == self.place)
        return statement.where(*self.conditions, *self.filters)


def list_query(connection: Connection, scope: ListScope) -> ListQuery | None:
    """Return the query of a list; None for an empty search."""
    if scope.search is not None:
        return _search_query(connection, parse(scope.search), scope.zone)
    candidates = select().select_from(entries)
    if scope.source is not None:
        # A source's own page shows all of its entries, whatever the merged list leaves out.
        feed_id = select(feeds.c.id).where(feeds.c.name == scope.source, feeds.c.subscribed)
        return ListQuery(
            candidates.where(entries.c.feed_id == feed_id.scalar_subquery()), entries.c.id
        )
    if scope.category is not None:
        category_id = select(categories.c.id).where(categories.c.slug == scope.category)
        candidates = candidates.where(entries.c.category_id == category_id.scalar_subquery())
        conditions = [entries.c.listed, WITHIN_HOURLY_LIMIT, read_stories.IS_SHOWN_IN_CATEGORY]
        return ListQuery(candidates, entries.c.id, conditions)
    return ListQuery(
        candidates, entries.c.id, [entries.c.listed, WITHIN_HOURLY_LIMIT, read_stories.IS_SHOWN]
    )


def _search_query(connection: Connection, search: FlatSearch, zone: tzinfo) -> ListQuery | None:
    if search.is_empty:
        return None
    filters: list[ColumnElement[bool]] = []
    ids = _ids(connection, search.filters)
    if search.required:
        candidates = matching(connection, search.required, search.excluded)
        place = place_of(connection)
    else:
        candidates, place = select().select_from(entries), entries.c.id
        filters += [~occurring(connection, phrase, entries) for phrase in search.excluded]
    candidates = candidates.where(*_within_days(search, place, zone))
    required, excluded = _filter_conditions(search.filters, ids, entries)
    if not search.required and len(required) == 1 and required[0].by_index:
        candidates = candidates.where(required.pop().condition)
    filters += [term.condition for term in required] + [term.absence for term in excluded]
    conditions: list[ColumnElement[bool]] = [entries.c.listed]
    if not any(term.kind is Kind.SOURCE and term.is_required for term in search.filters):
        conditions.append(
            read_stories.shown_once(partial(_search_conditions, connection, search, zone, ids))
        )
    days = list(_within_days(search, entries.c.id, zone))
    return ListQuery(candidates, place, conditions, filters, days)


def _search_conditions(
    connection: Connection,
    search: FlatSearch,
    zone: tzinfo,
    ids: Mapping[Filter, list[int]],
    of: FromClause,
) -> list[ColumnElement[bool]]:
    """Return all conditions of a search on `of`, the table of entries or an alias of it."""
    required, excluded = _filter_conditions(search.filters, ids, of)
    return [
        *_within_days(search, of.c.id, zone),
        *(term.condition for term in required),
        *(term.absence for term in excluded),
        *(occurring(connection, phrase, of) for phrase in search.required),
        *(~occurring(connection, phrase, of) for phrase in search.excluded),
    ]


def _within_days(
    search: FlatSearch, place: ColumnElement[int], zone: tzinfo
) -> Iterator[ColumnElement[bool]]:
    if search.since:
        yield place >= _first_id_of(search.since, zone)
    if search.until:
        yield place < _first_id_of(search.until, zone)


@dataclass(frozen=True, slots=True)
class _FilterCondition:
    """A condition on entries; `by_index`: an indexed column must have one value."""

    condition: ColumnElement[bool]
    by_index: bool = False

    @property
    def absence(self) -> ColumnElement[bool]:
        return ~func.coalesce(self.condition, literal(value=False))


def _filter_conditions(
    filters: Sequence[Filter], ids: Mapping[Filter, list[int]], of: FromClause
) -> tuple[list[_FilterCondition], list[_FilterCondition]]:
    """Return the required and the excluded conditions, for each kind of filter at most one."""
    required: list[_FilterCondition] = []
    excluded: list[_FilterCondition] = []
    for kind in Kind:
        for conditions, sign in ((required, True), (excluded, False)):
            terms = [term for term in filters if term.kind is kind and term.is_required is sign]
            if terms:
                conditions.append(_condition(kind, terms, ids, of))
    return required, excluded


def _condition(
    kind: Kind, terms: Sequence[Filter], ids: Mapping[Filter, list[int]], of: FromClause
) -> _FilterCondition:
    if kind is Kind.AUTHOR:
        names = type_coerce(of.c.authors, Text)
        return _FilterCondition(
            or_(*(names.icontains(term.value, autoescape=True) for term in terms))
        )
    column = of.c.feed_id if kind is Kind.SOURCE else of.c.category_id
    numbers = sorted({number for term in terms for number in ids[term]})
    if len(numbers) == 1:
        return _FilterCondition(column == numbers[0], by_index=True)
    return _FilterCondition(column.in_(numbers))


def _ids(connection: Connection, filters: Iterable[Filter]) -> dict[Filter, list[int]]:
    """Return the ids of the feeds or categories of each filter: named exactly, else in part."""
    terms = [term for term in dict.fromkeys(filters) if term.kind is not Kind.AUTHOR]
    if not terms:
        return {}
    rows = connection.execute(
        union_all(*(_matches(number, term) for number, term in enumerate(terms)))
    ).all()
    ids = {}
    for number, term in enumerate(terms):
        matches = [row for row in rows if row.number == number]
        ids[term] = _exact_ids(term, matches) or [row.id for row in matches]
    return ids


def _exact_ids(term: Filter, rows: Sequence[Any]) -> list[int]:
    """Return the ids of the rows with exactly the name of a filter: C is not C++."""
    if term.kind is Kind.CATEGORY:
        names = urls.matching_categories(term.value, {row.title: row.key for row in rows})
        return [row.id for row in rows if row.title in names]
    of_key = [row.id for row in rows if row.key == term.value]
    return of_key or [row.id for row in rows if row.key == urls.slug(term.value)]


def _matches(number: int, term: Filter) -> Select[Any]:
    if term.kind is Kind.SOURCE:
        title = shown_title(feeds)
        return _with_name(number, term.value, feeds, feeds.c.name, title).where(feeds.c.subscribed)
    slug, name = categories.c.slug, categories.c.name
    return _with_name(number, term.value, categories, slug, name).where(categories.c.feeds > 0)


def _with_name(
    number: int, value: str, table: Table, key: ColumnElement[str], title: ColumnElement[str]
) -> Select[Any]:
    in_part = title.icontains(value, autoescape=True)
    columns = literal(number).label("number"), table.c.id, key.label("key"), title.label("title")
    keys = {value, urls.slug(value), *urls.category_slugs([value]).values()}
    return select(*columns).where(or_(key.in_(sorted(keys)), in_part))


def _first_id_of(day: date, zone: tzinfo) -> int:
    return EntryId.first_at(datetime.combine(day, time(), zone))
