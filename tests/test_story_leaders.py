"""Whoever copies a post does not stand for it because of being polled first."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from aggregator.database.feeds import write_subscriptions
from aggregator.database.lists import read_lists, write_relisting
from aggregator.database.schema import relistings
from aggregator.model import Subscription
from aggregator.stories.representatives import (
    HOME_WINDOW,
    RANK_WINDOW,
    StoryMember,
    shown_entries,
)
from tests.faults import World, channel, hosts_of_their_own
from tests.feedserver import FeedServer
from tests.stored import list_scope
from tests.test_stories import TEXT

NOW = datetime(2026, 5, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def member(number: int, after: timedelta = timedelta(0), **changes: object) -> StoryMember:
    """Return an entry of a feed that has a site of its own and copies from author.example."""
    site = f"site{number}.example"
    base = StoryMember(number, NOW + after, True, "author.example", site, site, number)
    return replace(base, **changes)  # type: ignore[arg-type]


def author(number: int, after: timedelta) -> StoryMember:
    return member(number, after, feed_site="author.example", named_site="author.example")


def leader(members: Sequence[StoryMember]) -> int:
    """Return the entry that the list shows, the same in whatever order they are given."""
    leaders = {tuple(shown_entries(order)) for order in itertools.permutations(members)}
    ((entry,),) = leaders
    return entry


@pytest.mark.parametrize(
    ("members", "shown"),
    [
        ([member(1), author(2, MINUTE)], 2),
        ([member(1), author(2, HOME_WINDOW)], 2),
        ([member(1), author(2, HOME_WINDOW + MINUTE)], 1),
        ([member(1), member(2, MINUTE), author(3, 9 * MINUTE)], 3),
        ([member(2), member(1, MINUTE)], 1),
        ([member(2), member(1, RANK_WINDOW)], 1),
        ([member(2), member(1, RANK_WINDOW + MINUTE)], 2),
        # A feed elsewhere says that the site is its own, and so may a copier.
        ([member(1), member(2, MINUTE, named_site="author.example")], 2),
        ([member(1, named_site="author.example"), author(2, MINUTE)], 2),
        # Where everybody links to their own site, nobody's link tells who was first.
        ([member(1, link_site="site1.example"), author(2, MINUTE)], 1),
        ([author(2, 0 * MINUTE), member(1, 2 * RANK_WINDOW, link_site="site1.example")], 2),
        ([member(1, link_site=""), member(2, MINUTE, link_site="", feed_site="")], 1),
        ([author(4, 0 * MINUTE), author(3, MINUTE)], 3),
    ],
)
def test_the_feed_that_the_others_link_to_is_shown_then_the_one_higher_in_the_file(members, shown):
    assert leader(members) == shown


def test_an_entry_that_takes_no_part_is_shown_and_stands_for_no_other():
    members = [member(1), replace(author(2, MINUTE), takes_part=False), member(3)]

    assert shown_entries(members) == {1, 2}
    assert shown_entries(members[1:2]) == {2}
    assert shown_entries([]) == set()


# ------------------------------------------------------------------------------- from feeds


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with hosts_of_their_own(), FeedServer() as server:
        made = World(tmp_path, server)
        yield made
        made.database.dispose()


def post(link: str = "http://author.test/ferry") -> str:
    return (
        f"<item><title>Ferry terminal reopens after two years of repairs</title><link>{link}</link>"
        f"<guid>http://author.test/ferry</guid><description>{TEXT}</description></item>"
    )


def follow(world: World, *names: str, without_stories: str = "") -> None:
    port = world.server.port
    subscriptions = [
        Subscription(
            name,
            f"http://{name}.test:{port}/{name}",
            name_given=True,
            stories=name != without_stories,
        )
        for name in names
    ]
    with world.database.begin() as connection:
        write_subscriptions.sync_subscriptions(connection, subscriptions, now=datetime.now(UTC))
    write_relisting.relist_all(world.database)


def shown(world: World, **scope: str) -> list[tuple[str, str]]:
    """Return the source and the published id of each entry of a list."""
    with world.database.connect() as connection:
        entries = read_lists.entries_page(connection, scope=list_scope(**scope), limit=100).entries
    return [(entry.source.name, entry.public_id) for entry in entries]


def test_a_copier_that_is_polled_first_gives_way_to_the_author_who_takes_over_the_id(world):
    for name in ("copier", "author"):
        world.server.put(f"/{name}", channel(post()))
    follow(world, "copier", "author")
    world.poll("copier")
    assert shown(world) == [("copier", "http://author.test/ferry")]

    world.poll("author")

    assert shown(world) == [("author", "http://author.test/ferry")]
    assert shown(world, search="ferry") == shown(world)
    ((_, public_id),) = shown(world, source="copier")
    assert public_id.startswith("tag:")


def test_among_copiers_the_order_of_the_file_decides_also_when_it_changes(world):
    for name in ("one", "two"):
        world.server.put(f"/{name}", channel(post()))
    follow(world, "one", "two")
    world.poll("two")
    world.poll("one")
    assert [name for name, _ in shown(world)] == ["one"]

    follow(world, "two", "one")
    turned = shown(world)
    follow(world, "new", "two", "one")

    assert [name for name, _ in turned] == ["two"]
    assert shown(world) == turned


def test_stories_can_be_off_for_one_feed_and_on_again(world):
    for name in ("copier", "author", "mirror"):
        world.server.put(f"/{name}", channel(post()))
    follow(world, "copier", "author", "mirror", without_stories="copier")
    world.poll()

    apart = shown(world)
    follow(world, "copier", "author", "mirror")

    assert sorted(name for name, _ in apart) == ["author", "copier"]
    assert [name for name, _ in shown(world)] == ["author"]
    follow(world, "copier", "author", "mirror", without_stories="copier")
    assert sorted(name for name, _ in shown(world)) == ["author", "copier"]
    assert sorted(name for name, _ in shown(world, search="ferry")) == ["author", "copier"]


def test_another_site_of_a_feed_is_work_only_where_it_decides_on_a_story(world):
    def publish(site: str, *items: str) -> list[int]:
        """Poll the feed again with a document that names a site; return the relistings noted."""
        document = channel(*items).replace("https://example.org/", f"http://{site}/")
        world.server.put("/mirror", document)
        world.poll("mirror")
        with world.database.connect() as connection:
            noted_feeds = list(connection.scalars(select(relistings.c.feed_id)))
        write_relisting.relist_all(world.database)
        return noted_feeds

    world.server.put("/copier", channel(post()))
    follow(world, "copier", "mirror")
    publish("one.test")
    assert publish("two.test") == []

    world.poll("copier")
    assert publish("three.test", post()) == []
    assert [name for name, _ in shown(world)] == ["copier"]
    (mirror_id,) = publish("author.test", post())
    assert [name for name, _ in shown(world)] == ["mirror"]
    assert publish("four.test", post()) == [mirror_id]
    assert [name for name, _ in shown(world)] == ["copier"]
