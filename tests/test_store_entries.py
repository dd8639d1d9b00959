"""Writes: entries, the bookkeeping of polls, retention."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select

from aggregator.database.entries import read_known_entries, read_links, write_retention
from aggregator.database.feeds import read_health, write_leases, write_polls
from aggregator.database.lists import read_lists
from aggregator.database.schema import entry_keys
from aggregator.database.state import read_overview
from aggregator.model import (
    Enclosure,
    FeedHead,
    ListKind,
    ListScope,
    NextPoll,
    Outcome,
    Validation,
    Validators,
)
from tests.selection import slow_but
from tests.stored import MINUTE, feed, statements, titles
from tests.worlds import NOW, entry, only_sqlite, record, subscribe

HOUR = timedelta(hours=1)


# ---------------------------------------------------------------------- entries


def test_entries_stand_newest_first_and_in_document_order_where_times_are_equal(database):
    subscribe(database, feed("a"))
    same = [entry(number, published_at=NOW - HOUR) for number in (1, 2, 3)]

    record(database, "a", [*same, entry(0)])

    assert titles(database) == ["Post 0", "Post 1", "Post 2", "Post 3"]


def test_a_changed_entry_keeps_its_place_and_says_when_it_changed(database):
    subscribe(database, feed("a"))
    record(database, "a", [entry(1), entry(2)])

    record(database, "a", [entry(2, title="Corrected"), entry(1)], now=NOW + HOUR)

    with database.connect() as connection:
        first, second = read_lists.entries_page(connection, limit=9, with_content=True).entries
    assert [first.title, second.title] == ["Post 1", "Corrected"]
    assert second.updated_at == NOW + HOUR
    assert second.public_id == "https://example.org/?p=2"
    assert first.updated_at is None


def test_entries_are_known_by_any_form_of_their_link_also_where_several_share_it(database):
    subscribe(database, feed("a"), feed("b"))
    page, news = "https://a.example/page", "https://www.a.example/news/"
    record(database, "a", [entry(n, url=url) for n, url in enumerate((page, news, news, None))])
    record(database, "b", [entry(9, url="http://a.example/news?utm_source=b"), entry(8, url=page)])

    with database.connect() as connection:
        ids_of = {
            url: read_links.ids_of_link(connection, url)
            for url in (f"{page}/index.html", "https://a.example/news", "https://a.example/", "a")
        }
        entries = read_lists.entries_by_id(connection, [n for ids in ids_of.values() for n in ids])

    numbers = {entry.id: entry.title for entry in entries}
    assert [sorted(numbers[n] for n in ids) for ids in ids_of.values()] == [
        ["Post 0", "Post 8"], ["Post 1", "Post 2", "Post 9"], [], [],
    ]  # fmt: skip


@only_sqlite
def test_entries_with_one_link_are_found_a_few_at_a_time(database, monkeypatch):
    monkeypatch.setattr("aggregator.database.chunks.CHUNK_SIZE", 2)
    names, page, news = "abcde", "https://a.example/page", "https://a.example/news"
    subscribe(database, *map(feed, names))
    for name in names:
        urls = (page, news, news)
        record(database, name, [entry(n, url=url) for n, url in enumerate(urls)])

    with database.connect() as connection:
        sqlite = connection.connection.driver_connection
        limit = sqlite.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 3)
        ids = {url: read_links.ids_of_link(connection, url) for url in (page, news)}
        sqlite.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, limit)

    assert [len(ids[url]) for url in (page, news)] == [5, 10]
    assert all(of_link == sorted(of_link) for of_link in ids.values())


def test_a_date_that_moves_changes_nothing(database):
    subscribe(database, feed("a"))
    record(database, "a", [entry(1)])

    written = record(database, "a", [entry(1, published_at=NOW, updated_at=NOW)])

    assert (written.new, written.updated, written.outcome) == (0, 0, Outcome.UNCHANGED)


def test_everything_about_an_entry_comes_back(database):
    subscribe(database, feed("a", categories=("News",)))
    values = {
        "title": "A & B",
        "title_html": "A &amp; <b>B</b>",
        "authors": ("Ann", "Bo"),
        "categories": ("x", "y"),
        "enclosures": (
            Enclosure("https://example.org/a.mp3", "audio/mpeg", 5),
            Enclosure("https://example.org/b.mp3", None, None, duration=61),
        ),
        "language": "de",
        "comments_url": "https://example.org/c",
    }
    record(database, "a", [entry(1, **values)])

    with database.connect() as connection:
        (found,) = read_lists.entries_page(connection, limit=1, with_content=True).entries

    assert {key: getattr(found, key) for key in values} == values
    assert found.content_html == "<p>Text of post 1.</p>"
    assert (found.source.name, found.source.category_slug) == ("a", "news")
    assert found.listed_at == found.published_at == NOW - MINUTE


@pytest.mark.parametrize("year", [1901, 1969, 1970, 2026, 2150])
def test_any_year_can_be_listed(database, year):
    at = NOW.replace(year=year)
    subscribe(database, feed("a"))

    record(database, "a", [entry(1, published_at=at)], now=NOW.replace(year=2151))

    with database.connect() as connection:
        (found,) = read_lists.entries_page(connection, limit=1).entries
    assert found.listed_at == at


def test_a_poll_writes_entries_validators_and_bookkeeping_or_nothing(database):
    subscribe(database, feed("a"))

    with pytest.raises(RuntimeError), database.begin() as connection:
        (due,) = write_leases.lease_due(connection, owner="me", now=NOW, until=NOW + HOUR)
        locked = write_polls.lock_polls(connection, [due], checked_at=NOW)
        validation = Validation(Validators(due.url, '"1"'))
        report = write_polls.PollReport(
            feed=due,
            started_at=NOW,
            ended_at=NOW,
            outcome=Outcome.NEW,
            next_poll=NextPoll(NOW + HOUR, ""),
            relocation=due.relocation,
            result=write_polls.FeedUpdate(validation, due.pacing, due.habits),
        )
        write_polls.record_polls(locked, [report])
        raise RuntimeError

    with database.begin() as connection:
        (due,) = write_leases.lease_due(connection, owner="me", now=NOW, until=NOW + HOUR)
    assert due.validation.validators.etag is None
    assert due.history.polls == 0


def test_the_last_24_polls_are_remembered_oldest_first(database):
    subscribe(database, feed("a"))
    for hour in range(30):
        record(database, "a", now=NOW + hour * HOUR)

    with database.connect() as connection:
        health = read_health.feed(connection, "a", now=NOW)

    assert health is not None
    assert [poll.started_at for poll in health.polls] == [
        NOW + hour * HOUR for hour in range(6, 30)
    ]


@pytest.mark.parametrize("hours", slow_but([1, 25], [1, 2, 24, 25, 50]))
def test_as_many_of_the_last_polls_are_read_as_are_asked_for(database, hours):
    subscribe(database, feed("a"), feed("b"))
    for hour in range(hours):
        record(database, "a", now=NOW + hour * HOUR)

    with database.connect() as connection:
        found = {
            health.source.name: [poll.started_at for poll in health.polls]
            for health in read_health.feeds_by_urgency(connection, now=NOW, history=2)
        }

    times = [NOW + hour * HOUR for hour in range(hours)]
    assert found == {"a": times[-2:], "b": []}


def test_a_failure_keeps_what_was_learned_and_when_it_began(database):
    subscribe(database, feed("a"))
    record(database, "a", [entry(1)])
    for hour in (1, 2):
        record(
            database,
            "a",
            now=NOW + hour * HOUR,
            outcome=Outcome.FAILED,
            error="404 Not Found",
            failures=hour,
            head=None,
            validators=None,
        )

    with database.connect() as connection:
        health = read_health.feed(connection, "a", now=NOW)
    assert health is not None
    assert (health.failing_since, health.failures) == (NOW + HOUR, 2)
    assert health.error == "404 Not Found"
    assert health.last_success_at == NOW
    assert titles(database) == ["Post 1"]


# -------------------------------------------------------------------- retention


def delete_old(database, **arguments):
    with database.begin() as connection:
        return write_retention.delete_old(connection, **arguments)


def test_an_old_entry_goes_unless_it_is_among_the_newest_of_its_feed(database):
    subscribe(database, feed("a"), feed("b"))
    record(database, "a", [entry(number) for number in range(1, 6)])
    record(database, "b", [entry(9)])

    deleted = delete_old(database, before=NOW - 2 * MINUTE, min_entries=2)

    assert deleted == 3
    assert titles(database) == ["Post 1", "Post 2", "Post 9"]
    with database.connect() as connection:
        assert read_overview.overview(connection).posts == 3
        found = read_lists.entries_page(
            connection, limit=9, scope=ListScope(ListKind.SEARCH, "post")
        ).entries
    assert [one.title for one in found] == ["Post 1", "Post 2", "Post 9"]


def test_the_newest_entries_of_a_feed_are_its_newest_even_from_before_1970(database):
    subscribe(database, feed("a"))
    old = [datetime(year, 5, 5, tzinfo=UTC) for year in (1931, 1969, 1970)]
    record(database, "a", [entry(n, published_at=at) for n, at in enumerate(old)])

    with database.connect() as connection:
        (found,) = read_health.feeds_by_urgency(connection, now=NOW)
        places = read_known_entries.newest_places(connection, [found.source.id], limit=9)

        none = read_known_entries.newest_places(connection, [found.source.id], limit=0)

    assert places == {found.source.id: old[::-1]}
    assert none == {}


def test_with_no_minimum_age_alone_decides(database):
    subscribe(database, feed("a"))
    record(database, "a", [entry(1), entry(5)])

    assert delete_old(database, before=NOW, min_entries=0) == 2
    assert titles(database) == []


def test_of_a_feed_that_left_the_file_no_minimum_stays(database):
    subscribe(database, feed("a"), feed("b"))
    record(database, "a", [entry(1), entry(5)])
    subscribe(database, feed("b"))

    assert delete_old(database, before=NOW - 2 * MINUTE, min_entries=9) == 1

    subscribe(database, feed("a"), feed("b"))
    assert titles(database) == ["Post 1"]


@pytest.mark.parametrize("min_entries", [0, 9])
@pytest.mark.parametrize("before", [NOW - HOUR, NOW])
def test_no_more_than_the_most_entries_of_a_feed_stay_however_young(database, min_entries, before):
    subscribe(database, feed("a"), feed("b"))
    record(database, "a", [entry(number) for number in range(1, 8)])
    record(database, "b", [entry(9)])
    arguments = {"before": before, "min_entries": min_entries, "max_entries": 3}

    deleted = [delete_old(database, **arguments, limit=3) for _ in range(3)]

    young = ["Post 1", "Post 2", "Post 3", "Post 9"]
    expected = [] if before == NOW and not min_entries else young
    assert titles(database) == expected
    assert sum(deleted) == 8 - len(expected)


@only_sqlite
def test_retention_reads_no_entries_of_feeds_that_have_nothing_to_delete(database):
    subscribe(database, *(feed(f"f{number}") for number in range(5)))
    for number in range(5):
        record(database, f"f{number}", [entry(10 * number + n) for n in range(1, 10)])
    statements = []
    event.listen(
        database, "before_cursor_execute", lambda _c, _cursor, *statement: statements.append(
            statement[:2]
        ),
    )  # fmt: skip

    assert delete_old(database, before=NOW, min_entries=9) == 0

    asked = [one for one in statements if one[0].startswith("SELECT")]
    with database.connect() as connection:
        plans = [
            connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            for statement, values in asked
        ]
    assert "SEARCH entries" in str(plans)
    assert "SCAN entr" not in str(plans)


def test_retention_deletes_a_little_at_a_time(database):
    subscribe(database, feed("a"))
    record(database, "a", [entry(number) for number in range(1, 8)])

    assert delete_old(database, before=NOW, min_entries=0, limit=5) == 5
    assert titles(database) == ["Post 1", "Post 2"]


def test_keys_of_deleted_entries_are_forgotten_also_where_each_run_deletes_something(database):
    subscribe(database, feed("a"))
    old = NOW - timedelta(days=400)
    record(
        database,
        "a",
        [entry(number, published_at=old + number * HOUR) for number in range(3)],
        now=old + 3 * HOUR,
    )
    delete_old(database, before=old + MINUTE, min_entries=0, limit=9)
    assert gone_keys(database) > 0
    record(database, "a", [entry(9)], now=NOW)

    delete_old(database, before=old + timedelta(days=31), min_entries=0, limit=2)
    assert gone_keys(database) > 0  # there may be more to delete
    record(database, "a", [entry(9), entry(8, published_at=old + 4 * HOUR)], now=NOW)
    record(database, "a", [entry(9)], now=NOW)
    assert delete_old(database, before=old + timedelta(days=31), min_entries=0, limit=9) == 1

    assert gone_keys(database) == 0


def gone_keys(database):
    with database.connect() as connection:
        return connection.scalar(select(func.count()).where(entry_keys.c.gone_before.is_not(None)))


@only_sqlite
def test_of_changed_and_deleted_entries_no_old_word_stays_in_the_index(database):
    subscribe(database, feed("a"))
    html = "<p>Gulls &amp; <b>tr</b>awlers</p>"
    record(database, "a", [entry(number, content_html=html) for number in (1, 2, 3)])
    record(database, "a", [entry(1, title="Corrected", content_html="")], now=NOW + HOUR)

    delete_old(database, before=NOW - MINUTE, min_entries=0)

    with database.begin() as connection:
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', 'word_index', 'row')"
        )
        left = connection.exec_driver_sql("SELECT term, cnt FROM temp.vocabulary").all()
    assert sorted(map(tuple, left)) == [
        ("1", 1),
        ("corrected", 1),
        ("f1", 1),
        ("of", 1),
        ("post", 1),
        ("text", 1),
    ]


@pytest.mark.parametrize(
    ("head", "grows"),
    [
        (FeedHead(title="Title of a", site_url="https://example.org/"), False),
        (FeedHead(title="Renamed", site_url="https://example.org/"), True),
    ],
)
def test_a_feed_that_changes_its_title_is_a_change_that_readers_see(database, head, grows):
    subscribe(database, feed("a"))
    record(database, "a", [entry(1)])
    with database.connect() as connection:
        before = read_overview.version(connection)

    record(database, "a", head=head)

    with database.connect() as connection:
        assert (read_overview.version(connection) > before) is grows


@only_sqlite
def test_what_a_poll_brings_is_compared_and_stored_by_index_never_by_a_walk(database):
    subscribe(database, feed("a"), feed("b"))
    same = {"title": "A title of several words", "content_html": "<p>The same text.</p>" * 9}
    record(database, "a", [entry(1, **same), entry(2), entry(3)])
    record(database, "b", [entry(4)])
    with statements(database) as asked:
        record(database, "b", [entry(4, content_html="<p>Edited.</p>"), entry(5, **same)])
        record(database, "a", [entry(9, guid="https://moved.example/1", url=None)])

    plans = {}
    with database.connect() as connection:
        for statement in asked:
            if statement.startswith(("SELECT", "UPDATE", "DELETE")):
                values = ("0",) * statement.count("?")
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                plans[statement] = " | ".join(step.detail for step in plan)
    assert any("entry_keys" in statement for statement in plans)
    few = (
        "SCAN state", "SCAN wanted VIRTUAL", "SCAN hosts", "SCAN CONSTANT", "SCAN relistings",
        "SCAN lists USING INDEX ix_lists_left",
    )  # fmt: skip
    walks = {
        statement: plan
        for statement, plan in plans.items()
        if any("SCAN" in step and not step.startswith(few) for step in plan.split(" | "))
    }
    assert walks == {}
