"""/metrics: Prometheus' text format, and figures that are true."""

import re
from datetime import UTC, datetime, timedelta

from aggregator.model import HostPause, Outcome
from tests.web_fixtures import Site, entry


def read(site: Site) -> dict[str, float]:
    """Read the text format as strictly as its description has it."""
    answer = site.client.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text.endswith("\n")
    values, kinds = {}, {}
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in {"gauge", "counter"} and name not in kinds
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            name, value = re.fullmatch(r"([a-z_]+) ([0-9.]+)", line).groups()
            assert name in kinds and name.endswith("_total") == (kinds[name] == "counter")
            values[name.removeprefix("aggregator_")] = float(value)
    assert values.keys() == {name.removeprefix("aggregator_") for name in kinds}
    return values


def test_a_database_without_anything_has_zeros(tmp_path):
    assert set(read(Site(tmp_path)).values()) <= {0, 1}  # the first version is 1


def test_the_figures_are_those_of_the_feeds(tmp_path):
    site, now = Site(tmp_path), datetime.now(UTC)
    site.subscribe()
    site.record("lamp", entry(1), entry(2))
    site.record("lamp", entry(3))
    site.record("tide", outcome=Outcome.FAILED, failures=2, error="x",
                next_poll_at=now - timedelta(hours=1))  # fmt: skip

    found = read(site)

    assert {key: found[key] for key in found if key.startswith("feeds")} == {
        "feeds": 3, "feeds_failing": 1, "feeds_waiting": 0, "feeds_offline": 0, "feeds_gone": 0,
        "feeds_paused": 0, "feeds_unread": 1, "feeds_overdue": 1,
    }  # fmt: skip
    assert (found["entries"], found["polls_total"]) == (3, 3)
    assert abs(found["last_poll_timestamp_seconds"] - now.timestamp()) < 60


def test_a_feed_that_waits_for_the_pause_of_its_host_is_not_overdue(tmp_path):
    site, now = Site(tmp_path), datetime.now(UTC)
    site.subscribe()
    due = {"outcome": Outcome.FAILED, "failures": 1, "error": "x",
           "next_poll_at": now - timedelta(hours=1)}  # fmt: skip
    site.record("tide", **due, pauses=(HostPause("tide.example", now + timedelta(hours=1)),))

    assert read(site)["feeds_overdue"] == 0
    assert site.client.get("/readyz").status_code == 200

    site.record("lamp", **due)

    assert read(site)["feeds_overdue"] == 1
    assert site.client.get("/readyz").status_code == 503


def test_pauses_and_goodbyes_are_no_failures(tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    later = datetime.now(UTC) + timedelta(hours=1)
    site.record("lamp", outcome=Outcome.POSTPONED, failures=1, error="x", not_before=later)
    site.record("tide", outcome=Outcome.GONE, failures=1, error="x", next_poll_at=None)

    found = read(site)

    assert (found["feeds_failing"], found["feeds_waiting"], found["feeds_gone"]) == (0, 1, 1)
