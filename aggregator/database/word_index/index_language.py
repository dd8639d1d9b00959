"""What an index of words can be asked, and how."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import ColumnElement, Connection, TableClause

from aggregator.database.id_order import IdOrder
from aggregator.search.entry_words import EntryWords
from aggregator.search.syntax_tree import Phrase

_NO_FEED = 0


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition on entries in the language of an index.

    Attributes:
        is_exact: The condition is true for the meant entries alone; else it is true for others,
            too, and the entries have to be tested one by one.
    """

    text: str
    is_exact: bool = True


class WordIndex(ABC):
    """An index of words: which entries have which words in which text, and of which feed they are.

    Attributes:
        source: The table, to select from.
        order: The column of the ids of entries.
        is_ordered: The index finds entries in the order of their ids, so that their number does not
            matter for a page.
    """

    source: ClassVar[TableClause]
    order: ClassVar[IdOrder]
    is_ordered: ClassVar[bool]
    _and: ClassVar[str]
    _or: ClassVar[str]
    _and_not: ClassVar[str]

    @abstractmethod
    def add(self, connection: Connection, entries: Iterable[EntryWords]) -> None:
        """Add stored entries."""

    @abstractmethod
    def remove(self, connection: Connection, entries: Iterable[EntryWords]) -> None:
        """Remove entries, whose texts must be those that were added, to the letter."""

    @abstractmethod
    def clear(self, connection: Connection) -> None:
        """Remove all entries."""

    @abstractmethod
    def phrase(self, connection: Connection, phrase: Phrase) -> Expression:
        """Return the expression for the entries with a phrase."""

    def recent(self, highest: int) -> tuple[ColumnElement[bool], int]:
        """Return the condition on a row of `source` to be recent, and the lowest recent id.

        Of an index without order, finding recent matches alone takes less time than finding all.

        Args:
            highest: The highest id that is to be found.
        """
        raise NotImplementedError

    def expects_many(self, connection: Connection, expression: Expression) -> bool:
        """Return whether so many entries match that a walk from the newest one soon meets some.

        Of an index without order, finding and sorting all matches would take longer.
        """
        return False

    @abstractmethod
    def matches(self, expression: Expression) -> ColumnElement[bool]:
        """Return the condition on a row of `source` to match an expression."""

    @abstractmethod
    def has_match(
        self, expression: Expression, entry_id: ColumnElement[int]
    ) -> ColumnElement[bool]:
        """Return the condition that the entry with an id matches an expression."""

    @abstractmethod
    def has_phrase(
        self, connection: Connection, phrase: Phrase, entry_id: ColumnElement[int]
    ) -> ColumnElement[bool]:
        """Return the condition that the entry with an id has a phrase."""

    @abstractmethod
    def _feed(self, feed_id: int) -> str:
        """Return the expression for the entries of a feed."""

    def feeds(self, feed_ids: Collection[int]) -> Expression:
        """Return the expression for the entries of some feeds; for no entry without feeds."""
        texts = [self._feed(feed_id) for feed_id in sorted(feed_ids) or [_NO_FEED]]
        return Expression(f"({self._or.join(texts)})")

    def all_of(self, expressions: Sequence[Expression]) -> Expression:
        """Return the expression for the entries that match all of some expressions."""
        return _joined(self._and, expressions)

    def any_of(self, expressions: Sequence[Expression]) -> Expression:
        """Return the expression for the entries that match one of some expressions."""
        return _joined(self._or, expressions)

    def without(self, expression: Expression, excluded: Expression) -> Expression:
        """Return the expression for the entries that match one expression and not the other."""
        return _joined(self._and_not, [expression, excluded])


def _joined(sign: str, expressions: Sequence[Expression]) -> Expression:
    text = sign.join(expression.text for expression in expressions)
    return Expression(f"({text})", all(expression.is_exact for expression in expressions))
