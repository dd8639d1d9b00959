"""The default run: a few cases of each table, spread over it."""

import pytest

from tests.few_cases import spread


@pytest.mark.parametrize(
    ("count", "chosen"),
    [(0, []), (1, [0]), (5, [0, 1, 2, 3, 4]), (6, [0, 1, 2, 4, 5]), (9, [0, 2, 4, 6, 8])],
)
def test_cases_are_spread_from_the_first_to_the_last(count, chosen):
    assert spread(range(count), 5) == chosen
