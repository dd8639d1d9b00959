"""/metrics: Prometheus' text format, and figures that are true."""

import re
from datetime import UTC, datetime, timedelta

from aggregator.database.state import read_metrics
from aggregator.database.state.read_metrics import FeedMetrics
from aggregator.model import HostPause, Outcome
from tests.web_fixtures import Site, entry
from web import create_app, metrics_text


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
            pattern = r'([a-z_]+)(\{feed="(?:[^"\\\n]|\\[\\"n])*"\})? ([0-9.]+)'
            name, label, value = re.fullmatch(pattern, line).groups()
            if label is not None:
                assert kinds[name] == "gauge"
                values[name.removeprefix("aggregator_") + label] = float(value)
                continue
            assert name in kinds and name.endswith("_total") == (kinds[name] == "counter")
            values[name.removeprefix("aggregator_")] = float(value)
    names = {key.partition("{")[0] for key in values}
    assert names == {name.removeprefix("aggregator_") for name in kinds}
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
        "feeds_paused": 0, "feeds_unread": 1, "feeds_overdue": 1, "feeds_detailed": 3,
    }  # fmt: skip
    assert (found["entries"], found["polls_total"]) == (3, 3)
    assert abs(found["last_poll_timestamp_seconds"] - now.timestamp()) < 60


def test_each_feed_has_figures_under_its_name(tmp_path):
    site, now = Site(tmp_path), datetime.now(UTC)
    site.subscribe()
    later = now + timedelta(hours=1)
    site.record("lamp", entry(1), next_poll_at=later)
    site.record("tide", outcome=Outcome.GONE, failures=2, error="x", next_poll_at=None)

    found = read(site)

    assert found['feed_failures{feed="lamp"}'] == 0
    assert found['feed_failures{feed="tide"}'] == 2
    success = "feed_last_success_timestamp_seconds"
    assert abs(found[success + '{feed="lamp"}'] - now.timestamp()) < 60
    assert found[success + '{feed="tide"}'] == 0
    due = "feed_next_poll_timestamp_seconds"
    assert abs(found[due + '{feed="lamp"}'] - later.timestamp()) < 1
    assert due + '{feed="tide"}' not in found


def test_with_more_than_a_thousand_feeds_none_has_figures_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(read_metrics, "MAX_FEEDS", 2)
    site = Site(tmp_path)
    site.subscribe()

    found = read(site)

    assert (found["feeds"], found["feeds_detailed"]) == (3, 0)
    assert not [key for key in found if "{" in key]


def test_a_name_is_a_label_whatever_it_has():
    figures = [FeedMetrics('a"b\\c\nd', 0, None, None)]

    assert 'aggregator_feed_failures{feed="a\\"b\\\\c\\nd"} 0\n' in metrics_text.each_feed(figures)


def test_no_feed_is_named_to_strangers_and_where_the_status_is_hidden(tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    app = create_app(site.config, site.engine, listens_on="127.0.0.1")
    by_stranger = app.test_client().get("/metrics", headers={"Host": "evil.example"}).text
    own = app.test_client().get("/metrics", headers={"Host": "localhost"}).text
    assert "lamp" in own
    assert "lamp" not in by_stranger and "aggregator_feeds 3" in by_stranger
    again = app.test_client().get("/metrics", headers={"Host": "evil.example"}).text
    assert "lamp" not in again

    hidden = Site(tmp_path, page={"status": "off"}).client.get("/metrics").text
    assert "lamp" not in hidden and "aggregator_feeds " in hidden


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
