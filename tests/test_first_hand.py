"""A feed hides no other feed's posts: what it claims to be is believed on its own site alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from aggregator import dedup
from aggregator.database.lists import read_lists
from tests.faults import World, hosts_of_their_own
from tests.feedserver import FeedServer


def atom(feed_id: str, *entries: str) -> str:
    return (
        f"<feed xmlns='http://www.w3.org/2005/Atom'><id>{feed_id}</id><title>A feed</title>"
        f"<updated>2026-01-01T00:00:00Z</updated>{''.join(entries)}</feed>"
    )


def post(number: int, *, of: str = "", at: str = "", source: str = "") -> str:
    """Return an entry of the blog, as it has it itself or as somebody has it `at` another site."""
    link = at or f"https://blog.example/{number}"
    return (
        f"<entry><id>https://blog.example/{number}</id><title>{of}Post {number}</title>"
        f"<link href='{link}'/><updated>2026-01-0{number}T00:00:00Z</updated>{source}"
        f"<content>What the blog says in post {number}, in words of its own.</content></entry>"
    )


def source(feed_id: str, feed_url: str = "") -> str:
    link = f"<link rel='self' href='{feed_url}'/>" if feed_url else ""
    return f"<source><id>{feed_id}</id><title>The blog</title>{link}</source>"


BLOG = "https://blog.example/"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with hosts_of_their_own(), FeedServer() as server:
        made = World(tmp_path, server)
        yield made
        made.database.dispose()


def listed(world: World) -> Sequence[str]:
    """Return the sources of what the whole list has, with their titles."""
    with world.database.connect() as connection:
        entries = read_lists.entries_page(connection, limit=100).entries
    return sorted(f"{entry.source.name}: {entry.title}" for entry in entries)


def test_a_feed_that_claims_the_id_of_another_hides_nothing_of_it(world):
    world.server.put("/planet", atom("urn:planet", post(1, source=source(BLOG))))
    world.server.put("/evil", atom(BLOG, "<entry><id>x</id><title>Evil</title></entry>"))
    world.subscribe("planet", "evil", apart=True)
    world.poll("evil")

    world.poll("planet")

    assert listed(world) == ["evil: Evil", "planet: Post 1"]


def test_a_feed_that_has_the_guids_of_another_hides_nothing_of_it(world):
    copy = post(1, of="Not ", at="https://evil.example/spam").replace("What the blog says", "Buy")
    world.server.put("/planet", atom("urn:planet", post(1, source=source(BLOG))))
    world.server.put("/evil", atom(BLOG, copy))
    world.subscribe("evil", "planet", apart=True)
    world.poll("evil")

    world.poll("planet")

    assert listed(world) == ["evil: Not Post 1", "planet: Post 1"]


@pytest.mark.parametrize("feed_id", ["http://feeds.blog.example/x", "tag:blog.example,2020:/"])
def test_what_the_list_has_at_first_hand_is_not_listed_again(world, feed_id):
    world.server.put("/blog", atom(feed_id, post(1)))
    world.server.put("/planet", atom("urn:planet", post(1, source=source(feed_id)), post(2)))
    world.subscribe("blog", "planet", apart=True)
    world.poll("blog")

    world.poll("planet")

    assert listed(world) == ["blog: Post 1", "planet: Post 2"]
    assert world.titles("planet") == ["Post 2", "Post 1"]


def test_a_feed_is_known_by_its_address_whatever_id_it_has(world):
    world.server.put("/blog", atom("urn:uuid:1", post(1)))
    world.subscribe("blog", "planet", apart=True)
    url = world.row("blog").url
    planet = post(1, source=source("urn:uuid:2", url)).replace(
        "<id>https://blog.example/1", "<id>2"
    )
    world.server.put("/planet", atom("urn:planet", planet))
    world.poll("blog")

    world.poll("planet")

    assert listed(world) == ["blog: Post 1"]


def test_what_the_first_hand_does_not_have_is_listed(world):
    world.server.put("/blog", status=500)
    world.server.put("/planet", atom("urn:planet", post(1, source=source(BLOG))))
    world.subscribe("blog", "planet", apart=True)
    world.poll("blog")

    world.poll("planet")

    assert listed(world) == ["planet: Post 1"]


@pytest.mark.parametrize(
    ("uri", "feed_url", "is_believed"),
    [
        ("https://blog.example/", "http://feeds.blog.example/rss", True),
        ("https://blog.example.evil.example/", "https://evil.example/", True),
        ("https://blog.example@evil.example/", "https://blog.example/", False),
        ("https://one.github.io/", "https://two.github.io/feed", False),
        ("tag:blog.example,2020:/a", "https://www.blog.example/feed", True),
        ("tag:someone@blog.example,2020-01-01:/a", "https://blog.example/feed", True),
        ("tag:blog.example@evil.example,2020:/a", "https://blog.example/feed", False),
        ("TAG:blog.example,2020:/", "https://evil.example/feed", False),
        ("tag:", "https://evil.example/feed", False),
        ("urn:uuid:1", "https://blog.example/feed", False),
        ("blog.example", "https://blog.example/feed", False),
        ("https://[::1", "https://blog.example/feed", False),
        ("urn:uuid:1", "blog.xml", True),
    ],
)
def test_an_id_is_believed_on_its_own_site(uri, feed_url, is_believed):
    assert dedup.is_of_site(uri, feed_url) is is_believed
