"""What of a test the default run tries, and what `make test` alone does: values and examples."""

import os
import random
from collections.abc import Iterable
from typing import Any

import pytest
from _pytest.mark import ParameterSet
from hypothesis import settings

QUICK = "quick"
"""Name of the profile of hypothesis in the default run."""

OTHER_DATABASE = "AGGREGATOR_TEST_DATABASE"
"""Environment variable: URL of a PostgreSQL database, beside which tests make theirs."""


def examples(count: int) -> int:
    """Return how many of `count` examples hypothesis tries: at most ten in the default run.

    On PostgreSQL, where `make test` runs tests of the default run once more, it tries a fifth.
    """
    if settings.get_current_profile_name() != QUICK:
        return count
    share, most = (5, count) if OTHER_DATABASE in os.environ else (20, 10)
    return min(max(count // share, 2), most)


def fuzz_examples(count: int) -> int:
    """Return how many of `count` examples a test tries; `make fuzz` says the number itself."""
    return int(os.environ.get("FUZZ_EXAMPLES", examples(count)))


def seeds(count: int) -> range:
    """Return the seeds of a test's random documents: other ones on each run of `make fuzz`.

    Such a test needs `pytest.mark.hypothesis` for `make fuzz`, which selects by that mark.
    """
    start = random.randrange(10**9) if "FUZZ_EXAMPLES" in os.environ else 0
    return range(start, start + fuzz_examples(count))


def slow_after(count: int, values: Iterable[Any]) -> list[Any]:
    """Return `values` for `parametrize`, marked as slow after the first `count` of them.

    A tuple holds the values of several parameters, as it does for `parametrize`.
    """
    return [value if n < count else _slow(value) for n, value in enumerate(values)]


def slow_but(fast: Iterable[Any], values: Iterable[Any]) -> list[Any]:
    """Return `values` for `parametrize`, marked as slow where they are not among `fast`."""
    quick = list(fast)
    return [value if value in quick else _slow(value) for value in values]


def _slow(value: Any) -> ParameterSet:
    if isinstance(value, ParameterSet):
        return pytest.param(*value.values, marks=[*value.marks, pytest.mark.slow], id=value.id)
    return pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=pytest.mark.slow)
