"""Verifies with subscribers that they want a subscription (WebSub, 5.3).

The sender of a request decides which server the hub connects to, and may own a slow one.  So a site
is asked once at a time, each verification has one timeout for everything, and a site or an address
gets a bounded number of requests a minute.  Requests wait in the database, from the web's answer to
the end of their verification: a restart loses none.
"""

import asyncio
import logging
import secrets
from functools import partial
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aggregator.database import (
    Connection,
    DBAPIError,
    Engine,
    Transact,
    database_time,
    is_passing,
)
from aggregator.database.websub import write_requests, write_subscribers
from aggregator.database.websub.write_requests import SubscriptionRequest, TakenRequest
from aggregator.errors import FetchError
from aggregator.fetch import WebSubClient
from aggregator.model.times import span_text
from aggregator.websub.hub_limits import HubLimits
from aggregator.websub.rate_limits import RateLimit, address_keys
from aggregator.websub.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

_ALL_SITES = "all"


class Verification:
    """Verifies requests to subscribe or unsubscribe, and writes the result.

    Args:
        engine: For looking whether requests wait.
        client: Makes the requests; used for nothing else, so that a name server that hangs delays
            no delivery.
        transact: Runs a function in one transaction that may write.
        throttled_log: For failures and successes.
        limits: Of the hub.
    """

    def __init__(
        self,
        engine: Engine,
        client: WebSubClient,
        transact: Transact,
        throttled_log: ThrottledLog,
        limits: HubLimits,
    ) -> None:
        self._engine = engine
        self._client = client
        self._transact = transact
        self._log = throttled_log
        self._limits = limits
        self._site_rate = RateLimit(limits.verifications_per_minute)
        self._address_rate = RateLimit(limits.verifications_per_minute)
        self._total_rate = RateLimit(limits.total_per_minute)
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Begin to verify waiting requests, as the limits allow; return before they end."""
        room = min(
            self._limits.concurrent_requests - len(self._tasks), self._total_rate.room(_ALL_SITES)
        )
        try:
            if room <= 0 or not await asyncio.to_thread(self._is_waiting):
                return
        except DBAPIError as error:
            if not is_passing(error):
                raise
            return  # whoever writes meanwhile tells of the database
        take = partial(
            write_requests.take_requests, limit=room, busy_hosts=self._site_rate.reached()
        )
        for taken_request in await self._transact(take):
            self._total_rate.take([_ALL_SITES])
            self._site_rate.take([taken_request.request.host])
            task = asyncio.create_task(self._verify(taken_request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _is_waiting(self) -> bool:
        with self._engine.connect() as connection:
            return write_requests.is_waiting(connection)

    async def idle(self) -> None:
        """Return when no verification is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Cancel the verifications under way; their requests are verified after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _log_refusal(self, key: str) -> None:
        text = f"too many requests for {key}; one was let go"
        self._log.log("requests let go", text, level=logging.WARNING)

    async def _verify(self, taken_request: TakenRequest) -> None:
        request, timeout, is_confirmed = taken_request.request, self._limits.request_timeout, False
        try:
            async with asyncio.timeout(timeout):
                is_confirmed = await self._is_confirmed(request)
        except TimeoutError:
            self._log_failure(request.host, f"no answer within {span_text(timeout)}")
        except FetchError as error:
            self._log_failure(request.host, error.reason)
        try:
            await self._write(taken_request, is_confirmed=is_confirmed)
        except DBAPIError as error:  # the request still waits
            log.error("hub: %s", error.orig)

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

    async def _write(self, taken_request: TakenRequest, *, is_confirmed: bool) -> None:
        """Write what a confirmed request asks for; no request is left."""
        request = taken_request.request
        refusal = await self._transact(
            partial(_conclude, taken_request, self._limits, is_confirmed=is_confirmed)
        )
        if refusal:
            self._log.log("subscriptions refused", refusal, level=logging.WARNING)
        elif is_confirmed:
            action = "unsubscribed from" if request.is_unsubscribe else "subscribed to"
            self._log.log(action, f"{request.host} {action} {request.topic}")


def _conclude(
    taken_request: TakenRequest, limits: HubLimits, connection: Connection, *, is_confirmed: bool
) -> str | None:
    """Remove a request, and do what a confirmed one asks for; return the reason of a refusal."""
    write_requests.remove_request(connection, taken_request.id)
    request = taken_request.request
    if is_confirmed and request.is_unsubscribe:
        write_subscribers.remove_subscriber(connection, request.topic, request.callback)
    if not is_confirmed or request.is_unsubscribe:
        return None
    return _add_subscription(request, limits, connection)


def _add_subscription(
    request: SubscriptionRequest, limits: HubLimits, connection: Connection
) -> str | None:
    """Add a subscription; return the reason of a refusal, None for none."""
    is_added = write_subscribers.add_subscriber(
        connection,
        topic=request.topic,
        callback=request.callback,
        host=request.host,
        secret=request.secret,
        lease_until=database_time(connection) + request.lease,
        max_per_host=limits.subscriptions_per_site,
        max_total=limits.subscriptions,
    )
    return (
        None if is_added else f"too many subscriptions of {request.host} or in all; one was refused"
    )


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
