"""Whether this machine's own network fails, and not the server of one feed."""

import asyncio
import logging
import math
from collections.abc import Hashable
from datetime import timedelta
from functools import partial

from aggregator.model.times import span_text
from aggregator.poll.poll_clock import PollClock

log = logging.getLogger(__name__)

RECENT = 60.0
"""Seconds for which a response of any server shows that the network works."""

MIN_REFUSING = 3
"""Sites that refuse connections or have no name, with no answer of any server between, if the
network is at fault."""

OFFLINE_PAUSE = timedelta(minutes=5)
"""Longest wait until a feed is polled again that this machine's network kept from its server."""

MAX_WAIT = 2.0
"""Seconds within which one of the other polls under way may show it."""


class OfflineError(Exception):
    """This machine's network failed, and not the server of a poll."""


class NetworkHealth:
    """The state of the network, from the polls of this process.

    What is polled has a key of any kind: the id of a feed, the address of an OPML list.

    A feed with an unreachable server is at fault only if the network is known to work: some server
    answers in the next moment, or has answered since this feed failed in the same way, or answered
    within the last minute and no other feed has failed in this way since.  The second case finds a
    dead name or a dead route of one feed, even with polls far apart.

    A server that refuses a connection is at fault, unless several sites do so and no server answers
    between: a firewall, or a router without a line, refuses connections to all servers.  The same
    holds for a host without a name: without a line, some systems find no name at all.
    """

    def __init__(self, clock: PollClock) -> None:
        self._clock = clock
        self._reached_at = -math.inf
        self._is_down = False
        self._waiters: set[asyncio.Future[bool]] = set()
        self._failed_at: dict[Hashable, float] = {}
        self._failed_since: set[Hashable] = set()  # since the last response
        self._refusing_sites: set[str] = set()  # since the last response

    def note_response(self, key: Hashable) -> None:
        """Note that the server of a poll answered, with any status."""
        self._reached_at = self._clock.monotonic()
        if self._is_down:
            log.info("the network works again")
        self._is_down = False
        self._failed_at.pop(key, None)
        self._failed_since.clear()
        self._refusing_sites.clear()
        for waiter in self._waiters:
            _resolve(waiter, is_answered=True)

    async def is_working(
        self, key: Hashable, *, others_under_way: bool, refusing_site: str | None = None
    ) -> bool:
        """Return whether the network works although the server of a poll can't be reached.

        The log says once that the network does not work.

        Args:
            others_under_way: Wait a moment for what other polls see.
            refusing_site: The site that refused the connection, or has no name; None for a server
                not reached.
        """
        is_working = await self._is_working(key, others_under_way, refusing_site)
        if not is_working and not self._is_down:
            log.warning(
                "this machine seems to be offline: no server is reached; trying again every %s",
                span_text(OFFLINE_PAUSE),
            )
            self._is_down = True
        return is_working

    async def _is_working(
        self, key: Hashable, others_under_way: bool, refusing_site: str | None
    ) -> bool:
        now = self._clock.monotonic()
        failed_before_at = self._failed_at.get(key, math.inf)
        self._failed_at[key] = now
        if failed_before_at < self._reached_at:
            return True
        if refusing_site is None:
            self._failed_since.add(key)
        else:
            self._refusing_sites.add(refusing_site)
        if others_under_way and await self._next_response():
            return True
        if refusing_site is not None:
            return len(self._refusing_sites) < MIN_REFUSING
        return now - self._reached_at <= RECENT and len(self._failed_since) == 1

    async def _next_response(self) -> bool:
        """Return whether a server answers within `MAX_WAIT`."""
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        timer = self._clock.call_later(MAX_WAIT, partial(_resolve, waiter, is_answered=False))
        self._waiters.add(waiter)
        try:
            return await waiter
        finally:
            self._waiters.discard(waiter)
            timer.cancel()


def _resolve(waiter: asyncio.Future[bool], *, is_answered: bool) -> None:
    if not waiter.done():
        waiter.set_result(is_answered)
