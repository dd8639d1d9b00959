"""Whether it is this machine's own network that fails, and not the server of one feed."""

import asyncio
import math

RECENT = 60.0
"""Seconds for which an answer of any server shows that the network works."""

SOON = 2.0
"""Seconds in which one of the other polls under way may show it."""


class Network:
    """What the polls of this process have seen of the network; times are the event loop's.

    A feed whose server can't be reached is at fault only where the network is known to work: some
    server answered within the last minute, or does so in the next moment, or has done so since
    this feed failed in the same way.  The last shows what a single feed can't: that its name or
    its route is dead, also where polls are far between.
    """

    def __init__(self) -> None:
        self._reached_at = -math.inf
        self._answer = asyncio.Event()
        self._missed_at: dict[int, float] = {}

    def reached(self, feed_id: int) -> None:
        """Note that the server of a feed answered, whatever it said."""
        self._reached_at = asyncio.get_running_loop().time()
        self._missed_at.pop(feed_id, None)
        self._answer.set()
        self._answer.clear()  # who waits for it is woken all the same

    async def works(self, feed_id: int, *, others: bool) -> bool:
        """Whether the network works although the server of a feed can't be reached.

        Args:
            others: More polls are under way; waits a moment for what they see.
        """
        now = asyncio.get_running_loop().time()
        before = self._missed_at.get(feed_id, math.inf)
        self._missed_at[feed_id] = now
        if now - self._reached_at <= RECENT or before < self._reached_at:
            return True
        if not others:
            return False
        try:
            await asyncio.wait_for(self._answer.wait(), SOON)
        except TimeoutError:
            return False
        return True
