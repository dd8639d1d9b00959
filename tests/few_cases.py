"""The default run tries a few cases of each table of cases; `make test`, or a file alone, all."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

import pytest

MOST = 5
"""Cases of a table in the default run."""

EVERY = "every_case"
"""Name of the mark of tables that stand for files of the repository, each a case."""

_LEFT_OUT_ANYWAY = frozenset({"slow", "browser", "corpus"})
_T = TypeVar("_T")


def left_out(items: Sequence[pytest.Item], most: int = MOST) -> set[pytest.Item]:
    """Return the cases beyond `most` of each test, of those that the default run would try.

    The others are spread over the table, which often has neighbours that are alike.
    """
    tables: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if not marks & (_LEFT_OUT_ANYWAY | {EVERY}):
            tables[item.nodeid.partition("[")[0]].append(item)
    return {item for table in tables.values() for item in set(table) - set(spread(table, most))}


def spread(values: Sequence[_T], most: int) -> list[_T]:
    """Return up to `most` of `values`, in equal distances; the first and the last among them."""
    if len(values) <= most:
        return list(values)
    last = len(values) - 1
    return [values[round(index * last / (most - 1))] for index in range(most)]
