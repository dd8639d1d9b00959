"""The table of attacks in docs/operating.md: each row has a bound, a result and its tests."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "operating.md").read_text()
SECTION = PAGE.partition("## What one feed or one client can do")[2].partition("\n## ")[0]
ROWS = [line.strip("|").split(" | ") for line in SECTION.splitlines() if line.startswith("|")]
ATTACKS = {cells[0].strip(): [cell.strip() for cell in cells] for cells in ROWS[2:]}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_has_a_bound_a_result_and_tests_that_exist(attack):
    assert len(ATTACKS[attack]) == 4
    assert all(ATTACKS[attack])

    _attack, _bound, result, held_by = ATTACKS[attack]
    assert any(character.isdigit() for character in result), result
    modules = re.split(r"[;,] (?=`)", held_by)
    for module in modules:
        assert re.fullmatch(r"`test_\w+`(: .+)?", module), module
        _, name, words = module.split("`")
        source = (TESTS / f"{name}.py").read_text()
        for sentence in filter(None, words.removeprefix(": ").split("; ")):
            test = re.sub(r"\W+", "_", sentence)
            assert f"def test_{test}" in source, (name, sentence)


def test_the_table_has_each_attack_once():
    assert len(ROWS) - 2 == len(ATTACKS) > 40
