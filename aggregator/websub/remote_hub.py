"""Announcing changed documents to another hub."""

import asyncio
import logging
from collections.abc import Collection
from urllib.parse import urlencode

from aggregator import urls
from aggregator.errors import FetchError
from aggregator.fetch import WebSubClient

log = logging.getLogger(__name__)

RETRY_WAITS = (5.0, 30.0, 120.0)
"""Seconds before each further attempt; the hub is not told after the last attempt failed."""

_CONCURRENT_REQUESTS = 4


class RemoteHub:
    """A hub that config.yaml names.

    Args:
        url: Of the hub.
        client: Makes the requests.
        retry_waits: Seconds before each further attempt.
    """

    def __init__(
        self, url: str, client: WebSubClient, *, retry_waits: tuple[float, ...] = RETRY_WAITS
    ) -> None:
        self._url = url
        self._client = client
        self._retry_waits = retry_waits
        self._free = asyncio.Semaphore(_CONCURRENT_REQUESTS)

    async def publish(self, topics: Collection[str]) -> None:
        """Tell the hub which documents have changed, one request each; failures are logged."""
        await asyncio.gather(*(self._publish(topic) for topic in topics))

    async def _publish(self, topic: str) -> None:
        body = urlencode({"hub.mode": "publish", "hub.topic": topic, "hub.url": topic}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        reason = ""
        for wait in (0.0, *self._retry_waits):
            await asyncio.sleep(wait)
            async with self._free:
                try:
                    response = await self._client.post(self._url, body, headers)
                except FetchError as error:
                    reason = error.reason
                    continue
            if 200 <= response.status < 300:
                return
            reason = f"answered {response.status}"
            if response.status < 500 and response.status != 429:
                break  # a refusal, which another attempt would not change
        log.warning("hub %s: %s; not notified of %s", urls.masked(self._url), reason, topic)
