"""Verifies with subscribers that they want a subscription (WebSub, 5.3).

The sender of a request decides which server the hub connects to, and may own a slow one.  So the
number of waiting requests is bounded, each verification has one timeout for everything, and a site
or an address gets a bounded number of requests a minute.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aggregator import urls
from aggregator.database import Connection, Transact
from aggregator.database.websub import write_subscribers
from aggregator.errors import FetchError
from aggregator.fetch import WebSubClient
from aggregator.model.times import span_text
from aggregator.runtime.hub_socket import SubscriptionRequest
from aggregator.websub.hub_limits import HubLimits
from aggregator.websub.rate_limits import ConcurrencyLimit, RateLimit, address_keys
from aggregator.websub.throttled_log import ThrottledLog

_ALL_SITES = "all"


class Verification:
    """Verifies requests to subscribe or unsubscribe, and writes the result.

    Args:
        client: Makes the requests; used for nothing else, so that a name server that hangs delays
            no delivery.
        transact: Runs a function in one transaction that may write.
        throttled_log: For failures and successes.
        limits: Of the hub.
    """

    def __init__(
        self,
        client: WebSubClient,
        transact: Transact,
        throttled_log: ThrottledLog,
        limits: HubLimits,
    ) -> None:
        self._client = client
        self._transact = transact
        self._log = throttled_log
        self._limits = limits
        self._site_rate = RateLimit(limits.verifications_per_minute)
        self._address_rate = RateLimit(limits.verifications_per_minute)
        self._total_rate = RateLimit(limits.total_per_minute)
        self._site_concurrency = ConcurrencyLimit(1)
        self._free = asyncio.Semaphore(limits.concurrent_requests)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def has_room(self) -> bool:
        """Whether another request is accepted."""
        is_full = len(self._tasks) >= self._limits.pending_verifications
        return not is_full and not self._total_rate.is_reached(_ALL_SITES)

    def receive(self, datagram: bytes) -> None:
        """Begin to verify a request from the web (`SubscriptionRequest.encode`)."""
        request = SubscriptionRequest.decode(datagram)
        site = urls.site_of(request.callback)
        self._total_rate.take([_ALL_SITES])
        if not self._site_rate.take([site]):
            self._log_refusal(site)
            return
        task = asyncio.create_task(self._verify(request, site))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Return when no request waits."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Drop all waiting requests; subscribers repeat them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _log_refusal(self, key: str) -> None:
        text = f"too many requests for {key}; one was let go"
        self._log.log("requests let go", text, level=logging.WARNING)

    async def _verify(self, request: SubscriptionRequest, site: str) -> None:
        timeout = self._limits.request_timeout
        async with self._site_concurrency.admitted([site]), self._free:
            try:
                async with asyncio.timeout(timeout):
                    is_confirmed = await self._is_confirmed(request)
            except TimeoutError:
                self._log_failure(site, f"no answer within {span_text(timeout)}")
                return
            except FetchError as error:
                self._log_failure(site, error.reason)
                return
        if is_confirmed:
            await self._write(request, site)

    def _log_failure(self, site: str, reason: str) -> None:
        self._log.log("not verified", f"{site}: {reason}; not verified")

    async def _is_confirmed(self, request: SubscriptionRequest) -> bool:
        """Whether the subscriber repeats a challenge.

        Raises:
            FetchError: The subscriber does not answer, or the guard refuses the request.
        """
        addresses = await self._client.addresses(request.callback)
        keys = address_keys(addresses)
        if not self._address_rate.take(keys):
            self._log_refusal(keys[0])
            return False
        challenge = secrets.token_urlsafe(32)
        url = _verification_url(request, challenge)
        response = await self._client.get(url, max_bytes=len(challenge) + 1, addresses=addresses)
        return 200 <= response.status < 300 and response.body == challenge.encode()

    async def _write(self, request: SubscriptionRequest, site: str) -> None:
        if request.is_unsubscribe:
            work: Callable[[Connection], str | None] = partial(_remove_subscription, request)
        else:
            work = partial(_add_subscription, request, site, self._limits)
        refusal = await self._transact(work)
        if refusal:
            self._log.log("subscriptions refused", refusal, level=logging.WARNING)
            return
        action = "unsubscribed from" if request.is_unsubscribe else "subscribed to"
        self._log.log(action, f"{site} {action} {request.topic}")


def _remove_subscription(request: SubscriptionRequest, connection: Connection) -> None:
    write_subscribers.remove_subscriber(connection, request.topic, request.callback)


def _add_subscription(
    request: SubscriptionRequest, site: str, limits: HubLimits, connection: Connection
) -> str | None:
    """Add a subscription; return the reason of a refusal, None for none."""
    is_added = write_subscribers.add_subscriber(
        connection,
        topic=request.topic,
        callback=request.callback,
        host=site,
        secret=request.secret,
        lease_until=datetime.now(UTC) + request.lease,
        max_per_host=limits.subscriptions_per_site,
        max_total=limits.subscriptions,
    )
    return None if is_added else f"too many subscriptions of {site} or in all; one was refused"


def _verification_url(request: SubscriptionRequest, challenge: str) -> str:
    """Return the callback with the parameters of a verification."""
    parameters = {
        "hub.mode": "unsubscribe" if request.is_unsubscribe else "subscribe",
        "hub.topic": request.topic,
        "hub.challenge": challenge,
    }
    if not request.is_unsubscribe:
        parameters["hub.lease_seconds"] = str(int(request.lease.total_seconds()))
    parts = urlsplit(request.callback)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *parameters.items()])
    return urlunsplit(parts._replace(query=query))
