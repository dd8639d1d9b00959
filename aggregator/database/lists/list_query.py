"""The entries of a list, or of a search, as a SELECT along one index.

Words, names of sources and days are walks of an index.  The other conditions of a search (a link,
a language) are tested entry by entry, on `MAX_EXAMINED` entries at most: a short page is marked as
such, and the next page continues behind the last tested entry.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from aggregator.database.dialects import plan_for_values
from aggregator.database.id_order import IdOrder
from aggregator.database.lists.list_conditions import (
    IS_SHOWN,
    is_searched,
    is_shown_by_source,
    list_id_of,
)
from aggregator.database.lists.search_names import resolve_names
from aggregator.database.lists.search_query import SearchCompiler
from aggregator.database.schema import entries, feeds, list_members
from aggregator.database.stories import read_stories
from aggregator.database.word_index import Expression, word_index
from aggregator.model import LOWEST_ID, Cursor, ListKind, ListScope
from aggregator.search.search_parser import parse
from aggregator.search.syntax_tree import And, DayTest, NameField, NameTest, Node
from aggregator.search.tree_facts import name_tests, tests_of

MAX_EXAMINED = 20_000
"""Entries at most that a page tests one by one."""

_HIGHEST = select(func.max(entries.c.id))

ENTRY_ORDER = IdOrder(entries.c.id)
"""The order of the table of entries."""

MEMBER_ORDER = IdOrder(list_members.c.entry_id)
"""The order of the members of a list."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The entries of a list as a SELECT without columns.

    Attributes:
        candidates: Finds entries by an index; not joined with `entries` for the members of a list
            and a search in texts.
        order: The column to order by, and to seek in.
        conditions: Further conditions, which nearly every candidate meets.
        filters: Further conditions, which few candidates may meet.
        days: The days of a search as conditions on ids of entries.
        has_many: The database expects more entries than anybody counts.
        unknown_names: The names in a search that no source or category has.
        recent: Returns the condition on candidates to be recent, and the lowest recent id, for the
            highest id of a page; None if the index finds entries in order.
    """

    candidates: Select[Any]
    order: IdOrder = ENTRY_ORDER
    conditions: Sequence[ColumnElement[bool]] = ()
    filters: Sequence[ColumnElement[bool]] = ()
    days: Sequence[ColumnElement[bool]] = ()
    has_many: bool = False
    unknown_names: Sequence[NameTest] = ()
    recent: Callable[[int], tuple[ColumnElement[bool], int]] | None = None

    def parts(self, connection: Connection, before: Cursor | None) -> list[Select[Any]]:
        """Return the list below a place in one part or two, newest first.

        If all entries must be found and sorted for the few of a page, recent ones are the first
        part.
        """
        if self.recent is None:
            return [self.below(before)]
        highest = before.id - 1 if before else connection.scalar(_HIGHEST) or 0
        is_recent, lowest = self.recent(highest)
        return [self.below(before).where(is_recent), self.below(Cursor(lowest))]

    def below(self, before: Cursor | None) -> Select[Any]:
        """Return the list, newest first, below a place."""
        statement = self._joined()
        if before is not None:  # the id is the place in the list: a seek, at any depth
            statement = statement.where(self.order.is_below(before.id))
        if self.filters:
            statement = statement.where(self._is_examined(before))
        return statement.order_by(self.order.newest_first)

    def between(self, before: Cursor | None, lowest: int | None) -> Select[Any]:
        """Return the part of the list below the place `before`, down to the id `lowest`."""
        statement = self._joined()
        if before is not None:
            statement = statement.where(self.order.is_below(before.id))
        if lowest is not None:
            statement = statement.where(self.order.is_from(lowest))
        return statement.order_by(self.order.newest_first)

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
        statement = self._joined().where(self.order.is_from(after.id + 1))
        return statement.where(self._is_examined(None)) if self.filters else statement

    def whole(self) -> Select[Any]:
        """Return the list in no order, whatever the number of entries to test."""
        return self._joined()

    def last_examined(self, before: Cursor | None) -> Select[Any]:
        """Return the lowest candidate of `below`; no row if `below` tests all candidates."""
        statement = self.candidates.add_columns(self.order.ids)
        if before is not None:
            statement = statement.where(self.order.is_below(before.id))
        return statement.order_by(self.order.newest_first).limit(1).offset(MAX_EXAMINED - 1)

    def _is_examined(self, before: Cursor | None) -> ColumnElement[bool]:
        last = self.last_examined(before).correlate(None).scalar_subquery()
        return self.order.is_from(func.coalesce(last, LOWEST_ID))

    def _joined(self) -> Select[Any]:
        statement = self.candidates
        if self.order is not ENTRY_ORDER:
            # An expression, so that no database walks all entries to find candidates among them.
            statement = statement.join(entries, entries.c.id == self.order.ids + 0)
        return statement.where(*self.conditions, *self.filters)


def list_query(connection: Connection, scope: ListScope) -> ListQuery | None:
    """Return the query of a list; None for an empty search."""
    if scope.kind is ListKind.SEARCH:
        plan_for_values(connection)
        root = parse(scope.key).root
        return search_query(connection, root, scope.zone, with_hidden=scope.hidden)
    if scope.kind is ListKind.SOURCE:
        feed_id = select(feeds.c.id).where(feeds.c.name == scope.key, feeds.c.subscribed)
        candidates = select().select_from(entries)
        candidates = candidates.where(entries.c.feed_id == feed_id.scalar_subquery())
        conditions = [] if scope.hidden else [is_shown_by_source(entries)]
        return ListQuery(candidates, conditions=conditions)
    candidates = select().select_from(list_members)
    candidates = candidates.where(list_members.c.list_id == list_id_of(scope))
    return ListQuery(candidates, MEMBER_ORDER, [IS_SHOWN])


def search_query(
    connection: Connection, root: Node | None, zone: tzinfo, *, with_hidden: bool = False
) -> ListQuery | None:
    """Return the query of a parsed search; None for a search without results.

    Args:
        with_hidden: Find the entries that config.yaml hides, too.
    """
    if root is None:
        return None
    resolution = resolve_names(connection, name_tests(root))
    compiler = SearchCompiler(connection, resolution, zone)
    nodes = root.nodes if isinstance(root, And) else (root,)
    days = [node for node in nodes if isinstance(node, DayTest)]
    tests: list[Node] = [node for node in nodes if not isinstance(node, DayTest)]
    is_shown = [is_searched(entries, with_hidden=with_hidden)]
    if not _asks_for_source(root):
        is_shown.append(read_stories.shown_once(lambda of: [compiler.condition(root, of)]))
    expression = compiler.expression_of_all(tests)
    if expression is None:
        query = ListQuery(
            select().select_from(entries),
            conditions=is_shown,
            filters=[compiler.condition(node, entries) for node in tests],
        )
    else:
        filters = [compiler.condition(node, entries) for node in compiler.tested(tests)]
        query = _indexed_query(connection, expression, is_shown, filters)
    return replace(
        query,
        candidates=query.candidates.where(
            *(compiler.within_day(node, query.order) for node in days)
        ),
        days=[compiler.within_day(node, ENTRY_ORDER) for node in days],
        unknown_names=[test for test, feed_ids in resolution.items() if not feed_ids],
    )


def _indexed_query(
    connection: Connection,
    expression: Expression,
    conditions: Sequence[ColumnElement[bool]],
    filters: Sequence[ColumnElement[bool]],
) -> ListQuery:
    """Return the query of the entries that match an expression of the index of words."""
    index = word_index(connection)
    candidates = select().select_from(index.source).where(index.matches(expression))
    if index.is_ordered:
        return ListQuery(candidates, index.order, conditions, filters)
    conditions = [*filters, *conditions]  # the deadline bounds tests of entries
    if index.expects_many(connection, expression):
        return ListQuery(candidates, index.order, conditions, has_many=True)
    order = replace(index.order, is_sorted=True)
    return ListQuery(candidates, order, conditions, recent=index.recent)


def _asks_for_source(root: Node) -> bool:
    tests = tests_of(root)
    return any(
        isinstance(test, NameTest) and test.field is NameField.SOURCE and is_positive
        for test, is_positive in tests
    )
