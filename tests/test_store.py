"""Writes: leases of feeds, and the rests of their hosts."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from aggregator.database.feeds import write_hosts, write_leases
from aggregator.database.feeds.write_batches import lease_batches
from aggregator.model import HostPause, Outcome
from tests.stored import MINUTE, feed, lease_due, statements, titles
from tests.worlds import (
    NOW,
    entry,
    only_postgresql,
    only_sqlite,
    poll_of,
    record,
    store_poll,
    subscribe,
)

HOUR = timedelta(hours=1)


def reclaim(database, *, now, gone=(), owner="other"):
    with database.begin() as connection:
        return write_leases.reclaim_leases(connection, ended_owners=gone, owner=owner, now=now)


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
        write_leases.lease_named(
            connection, owner="first", now=NOW, until=NOW + MINUTE, names=set("abc")
        )

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


def test_behind_many_feeds_of_one_host_those_of_others_are_found(database):
    names = [f"n{number}" for number in range(30)]
    crowd = [feed(name, f"https://crowd.example/{name}") for name in names]
    subscribe(database, *crowd, feed("a", "https://a.example/"), feed("b", "https://b.example/"))
    for name in ("a", "b"):
        record(database, name, next_poll_at=NOW + MINUTE)

    leased = lease_due(database, now=NOW + MINUTE, limit=4, per_host=2)

    assert {"a", "b"} <= set(leased)
    assert len(leased) == 4


def test_nobody_takes_a_lease_from_himself(database):
    subscribe(database, feed("a"))
    lease_due(database, owner="me")  # and the database is locked for an hour

    assert reclaim(database, now=NOW + HOUR, owner="me") == 0
    assert reclaim(database, now=NOW + HOUR, owner="other") == 1


def test_a_feed_that_is_never_polled_again_is_not_after_a_lost_lease_either(database):
    subscribe(database, feed("a"))
    record(database, "a", outcome=Outcome.GONE, error="410", next_poll_at=None)
    with database.begin() as connection:
        write_leases.lease_named(
            connection, owner="first", now=NOW, until=NOW + MINUTE, names={"a"}
        )

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
        write_leases.lease_named(connection, owner="first", now=NOW, until=NOW, names={"a", "file"})

    def leased(owner, names):
        with database.begin() as connection:
            due = write_leases.lease_named(connection, owner=owner, now=NOW, until=NOW, names=names)
        return sorted(one.name for one in due)

    assert leased("second", None) == ["c", "file2"]
    assert leased("second", {"b"}) == ["b"]  # a person asks
    with database.begin() as connection:
        write_leases.release_leases(connection, owner="second")
    assert leased("first", None) == ["b", "c", "file2"]


def test_hosts_of_several_feeds_are_known(database):
    subscribe(
        database, feed("a", "https://a.example/1"), feed("b", "https://www.a.example/2"),
        feed("c"), feed("file", "x.xml"), feed("file2", "y.xml"),
    )  # fmt: skip
    with database.begin() as connection:
        assert write_hosts.shared_hosts(connection) == {"a.example"}


def test_who_leases_a_feed_learns_how_long_its_host_rests(database):
    subscribe(database, feed("a", "https://a.example/1"), feed("b", "https://b.example/1"))
    free_at = NOW + timedelta(seconds=4)
    record(database, "a", next_poll_at=NOW, pauses=(HostPause("a.example", free_at),))
    record(database, "b", next_poll_at=NOW, pauses=(HostPause("b.example", NOW + MINUTE),))
    with database.begin() as connection:
        (due,) = write_leases.lease_due(connection, owner="me", now=NOW, until=NOW + HOUR)
        (named,) = write_leases.lease_named(
            connection, owner="me", now=NOW, until=NOW + HOUR, names={"b"}
        )
        pause = write_hosts.host_pause(connection, "b.example")

    assert (due.name, due.host.free_at) == ("a", free_at)
    assert (named.name, named.host.free_at) == ("b", None)  # a person asks
    assert pause == HostPause("b.example", NOW + MINUTE)


def test_a_rest_that_a_site_asked_for_is_not_shortened_by_a_request_that_a_person_made(database):
    subscribe(database, feed("a", "https://a.example/1"), feed("b", "https://a.example/2"))
    until = NOW + 2 * HOUR
    record(database, "a", pauses=(HostPause("a.example", until, MINUTE, NOW),))
    record(database, "b", pauses=(HostPause("a.example", NOW + MINUTE),))

    with database.begin() as connection:
        assert write_hosts.host_pause(connection, "a.example") == HostPause(
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
            written.extend(values["name"] if isinstance(values, dict) else [r[0] for r in values])

    event.listen(database, "before_cursor_execute", note)
    record(database, "a", pauses=[HostPause(name, NOW, *lesson) for name in names])

    assert written == sorted(names)


@pytest.mark.parametrize("taken_over", ["and held", "and given back", "and polled"])
def test_a_poll_that_ends_after_its_lease_was_lost_leaves_the_lease_of_the_next_one(
    database, taken_over
):
    """Its process was held up for longer than a lease lasts."""
    subscribe(database, feed("a"))
    late = poll_of(database, "a", [entry(1)])
    with database.begin() as connection:
        write_leases.reclaim_leases(connection, ended_owners=["test"], owner="next", now=NOW)
    later = NOW + timedelta(days=1)
    assert lease_due(database, now=later, owner="next") == ["a"]
    if taken_over != "and held":
        with database.begin() as connection:
            write_leases.release_leases(connection, owner="next")
    if taken_over == "and polled":
        record(database, "a", [entry(1, title="Edited"), entry(2)], now=later)

    stored = store_poll(database, late)

    with database.connect() as connection:
        holders = write_leases.lease_owners(connection)
    assert holders == (["next"] if taken_over == "and held" else [])
    assert (stored is not None) is (taken_over == "and given back")  # nothing is newer
    expected = {"and held": [], "and given back": ["Post 1"], "and polled": ["Edited", "Post 2"]}
    assert titles(database) == expected[taken_over]


def test_leases_are_given_back_by_owner(database):
    subscribe(database, feed("a"))
    lease_due(database, owner="first")

    with database.begin() as connection:
        assert write_leases.lease_owners(connection) == ["first"]
        write_leases.release_leases(connection, owner="second")
    assert lease_due(database, owner="second") == []
    with database.begin() as connection:
        write_leases.release_leases(connection, owner="first")
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
            due = write_leases.lease_named(
                connection, owner="me", now=NOW, until=NOW + MINUTE, names=names
            )
            write_leases.release_leases(connection, owner="me")
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
        named = write_leases.lease_named(
            connection, owner="me", now=NOW, until=NOW + MINUTE, names=frozenset(names[:1100])
        )

    due = lease_due(database, owner="other")

    assert sorted(one.name for one in named) == sorted(names[:1100])
    assert sorted(due) == sorted(names[1100:])


def test_the_end_of_a_batch_frees_no_lease_of_another_one_and_that_of_a_process_frees_all(database):
    subscribe(database, *(feed(name) for name in "abc"))
    owners = {"a": "17.0@me", "b": "117.0@me", "c": "17.0@me-too"}
    for name, owner in owners.items():
        with database.begin() as connection:
            write_leases.lease_named(
                connection, owner=owner, now=NOW, until=NOW + HOUR, names={name}
            )

    left = []
    for owner in ("17.0@me", "me"):
        with database.begin() as connection:
            write_leases.release_leases(connection, owner=owner)
            left.append(set(write_leases.lease_owners(connection)))

    assert left == [{"117.0@me", "17.0@me-too"}, {"17.0@me-too"}]


@only_postgresql
def test_feeds_of_a_batch_without_a_worker_are_due_at_once_when_their_leases_expire(database):
    subscribe(database, feed("a"), feed("b"))
    with database.begin() as connection:
        batches = lease_batches(connection, scheduler="s", now=NOW, until=NOW + HOUR, limit=9)
        taken_over = write_leases.lease_batch(
            connection, token=batches[0].token, owner="1.0@me", now=NOW, until=NOW + HOUR
        )
    assert [feed_id for batch in batches for feed_id in batch.feed_ids] == [
        due.id for due in taken_over
    ]
    with database.begin() as connection:
        write_leases.release_leases(connection, owner="me")
        lease_batches(connection, scheduler="s", now=NOW, until=NOW + HOUR, limit=9)

    assert lease_due(database, now=NOW + HOUR) == []
    assert reclaim(database, now=NOW + 2 * HOUR) == 0
    assert len(lease_due(database, now=NOW + 2 * HOUR)) == 2


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
            write_leases.lease_owners(connection)
            write_leases.reclaim_leases(connection, ended_owners=["a", "b"], owner="x", now=NOW)
            write_leases.lease_named(connection, owner="x", now=NOW, until=NOW, names={"f1"})
            write_leases.renew_leases(connection, owner="me", until=NOW + HOUR)
            write_leases.release_leases(connection, owner="me", feed_ids=[1])
            write_leases.release_leases(connection, owner="me")

    plans = []
    with database.connect() as connection:
        for statement in (one for one in asked if "feeds" in one):
            values = ("0",) * statement.count("?")
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.append((statement, " | ".join(step.detail for step in plan)))
    assert len(plans) == 11
    # Of the leased feeds there are few, and their index holds no others.
    walks = [plan for _, plan in plans if "SCAN" in plan and "ix_feeds_leased" not in plan]
    assert walks == []
    assert plans[0][1].startswith("SEARCH feeds USING INDEX ix_feeds_due (next_poll_at<?)")
    assert "ORDER BY" not in plans[0][1]
