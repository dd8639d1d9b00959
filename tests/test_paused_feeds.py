"""A feed with `paused: true` is not polled, and its posts stay."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from aggregator.feed_status import FeedStatus, feed_status
from aggregator.model import Subscription
from tests.feedserver import FeedServer
from tests.publisher import DAY, HOUR, World
from tests.running import command, rss, write_config
from tests.web_fixtures import Site, words
from tests.worlds import NOW

FEED = "/feed"


@pytest.fixture
def server():
    with FeedServer() as server:
        server.put(FEED, rss([("1", "Post 1", datetime.now(UTC) - HOUR)]))
        yield server


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def subscription(server, **values):
    return Subscription("feed", server.url(FEED), interval=HOUR, interval_given=True,
                        name_given=True, **values)  # fmt: skip


@pytest.mark.slow
def test_a_paused_feed_is_not_polled_until_its_line_is_deleted(world, server):
    feed = subscription(server)
    world.subscribe(feed)
    world.poll()
    world.subscribe(replace(feed, paused=True))
    world.wait(3 * DAY)

    assert world.poll() == []
    health = world.health("feed")
    assert (feed_status(health), health.next_poll_at) == (FeedStatus.PAUSED, None)
    assert (health.next_reason, health.entries) == ("paused in config.yaml", 1)
    world.subscribe(feed)
    assert [result.feed for result in world.poll()] == ["feed"]
    assert feed_status(world.health("feed")) is FeedStatus.FINE


def test_a_feed_that_is_paused_from_the_beginning_is_never_polled(world, server):
    feed = subscription(server, paused=True)
    world.subscribe(feed)
    world.wait(DAY)

    assert world.poll() == []
    assert feed_status(world.health("feed")) is FeedStatus.PAUSED
    world.subscribe(replace(feed, url=server.url("/elsewhere")))
    assert (world.poll(), server.requests) == ([], [])
    world.subscribe(replace(feed, paused=False))
    assert len(world.poll()) == 1


def test_a_pause_of_the_server_outlasts_one_in_the_file(world, server):
    feed = subscription(server)
    server.put(FEED, b"", status=429, headers={"Retry-After": "86400"})
    world.subscribe(feed)
    world.poll()
    world.subscribe(replace(feed, paused=True))
    world.wait(2 * HOUR)
    world.subscribe(feed)

    assert world.poll() == []
    world.wait(DAY)
    assert len(world.poll()) == 1


def test_the_410_of_a_paused_feed_is_not_forgotten(world, server):
    feed = subscription(server)
    server.put(FEED, b"", status=410)
    world.subscribe(feed)
    world.poll()
    world.subscribe(replace(feed, paused=True))

    health = world.health("feed")
    assert feed_status(health) is FeedStatus.REMOVED
    assert "410" in str(health.next_reason)
    world.subscribe(feed)
    assert (world.poll(), world.health("feed").next_poll_at) == ([], None)


@pytest.mark.slow
def test_a_person_may_poll_a_paused_feed_by_name(tmp_path, server):
    write_config(tmp_path, [f"{{url: '{server.url(FEED)}', name: feed, paused: true}}"])

    everything = command(tmp_path, "poll", "--all", "--json")
    by_name = command(tmp_path, "poll", "feed", "--json")
    state = json.loads(command(tmp_path, "feeds", "--json").stdout)[0]
    explanation = command(tmp_path, "explain", "feed").stdout

    assert everything.stdout == ""
    assert json.loads(by_name.stdout)["new"] == 1
    assert json.loads(by_name.stdout)["next_poll_at"] is None
    assert (state["state"], state["entries"], state["next_poll_at"]) == ("paused", 1, None)
    assert "next poll: never; paused in config.yaml" in explanation
    assert "paused" in command(tmp_path, "feeds").stdout


def test_the_status_page_says_that_a_feed_is_paused(tmp_path):
    site = Site(tmp_path)
    site.subscribe(*site.config.feeds)
    site.record("lamp", now=NOW)
    site.subscribe(*(replace(feed, paused=feed.name == "lamp") for feed in site.config.feeds))

    page = site.page("/status")

    row = next(row for row in page.rows() if row[1] == "Paused")
    assert row[3] == "paused"
    assert "Paused1" in words(page.one("dl", "stats"))
    assert "It is paused in config.yaml." in words(page.one("table"))
    metrics = site.client.get("/metrics").get_data(as_text=True)
    assert "aggregator_feeds_paused 1" in metrics
