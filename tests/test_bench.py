"""The parts of `make bench` still fit the program that they measure."""

import pytest

from bench import publishing


@pytest.mark.slow
def test_the_bench_of_the_merged_feeds_runs_and_its_targets_are_far_away(monkeypatch):
    monkeypatch.setattr(publishing, "ROUNDS", 1)
    monkeypatch.setattr(publishing, "ENTRIES", 20)

    found = publishing.measure()

    assert set(found.rendered) == {"atom", "rss", "json"}
    assert all(0 < ms < 50 for ms in found.rendered.values())  # ten times the target: no flicker
    assert found.not_modified < 0.2
    assert found.cached * 5 < found.made
