"""Turns at hosts: one at a time, pauses, and what a refusal teaches."""

import asyncio
import itertools
from datetime import timedelta

import pytest

from aggregator import urls
from aggregator.poll.host_limits import MAX_MIN_DELAY, Budget, HostLimits, HostPausedError
from tests.stepped_clock import SteppedClock

SECOND = timedelta(seconds=1)
HOUR = 3600 * SECOND


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


class Limits(HostLimits):
    """Limits by a clock that the test moves on."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        super().__init__(self.clock)

    async def request(self, budget, site="example.org", *, seconds=0.0):
        """Have one turn; return when it began and ended."""
        async with self.turn(site, budget):
            began = self.clock.monotonic()
            await self.clock.sleep(seconds)
            return began, self.clock.monotonic()

    def begin(self, budget, count=1, **more):
        """Begin so many requests at once."""
        return [asyncio.create_task(self.request(budget, **more)) for _ in range(count)]

    async def requests(self, budget, count, **more):
        """Make so many requests at once; return when each began and ended."""
        tasks = self.begin(budget, count, **more)
        await self.clock.advance(3600)
        return sorted(task.result() for task in tasks)


def at_once(times):
    """Return how many requests there were at a time."""
    return max(sum(began <= at < ended for began, ended in times) for at, _ in times)


def test_requests_to_one_site_follow_each_other_with_a_pause():
    times = asyncio.run(Limits().requests(Budget(5 * SECOND), 3, seconds=2))

    assert times == [(0, 2), (7, 9), (14, 16)]


def test_a_budget_may_allow_several_at_a_time():
    times = asyncio.run(Limits().requests(Budget(0 * SECOND, 3), 3, seconds=2))

    assert times == [(0, 2)] * 3


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (4, 2)])
def test_a_budget_that_changes_holds_for_the_next_requests(before, after):
    async def run():
        limits = Limits()
        return [
            at_once(await limits.requests(Budget(0 * SECOND, concurrency), 8, seconds=1))
            for concurrency in (before, after, before)
        ]

    assert asyncio.run(run()) == [before, after, before]


def test_a_larger_budget_lets_those_in_who_wait_already():
    async def run():
        limits = Limits()
        waiting = limits.begin(Budget(0 * SECOND, 1), 9, seconds=9)
        await limits.clock.advance(1)  # all of them have come
        (wide,) = limits.begin(Budget(0 * SECOND, 5))
        await limits.clock.advance(3600)
        await wide
        return at_once([task.result() for task in waiting])

    assert asyncio.run(run()) == 5


def test_a_smaller_budget_waits_for_those_that_are_inside():
    async def run():
        limits, wide, narrow = Limits(), Budget(0 * SECOND, 3), Budget(0 * SECOND, 1)
        async with limits.turn("example.org", wide), limits.turn("example.org", wide) as second:
            (late,) = limits.begin(narrow)
            await limits.clock.advance(1)
            second.leave()
            await limits.clock.advance(1)
            assert not late.done()
        await limits.clock.advance()
        assert late.done()

    asyncio.run(run())


def test_whoever_gives_up_waiting_takes_no_turn_along():
    async def run():
        limits, budget = Limits(), Budget(0 * SECOND)
        for _ in range(3):
            async with limits.turn("example.org", budget) as turn:
                waiting = limits.begin(budget, 4)
                await limits.clock.advance()
                waiting[0].cancel()
                turn.leave()  # the turn goes on in the same moment
                waiting[1].cancel()
                await limits.clock.advance()
                assert all(task.done() for task in waiting)
        assert at_once(await limits.requests(budget, 3, seconds=1)) == 1

    asyncio.run(run())


def test_files_and_other_sites_wait_for_nothing():
    async def run():
        limits = Limits()
        for site in ("", "", "a.example", "b.example"):
            began, _ = await limits.request(Budget(HOUR), site)
            assert began == 0

    asyncio.run(run())


def test_whoever_waits_for_a_site_learns_that_it_wants_to_be_left_alone():
    async def run():
        limits, budget = Limits(), Budget()
        async with limits.turn("example.org", budget) as turn:
            (waiting,) = limits.begin(budget)
            await limits.clock.advance()
            turn.leave()
            limits.pause("example.org", HOUR)
            with pytest.raises(HostPausedError) as raised:
                await waiting
        assert raised.value.wait == HOUR
        with pytest.raises(HostPausedError):  # whoever comes later, too
            await limits.request(budget)

    asyncio.run(run())


async def refused(retry_after):
    """Return the pause that a refusal teaches after two requests, 5 s apart and 2 s long."""
    limits, budget = Limits(), Budget(5 * SECOND)
    assert await limits.requests(budget, 2, seconds=2) == [(0, 2), (7, 9)]
    return limits.learn_delay("example.org", budget, retry_after).total_seconds()


@pytest.mark.parametrize(
    ("retry_after", "delay"),
    [
        (SECOND, (1 + 7) * 1.02),  # it would have been long enough
        (None, 10 * 1.02),
        (timedelta(days=1), MAX_MIN_DELAY.total_seconds()),
    ],
)
def test_a_refusal_teaches_a_pause_that_would_have_been_long_enough_within_limits(
    retry_after, delay
):
    assert asyncio.run(refused(retry_after)) == pytest.approx(delay)


def test_no_request_holds_a_turn_while_it_waits_for_another():
    async def crossing(limits, first, second):
        async with limits.turn(first, Budget()) as turn:
            await limits.clock.sleep(1)
            await turn.move(second, Budget())

    async def run():
        limits = Limits()
        tasks = [
            asyncio.create_task(crossing(limits, *sites))
            for sites in itertools.permutations(("a", "b"))
        ]
        await limits.clock.advance(60)
        assert all(task.done() for task in tasks)

    asyncio.run(run())


def test_a_request_that_is_given_up_leaves_the_site_to_the_next():
    async def run():
        limits, budget = Limits(), Budget()
        async with limits.turn("example.org", budget):
            (waiting,) = limits.begin(budget)
            await limits.clock.advance()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        assert len(await limits.requests(budget, 2)) == 2

    asyncio.run(run())


def test_sites_that_no_request_waits_for_any_more_are_forgotten():
    async def run():
        limits = Limits()
        for number in range(5000):
            await limits.request(Budget(), f"{number}.example")
            if not number % 100:
                await limits.clock.advance(3600)
        return len(limits)

    assert asyncio.run(run()) < 1200
