"""Columns by whose order an index has entries as a list has them."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, UnaryExpression


@dataclass(frozen=True, slots=True)
class IdOrder:
    """A column with the ids of entries, or with the negated ids.

    Attributes:
        is_negated: The newest entry has the lowest value.
        is_sorted: The database sorts the entries that it found, and does not look for entries in
            the order of the column.
    """

    column: ColumnElement[int]
    is_negated: bool = False
    is_sorted: bool = False

    @property
    def ids(self) -> ColumnElement[int]:
        """The ids of the entries."""
        return -self.column if self.is_negated else self.column

    @property
    def newest_first(self) -> UnaryExpression[int]:
        """The order of a list."""
        column = self.column + 0 if self.is_sorted else self.column  # which no index has
        return column.asc() if self.is_negated else column.desc()

    @property
    def oldest_first(self) -> UnaryExpression[int]:
        """The order of a list from its end."""
        column = self.column + 0 if self.is_sorted else self.column
        return column.desc() if self.is_negated else column.asc()

    def is_below(self, entry_id: int | ColumnElement[int]) -> ColumnElement[bool]:
        """Return the condition on an entry to stand below an id in a list: to be older."""
        return self.column > -entry_id if self.is_negated else self.column < entry_id

    def is_from(self, entry_id: int | ColumnElement[int]) -> ColumnElement[bool]:
        """Return the condition on an entry to have an id or to stand above: to be newer."""
        return self.column <= -entry_id if self.is_negated else self.column >= entry_id
