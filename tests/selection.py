"""What of a test the default run tries, and what `make test` alone does: values and examples."""

from collections.abc import Iterable
from typing import Any

import pytest
from _pytest.mark import ParameterSet
from hypothesis import settings

QUICK = "quick"
"""Name of the profile of hypothesis in the default run."""


def examples(count: int) -> int:
    """Return how many of `count` examples hypothesis tries: a fifth of them in the default run."""
    return max(count // 5, 2) if settings.get_current_profile_name() == QUICK else count


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
