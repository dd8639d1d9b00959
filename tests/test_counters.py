"""The counters that pages show: whatever is written, they say what counting would say."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from aggregator.database import open_database
from aggregator.database.entries import write_retention
from aggregator.database.feeds import read_health
from aggregator.database.state import read_overview
from aggregator.model import FeedHead, Outcome, Subscription
from tests.worlds import NOW, entry, new_database, only_sqlite, record, subscribe

COUNTED = """
    SELECT count(*), coalesce(sum(CASE WHEN last_polled_at IS NULL THEN 1 ELSE 0 END), 0),
        coalesce(sum(CASE WHEN failures > 0 AND NOT gone AND not_before IS NULL
            THEN 1 ELSE 0 END), 0)
    FROM feeds WHERE subscribed
"""
MEMBERS = """
    SELECT id, (SELECT count(*) FROM list_members WHERE list_id = id),
        (SELECT count(*) FROM list_members WHERE list_id = id AND is_representative),
        (SELECT count(*) FROM feed_categories JOIN feeds
            ON feeds.id = feed_categories.feed_id WHERE list_id = lists.id AND subscribed)
    FROM lists ORDER BY id
"""
HIDDEN = """
    SELECT feed_id, count(*) FROM entries WHERE exclusion IN ('hide', 'keep', 'per_day')
    GROUP BY feed_id ORDER BY feed_id
"""
BY_DAY = """
    SELECT feed_id, (id >> 20) / 86400000, count(*) FROM entries
    GROUP BY 1, 2 ORDER BY 1, 2
"""


def feed(name: str, category: str | None = None) -> Subscription:
    categories = (category,) if category else ()
    return Subscription(name, f"https://{name}.example/", categories=categories, name_given=True)


def hold(database) -> tuple[int, ...]:
    """Compare every counter with what is counted; return those of the whole."""
    counted = {
        "SELECT feeds, unread, failing FROM state": COUNTED,
        "SELECT id, entries, stories, feeds FROM lists ORDER BY id": MEMBERS,
        "SELECT feed_id, entries FROM hidden_entries WHERE entries > 0 ORDER BY feed_id": HIDDEN,
        "SELECT feed_id, day, entries FROM activity ORDER BY feed_id, day": BY_DAY,
    }
    with database.connect() as connection:
        for counters, counting in counted.items():
            rows = connection.execute(text(counters)).all()
            assert rows == connection.execute(text(counting)).all(), counters
        return tuple(
            connection.execute(
                text(
                    "SELECT state.feeds, lists.entries, unread, failing FROM state, lists "
                    "WHERE lists.id = 1"
                )
            ).one()
        )


def test_the_counters_follow_every_kind_of_write(database):
    assert hold(database) == (0, 0, 0, 0)
    subscribe(database, feed("a", "News"), feed("b", "News"), feed("c"))
    assert hold(database) == (3, 0, 3, 0)

    days = [entry(n, published_at=NOW - timedelta(days=n)) for n in range(5)]
    record(database, "a", days)
    record(database, "b", [entry(10), entry(11)])
    assert hold(database) == (3, 7, 1, 0)

    failed = {"outcome": Outcome.FAILED, "error": "404", "failures": 1, "head": FeedHead()}
    record(database, "c", **failed)
    record(database, "b", **failed)
    assert hold(database) == (3, 7, 0, 2)
    record(database, "b", **failed | {"not_before": NOW, "failures": 2})
    record(database, "c", **failed | {"outcome": Outcome.GONE})
    assert hold(database) == (3, 7, 0, 0)

    subscribe(database, feed("a", "World"), feed("b"))
    assert hold(database) == (2, 7, 0, 0)
    subscribe(database, feed("b", "News"))
    assert hold(database) == (1, 2, 0, 0)
    subscribe(database, feed("a", "World"), feed("b", "News"), feed("c", "World"))
    assert hold(database) == (3, 7, 0, 0)

    with database.begin() as connection:
        write_retention.delete_old(connection, before=NOW - timedelta(days=2), min_entries=1)
    assert hold(database) == (3, 5, 0, 0)
    with database.begin() as connection:
        write_retention.delete_old(connection, before=NOW + timedelta(days=1), min_entries=0)
    assert hold(database) == (3, 0, 0, 0)


def test_busiest_is_who_posted_most_in_seven_days(database):
    subscribe(database, *(feed(name) for name in "abc"))
    record(database, "a", [entry(n, published_at=NOW - timedelta(days=n)) for n in range(20)])
    record(database, "b", [entry(n, guid=f"b{n}") for n in range(9)])
    record(
        database,
        "c",
        [entry(n, guid=f"c{n}", published_at=NOW - timedelta(days=9)) for n in range(9)],
    )

    with database.connect() as connection:
        busiest = read_overview.sidebar(connection, now=NOW).busiest
        health = read_health.feed(connection, "a", now=NOW)

    assert [(source.name, number) for source, number in busiest] == [("b", 9), ("a", 7)]
    assert health.weeks[-4:] == (0, 6, 7, 7)
    assert len(health.weeks) == 26
    assert health.per_week == 20 * 7 / 19


@pytest.mark.slow
@only_sqlite
def test_a_database_from_before_the_counters_is_counted_once(tmp_path, monkeypatch):
    from aggregator.database import engine as opening

    monkeypatch.setattr(opening, "HEAD", "0001")
    old = open_database(f"sqlite:///{tmp_path / 'aggregator.db'}")
    with old.begin() as connection:
        for statement in (
            "INSERT INTO categories (id, slug, name) VALUES (1, 'news', 'News')",
            (
                "INSERT INTO feeds (id, name, url, host, category_id, interval, subscribed, "
                "title, subtitle, format, polls, entries, failures, gone) "
                "VALUES (1, 'a', 'https://a.example/', 'a.example', 1, 1, 1, "
                "'', '', '', 1, 2, 1, 0)"
            ),
            (
                "INSERT INTO entries (id, feed_id, category_id, listed, identity, content_hash, "
                "record_hash, public_id, title, summary, first_seen_at, changed_at) VALUES "
                "(1 << 60, 1, 1, 1, x'01', x'', x'', 'a', 'One', '', 0, 0), "
                "(1 << 59, 1, 1, 1, x'02', x'', x'', 'b', 'Two', '', 0, 0)"
            ),
        ):
            connection.exec_driver_sql(statement)
    old.dispose()
    monkeypatch.undo()

    database = new_database(tmp_path)

    assert hold(database) == (1, 2, 1, 1)
    subscribe(database, feed("a", "Other"))
    assert hold(database) == (1, 2, 1, 1)
    database.dispose()
