"""A process that stands still for longer than its leases finds its feeds with another process."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.database.feeds import write_leases
from aggregator.fetch import FetchSettings
from aggregator.model import Subscription
from aggregator.poll import PollSettings
from tests.feedserver import FeedServer
from tests.pollers import polling
from tests.postgresql_server import skip_without_packages
from tests.publisher import World
from tests.running import rss

HOUR = timedelta(hours=1)
SETTINGS = PollSettings(
    FetchSettings("aggregator/1", allow=("127.0.0.1",)),
    authority="example.org",
    host_delay=timedelta(0),
)


@pytest.fixture
def server():
    with FeedServer() as server:
        yield server


@pytest.fixture
def world(tmp_path, server):
    world = World(tmp_path)
    world.subscribe(Subscription("feed", server.url("/feed"), name_given=True))
    yield world
    world.close()


def lease(world, *, owner="me", leased_before=HOUR):
    """Lease the feed some time ago."""
    at = datetime.now(UTC) - leased_before
    with world.engine.begin() as connection:
        (due,) = write_leases.lease_named(
            connection, owner=owner, now=at, until=at + HOUR, names=["feed"]
        )
    return due


def lose(world):
    """Let another process find that the lease has ended."""
    with world.engine.begin() as connection:
        write_leases.reclaim_leases(
            connection, ended_owners=["me"], owner="other", now=datetime.now(UTC)
        )


def poll(world, due):
    async def run():
        async with polling(world.engine, SETTINGS) as poller:
            return await poller.poll(due)

    return asyncio.run(run())


def test_a_feed_whose_lease_was_lost_is_not_requested(world, server, caplog):
    server.put("/feed", rss([("1", "Post 1", None)]))
    due = lease(world)
    lose(world)

    assert poll(world, due) is None
    assert poll(world, due) is None
    assert server.requests == []
    assert caplog.text.count("leases of this process ended") == 2  # once in each poller


def test_a_feed_whose_lease_is_in_force_is_requested_late(world, server):
    server.put("/feed", rss([("1", "Post 1", None)]))

    result = poll(world, lease(world))

    assert result is not None
    assert result.new == 1


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_request_that_is_cut_off_counts_as_a_failure_while_the_lease_is_in_force(
    world, server, is_lost
):
    due = lease(world)

    def take_over(_connection):
        if is_lost:
            lose(world)

    server.raw("/feed", take_over)

    result = poll(world, due)

    assert (result is None) is is_lost
    assert world.health("feed").failures == (0 if is_lost else 1)


def test_an_old_lease_is_asked_about_before_others_may_take_its_feed():
    skip_without_packages("procrastinate")
    from aggregator.scheduler import batch_queue

    assert write_leases.CONFIRMED_FOR < batch_queue.ALIVE_WITHIN < write_leases.LEASE
