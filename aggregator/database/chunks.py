"""Long lists in pieces that fit into one IN (...)."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

_T = TypeVar("_T")
MANY = 500
"""Values in one piece: far below every database's limit."""


def chunks(values: Sequence[_T]) -> Iterable[Sequence[_T]]:
    """Return `values` in pieces."""
    for start in range(0, len(values), MANY):
        yield values[start : start + MANY]
