"""Writes: the subscriptions of config.yaml, also when they change during a poll."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from aggregator.database.feeds import read_health, read_names, write_hosts, write_subscriptions
from aggregator.database.schema import feeds
from aggregator.database.state import read_overview
from aggregator.model import (
    Constraint,
    Failure,
    FailureKind,
    Habits,
    HostPause,
    ListKind,
    ListScope,
    Outcome,
    Subscription,
)
from tests.stored import MINUTE, feed, lease_due, statements, titles
from tests.worlds import NOW, entry, poll_of, record, store_poll, subscribe

HOUR = timedelta(hours=1)


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

    assert titles(database, scope=ListScope(ListKind.SOURCE, "a")) == ["Post 1"]
    assert lease_due(database) == ["a"]


def test_what_an_old_address_taught_is_forgotten_when_the_address_changes(database):
    """All columns of a feed, so that whoever adds one decides what it belongs to."""
    subscribe(database, feed("a"), feed("new"))
    record(database, "a", [entry(1)])
    record(database, "a", error="404", outcome=Outcome.FAILED)
    taught = {
        "title": "Old title", "subtitle": "x", "site_url": "https://a.example/",
        "feed_id": "urn:a", "language": "de", "author": "Ann", "rights": "x",
        "format": "rss20", "note": "repaired", "validators_url": "https://a.example/feed",
        "etag": "x", "last_modified": "x", "body_hash": b"x", "seen_hashes": b"x",
        "last_full_at": NOW, "freshness": HOUR, "moved_to": "https://b.example/",
        "moving_to": "https://b.example/", "moving_since": NOW, "moving_seen": 1,
        "habits": Habits(renamed=3), "ttl": HOUR, "update_every": HOUR, "skip_hours": (1,),
        "skip_days": (1,), "gap": HOUR, "plan": (Constraint("ttl", "1h", NOW),),
        "next_poll_at": NOW, "next_reason": "x", "not_before": NOW, "last_polled_at": NOW,
        "last_success_at": NOW, "failures": 3, "failing_since": NOW, "error": "404", "gone": True,
        "failure": Failure(FailureKind.NOT_FOUND, 404), "first_posts": 5,
    }  # fmt: skip
    stays = {"id", "name", "url", "host", "configured_title", "listing", "paused", "interval",
             "read_here", "written_url", "named_by_title",
             "pictures", "request_digest", "opml_list", "by_proxy", "selectors",
             "interval_given", "distrust_304", "timezone", "stories", "rank", "private",
             "subscribed", "polls", "entries", "last_change_at", "lease_owner",
             "lease_until", "is_initial", "first_read_at"}  # fmt: skip
    with database.begin() as connection:
        connection.execute(update(feeds).where(feeds.c.name == "a").values(taught))

    subscribe(database, feed("a", "https://else.example/feed"), feed("new"))

    with database.connect() as connection:
        rows = connection.execute(select(feeds).order_by(feeds.c.name)).mappings().all()
        health = read_health.feed(connection, "a", now=NOW)
    a, new = ({name: row[name] for name in taught} for row in rows)
    assert set(feeds.c.keys()) == set(taught) | stays
    assert a == new | {"next_reason": "the address changed"}
    assert health is not None
    assert (health.polls, health.entries) == ((), 1)
    assert titles(database) == ["Post 1"]


def test_a_made_name_follows_its_url(database):
    subscribe(database, Subscription("example-org", "https://example.org/one"))
    record(database, "example-org", [entry(1)])

    subscribe(
        database,
        Subscription("example-org", "https://example.org/two"),
        Subscription("example-org-abc", "https://example.org/one"),
    )

    assert titles(database, scope=ListScope(ListKind.SOURCE, "example-org-abc")) == ["Post 1"]
    assert titles(database, scope=ListScope(ListKind.SOURCE, "example-org")) == []


def test_two_feeds_can_swap_their_names(database):
    subscribe(database, feed("a"), feed("b"))
    record(database, "a", [entry(1)])

    subscribe(
        database,
        Subscription("a", "https://b.example/feed"),
        Subscription("b", "https://a.example/feed"),
    )

    assert titles(database, scope=ListScope(ListKind.SOURCE, "b")) == ["Post 1"]


def test_a_name_that_a_removed_feed_had_is_free_again(database):
    subscribe(database, feed("a"), feed("b"))
    record(database, "a", [entry(1)])

    subscribe(database, Subscription("b", "https://a.example/feed"))

    assert titles(database, scope=ListScope(ListKind.SOURCE, "b")) == ["Post 1"]


def test_a_feed_that_changes_category_takes_its_entries_along(database):
    subscribe(database, feed("a", categories=("Old",)))
    record(database, "a", [entry(1)])

    subscribe(database, feed("a", categories=("Künste & Co",)))

    assert titles(database, scope=ListScope(ListKind.CATEGORY, "old")) == []
    assert titles(database, scope=ListScope(ListKind.CATEGORY, "künste-co")) == ["Post 1"]
    with database.connect() as connection:
        found = read_overview.sidebar(connection, now=NOW).lists
    assert [(category.title, category.posts) for category in found] == [("Künste & Co", 1)]


def test_reading_the_same_file_again_changes_nothing(database):
    subscribe(database, feed("a"))
    with database.connect() as connection:
        before = read_overview.version(connection)

    with database.begin() as connection:
        result = write_subscriptions.sync_subscriptions(connection, [feed("a")], now=NOW + HOUR)

    with database.connect() as connection:
        assert read_overview.version(connection) == before
    assert result == write_subscriptions.SyncResult()


def test_a_start_with_the_same_file_reads_each_feed_once_and_writes_nothing(database):
    many = [feed(f"f{number}", categories=(f"C {number % 9}",)) for number in range(300)]
    subscribe(database, *many)

    with statements(database) as seen:
        subscribe(database, *many, now=NOW + HOUR)

    reading = ("SELECT", "PRAGMA", "BEGIN", "SET LOCAL")
    assert not [one for one in seen if not one.startswith(reading)]
    assert len([one for one in seen if "FROM feeds" in one]) == 1


def test_a_change_of_all_feeds_takes_no_more_statements_than_a_change_of_one(database):
    names = [f"f{number}" for number in range(300)]
    old = feed(names[0], categories=("Old",))
    subscribe(database, old, *(feed(name) for name in names[1:]))
    with statements(database) as for_one:
        changed = feed(names[0], interval=2 * HOUR, categories=("New",))
        subscribe(database, changed, *(feed(name) for name in names[1:]))
    with statements(database) as for_all:
        subscribe(
            database, *(feed(name, interval=3 * HOUR, categories=("Other",)) for name in names)
        )
    with statements(database) as to_leave:
        subscribe(database)

    assert len(for_all) <= len(for_one) + 1  # in place of feeds all of them are listed anew
    assert len(to_leave) < 25
    assert lease_due(database, now=NOW + 9 * HOUR) == []


def test_of_a_changed_file_only_the_feeds_that_differ_are_told(database):
    subscribe(database, *(feed(name, interval=HOUR) for name in "abcd"))

    with database.begin() as connection:
        result = write_subscriptions.sync_subscriptions(
            connection, [feed("d"), feed("new"), feed("b", interval=2 * HOUR), feed("a")], now=NOW
        )

    assert result == write_subscriptions.SyncResult(
        added_feeds=("new",), removed_feeds=("c",), changed_feeds=("b",)
    )


def test_a_feed_that_returns_to_the_file_is_told_as_added(database):
    subscribe(database, feed("a"), feed("b"))
    subscribe(database, feed("b"))

    with database.begin() as connection:
        result = write_subscriptions.sync_subscriptions(connection, [feed("a"), feed("b")], now=NOW)

    assert result == write_subscriptions.SyncResult(added_feeds=("a",))


def test_of_the_feeds_that_the_guard_refused_only_those_that_it_allows_now_are_due(database):
    subscribe(database, *map(feed, "abc"), feed("of-a-list", opml_list="https://l.example/"))
    for name, kind in {
        "a": FailureKind.NOT_PUBLIC,
        "b": FailureKind.NOT_PUBLIC,
        "c": FailureKind.TIMEOUT,
        "of-a-list": FailureKind.NOT_PUBLIC,
    }.items():
        record(
            database, name, outcome=Outcome.FAILED, error="x", failures=1, failure=Failure(kind),
            next_poll_at=NOW + HOUR,
        )  # fmt: skip

    with database.begin() as connection:
        write_subscriptions.poll_refused_feeds(
            connection, lambda url: url != feed("b").url, now=NOW
        )

    assert lease_due(database, now=NOW) == ["a"]


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
    subscribe(database, feed("a", categories=("news",)))
    with database.connect() as connection:
        before = read_overview.version(connection)

    subscribe(database, feed("a", categories=("News",)))

    with database.connect() as connection:
        found = read_overview.sidebar(connection, now=NOW)
        after = read_overview.version(connection)
    assert [category.title for category in found.lists] == ["News"]
    assert after > before


# ------------------------------------------------- config.yaml changes during a poll


def test_a_poll_of_an_address_that_was_replaced_meanwhile_says_nothing_about_the_new_one(database):
    subscribe(database, feed("a"))
    gone = poll_of(database, "a", outcome=Outcome.GONE, error="410", next_poll_at=None)
    subscribe(database, feed("a", "https://new.example/feed"))
    assert lease_due(database) == []

    assert store_poll(database, gone) is None

    with database.connect() as connection:
        health = read_health.feed(connection, "a", now=NOW)
    assert health is not None
    assert (health.is_gone, health.error, health.polls) == (False, None, ())
    assert lease_due(database) == ["a"]


def test_no_post_of_an_address_that_was_corrected_during_its_poll_is_listed(database):
    pause = HostPause("wrong.example", NOW + HOUR)
    subscribe(database, feed("a", "https://wrong.example/feed"))
    wrong = poll_of(database, "a", [entry(1)], pauses=(pause,))
    subscribe(database, feed("a", "https://right.example/feed"))

    assert store_poll(database, wrong) is None
    record(database, "a", [entry(2)])

    assert titles(database) == ["Post 2"]
    with database.connect() as connection:
        assert write_hosts.host_pause(connection, "wrong.example") is not None


def test_a_feed_that_was_removed_during_its_poll_is_not_planned_again(database):
    subscribe(database, feed("a"))
    report = poll_of(database, "a")
    subscribe(database)

    assert store_poll(database, report) is not None

    with database.connect() as connection:
        assert read_health.next_due_at(connection) is None
    subscribe(database, feed("a"), now=NOW + HOUR)
    assert lease_due(database, now=NOW + HOUR) == ["a"]


def present_name(database, name):
    with database.connect() as connection:
        return read_names.present_name(connection, name)


def named(name, url="https://blog.example/feed", *, given=True):
    return Subscription(name, url, name_given=given)


def test_a_feed_with_the_name_of_one_that_left_the_file_keeps_its_own_entries(database):
    subscribe(database, feed("a"), feed("b"))
    record(database, "a", [entry(1)])
    record(database, "b", [entry(2)])
    subscribe(database, feed("b"))

    subscribe(database, feed("a", "https://b.example/feed"))

    assert titles(database) == ["Post 2"]
    assert present_name(database, "b") == "a"


def test_a_former_name_leads_to_the_present_one_however_often_that_changes(database):
    subscribe(database, named("blog-example", given=False))
    subscribe(database, named("the-blog", given=False))
    subscribe(database, named("blog"))

    assert present_name(database, "blog-example") == "blog"
    assert present_name(database, "the-blog") == "blog"
    assert present_name(database, "blog") is None
    assert present_name(database, "unheard-of") is None

    subscribe(database, named("the-blog", given=False))
    assert present_name(database, "blog") == "the-blog"
    assert present_name(database, "the-blog") is None


def test_a_name_that_a_feed_has_now_leads_nowhere_else(database):
    subscribe(database, named("blog"))
    subscribe(database, named("journal", given=False), named("blog", "https://other.example/"))

    assert present_name(database, "blog") is None

    subscribe(database, named("journal", given=False))
    assert present_name(database, "blog") is None  # it was another feed's last


def test_feeds_that_swap_their_names_leave_no_former_ones(database):
    subscribe(database, named("a", "https://a.example/"), named("b", "https://b.example/"))
    subscribe(
        database,
        named("b", "https://a.example/", given=False),
        named("a", "https://b.example/", given=False),
    )

    assert present_name(database, "a") is None
    assert present_name(database, "b") is None


def test_a_former_name_of_a_feed_that_left_the_file_leads_nowhere_until_it_is_back(database):
    subscribe(database, named("old"))
    subscribe(database, named("new", given=False))
    subscribe(database)
    assert present_name(database, "old") is None

    subscribe(database, named("newer", given=False))
    assert present_name(database, "old") == "newer"
    assert present_name(database, "new") == "newer"


def test_searches_take_the_present_names_of_sources(database):
    subscribe(database, named("old"), named("held", "https://held.example/"))
    subscribe(database, named("new", given=False), named("held", "https://held.example/"))

    with database.connect() as connection:
        searches = {
            text: read_names.present_search(connection, text)
            for text in ("source:old", 'tides -source:"Old" source:held', "old", "source:held")
        }

    assert searches == {
        "source:old": "source:new",
        'tides -source:"Old" source:held': "tides -source:new source:held",
        "old": None,
        "source:held": None,
    }


@pytest.mark.slow
def test_a_long_file_is_compared_with_the_database_in_statements_between_which_a_stop_may_come(
    database,
):
    row_counts = []

    def note(_connection, _cursor, _statement, values, *_):
        if isinstance(values, dict):  # of one statement for many rows
            values = max(
                (array for array in values.values() if isinstance(array, list)),
                key=len,
                default=[1],
            )
        row_counts.append(len(values) if isinstance(values, list) else 1)

    event.listen(database, "before_cursor_execute", note)
    names = [f"f{number}" for number in range(1200)]
    files = [
        [feed(name, categories=("A",)) for name in names],
        [feed(name, categories=("B",), interval=9 * HOUR) for name in reversed(names)],
        [feed(f"new-{name}", f"https://{name}.example/feed") for name in names],
        [feed("other")],
    ]
    for subscriptions in files:
        subscribe(database, *subscriptions)
    event.remove(database, "before_cursor_execute", note)

    assert max(row_counts) == 500


def test_categories_that_differ_by_signs_are_lists_of_their_own(database):
    names = ("C", "C++", "C#", "🎮")
    subscribe(database, *(feed(f"f{n}", categories=(name,)) for n, name in enumerate(names)))
    for n in range(len(names)):
        record(database, f"f{n}", [entry(n)])

    slugs = ("c", "c-plus-plus", "c-sharp", "🎮")
    assert [titles(database, scope=ListScope(ListKind.CATEGORY, slug)) for slug in slugs] == [
        [f"Post {n}"] for n in range(len(names))
    ]
    assert [
        titles(database, scope=ListScope(ListKind.SEARCH, f"category:{name}")) for name in names
    ] == [[f"Post {n}"] for n in range(len(names))]

    subscribe(database, *(feed(f"f{n}", categories=(name,)) for n, name in enumerate(names) if n))
    with database.connect() as connection:
        assert read_names.present_slug(connection, "c") == "c-plus-plus"
        assert read_names.present_slug(connection, "c-plus-plus") is None
        assert read_names.present_slug(connection, "d") is None
