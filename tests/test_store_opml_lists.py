"""The OPML lists of config.yaml in the database: addresses, leases, feeds, health."""

from datetime import timedelta

import pytest

from aggregator.database import Engine
from aggregator.database.feeds import read_health, write_hosts
from aggregator.database.opml_lists import read_opml_lists, write_opml_lists
from aggregator.model import DueOpmlList, HostPause, NextPoll, OpmlOutline, OpmlPoll, Validators
from aggregator.scheduler import config_sync
from tests.configured import parsed
from tests.worlds import NOW

A, B = "https://lists.example/a.opml", "https://lists.example/b.opml"
ADA, BEN = (OpmlOutline(f"https://{name}.example/", name, ("Blogs",)) for name in ("ada", "ben"))
HOUR = timedelta(hours=1)


def follow(database: Engine, text: str) -> list[str]:
    """Make the database agree with a file; return the names of the subscribed feeds."""
    with database.begin() as connection:
        config_sync.follow(connection, parsed(text), now=NOW)
        feeds = read_health.feeds_by_urgency(connection, now=NOW)
        return sorted(feed.source.name for feed in feeds)


def lease(database: Engine, owner: str = "one", *, at=NOW, **options) -> list[DueOpmlList]:
    with database.begin() as connection:
        return write_opml_lists.lease_lists(
            connection, owner=owner, now=at, until=at + HOUR,
            **{"addresses": None, "only_due": True, **options},
        )  # fmt: skip


def record(database: Engine, due: DueOpmlList, *outlines, owner: str = "one", **values) -> None:
    poll = OpmlPoll(
        due.id, due.address, NOW, NextPoll(NOW + HOUR, "x"),
        **{"validators": Validators(A, '"1"'), "outlines": outlines or None, **values},
    )  # fmt: skip
    with database.begin() as connection:
        write_opml_lists.record(connection, poll, owner=owner)


def test_lists_come_and_go_with_the_file_and_keep_what_was_read(database):
    assert follow(database, f"feeds: [{{opml: '{A}'}}]") == []
    (due,) = lease(database)
    record(database, due, ADA, BEN)

    both = f"feeds: [{{opml: '{B}'}}, {{opml: '{A}'}}, https://own.example/]"
    assert follow(database, both) == ["ada", "ben", "own-example"]
    with database.connect() as connection:
        healths = read_opml_lists.healths(connection)
        versions = read_opml_lists.versions(connection)
    assert [(health.address, health.feeds) for health in healths] == [(B, 0), (A, 2)]
    assert versions == {A: 1, B: 0}

    assert follow(database, "feeds: [https://own.example/]") == ["own-example"]
    assert lease(database, only_due=False) == []


def test_a_poll_leaves_its_traces(database):
    follow(database, f"feeds: [{{opml: '{A}'}}]")
    (due,) = lease(database)
    assert due == DueOpmlList(due.id, A, Validators())
    record(database, due, ADA)
    assert lease(database) == []

    (due,) = lease(database, at=NOW + HOUR)
    assert due == DueOpmlList(due.id, A, Validators(A, '"1"'), (ADA,))
    pause = HostPause("lists.example", NOW + HOUR)
    record(database, due, validators=None, failure="404", failures=1, pause=pause)

    (due,) = lease(database, only_due=False)
    assert due == DueOpmlList(due.id, A, Validators(A, '"1"'), (ADA,), 1)
    with database.connect() as connection:
        (health,) = read_opml_lists.healths(connection)
        assert write_hosts.host_pause(connection, "lists.example") == pause
    assert (health.failure, health.last_success_at, health.next_poll_at) == ("404", NOW, NOW + HOUR)


def test_a_leased_list_waits_for_the_end_of_the_lease_and_late_polls_are_dropped(database):
    follow(database, f"feeds: [{{opml: '{A}'}}, {{opml: '{B}'}}]")
    (due,) = lease(database, addresses=[A])

    assert [item.address for item in lease(database, "two")] == [B]
    with database.begin() as connection:
        write_opml_lists.release(connection, owner="two")
    assert [item.address for item in lease(database, "two")] == [B]
    assert [item.address for item in lease(database, "two", at=NOW + HOUR)] == [A, B]

    record(database, due, ADA)
    with database.connect() as connection:
        assert read_opml_lists.outlines_in_force(connection) == {}


@pytest.mark.parametrize("address", [None, A])
def test_a_feed_tells_the_list_that_it_comes_from(database, address):
    own = "" if address else "'https://ada.example/'"
    follow(database, f"feeds: [{{opml: '{A}'}}, {own}]")
    (due,) = lease(database)
    record(database, due, ADA)

    follow(database, f"feeds: [{{opml: '{A}'}}, {own}]")
    with database.connect() as connection:
        (feed,) = read_health.feeds_by_urgency(connection, now=NOW)
    assert feed.opml_list == address
