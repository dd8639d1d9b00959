"""What one feed may store and show, whatever it sends."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator.config import load
from aggregator.database.feeds import write_leases
from aggregator.database.lists import read_lists, write_definitions, write_relisting
from aggregator.model import CommonRules, ListingRules, ListKind, ListScope, Subscription
from aggregator.poll import recording
from tests import worlds
from tests.selection import slow_after
from tests.stored import list_scope
from tests.worlds import NOW, SETTINGS, entry, new_database, poll_of, record, subscribe
from web import create_app


def test_of_a_document_the_newest_entries_are_stored_and_the_others_do_not_come_again(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(worlds, "SETTINGS", replace(worlds.SETTINGS, max_entries=3))
    database = new_database(tmp_path)
    subscribe(database, Subscription("a", "https://a.example/feed"))
    document = [entry(number) for number in (5, 2, 4, 1, 3)]

    reports = [
        record(database, "a", document, now=NOW + hour * timedelta(hours=1)) for hour in range(3)
    ]

    with database.connect() as connection:
        page = read_lists.entries_page(connection, scope=ListScope(ListKind.SOURCE, "a"), limit=9)
    assert [each.title for each in page.entries] == ["Post 1", "Post 2", "Post 3"]
    assert reports[0].new == 3


# ------------------------------------------------------------------------------- of a list


@pytest.fixture
def database(tmp_path):
    engine = new_database(tmp_path)
    yield engine
    engine.dispose()


def share(database, per_hour):
    with database.begin() as connection:
        write_definitions.write_rules(connection, ListingRules(CommonRules(per_hour=per_hour)))
    write_relisting.relist_all(database)


def listed(database, **scope):
    """Return how many entries of each source a list has, over all of its pages."""
    counts: Counter[str] = Counter()
    before = None
    with database.connect() as connection:
        while True:
            page = read_lists.entries_page(
                connection, scope=list_scope(**scope), limit=7, before=before
            )
            counts.update(entry.source.name for entry in page.entries)
            if page.next is None:
                return counts
            before = page.next


def follow(database, **categories):
    subscriptions = [
        Subscription(
            name,
            f"https://{name}.example/feed",
            categories=(category,) if category else (),
            name_given=True,
        )
        for name, category in categories.items()
    ]
    subscribe(database, *subscriptions)


def flood(count, *, start=0, minutes=0.0):
    """Return posts of one hour, or one every so many minutes, with words and links of their own."""
    return [
        entry(
            number,
            published_at=NOW - number * timedelta(minutes=minutes),
            guid=f"https://flood.example/{number}",
            url=f"https://flood.example/{number}",
            title=f"Offer {number * 7919}",
            content_html=f"<p>{number * 104729} {number * 1299709}</p>",
        )
        for number in range(start, start + count)
    ]


@pytest.mark.slow
def test_one_feed_takes_no_more_than_its_share_of_an_hour_and_its_own_page_has_all(database):
    follow(database, flood="News", blog="News")
    share(database, 20)
    record(database, "blog", [entry(number) for number in range(60, 65)])
    record(database, "flood", flood(300))
    record(database, "flood", flood(300, start=300), now=NOW + timedelta(minutes=5))

    with database.connect() as connection:
        first = read_lists.entries_page(connection, limit=40).entries
    assert {each.source.name for each in first} == {"flood", "blog"}
    assert listed(database) == listed(database, category="news") == {"flood": 20, "blog": 5}
    assert listed(database, source="flood") == {"flood": 600}


def test_the_merged_feed_has_the_others_and_the_feeds_own_has_all_of_it(database, tmp_path):
    follow(database, flood=None, blog=None)
    share(database, 20)
    record(database, "blog", [entry(number) for number in range(60, 65)])
    record(database, "flood", flood(300))
    (tmp_path / "config.yaml").write_text("feeds: [https://a.example/, https://b.example/]")
    client = create_app(load(tmp_path / "config.yaml"), database).test_client()

    merged = json.loads(client.get("/feed.json?limit=200").data)["items"]
    own = json.loads(client.get("/source/flood/feed.json?limit=200").data)["items"]

    assert (len(merged), len(own)) == (25, 200)


@pytest.mark.slow
def test_what_is_spread_over_the_hours_is_listed_whole(database):
    follow(database, flood=None, blog=None)
    share(database, 20)

    record(database, "flood", flood(100, minutes=4))
    for number in range(100, 130):
        record(database, "flood", flood(1, start=number, minutes=4))

    assert listed(database) == {"flood": 130}


@pytest.mark.parametrize("together", slow_after(1, [3, 1, 50]))
def test_the_share_counts_whether_posts_come_together_or_one_by_one(database, together):
    follow(database, flood=None, blog=None)
    share(database, 20)

    for start in range(0, 50, together):
        record(database, "flood", flood(together, start=start))

    assert listed(database)["flood"] == 20


@pytest.mark.parametrize("known", [0, 1, 5])
def test_of_a_document_stored_in_part_by_a_killed_program_the_share_is_listed_in_the_end(
    database, monkeypatch, known
):
    monkeypatch.setattr(recording, "PART_SIZE", 50)
    follow(database, flood=None, blog=None)
    share(database, 30)
    if known:
        record(database, "flood", flood(known, start=100))
    poll = poll_of(database, "flood", flood(70, minutes=0.01))
    with database.begin() as connection:
        state = recording.record_part(connection, recording.Recording((poll,)), SETTINGS, now=NOW)
        write_leases.release_leases(connection, owner="test")  # as the next start does

    record(database, "flood", flood(75, minutes=0.01))

    assert state.reports is None
    assert listed(database, source="flood") == {"flood": 75 + known}
    assert listed(database) == {"flood": 30}
    with database.connect() as connection:
        assert read_lists.entries_page(connection, limit=1).entries[0].title == "Offer 0"


def test_another_share_counts_at_once_for_what_is_stored(database):
    follow(database, flood=None, blog=None)
    record(database, "flood", flood(50))

    counts = []
    for per_hour in (20, 5, None, 20):
        share(database, per_hour)
        counts.append(listed(database)["flood"])

    assert counts == [20, 5, 50, 20]


def test_what_is_beyond_the_share_hides_no_post_of_another_feed(database):
    follow(database, flood=None, blog=None)
    share(database, 2)
    words = " ".join(f"word{number}" for number in range(100))
    story = {"title": "A ferry terminal reopens", "content_html": f"<p>{words}</p>"}
    copy = entry(99, **story, url="https://blog.example/ferry", published_at=NOW)
    record(database, "flood", [*flood(5), copy])

    record(database, "blog", [entry(1, **story, url="https://blog.example/ferry")])

    assert listed(database) == {"flood": 2, "blog": 1}


def test_a_single_feed_is_listed_whole(tmp_path):
    path = tmp_path / "config.yaml"
    shares = []
    for feeds in ("[a.xml]", "[a.xml, b.xml]", "[a.xml, b.xml]\nper_hour: off"):
        path.write_text(f"feeds: {feeds}")
        shares.append(load(path).share)

    assert shares == [None, 500, None]
