"""One rule says how a feed is doing: in Python, in SQL and in the counters that triggers keep."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import insert, select, update

from aggregator.cli import feed_table, output
from aggregator.database.feeds import read_health, read_status
from aggregator.database.schema import feeds, state
from aggregator.database.state import read_metrics, read_overview
from aggregator.errors import FetchError
from aggregator.feed_status import URGENCY, FeedStatus, feed_status
from aggregator.model import FeedHead, FeedOrder, Outcome, Subscription
from aggregator.poll import reports
from tests.web_fixtures import Site
from tests.worlds import NOW, poll_of, record, store_poll, subscribe

LATER = NOW + timedelta(hours=1)
POLLED = [
    {"last_polled_at": NOW, "gone": gone, "paused": paused, "failures": failures, "error": error,
     "note": note, "not_before": not_before}
    for gone, paused, failures, error, note, not_before in product(
        (False, True), (False, True), (0, 1, 7), (None, "", "404"), (None, "", "repaired"),
        (None, LATER),
    )
]  # fmt: skip
NEVER_POLLED = [
    {"last_polled_at": None, "gone": False, "paused": paused, "failures": 0, "error": None,
     "note": None, "not_before": None}
    for paused in (False, True)
]  # fmt: skip
ROWS = [*POLLED, *NEVER_POLLED]
"""Every combination of what the rule looks at that a poll, or none, can leave behind."""


def stored(database, rows=ROWS):
    with database.begin() as connection:
        connection.execute(
            insert(feeds),
            [
                {"name": f"feed{number:03}", "url": f"https://{number}.example/",
                 "host": f"{number}.example", "interval": timedelta(hours=1), "subscribed": True,
                 "polls": 0, "entries": 0, "title": "", "subtitle": "", "format": "", **row}
                for number, row in enumerate(rows)
            ],
        )  # fmt: skip


def statuses(connection):
    rows = connection.execute(select(feeds.c.name, read_status.STATUS.label("status")))
    return {row.name: row.status for row in rows}


def test_the_rule_in_sql_is_the_rule_in_python(database):
    stored(database)
    with database.connect() as connection:
        healths = read_health.feeds_by_urgency(connection, now=NOW)
        in_sql = statuses(connection)

    assert {feed.source.name: feed_status(feed).value for feed in healths} == in_sql
    assert set(in_sql.values()) == set(FeedStatus)
    ranks = [URGENCY[feed_status(feed)] for feed in healths]
    assert ranks == sorted(ranks)


def hold_counters(connection):
    counts = read_status.count_by_status(connection)
    counters = connection.execute(select(state)).one()
    assert counters.failing == counts.get(FeedStatus.FAILING, 0)
    assert counters.unread == counts.get(FeedStatus.UNPOLLED, 0)
    assert counters.feeds == sum(counts.values())


def test_the_counters_follow_the_rule_from_any_row_to_any_other(database):
    stored(database)
    with database.begin() as connection:
        hold_counters(connection)
        for shift in (1, 2, 5, 17, 36, 53):
            rows = [
                {"feed": f"feed{number:03}", **{f"new_{key}": value for key, value in row.items()}}
                for number, row in enumerate(ROWS[shift:] + ROWS[:shift])
            ]
            connection.execute(change_of(rows[0]), rows)
            hold_counters(connection)


def change_of(row):
    from sqlalchemy import bindparam

    names = [key.removeprefix("new_") for key in row if key != "feed"]
    return update(feeds).where(feeds.c.name == bindparam("feed")).values(
        {name: bindparam(f"new_{name}", type_=feeds.c[name].type) for name in names}
    )  # fmt: skip


def subscribed_to(database, *names):
    subscribe(database, *(Subscription(name, f"https://{name}.example/") for name in names))


def status_of(database, name):
    with database.connect() as connection:
        feed = read_health.feed(connection, name, now=NOW)
        assert statuses(connection)[name] == feed_status(feed).value
        hold_counters(connection)
    return feed_status(feed)


FAILED = FetchError("https://a.example/", "500 Internal Server Error", status=500)
THROTTLED = FetchError("https://a.example/", "429 Too Many Requests", status=429)
REMOVED = FetchError("https://a.example/", "410 Gone", status=410)


@pytest.mark.parametrize(
    ("errors", "status"),
    [
        ([], FeedStatus.UNPOLLED),
        ([None], FeedStatus.FINE),
        ([FAILED], FeedStatus.FAILING),
        ([THROTTLED], FeedStatus.WAITING),
        ([FAILED, THROTTLED], FeedStatus.WAITING),
        ([THROTTLED, FAILED], FeedStatus.FAILING),
        ([THROTTLED, None], FeedStatus.FINE),
        ([REMOVED], FeedStatus.REMOVED),
        (["offline"], FeedStatus.OFFLINE),
        ([None, "offline"], FeedStatus.OFFLINE),
        ([FAILED, "offline"], FeedStatus.FAILING),
        ([THROTTLED, "offline", "offline"], FeedStatus.WAITING),
        (["offline", None], FeedStatus.FINE),
    ],
)
def test_a_feed_has_the_status_of_its_last_poll_that_reached_the_network(database, errors, status):
    subscribed_to(database, "a")
    for number, error in enumerate(errors):
        at = NOW + number * timedelta(days=2)
        if error is None:
            record(database, "a", now=at)
            continue
        poll = poll_of(database, "a", now=at)
        if error == "offline":
            failure = reports.offline_failure_of(poll.due, at, FAILED)
        else:
            failure = reports.failure_of(poll.due, at, error)
        store_poll(database, replace(poll, result=failure))

    assert status_of(database, "a") is status


def test_a_document_that_had_to_be_repaired_is_no_problem_of_its_polls(database):
    subscribed_to(database, "a")
    record(database, "a", head=FeedHead(note="not well-formed"))

    assert status_of(database, "a") is FeedStatus.REPAIRED


def test_page_commands_and_metrics_count_alike(tmp_path):
    site = Site(tmp_path)
    stored(site.engine)
    with site.engine.connect() as connection:
        counts = read_status.count_by_status(connection)
        metrics = read_metrics.metrics(connection, now=NOW)
        overview = read_overview.overview(connection)
        feeds = read_health.feeds_by_urgency(connection, now=NOW)

    of_commands = [feed["state"] for feed in json.loads(output.health_json(feeds))]

    assert {status: of_commands.count(status.value) for status in FeedStatus} == counts
    assert metrics.feeds == counts
    assert overview.failing == counts[FeedStatus.FAILING]
    assert overview.unpolled_feeds == counts[FeedStatus.UNPOLLED]
    totals = [each.text for each in site.page("/status").all("dd")]
    assert totals[:7] == [
        str(number)
        for number in (
            len(ROWS),
            counts[FeedStatus.FINE] + counts[FeedStatus.REPAIRED],
            counts[FeedStatus.FAILING],
            counts[FeedStatus.UNPOLLED],
            counts[FeedStatus.WAITING],
            counts[FeedStatus.OFFLINE],
            counts[FeedStatus.REMOVED],
        )
    ]
    assert "failing" in list(feed_table.tab_lines(feeds))[1].split("\t")


def test_feeds_by_title_keep_their_statuses(database):
    stored(database, ROWS[:5])
    with database.connect() as connection:
        page = read_health.feeds_page(connection, now=NOW, order=FeedOrder.TITLE, limit=9)

    assert len(page) == 5


def test_a_poll_of_an_unreachable_feed_says_nothing_of_it_on_the_page(tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    site.record("lamp", outcome=Outcome.FAILED, error="network unreachable", failures=0,
                next_reason="this machine seems to be offline")  # fmt: skip

    page = site.page("/status")

    assert page.rows()[0][1] == "Offline"
    assert page.rows()[1][0] == "This machine seems to be offline."
