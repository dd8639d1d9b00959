"""Places for polls: slow ones make room for others."""

import asyncio

import pytest

from aggregator.poll.slots import MAX_SLOT_TIME, SPARE, Slots
from tests.stepped_clock import SteppedClock


class Places(Slots):
    """Slots by a clock that the test moves on."""

    def __init__(self, count: int) -> None:
        self.clock = SteppedClock()
        super().__init__(count, self.clock)


class Poll:
    """A task that holds a place until it is told to end."""

    def __init__(self, places: Places, *, keeps: bool = False) -> None:
        self._clock = places.clock
        self.inside = asyncio.Event()
        self._over = asyncio.Event()
        self.task = asyncio.create_task(self._hold(places, keeps))

    async def _hold(self, places: Places, keeps: bool) -> None:
        async with places:
            if keeps:
                places.keep()
            self.inside.set()
            await self._over.wait()

    async def end(self) -> None:
        self._over.set()
        await self.task

    async def begins(self) -> bool:
        """Return whether it has a place as soon as slow ones have made room."""
        await self._clock.advance(MAX_SLOT_TIME)
        return self.inside.is_set()


async def full_of_slow_ones(places: Places) -> list[Poll]:
    """Fill a single place and its spare ones with polls that wait for their servers."""
    polls = []
    for _ in range(1 + SPARE):
        polls.append(Poll(places))
        assert await polls[-1].begins()
    return polls


async def ended(*polls: Poll) -> None:
    for poll in polls:
        await poll.end()


def test_slow_polls_make_room_until_the_spare_places_are_taken():
    async def run():
        places = Places(1)
        slow = await full_of_slow_ones(places)
        waiting = Poll(places)

        assert not await waiting.begins()
        assert places.poll_count == SPARE + 2
        await ended(*slow, waiting)
        assert places.poll_count == 0

    asyncio.run(run())


@pytest.mark.parametrize("number", range(SPARE))
def test_a_slow_poll_makes_room_as_soon_as_a_spare_place_is_free_again(number):
    async def run():
        places = Places(1)
        slow = await full_of_slow_ones(places)
        waiting = Poll(places)
        assert not await waiting.begins()

        await slow.pop(number).end()

        assert await waiting.begins()
        await ended(*slow, waiting)
        again = await full_of_slow_ones(places)  # no place was lost or won
        waiting = Poll(places)
        assert not await waiting.begins()
        await ended(*again, waiting)

    asyncio.run(run())


def test_a_poll_whose_answer_came_keeps_its_place_when_a_spare_one_is_free():
    async def run():
        places = Places(1)
        slow = [Poll(places) for _ in range(SPARE)]
        assert all([await poll.begins() for poll in slow])
        working, waiting = Poll(places, keeps=True), Poll(places)
        assert await working.begins()

        await slow.pop().end()

        assert not await waiting.begins()
        await working.end()
        assert await waiting.begins()
        await ended(*slow, waiting)

    asyncio.run(run())


@pytest.mark.parametrize(("keeps", "most"), [(False, 2 * (1 + SPARE)), (True, 2)])
def test_who_waits_long_makes_room_up_to_a_limit_and_all_places_come_back(keeps, most):
    async def run():
        places = Places(2)
        polls = [Poll(places, keeps=keeps) for _ in range(8)]
        await places.clock.advance(9 * MAX_SLOT_TIME)
        assert sum(poll.inside.is_set() for poll in polls) == most
        polls[0].task.cancel()
        await places.clock.advance()
        await ended(*polls[1:])
        assert places.poll_count == 0
        again = [Poll(places, keeps=True) for _ in range(3)]
        await places.clock.advance()
        assert sum(poll.inside.is_set() for poll in again) == 2
        await ended(*again)

    asyncio.run(run())
