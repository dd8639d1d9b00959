"""Telling a hub elsewhere which documents have changed."""

import asyncio
import logging
from collections.abc import Collection
from urllib.parse import urlencode

from aggregator import urls
from aggregator.errors import FetchError
from aggregator.fetch import WebSubClient

log = logging.getLogger(__name__)

WAITS = (5.0, 30.0, 120.0)
"""Seconds before the hub is told again, if it did not listen; after the last one it is let be."""

_AT_ONCE = 4


class Publisher:
    """Announces changes to one hub.

    Args:
        waits: Before each further attempt, seconds.
    """

    def __init__(self, hub: str, calls: WebSubClient, *, waits: tuple[float, ...] = WAITS) -> None:
        self._hub = hub
        self._calls = calls
        self._waits = waits
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def announce(self, topics: Collection[str]) -> None:
        """Tell the hub of each document that changed; what fails is logged."""
        await asyncio.gather(*(self._announce(topic) for topic in topics))

    async def _announce(self, topic: str) -> None:
        body = urlencode({"hub.mode": "publish", "hub.topic": topic, "hub.url": topic}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        reason = ""
        for wait in (0.0, *self._waits):
            await asyncio.sleep(wait)
            async with self._free:
                try:
                    reply = await self._calls.post(self._hub, body, headers)
                except FetchError as error:
                    reason = error.reason
                    continue
            if 200 <= reply.status < 300:
                return
            reason = f"answered {reply.status}"
            if reply.status < 500 and reply.status != 429:
                break  # it understood, and does not want to
        log.warning("hub %s: %s; not told of %s", urls.masked(self._hub), reason, topic)
