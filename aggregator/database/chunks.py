"""Long lists in chunks for IN (...)."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

_T = TypeVar("_T")
CHUNK_SIZE = 500
"""Values in one chunk: far below the limit of every database."""


def chunks(values: Sequence[_T]) -> Iterable[Sequence[_T]]:
    """Return `values` in chunks of `CHUNK_SIZE`."""
    for start in range(0, len(values), CHUNK_SIZE):
        yield values[start : start + CHUNK_SIZE]
