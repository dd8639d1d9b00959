"""How this package writes."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from aggregator.database import Connection

_T = TypeVar("_T")


class Transact(Protocol):
    """Does work in one transaction that may write."""

    def __call__(self, work: Callable[[Connection], _T]) -> Awaitable[_T]: ...
