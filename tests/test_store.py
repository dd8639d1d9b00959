"""Writes: subscriptions, leases, entries, bookkeeping, retention."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from aggregator.database import query, store
from aggregator.model import (
    Enclosure,
    FeedHead,
    HostPause,
    Outcome,
    Scope,
    Subscription,
    Validators,
)
from tests.worlds import NOW, entry, new_database, only_sqlite, record, subscribe

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def feed(name="blog", url=None, **values):
    return Subscription(
        name=name, url=url or f"https://{name}.example/feed", name_given=True, **values
    )


@pytest.fixture
def database(tmp_path):
    engine = new_database(tmp_path)
    yield engine
    engine.dispose()


def titles(database, **arguments):
    with database.connect() as connection:
        return [found.title for found in query.page(connection, limit=100, **arguments).entries]


def lease_due(database, *, now=NOW, owner="me", **arguments):
    with database.begin() as connection:
        return [
            due.name
            for due in store.lease_due(
                connection, owner=owner, now=now, until=now + MINUTE, **arguments
            )
        ]


# ---------------------------------------------------------------- subscriptions


def test_a_feed_that_left_the_file_leaves_the_list_and_comes_back_with_its_entries(database):
    subscribe(database, feed("a"), feed("b"))
    record(database, "a", [entry(1)])
    record(database, "b", [entry(2)])

    subscribe(database, feed("b"))
    assert titles(database) == ["Post 2"]
    assert lease_due(database, now=NOW + 2 * HOUR) == ["b"]

    subscribe(database, feed("a"), feed("b"))
    assert titles(database) == ["Post 1", "Post 2"]


def test_a_new_url_under_the_same_name_keeps_the_entries_and_is_polled_at_once(database):
    subscribe(database, feed("a"))
    record(database, "a", [entry(1)])

    subscribe(database, feed("a", "https://moved.example/feed"))

    assert titles(database, scope=Scope(source="a")) == ["Post 1"]
    assert lease_due(database) == ["a"]


def test_a_made_name_follows_its_url(database):
    subscribe(database, Subscription("example-org", "https://example.org/one"))
    record(database, "example-org", [entry(1)])

    subscribe(
        database,
        Subscription("example-org", "https://example.org/two"),
        Subscription("example-org-abc", "https://example.org/one"),
    )

    assert titles(database, scope=Scope(source="example-org-abc")) == ["Post 1"]
    assert titles(database, scope=Scope(source="example-org")) == []


def test_two_feeds_can_swap_their_names(database):
    subscribe(database, feed("a"), feed("b"))
    record(database, "a", [entry(1)])

    subscribe(
        database,
        Subscription("a", "https://b.example/feed"),
        Subscription("b", "https://a.example/feed"),
    )

    assert titles(database, scope=Scope(source="b")) == ["Post 1"]


def test_a_name_that_a_removed_feed_had_is_free_again(database):
    subscribe(database, feed("a"), feed("b"))
    record(database, "a", [entry(1)])

    subscribe(database, Subscription("b", "https://a.example/feed"))

    assert titles(database, scope=Scope(source="b")) == ["Post 1"]


def test_a_feed_that_changes_category_takes_its_entries_along(database):
    subscribe(database, feed("a", category="Old"))
    record(database, "a", [entry(1)])

    subscribe(database, feed("a", category="Künste & Co"))

    assert titles(database, scope=Scope(category="old")) == []
    assert titles(database, scope=Scope(category="künste-co")) == ["Post 1"]
    with database.connect() as connection:
        found = query.sidebar(connection, now=NOW).categories
    assert [(category.name, category.entries) for category in found] == [("Künste & Co", 1)]


def test_reading_the_same_file_again_changes_nothing(database):
    subscribe(database, feed("a"))
    with database.connect() as connection:
        before = query.version(connection)

    with database.begin() as connection:
        result = store.sync_subscriptions(connection, [feed("a")], now=NOW + HOUR)

    with database.connect() as connection:
        assert query.version(connection) == before
    assert result == store.SyncResult()


@contextmanager
def statements(database):
    """Collect what is executed, each statement once however many rows it is executed for."""
    seen = []

    def note(_connection, _cursor, statement, *_):
        seen.append(statement)

    event.listen(database, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database, "before_cursor_execute", note)


def test_a_start_with_the_same_file_reads_each_feed_once_and_writes_nothing(database):
    many = [feed(f"f{number}", category=f"C {number % 9}") for number in range(300)]
    subscribe(database, *many)

    with statements(database) as seen:
        subscribe(database, *many, now=NOW + HOUR)

    assert not [one for one in seen if not one.startswith(("SELECT", "PRAGMA", "BEGIN"))]
    assert len([one for one in seen if "FROM feeds" in one]) == 1


def test_a_change_of_all_feeds_takes_no_more_statements_than_a_change_of_one(database):
    names = [f"f{number}" for number in range(300)]
    subscribe(database, *(feed(name) for name in names))
    with statements(database) as for_one:
        changed = feed(names[0], interval=2 * HOUR, category="New")
        subscribe(database, changed, *(feed(name) for name in names[1:]))
    with statements(database) as for_all:
        subscribe(database, *(feed(name, interval=3 * HOUR, category="Other") for name in names))
    with statements(database) as to_leave:
        subscribe(database)

    assert len(for_all) <= len(for_one)
    assert len(to_leave) < 11
    assert lease_due(database, now=NOW + 9 * HOUR) == []


def test_of_a_changed_file_only_the_feeds_that_differ_are_told(database):
    subscribe(database, *(feed(name, interval=HOUR) for name in "abcd"))

    with database.begin() as connection:
        result = store.sync_subscriptions(
            connection, [feed("d"), feed("new"), feed("b", interval=2 * HOUR), feed("a")], now=NOW
        )

    assert result == store.SyncResult(added=("new",), removed=("c",), changed=("b",))


def test_a_shorter_interval_counts_from_the_last_poll(database):
    subscribe(database, feed("a"))
    record(database, "a", next_poll_at=NOW + HOUR)

    subscribe(database, feed("a", interval=10 * MINUTE), now=NOW + MINUTE)

    assert lease_due(database, now=NOW + 9 * MINUTE) == []
    assert lease_due(database, now=NOW + 10 * MINUTE) == ["a"]


@pytest.mark.parametrize("interval", [10 * MINUTE, 2 * HOUR])
@pytest.mark.parametrize("left", [False, True])
def test_a_pause_holds_whatever_becomes_of_the_interval(database, interval, left):
    subscribe(database, feed("a"))
    record(
        database,
        "a",
        outcome=Outcome.POSTPONED,
        error="429",
        next_poll_at=NOW + 9 * HOUR,
        next_reason="the server asked for a pause",
        not_before=NOW + 9 * HOUR,
    )

    if left:
        subscribe(database)
    subscribe(database, feed("a", interval=interval), now=NOW + HOUR)

    assert lease_due(database, now=NOW + 9 * HOUR - MINUTE) == []
    assert lease_due(database, now=NOW + 9 * HOUR) == ["a"]


def test_what_a_server_calls_fresh_is_not_asked_for_because_the_interval_changed(database):
    subscribe(database, feed("a"))
    fresh = "the server calls its answer fresh"
    record(database, "a", next_poll_at=NOW + 6 * HOUR, next_reason=fresh)

    subscribe(database, feed("a", interval=10 * MINUTE), now=NOW + HOUR)

    assert lease_due(database, now=NOW + 5 * HOUR) == []


def test_another_spelling_of_a_category_is_a_change_that_readers_see(database):
    subscribe(database, feed("a", category="news"))
    with database.connect() as connection:
        before = query.version(connection)

    subscribe(database, feed("a", category="News"))

    with database.connect() as connection:
        found = query.sidebar(connection, now=NOW)
        after = query.version(connection)
    assert [category.name for category in found.categories] == ["News"]
    assert after > before


# ------------------------------------------------- config.yaml changes during a poll


def lease_and_report(database, **values):
    """Lease the one feed that is due; return the report of a poll of it."""
    with database.begin() as connection:
        (due,) = store.lease_due(connection, owner="me", now=NOW, until=NOW + HOUR)
    required = {
        "feed_id": due.id,
        "url": due.url,
        "number": due.polls,
        "started_at": NOW,
        "ended_at": NOW,
        "outcome": Outcome.UNCHANGED,
        "next_poll_at": NOW + HOUR,
        "next_reason": "",
    }
    return store.PollReport(**(required | values))


def test_a_poll_of_an_address_that_was_replaced_meanwhile_says_nothing_about_the_new_one(database):
    subscribe(database, feed("a"))
    gone = lease_and_report(database, outcome=Outcome.GONE, error="410", next_poll_at=None)
    subscribe(database, feed("a", "https://new.example/feed"))
    assert lease_due(database) == []

    with database.begin() as connection:
        store.record_polls(connection, [gone])

    with database.connect() as connection:
        health = query.feed(connection, "a", now=NOW)
    assert health is not None
    assert (health.gone, health.error, health.polls) == (False, None, ())
    assert lease_due(database) == ["a"]


def test_a_feed_that_was_removed_during_its_poll_is_not_planned_again(database):
    subscribe(database, feed("a"))
    report = lease_and_report(database)
    subscribe(database)

    with database.begin() as connection:
        store.record_polls(connection, [report])

    with database.connect() as connection:
        assert query.next_due_at(connection) is None
    subscribe(database, feed("a"), now=NOW + HOUR)
    assert lease_due(database, now=NOW + HOUR) == ["a"]


# ----------------------------------------------------------------------- leases


def reclaim(database, *, now, gone=(), owner="other"):
    with database.begin() as connection:
        return store.reclaim_leases(connection, gone=gone, owner=owner, now=now)


def test_a_leased_feed_is_nobody_elses(database):
    subscribe(database, feed("a"))

    assert lease_due(database, owner="first") == ["a"]
    assert lease_due(database, owner="second") == []
    assert lease_due(database, owner="first", now=NOW + HOUR) == []


def test_what_a_process_held_that_ended_rests_for_its_interval_as_it_may_have_been_asked(database):
    subscribe(database, feed("a"), feed("b", interval=3 * HOUR), feed("c"))
    for name, hours in (("a", 0), ("b", 0), ("c", 9)):
        record(database, name, next_poll_at=NOW + hours * HOUR)
    with database.begin() as connection:
        store.lease_named(connection, owner="first", now=NOW, until=NOW + MINUTE, names=set("abc"))

    assert reclaim(database, now=NOW + 10 * MINUTE, gone=["first"]) == 3  # was held until 1 minute

    assert lease_due(database, owner="second", now=NOW + HOUR) == []
    assert lease_due(database, owner="second", now=NOW + HOUR + MINUTE) == ["a"]
    assert lease_due(database, owner="second", now=NOW + 3 * HOUR + MINUTE) == ["b"]
    assert lease_due(database, owner="second", now=NOW + 9 * HOUR) == ["c"]  # never earlier


def test_a_new_feed_that_an_ended_process_held_rests_for_five_minutes_only(database):
    subscribe(database, feed("new"), feed("quick", interval=2 * MINUTE))
    lease_due(database, owner="first")

    assert reclaim(database, now=NOW, gone=["first"]) == 2

    assert lease_due(database, owner="second", now=NOW + 2 * MINUTE) == ["quick"]
    assert lease_due(database, owner="second", now=NOW + 5 * MINUTE) == ["new"]


def test_a_lease_counts_as_held_until_it_ended_or_its_holder_was_found_gone(database):
    subscribe(database, feed("a"))
    record(database, "a", next_poll_at=NOW)
    lease_due(database, owner="first")

    assert reclaim(database, now=NOW + MINUTE / 2) == 0  # it has not ended
    assert reclaim(database, now=NOW + MINUTE / 2, gone=["first"]) == 1
    assert lease_due(database, now=NOW + HOUR + MINUTE / 2 - timedelta(seconds=1)) == []
    assert lease_due(database, now=NOW + HOUR + MINUTE / 2) == ["a"]


def test_nobody_takes_a_lease_from_himself(database):
    subscribe(database, feed("a"))
    lease_due(database, owner="me")  # and the database is locked for an hour

    assert reclaim(database, now=NOW + HOUR, owner="me") == 0
    assert reclaim(database, now=NOW + HOUR, owner="other") == 1


def test_a_feed_that_is_never_polled_again_is_not_after_a_lost_lease_either(database):
    subscribe(database, feed("a"))
    record(database, "a", outcome=Outcome.GONE, error="410", next_poll_at=None)
    with database.begin() as connection:
        store.lease_named(connection, owner="first", now=NOW, until=NOW + MINUTE, names={"a"})

    assert reclaim(database, now=NOW + HOUR) == 1
    assert lease_due(database, now=NOW + 1000 * HOUR) == []


def test_feeds_of_one_host_are_one_processs_at_a_time(database):
    subscribe(
        database, feed("a", "https://a.example/1"), feed("b", "https://www.a.example/2"), feed("c")
    )

    assert lease_due(database, owner="first", limit=1, busy_hosts=["c.example"]) == ["a"]
    assert lease_due(database, owner="second") == ["c"]
    assert lease_due(database, owner="first") == ["b"]


def test_polling_all_leaves_sites_alone_that_another_process_asks_but_a_name_is_a_name(database):
    subscribe(
        database, feed("a", "https://a.example/1"), feed("b", "https://www.a.example/2"),
        feed("c"), feed("file", "x.xml"), feed("file2", "y.xml"),
    )  # fmt: skip
    with database.begin() as connection:
        store.lease_named(connection, owner="first", now=NOW, until=NOW, names={"a", "file"})

    def leased(owner, names):
        with database.begin() as connection:
            due = store.lease_named(connection, owner=owner, now=NOW, until=NOW, names=names)
        return sorted(one.name for one in due)

    assert leased("second", None) == ["c", "file2"]
    assert leased("second", {"b"}) == ["b"]  # a person asks
    with database.begin() as connection:
        store.release_leases(connection, owner="second")
    assert leased("first", None) == ["b", "c", "file2"]


def test_hosts_of_several_feeds_are_known(database):
    subscribe(
        database, feed("a", "https://a.example/1"), feed("b", "https://www.a.example/2"),
        feed("c"), feed("file", "x.xml"), feed("file2", "y.xml"),
    )  # fmt: skip
    with database.begin() as connection:
        assert store.shared_hosts(connection) == {"a.example"}


def test_who_leases_a_feed_learns_how_long_its_host_rests(database):
    subscribe(database, feed("a", "https://a.example/1"), feed("b", "https://b.example/1"))
    free_at = NOW + timedelta(seconds=4)
    record(database, "a", next_poll_at=NOW, pauses=(HostPause("a.example", free_at),))
    record(database, "b", next_poll_at=NOW, pauses=(HostPause("b.example", NOW + MINUTE),))
    with database.begin() as connection:
        (due,) = store.lease_due(connection, owner="me", now=NOW, until=NOW + HOUR)
        (named,) = store.lease_named(connection, owner="me", now=NOW, until=NOW + HOUR, names={"b"})
        pause = store.host_pause(connection, "b.example")

    assert (due.name, due.host_free_at) == ("a", free_at)
    assert (named.name, named.host_free_at) == ("b", None)  # a person asks
    assert pause == HostPause("b.example", NOW + MINUTE)


def test_a_rest_that_a_site_asked_for_is_not_shortened_by_a_request_that_a_person_made(database):
    subscribe(database, feed("a", "https://a.example/1"), feed("b", "https://a.example/2"))
    until = NOW + 2 * HOUR
    record(database, "a", pauses=(HostPause("a.example", until, MINUTE, NOW),))
    record(database, "b", pauses=(HostPause("a.example", NOW + MINUTE),))

    with database.begin() as connection:
        assert store.host_pause(connection, "a.example") == HostPause(
            "a.example", until, MINUTE, NOW
        )


@pytest.mark.parametrize("lesson", [(), (MINUTE, NOW)])
def test_pauses_are_written_in_one_order_so_that_processes_do_not_wait_for_each_other(
    database, lesson
):
    subscribe(database, feed("a"))
    names = [f"{letter}.example" for letter in "hgfedcba"]
    written = []

    def note(_connection, _cursor, statement, values, *_):
        if statement.startswith("INSERT INTO hosts"):
            written.extend(row["name"] if isinstance(row, dict) else row[0] for row in values)

    event.listen(database, "before_cursor_execute", note)
    record(database, "a", pauses=[HostPause(name, NOW, *lesson) for name in names])

    assert written == sorted(names)


def test_leases_are_given_back_by_owner(database):
    subscribe(database, feed("a"))
    lease_due(database, owner="first")

    with database.begin() as connection:
        assert store.lease_owners(connection) == ["first"]
        store.release_leases(connection, owner="second")
    assert lease_due(database, owner="second") == []
    with database.begin() as connection:
        store.release_leases(connection, owner="first")
    assert lease_due(database, owner="second") == ["a"]


def test_one_host_does_not_fill_all_places(database):
    one_host = [feed(f"a{number}", f"https://a.example/{number}") for number in range(9)]
    subscribe(database, *one_host, feed("b"))

    leased = lease_due(database, limit=5, per_host=2)

    assert len(leased) == 3
    assert "b" in leased
    assert lease_due(database, limit=5, per_host=2, busy_hosts=["a.example"]) == []


def test_polling_all_leaves_out_feeds_in_a_pause_and_gone_ones_but_a_name_is_a_name(database):
    subscribe(database, feed("a"), feed("b"), feed("c"))
    record(database, "a", outcome=Outcome.POSTPONED, error="429", not_before=NOW + HOUR)
    record(database, "b", outcome=Outcome.GONE, error="410", next_poll_at=None)

    def leased(names):
        with database.begin() as connection:
            due = store.lease_named(
                connection, owner="me", now=NOW, until=NOW + MINUTE, names=names
            )
            store.release_leases(connection, owner="me")
        return sorted(one.name for one in due)

    assert leased(None) == ["c"]
    assert leased({"a", "b"}) == ["a", "b"]


def test_a_host_with_thousands_of_overdue_feeds_does_not_hide_the_others(database):
    crowd = [feed(f"a{number}", f"https://a.example/{number}") for number in range(2000)]
    subscribe(database, *crowd)
    subscribe(database, *crowd, feed("b"), feed("c"), now=NOW + MINUTE)

    leased = lease_due(database, now=NOW + HOUR, limit=4, per_host=2)

    assert len(leased) == 4
    assert leased[2:] == ["b", "c"]


def test_any_number_of_feeds_can_be_leased_at_once(database):
    names = [f"f{number}" for number in range(1200)]
    subscribe(database, *(feed(name) for name in names))
    with database.begin() as connection:
        named = store.lease_named(
            connection, owner="me", now=NOW, until=NOW + MINUTE, names=frozenset(names[:1100])
        )

    due = lease_due(database, owner="other")

    assert sorted(one.name for one in named) == sorted(names[:1100])
    assert sorted(due) == sorted(names[1100:])


@only_sqlite
@pytest.mark.parametrize("statistics", ["", "ANALYZE"])
def test_a_tick_finds_feeds_by_index_and_never_walks_the_table(database, statistics):
    subscribe(database, *(feed(f"f{number}") for number in range(500)))
    lease_due(database, limit=5)
    with database.begin() as connection:
        connection.exec_driver_sql(statistics)
    with statements(database) as asked:
        lease_due(database, limit=5, per_host=2, busy_hosts=["f1.example", "f2.example"])
        with database.begin() as connection:
            store.lease_owners(connection)
            store.reclaim_leases(connection, gone=["a", "b"], owner="x", now=NOW)
            store.lease_named(connection, owner="x", now=NOW, until=NOW, names={"f1"})
            store.renew_leases(connection, owner="me", until=NOW + HOUR)
            store.release_leases(connection, owner="me", feed_ids=[1])
            store.release_leases(connection, owner="me")

    plans = []
    with database.connect() as connection:
        for statement in (one for one in asked if "feeds" in one):
            values = ("0",) * statement.count("?")
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.append((statement, " | ".join(step.detail for step in plan)))
    assert len(plans) == 10
    # Of the leased feeds there are few, and their index holds no others.
    walks = [plan for _, plan in plans if "SCAN" in plan and "ix_feeds_leased" not in plan]
    assert walks == []
    assert plans[0][1].startswith("SEARCH feeds USING INDEX ix_feeds_due (next_poll_at<?)")
    assert "ORDER BY" not in plans[0][1]


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
        first, second = query.page(connection, limit=9, with_content=True).entries
    assert [first.title, second.title] == ["Post 1", "Corrected"]
    assert second.updated_at == NOW + HOUR
    assert second.public_id == "https://example.org/?p=2"
    assert first.updated_at is None


def test_a_date_that_moves_changes_nothing(database):
    subscribe(database, feed("a"))
    record(database, "a", [entry(1)])

    written = record(database, "a", [entry(1, published_at=NOW, updated_at=NOW)])

    assert (written.new, written.updated, written.outcome) == (0, 0, Outcome.UNCHANGED)


def test_everything_about_an_entry_comes_back(database):
    subscribe(database, feed("a", category="News"))
    values = {
        "title": "A & B",
        "title_html": "A &amp; <b>B</b>",
        "authors": ("Ann", "Bo"),
        "categories": ("x", "y"),
        "enclosures": (Enclosure("https://example.org/a.mp3", "audio/mpeg", 5),),
        "language": "de",
        "comments_url": "https://example.org/c",
    }
    record(database, "a", [entry(1, **values)])

    with database.connect() as connection:
        (found,) = query.page(connection, limit=1, with_content=True).entries

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
        (found,) = query.page(connection, limit=1).entries
    assert found.listed_at == at


def test_a_poll_writes_entries_validators_and_bookkeeping_or_nothing(database):
    subscribe(database, feed("a"))

    with pytest.raises(RuntimeError), database.begin() as connection:
        (due,) = store.lease_due(connection, owner="me", now=NOW, until=NOW + HOUR)
        store.record_polls(
            connection,
            [
                store.PollReport(
                    feed_id=due.id,
                    url=due.url,
                    number=0,
                    started_at=NOW,
                    ended_at=NOW,
                    outcome=Outcome.NEW,
                    next_poll_at=NOW + HOUR,
                    next_reason="",
                    validators=Validators(due.url, '"1"'),
                )
            ],
        )
        raise RuntimeError

    with database.begin() as connection:
        (due,) = store.lease_due(connection, owner="me", now=NOW, until=NOW + HOUR)
    assert due.validators.etag is None
    assert due.polls == 0


def test_the_last_24_polls_are_remembered_oldest_first(database):
    subscribe(database, feed("a"))
    for hour in range(30):
        record(database, "a", now=NOW + hour * HOUR)

    with database.connect() as connection:
        health = query.feed(connection, "a", now=NOW)

    assert health is not None
    assert [poll.started_at for poll in health.polls] == [
        NOW + hour * HOUR for hour in range(6, 30)
    ]


@pytest.mark.parametrize("hours", [1, 2, 24, 25, 50])
def test_as_many_of_the_last_polls_are_read_as_are_asked_for(database, hours):
    subscribe(database, feed("a"), feed("b"))
    for hour in range(hours):
        record(database, "a", now=NOW + hour * HOUR)

    with database.connect() as connection:
        found = {
            health.source.name: [poll.started_at for poll in health.polls]
            for health in query.feeds_by_health(connection, now=NOW, history=2)
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
        health = query.feed(connection, "a", now=NOW)
    assert health is not None
    assert (health.failing_since, health.failures) == (NOW + HOUR, 2)
    assert health.error == "404 Not Found"
    assert health.last_success_at == NOW
    assert titles(database) == ["Post 1"]


# -------------------------------------------------------------------- retention


def delete_old(database, **arguments):
    with database.begin() as connection:
        return store.delete_old(connection, **arguments)


def test_an_old_entry_goes_unless_it_is_among_the_newest_of_its_feed(database):
    subscribe(database, feed("a"), feed("b"))
    record(database, "a", [entry(number) for number in range(1, 6)])
    record(database, "b", [entry(9)])

    deleted = delete_old(database, before=NOW - 2 * MINUTE, min_entries=2)

    assert deleted == 3
    assert titles(database) == ["Post 1", "Post 2", "Post 9"]
    with database.connect() as connection:
        assert query.overview(connection).entries == 3
        found = query.page(connection, limit=9, scope=Scope(search="post")).entries
    assert [one.title for one in found] == ["Post 1", "Post 2", "Post 9"]


def test_the_newest_entries_of_a_feed_are_its_newest_even_from_before_1970(database):
    subscribe(database, feed("a"))
    old = [datetime(year, 5, 5, tzinfo=UTC) for year in (1931, 1969, 1970)]
    record(database, "a", [entry(n, published_at=at) for n, at in enumerate(old)])

    with database.connect() as connection:
        (found,) = query.feeds_by_health(connection, now=NOW)
        places = store.newest_places(connection, [found.source.id], limit=9)

        none = store.newest_places(connection, [found.source.id], limit=0)

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


@only_sqlite
def test_of_changed_and_deleted_entries_no_old_word_stays_in_the_index(database):
    subscribe(database, feed("a"))
    html = "<p>Gulls &amp; <b>tr</b>awlers</p>"
    record(database, "a", [entry(number, content_html=html) for number in (1, 2, 3)])
    record(database, "a", [entry(1, title="Corrected", content_html="")], now=NOW + HOUR)

    delete_old(database, before=NOW - MINUTE, min_entries=0)

    with database.begin() as connection:
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', 'entries_text', 'row')"
        )
        left = connection.exec_driver_sql("SELECT term, cnt FROM temp.vocabulary").all()
    assert sorted(map(tuple, left)) == [
        ("1", 1),
        ("corrected", 1),
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
        before = query.version(connection)

    record(database, "a", head=head)

    with database.connect() as connection:
        assert (query.version(connection) > before) is grows


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
    few = ("SCAN state", "SCAN wanted VIRTUAL", "SCAN hosts", "SCAN CONSTANT")
    walks = {
        statement: plan
        for statement, plan in plans.items()
        if any("SCAN" in step and not step.startswith(few) for step in plan.split(" | "))
    }
    assert walks == {}
