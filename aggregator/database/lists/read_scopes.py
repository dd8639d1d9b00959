"""A list, narrowed: which entries a scope means, as a SELECT that walks one index.

Words, one source, one category and days are walks of an index.  What is left of a search (a source
among the words, an author) is looked at entry by entry, and no further than `WALK` entries: the
page that comes up short says so and goes on from there.
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
from aggregator.database.lists.share import WITHIN_SHARE
from aggregator.database.schema import categories, entries, feeds
from aggregator.database.stories import read_stories
from aggregator.model import LOWEST_ID, Cursor, EntryId, ListScope
from aggregator.search import Filter, Kind, Search, parse

WALK = 20_000
"""Entries that a page looks at one by one, at most."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A list of entries as a SELECT without columns.

    Attributes:
        candidates: Finds them by an index; not joined with `entries` if it is about their text.
        place: The column to order by, and to seek in.
        conditions: What else has to hold of a candidate, and nearly always does.
        filters: What else has to hold, and seldom may.
        days: What the days that a search names mean for the entries' ids.
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
            statement = statement.where(self._within_walk(before))
        return statement.order_by(self.place.desc())

    def between(self, before: Cursor | None, lowest: int | None) -> Select[Any]:
        """Return the part of the list below one place, down to another one."""
        statement = self._joined()
        if before is not None:
            statement = statement.where(self.place < before.id)
        if lowest is not None:
            statement = statement.where(self.place >= lowest)
        return statement.order_by(self.place.desc())

    def step(self, before: Cursor | None, size: int) -> Select[Any]:
        """Return the last of the next `size` entries, whether or not they are in the list.

        No row if there are fewer.
        """
        statement = select(entries.c.id).where(*self.days)
        if before is not None:
            statement = statement.where(entries.c.id < before.id)
        return statement.order_by(entries.c.id.desc()).limit(1).offset(size - 1)

    def above(self, after: Cursor) -> Select[Any]:
        """Return what stands above a place."""
        statement = self._joined().where(self.place > after.id)
        return statement.where(self._within_walk(None)) if self.filters else statement

    def whole(self) -> Select[Any]:
        """Return the list in no order; not for searches."""
        return self._joined()

    def last_looked_at(self, before: Cursor | None) -> Select[Any]:
        """Return the lowest candidate that `below` looks at; no row if it looks at all of them."""
        statement = self.candidates.add_columns(self.place)
        if before is not None:
            statement = statement.where(self.place < before.id)
        return statement.order_by(self.place.desc()).limit(1).offset(WALK - 1)

    def _within_walk(self, before: Cursor | None) -> ColumnElement[bool]:
        last = self.last_looked_at(before).correlate(None).scalar_subquery()
        return self.place >= func.coalesce(last, LOWEST_ID)

    def _joined(self) -> Select[Any]:
        statement = self.candidates
        if self.place is not entries.c.id:
            statement = statement.join(entries, entries.c.id == self.place)
        return statement.where(*self.conditions, *self.filters)


def narrowed(connection: Connection, scope: ListScope) -> Narrowed | None:
    """Return the list that `scope` means, None if nothing can be in it."""
    if scope.search is not None:
        return _found(connection, parse(scope.search), scope.zone)
    candidates = select().select_from(entries)
    if scope.source is not None:
        # A source's own page shows all of its entries, whatever the merged list leaves out.
        feed_id = select(feeds.c.id).where(feeds.c.name == scope.source, feeds.c.subscribed)
        return Narrowed(
            candidates.where(entries.c.feed_id == feed_id.scalar_subquery()), entries.c.id
        )
    if scope.category is not None:
        category_id = select(categories.c.id).where(categories.c.slug == scope.category)
        candidates = candidates.where(entries.c.category_id == category_id.scalar_subquery())
        conditions = [entries.c.listed, WITHIN_SHARE, read_stories.IS_SHOWN_IN_CATEGORY]
        return Narrowed(candidates, entries.c.id, conditions)
    return Narrowed(
        candidates, entries.c.id, [entries.c.listed, WITHIN_SHARE, read_stories.IS_SHOWN]
    )


def _found(connection: Connection, search: Search, zone: tzinfo) -> Narrowed | None:
    if search.is_empty:
        return None
    filters: list[ColumnElement[bool]] = []
    ids = _ids(connection, search.filters)
    if search.wanted:
        candidates = matching(connection, search.wanted, search.unwanted)
        place = place_of(connection)
    else:
        candidates, place = select().select_from(entries), entries.c.id
        filters += [~occurring(connection, phrase, entries) for phrase in search.unwanted]
    candidates = candidates.where(*_within_days(search, place, zone))
    wanted, unwanted = _about(search.filters, ids, entries)
    if not search.wanted and len(wanted) == 1 and wanted[0].by_index:
        candidates = candidates.where(wanted.pop().condition)
    filters += [about.condition for about in wanted] + [about.absence for about in unwanted]
    conditions: list[ColumnElement[bool]] = [entries.c.listed]
    if not any(each.kind is Kind.SOURCE and each.wanted for each in search.filters):
        conditions.append(read_stories.shown_once(partial(_asked, connection, search, zone, ids)))
    days = list(_within_days(search, entries.c.id, zone))
    return Narrowed(candidates, place, conditions, filters, days)


def _asked(
    connection: Connection,
    search: Search,
    zone: tzinfo,
    ids: Mapping[Filter, list[int]],
    of: FromClause,
) -> list[ColumnElement[bool]]:
    """Return all that a search asks of an entry, as conditions on a table of them."""
    wanted, unwanted = _about(search.filters, ids, of)
    return [
        *_within_days(search, of.c.id, zone),
        *(about.condition for about in wanted),
        *(about.absence for about in unwanted),
        *(occurring(connection, phrase, of) for phrase in search.wanted),
        *(~occurring(connection, phrase, of) for phrase in search.unwanted),
    ]


def _within_days(
    search: Search, place: ColumnElement[int], zone: tzinfo
) -> Iterator[ColumnElement[bool]]:
    if search.since:
        yield place >= _first_id_of(search.since, zone)
    if search.until:
        yield place < _first_id_of(search.until, zone)


@dataclass(frozen=True, slots=True)
class _About:
    """A condition on entries; `by_index`: one value of an indexed column."""

    condition: ColumnElement[bool]
    by_index: bool = False

    @property
    def absence(self) -> ColumnElement[bool]:
        return ~func.coalesce(self.condition, literal(value=False))


def _about(
    filters: Sequence[Filter], ids: Mapping[Filter, list[int]], of: FromClause
) -> tuple[list[_About], list[_About]]:
    """Return what has to hold, one condition for each kind of filter, and what must not."""
    wanted: list[_About] = []
    unwanted: list[_About] = []
    for kind in Kind:
        for group, sign in ((wanted, True), (unwanted, False)):
            some = [each for each in filters if each.kind is kind and each.wanted is sign]
            if some:
                group.append(_condition(kind, some, ids, of))
    return wanted, unwanted


def _condition(
    kind: Kind, some: Sequence[Filter], ids: Mapping[Filter, list[int]], of: FromClause
) -> _About:
    if kind is Kind.AUTHOR:
        names = type_coerce(of.c.authors, Text)
        return _About(or_(*(names.icontains(each.value, autoescape=True) for each in some)))
    column = of.c.feed_id if kind is Kind.SOURCE else of.c.category_id
    numbers = sorted({number for each in some for number in ids[each]})
    if len(numbers) == 1:
        return _About(column == numbers[0], by_index=True)
    return _About(column.in_(numbers))


def _ids(connection: Connection, filters: Iterable[Filter]) -> dict[Filter, list[int]]:
    """Return the feeds or categories that each filter names: exactly, else in part."""
    asked = [each for each in dict.fromkeys(filters) if each.kind is not Kind.AUTHOR]
    if not asked:
        return {}
    rows = connection.execute(
        union_all(*(_named(number, each) for number, each in enumerate(asked)))
    ).all()
    found = {}
    for number, each in enumerate(asked):
        mine = [row for row in rows if row.number == number]
        found[each] = _exact(each, mine) or [row.id for row in mine]
    return found


def _exact(one: Filter, rows: Sequence[Any]) -> list[int]:
    """Return the ids of rows that a filter names exactly: C is not C++."""
    if one.kind is Kind.CATEGORY:
        names = urls.matching_categories(one.value, {row.title: row.key for row in rows})
        return [row.id for row in rows if row.title in names]
    same = [row.id for row in rows if row.key == one.value]
    return same or [row.id for row in rows if row.key == urls.slug(one.value)]


def _named(number: int, one: Filter) -> Select[Any]:
    if one.kind is Kind.SOURCE:
        title = shown_title(feeds)
        return _with_name(number, one.value, feeds, feeds.c.name, title).where(feeds.c.subscribed)
    slug, name = categories.c.slug, categories.c.name
    return _with_name(number, one.value, categories, slug, name).where(categories.c.feeds > 0)


def _with_name(
    number: int, value: str, table: Table, key: ColumnElement[str], title: ColumnElement[str]
) -> Select[Any]:
    in_part = title.icontains(value, autoescape=True)
    columns = literal(number).label("number"), table.c.id, key.label("key"), title.label("title")
    keys = {value, urls.slug(value), *urls.category_slugs([value]).values()}
    return select(*columns).where(or_(key.in_(sorted(keys)), in_part))


def _first_id_of(day: date, zone: tzinfo) -> int:
    return EntryId.first_at(datetime.combine(day, time(), zone))
