"""The parts of `make bench` still fit the program that they measure."""

import pytest

from aggregator.pictures.picture_choice import chosen_pictures
from aggregator.reading.worker_task import read_document
from bench import demo, lists, pictures, pollers, postgresql, publishing, serial
from tests.postgresql_server import postgres_server


@pytest.mark.slow
def test_the_bench_of_the_merged_feeds_runs_and_its_targets_are_far_away(monkeypatch):
    monkeypatch.setattr(publishing, "ROUNDS", 1)
    monkeypatch.setattr(publishing, "ENTRIES", 20)

    found = publishing.measure()

    assert set(found.rendered) == {"atom", "rss", "json"}
    assert all(0 < ms < 50 for ms in found.rendered.values())  # ten times the target: no flicker
    assert found.not_modified < 0.2
    assert found.cached * 5 < found.made


@pytest.mark.slow
def test_the_bench_of_lists_runs_and_measures_what_it_says(monkeypatch):
    sizes = {"FEEDS": 20, "_BATCH": 10, "_ROUNDS": 1, "MIGRATED": 50, "PAGES": 20}
    for name, number in sizes.items():
        monkeypatch.setattr(lists, name, number)

    lines = lists.table([300])

    (hidden,) = [line for line in lines if line.startswith("| hide: harbour")]
    assert int(hidden.split("|")[2]) > 200  # from the whole list and a category
    assert any(line.startswith("| view, deep page") for line in lines)
    assert "for 0025" in lines[-2]


@pytest.mark.slow
def test_the_bench_of_pictures_runs(monkeypatch):
    for name, value in {"ROUNDS": 1, "FEEDS": 1, "SIZES": {"small": (300, 200, "PNG")}}.items():
        monkeypatch.setattr(pictures, name, value)

    lines = pictures.table()

    assert any(line.startswith("| small | ") for line in lines)
    assert "from choice to row" in lines[-2]


@pytest.mark.slow
def test_the_demo_has_texts_to_read_and_pictures_that_need_no_network():
    _status, headers, body = demo.World().answer("/slow-lane")
    read = read_document(body, headers, "https://slow-lane.example/feed")
    assert read.feed is not None

    entry = read.feed.entries[0]
    choices = chosen_pictures(entry.image, entry.enclosures, entry.content_html, whole_text=False)

    assert len(entry.content_html or "") > 2 * len(entry.summary) + 600
    assert [chosen.url.partition(":")[0] for chosen in choices] == ["data"]


@pytest.mark.slow
def test_the_bench_of_both_databases_runs_and_counts_what_the_server_does():
    with postgres_server("shared_preload_libraries=pg_stat_statements") as started_server:
        started_server.execute("CREATE EXTENSION pg_stat_statements")
        server = postgresql.MeasuredServer(started_server)

        lines = postgresql.tick_lines(server, 60)
        use = server.use("ticks")

    assert [line.split()[1] for line in lines[-3:-1]] == ["SQLite", "PostgreSQL"]
    assert use.cpu > 0
    assert use.statements > 21 * 5
    assert use.transactions > 21 * 5


def test_the_gain_of_pollers_is_limited_by_what_only_one_can_do_at_a_time():
    assert pollers.gain(0, 8) == 8
    assert pollers.gain(1, 8) == 1
    assert 7 < pollers.gain(0.02, 8) < 7.1


def test_transactions_are_summed_by_what_they_do():
    sums = serial.uses(["leasing 0.5 0.25", "leasing 0.5 0.25"])

    assert sums == {"leasing": serial.SerialUse(1, 0.5, 2), "storing": serial.SerialUse()}


@pytest.mark.slow
def test_the_bench_of_pollers_runs_and_sees_both_transactions_that_wait_for_each_other(monkeypatch):
    monkeypatch.setattr(pollers, "POLLERS", (2,))
    monkeypatch.setattr(pollers, "ROUNDS", {"first": 1, "304": 1})
    with postgres_server() as started_server:
        server = postgresql.MeasuredServer(started_server)

        lines = postgresql.poller_lines(server, 6)

    rows = [line.split(" | ") for line in lines if line.startswith(("| first", "| 304"))]
    assert [row[:2] for row in rows] == [["| first", "2"], ["| 304", "2"]]
    for row in rows:
        assert float(row[5].strip("%")) > 0  # leasing
        assert float(row[6].strip("%")) > 0  # storing
