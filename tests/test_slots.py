"""Places for polls: slow ones make room for others."""

import asyncio

import pytest

from aggregator.poll import slots
from aggregator.poll.slots import SPARE, Slots


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(slots, "QUICK", 0.02)


class Poll:
    """A task that holds a place until it is told to end."""

    def __init__(self, places: Slots, *, keeps: bool = False) -> None:
        self.inside = asyncio.Event()
        self._over = asyncio.Event()
        self.task = asyncio.create_task(self._hold(places, keeps))

    async def _hold(self, places: Slots, keeps: bool) -> None:
        async with places:
            if keeps:
                places.keep()
            self.inside.set()
            await self._over.wait()

    async def end(self) -> None:
        self._over.set()
        await self.task

    async def begins(self) -> bool:
        """Whether it has a place soon."""
        try:
            await asyncio.wait_for(self.inside.wait(), 0.3)
        except TimeoutError:
            return False
        return True


async def full_of_slow_ones(places: Slots) -> list[Poll]:
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
        places = Slots(1)
        slow = await full_of_slow_ones(places)
        waiting = Poll(places)

        assert not await waiting.begins()
        assert places.taken == SPARE + 2
        await ended(*slow, waiting)
        assert places.taken == 0

    asyncio.run(run())


@pytest.mark.parametrize("number", range(SPARE))
def test_a_slow_poll_makes_room_as_soon_as_a_spare_place_is_free_again(number):
    async def run():
        places = Slots(1)
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
        places = Slots(1)
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
