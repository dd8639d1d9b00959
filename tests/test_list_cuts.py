"""The cuts of a list into files."""

import random
from collections.abc import Sequence

import pytest

from aggregator.cli.list_cuts import ListCuts
from aggregator.model import Cursor, EntryId

SIZE = 40
HOUR = 3_600_000


def pages(ids: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the ids of each page, newest first."""
    cuts, left = ListCuts(ids, SIZE), list(ids)
    found, before = [], None
    while left:
        length = cuts.length(before)
        assert length > 0
        found.append(tuple(left[-length:][::-1]))
        del left[-length:]
        before = Cursor(found[-1][-1])
    return found


def regular(count: int, *, step: int = HOUR) -> list[int]:
    return [(1_700_000_000_000 + number * step) << 20 for number in range(count)]


def irregular(count: int) -> list[int]:
    chance = random.Random(7)
    return sorted(chance.randrange(1_700_000_000_000 << 20) for _ in range(count))


@pytest.mark.parametrize("ids", [regular(5000), regular(5000, step=1), irregular(5000)])
def test_pages_are_neither_short_nor_long_however_the_entries_lie(ids):
    lengths = [len(page) for page in pages(ids)]

    assert SIZE <= lengths[0] <= 2 * SIZE
    assert max(lengths) <= 2 * SIZE
    assert SIZE * 0.8 < sum(lengths) / len(lengths) < SIZE * 1.3
    assert sum(length <= SIZE // 2 for length in lengths) < len(lengths) * 0.1


def test_every_entry_is_on_one_page():
    ids = irregular(1000)

    assert [entry for page in pages(ids) for entry in page] == ids[::-1]


def test_entries_that_come_or_go_change_the_pages_nearby_and_no_others():
    ids = irregular(4000)
    before = set(pages(ids))

    for changed in (
        ids[3:],  # retention
        ids[:2000] + ids[2001:],  # a rule
        sorted({*ids, ids[2000] + 1}),  # a late arrival
        [*ids, ids[-1] + 1, ids[-1] + 2],  # news
    ):
        assert len(set(pages(changed)) - before) <= 3


def test_a_short_list_has_one_page_and_an_empty_list_none():
    assert [len(page) for page in pages(regular(SIZE))] == [SIZE]
    assert [len(page) for page in pages(regular(3))] == [3]
    assert ListCuts([], SIZE).length() == 0
    assert ListCuts([int(EntryId(-5))], SIZE).length() == 1
