"""A search as SQL: an expression of the index of words, and conditions on entries.

Words and sources are found by the index, other parts of a search by a test of each entry.
`search.predicate` is the same search as a condition on an entry that is about to be stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, tzinfo
from functools import reduce

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    func,
    not_,
    or_,
    select,
)

from aggregator.database.dialects import has_enclosure_of_type, in_ascii_lower_case
from aggregator.database.id_order import IdOrder
from aggregator.database.schema import entries
from aggregator.database.word_index import Expression, WordIndex, word_index
from aggregator.model import EntryId
from aggregator.search.predicate import MEDIA_TYPES, ascii_lower
from aggregator.search.syntax_tree import (
    And,
    DayTest,
    LanguageTest,
    LinkTest,
    MediaTest,
    Medium,
    NameTest,
    Node,
    Not,
    Or,
    Phrase,
    Resolution,
)

_MAX_FEEDS = 100  # that the index looks for one by one; of more feeds, each entry is tested


@dataclass(frozen=True, slots=True)
class SearchCompiler:
    """Makes SQL of searches, in one transaction.

    Attributes:
        resolution: The feeds that names in searches mean; a name without a value means none.
        zone: Days begin and end in this zone.
    """

    connection: Connection
    resolution: Resolution
    zone: tzinfo
    _expressions: dict[Node, Expression | None] = field(init=False, default_factory=dict)

    @property
    def index(self) -> WordIndex:
        """The index of words."""
        return word_index(self.connection)

    def expression(self, node: Node) -> Expression | None:
        """Return the expression for entries that may match `node`; None if the index can't tell."""
        if node not in self._expressions:
            self._expressions[node] = self._new_expression(node)
        return self._expressions[node]

    def _new_expression(self, node: Node) -> Expression | None:
        match node:
            case Phrase():
                return self.index.phrase(self.connection, node)
            case NameTest():
                feed_ids = self.resolution.get(node, frozenset())
                return self.index.feeds(feed_ids) if len(feed_ids) <= _MAX_FEEDS else None
            case And(nodes):
                return self.expression_of_all(nodes)
            case Or(nodes):
                expressions = [self.expression(part) for part in nodes]
                of_parts = [expression for expression in expressions if expression is not None]
                return self.index.any_of(of_parts) if len(of_parts) == len(nodes) else None
        return None

    def expression_of_all(self, nodes: Sequence[Node]) -> Expression | None:
        """Return the expression for entries that may match all `nodes`, as `expression` does."""
        required = [
            expression for node in nodes if (expression := self.expression(node)) is not None
        ]
        if not required:
            return None
        excluded = [
            expression
            for node in nodes
            if isinstance(node, Not)
            and (expression := self.expression(node.node)) is not None
            and expression.is_exact
        ]
        expression = self.index.all_of(required)
        if excluded:
            expression = self.index.without(expression, self.index.any_of(excluded))
        return replace(expression, is_exact=not self.tested(nodes))

    def tested(self, nodes: Sequence[Node]) -> list[Node]:
        """Return the nodes that `expression_of_all` leaves to a test of each entry."""
        inner = [node.node if isinstance(node, Not) else node for node in nodes]
        expressions = [self.expression(node) for node in inner]
        return [
            node
            for node, expression in zip(nodes, expressions, strict=True)
            if expression is None or not expression.is_exact
        ]

    def condition(self, node: Node, of: FromClause) -> ColumnElement[bool]:
        """Return the condition on an entry to match `node`; never NULL.

        Args:
            of: The table of entries, or an alias of it.
        """
        expression = self.expression(node)
        if expression is not None and expression.is_exact and not isinstance(node, NameTest):
            return self.index.has_match(expression, of.c.id)
        match node:
            case Not(inner):
                return not_(self.condition(inner, of))
            case And(nodes):
                return and_(*(self.condition(part, of) for part in nodes))
            case Or(nodes):
                return or_(*(self.condition(part, of) for part in nodes))
            case Phrase():
                return self.index.has_phrase(self.connection, node, of.c.id)
            case NameTest():
                return of.c.feed_id.in_(sorted(self.resolution.get(node, ())))
            case LinkTest(value):
                link = in_ascii_lower_case(self.connection, func.coalesce(of.c.url, ""))
                return link.contains(ascii_lower(value), autoescape=True)
            case LanguageTest(tag):
                language = func.lower(func.coalesce(of.c.language, "")).concat("-")
                return language.startswith(f"{tag}-", autoescape=True)
            case MediaTest(medium):
                return _has_medium(self.connection, medium, of)
            case DayTest():
                return self.within_day(node, IdOrder(of.c.id))

    def within_day(self, test: DayTest, order: IdOrder) -> ColumnElement[bool]:
        """Return the condition of a day on ids of entries."""
        first_id = EntryId.first_at(datetime.combine(test.day, time(), self.zone))
        return order.is_below(first_id) if test.is_before else order.is_from(first_id)

    def matching_ids(self, node: Node, *, low: int, high: int) -> set[int]:
        """Return the ids of the entries from `low` to `high` that match `node`."""
        expression = self.expression(node)
        if expression is not None and expression.is_exact:
            order = self.index.order
            matches = select(order.ids).where(self.index.matches(expression))
            within = matches.where(order.is_from(low), order.is_below(high + 1))
            return set(self.connection.scalars(within))
        match node:
            case Not(inner):
                return self._ids(low, high) - self.matching_ids(inner, low=low, high=high)
            case And(nodes):
                sets = (self.matching_ids(part, low=low, high=high) for part in nodes)
                return reduce(set.intersection, sets)
            case Or(nodes):
                sets = (self.matching_ids(part, low=low, high=high) for part in nodes)
                return reduce(set.union, sets)
        return self._ids(low, high, self.condition(node, entries))

    def _ids(self, low: int, high: int, *conditions: ColumnElement[bool]) -> set[int]:
        ids = select(entries.c.id).where(entries.c.id.between(low, high), *conditions)
        return set(self.connection.scalars(ids))


def _has_medium(connection: Connection, medium: Medium, of: FromClause) -> ColumnElement[bool]:
    has_type = has_enclosure_of_type(connection, of.c.enclosures, MEDIA_TYPES[medium])
    if medium is not Medium.PICTURE:
        return has_type
    return or_(has_type, func.coalesce(of.c.image, "") != "")
