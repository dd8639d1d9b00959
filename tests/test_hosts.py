"""Turns at hosts: one at a time, pauses, and what a refusal teaches."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from aggregator import urls
from aggregator.poll.host_limits import MAX_PACE, Budget, Hosts, RestingError

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://example.org/feed", "example.org"),
        ("https://www.example.org/feed", "example.org"),
        ("https://Feeds.Example.ORG.:8443/feed", "example.org"),
        ("https://a.b.example.co.uk/", "example.co.uk"),
        ("https://one.github.io/feed", "one.github.io"),
        ("https://two.github.io/feed", "two.github.io"),
        ("https://x.one.blogspot.com/", "one.blogspot.com"),
        ("https://github.io/", "github.io"),
        ("http://127.0.0.1:8080/", "127.0.0.1"),
        ("http://[::1]:8080/", "::1"),
        ("http://localhost/", "localhost"),
        ("http://nas.local/", "nas.local"),
        ("samples/feed.xml", ""),
    ],
)
def test_names_under_one_registrable_domain_are_one_site(url, site):
    assert urls.site_of(url) == site


async def visits(hosts, budget, site="example.org", *, count=3, seconds=0.0):
    """Visit a site so often at once; return when each visit began and ended."""
    loop = asyncio.get_running_loop()
    times = []

    async def visit():
        async with hosts.visit(site, budget):
            began = loop.time()
            await asyncio.sleep(seconds)
            ended = loop.time()
        times.append((began, ended))

    await asyncio.gather(*(visit() for _ in range(count)))
    return sorted(times)


def test_visits_to_one_site_follow_each_other_with_a_pause():
    times = asyncio.run(visits(Hosts(), Budget(0.05 * SECOND), seconds=0.02))

    for (_, ended), (began, _) in itertools.pairwise(times):
        assert began - ended > 0.045


def test_a_budget_may_allow_several_at_a_time():
    times = asyncio.run(visits(Hosts(), Budget(0 * SECOND, 3), seconds=0.05))

    assert max(began for began, _ in times) < min(ended for _, ended in times)


async def most_at_once(hosts, budget, count):
    """Visit a site so often at once; return how many visits it had at a time."""
    inside, most = 0, 0

    async def visit():
        nonlocal inside, most
        async with hosts.visit("example.org", budget):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(visit() for _ in range(count)))
    return most


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (4, 2)])
def test_a_budget_that_changes_holds_for_the_next_visits(before, after):
    async def run():
        hosts = Hosts()
        return [
            await most_at_once(hosts, Budget(0 * SECOND, concurrency), 8)
            for concurrency in (before, after, before)
        ]

    assert asyncio.run(run()) == [before, after, before]


def test_a_larger_budget_lets_those_in_who_wait_already():
    async def run():
        hosts = Hosts()
        async with asyncio.timeout(5):
            narrow = asyncio.create_task(most_at_once(hosts, Budget(0 * SECOND, 1), 9))
            for _ in range(5):
                await asyncio.sleep(0)  # all of them have come
            async with hosts.visit("example.org", Budget(0 * SECOND, 5)):
                pass
            return await narrow

    assert 1 < asyncio.run(run()) <= 5


def test_a_smaller_budget_waits_for_those_that_are_inside():
    async def run():
        hosts, wide, narrow = Hosts(), Budget(0 * SECOND, 3), Budget(0 * SECOND, 1)
        async with hosts.visit("example.org", wide), hosts.visit("example.org", wide) as second:
            late = asyncio.create_task(visits(hosts, narrow, count=1))
            await asyncio.sleep(0.01)
            second.leave()
            await asyncio.sleep(0.01)
            assert not late.done()
        await late

    asyncio.run(run())


def test_whoever_gives_up_waiting_takes_no_turn_along():
    async def run():
        hosts, budget = Hosts(), Budget(0 * SECOND)
        for _ in range(3):
            async with hosts.visit("example.org", budget) as visit:
                waiting = [asyncio.create_task(visits(hosts, budget, count=1)) for _ in range(4)]
                await asyncio.sleep(0.01)
                waiting[0].cancel()
                visit.leave()  # the turn goes on in the same moment
                waiting[1].cancel()
                await asyncio.wait(waiting)
        assert await most_at_once(hosts, budget, 3) == 1

    asyncio.run(run())


def test_files_and_other_sites_wait_for_nobody():
    async def run():
        hosts = Hosts()
        budget = Budget(3600 * SECOND)
        async with asyncio.timeout(1):
            for site in ("", "", "a.example", "b.example"):
                await visits(hosts, budget, site, count=1)

    asyncio.run(run())


def test_whoever_waits_for_a_site_learns_that_it_wants_to_be_left_alone():
    async def run():
        hosts, budget = Hosts(), Budget()
        async with hosts.visit("example.org", budget) as visit:
            waiting = asyncio.create_task(visits(hosts, budget, count=1))
            await asyncio.sleep(0.01)
            visit.leave()
            hosts.rest("example.org", 3600 * SECOND)
            with pytest.raises(RestingError) as raised:
                await waiting
        assert raised.value.wait > 3599 * SECOND
        with pytest.raises(RestingError):  # whoever comes later, too
            await visits(hosts, budget, count=1)

    asyncio.run(run())


async def refused(retry_after):
    """Return the pause that a refusal of the second request teaches, and that before it."""
    hosts, budget = Hosts(), Budget(0.1 * SECOND)
    (began, ended), (again, end) = await visits(hosts, budget, count=2)
    lesson = hosts.lesson("example.org", budget, retry_after)
    return lesson.total_seconds(), again - ended, end - began


def test_a_refusal_teaches_a_pause_that_would_have_been_long_enough():
    lesson, least, most = asyncio.run(refused(SECOND))

    assert 1 + least <= lesson <= (1 + most) * 1.02


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        (None, 10, 11),
        (timedelta(days=1), MAX_PACE.total_seconds(), MAX_PACE.total_seconds()),
    ],
)
def test_a_refusal_that_names_no_pause_or_a_long_one_teaches_within_limits(
    retry_after, least, most
):
    lesson, _, _ = asyncio.run(refused(retry_after))

    assert least <= lesson <= most


def test_nobody_holds_a_turn_while_waiting_for_another():
    async def crossing(hosts, first, second):
        async with hosts.visit(first, Budget()) as visit:
            await asyncio.sleep(0.01)
            await visit.move(second, Budget())

    async def run():
        hosts = Hosts()
        async with asyncio.timeout(1):
            await asyncio.gather(crossing(hosts, "a", "b"), crossing(hosts, "b", "a"))

    asyncio.run(run())


def test_a_visit_that_is_given_up_leaves_the_site_to_the_next():
    async def run():
        hosts, budget = Hosts(), Budget()
        async with hosts.visit("example.org", budget):
            waiting = asyncio.create_task(visits(hosts, budget, count=1))
            await asyncio.sleep(0.01)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        async with asyncio.timeout(1):
            await visits(hosts, budget, count=2)

    asyncio.run(run())


def test_sites_that_nobody_visits_any_more_are_forgotten():
    async def run():
        hosts = Hosts()
        for number in range(5000):
            await visits(hosts, Budget(), f"{number}.example", count=1)
            hosts._sites[f"{number}.example"].asked_at -= 3600  # time passes
        return len(hosts._sites)

    assert asyncio.run(run()) < 1100
