"""Delivers changed documents to our own subscribers, and repeats failed deliveries.

A pending delivery is a column of the subscription's row, so a restart loses nothing.  A document is
rendered at delivery: a subscriber that was offline gets the current version only.

A slow subscriber delays only subscribers of the same site: each site has a queue of its own, of
bounded length, and each delivery a timeout.
"""

import asyncio
import hashlib
import hmac
import logging
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from aggregator import merged
from aggregator.database import DBAPIError, Engine, Transact, clock_of, database_time
from aggregator.database.websub import write_subscribers
from aggregator.errors import FetchError
from aggregator.fetch import WebSubClient
from aggregator.merged import Publication
from aggregator.model.times import span_text
from aggregator.publish import render
from aggregator.websub import renamed_documents
from aggregator.websub.hub_limits import HubLimits
from aggregator.websub.rate_limits import ConcurrencyLimit, address_keys
from aggregator.websub.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

RETRY_WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720, 1440))
"""Before each further attempt of a delivery; after the last one the delivery is given up."""

_PUT_OFF = timedelta(minutes=1)
_CACHED_DOCUMENTS = 16
_CONCURRENT_RENDERINGS = 2


@dataclass(frozen=True, slots=True)
class _Content:
    """A document as delivered."""

    body: bytes
    headers: dict[str, str]


class Deliveries:
    """Delivers changed documents to subscribers.

    Args:
        publication: Which documents exist, and their URLs.
        engine: For reading documents.
        client: Makes the requests.
        transact: Runs a function in one transaction that may write.
        throttled_log: For failures.
        limits: Of the hub.
        retry_waits: Before each further attempt of a delivery.
    """

    def __init__(
        self,
        publication: Publication,
        engine: Engine,
        client: WebSubClient,
        transact: Transact,
        throttled_log: ThrottledLog,
        limits: HubLimits,
        *,
        retry_waits: tuple[timedelta, ...] = RETRY_WAITS,
    ) -> None:
        self._client = client
        self._engine = engine
        self._now = clock_of(engine)
        self._transact = transact
        self._log = throttled_log
        self._limits = limits
        self._retry_waits = retry_waits
        self._documents = _RenderedDocuments(publication, engine)
        self._beginning = asyncio.Lock()
        self._queued_ids: set[int] = set()  # of subscribers
        self._queued_per_site: Counter[str] = Counter()
        self._site_concurrency = ConcurrencyLimit(1)
        self._address_concurrency = ConcurrencyLimit(limits.concurrent_per_address)
        self._free = asyncio.Semaphore(limits.concurrent_requests)
        self._results: list[write_subscribers.Delivery] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._writing: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Begin the deliveries that are due, within the limits; return before they end."""
        async with self._beginning:
            while len(self._queued_ids) < self._limits.queued_deliveries:
                # A delivery whose end is written during the query is in the result of the query.
                queued_ids = set(self._queued_ids)
                now, subscribers = await asyncio.to_thread(self._due_subscribers)
                queued_ids |= self._queued_ids
                unqueued = [
                    subscriber for subscriber in subscribers if subscriber.id not in queued_ids
                ]
                if not sum(self._enqueue(subscriber, now) for subscriber in unqueued):
                    return

    async def idle(self) -> None:
        """Return when no delivery is in memory, and all results are written."""
        while self._tasks or self._writing is not None:
            await asyncio.wait({*self._tasks, *({self._writing} if self._writing else ())})

    def use_publication(self, publication: Publication) -> None:
        """Render documents with other common properties from now on."""
        self._documents.publication = publication

    async def stop(self) -> None:
        """Cancel the deliveries in memory, which are due again at the next start."""
        tasks = [*self._tasks, *([self._writing] if self._writing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._documents.stop()

    def _due_subscribers(self) -> tuple[datetime, list[write_subscribers.Subscriber]]:
        """Return the present time, and subscribers with deliveries that are due."""
        full_sites = [site for site in self._queued_per_site if self._is_full(site)]
        with self._engine.connect() as connection:
            # The query also returns subscribers whose deliveries are queued.
            limit = len(self._queued_ids) + self._limits.queued_deliveries
            now = database_time(connection)
            return now, write_subscribers.due_subscribers(
                connection, now=now, limit=limit, busy_hosts=full_sites
            )

    def _is_full(self, site: str) -> bool:
        return self._queued_per_site[site] >= self._limits.queued_per_site

    def _enqueue(self, subscriber: write_subscribers.Subscriber, due_at: datetime) -> bool:
        is_full = len(self._queued_ids) >= self._limits.queued_deliveries
        if is_full or self._is_full(subscriber.host):
            return False
        self._queued_ids.add(subscriber.id)
        self._queued_per_site[subscriber.host] += 1
        task = asyncio.create_task(self._deliver(subscriber, due_at))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _deliver(self, subscriber: write_subscribers.Subscriber, due_at: datetime) -> None:
        try:
            async with self._site_concurrency.admitted([subscriber.host]):
                result = await self._attempt(subscriber, due_at)
        except DBAPIError as error:  # the document can't be read now
            log.error("hub: %s", error.orig)
            result = self._put_off(subscriber)
        self._results.append(result)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_results())

    async def _write_results(self) -> None:
        """Write the results of deliveries, all that end meanwhile together; then begin others."""
        try:
            while self._results:
                results, self._results = self._results, []
                try:
                    await self._transact(
                        partial(write_subscribers.note_deliveries, deliveries=results)
                    )
                finally:
                    for result in results:
                        self._queued_ids.discard(result.subscriber.id)
                        self._queued_per_site[result.subscriber.host] -= 1
                    self._queued_per_site = +self._queued_per_site
                await self.begin()
        except DBAPIError as error:  # the deliveries are still due
            log.error("hub: %s", error.orig)
        finally:
            self._writing = None

    async def _attempt(
        self, subscriber: write_subscribers.Subscriber, due_at: datetime
    ) -> write_subscribers.Delivery:
        """Deliver a document to a subscriber, and return the outcome."""
        timeout = self._limits.request_timeout
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._client.addresses(subscriber.callback)
            keys = address_keys(addresses)
            limit = self._limits.queued_per_address
            if any(self._address_concurrency.users(key) >= limit for key in keys):
                return self._put_off(subscriber)
            async with self._address_concurrency.admitted(keys), self._free:
                content = await self._documents.get(subscriber.topic, due_at)
                if content is None:  # a category or source that was removed
                    return write_subscribers.Delivery(subscriber, is_ended=True)
                async with asyncio.timeout(timeout):
                    status = await self._post(subscriber, content, addresses)
            if 200 <= status < 300:
                return write_subscribers.Delivery(subscriber)
            if status == 410:
                return write_subscribers.Delivery(subscriber, is_ended=True)
            reason = f"answered {status}"
        except TimeoutError:
            reason = f"no answer within {span_text(timeout)}"
        except FetchError as error:
            reason = error.reason
        self._log.log("not delivered", f"{subscriber.host}: {reason}; not delivered")
        if subscriber.failures >= len(self._retry_waits):  # given up until the next change
            return write_subscribers.Delivery(subscriber)
        retry_at = self._now() + self._retry_waits[subscriber.failures]
        return write_subscribers.Delivery(subscriber, retry_at=retry_at)

    def _put_off(self, subscriber: write_subscribers.Subscriber) -> write_subscribers.Delivery:
        """Return the outcome of a delivery that is repeated without counting as failed."""
        retry_at = self._now() + _PUT_OFF
        return write_subscribers.Delivery(subscriber, retry_at=retry_at, is_failure=False)

    async def _post(
        self,
        subscriber: write_subscribers.Subscriber,
        content: _Content,
        addresses: tuple[str, ...],
    ) -> int:
        """Return the status of the subscriber's response."""
        headers = dict(content.headers)
        if subscriber.secret:
            digest = hmac.new(subscriber.secret.encode(), content.body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature"] = f"sha256={digest}"
        response = await self._client.post(
            subscriber.callback, content.body, headers, addresses=addresses
        )
        return response.status


class _RenderedDocuments:
    """Documents as our web serves them, with a small cache."""

    def __init__(self, publication: Publication, engine: Engine) -> None:
        self.publication = publication
        self._engine = engine
        self._now = clock_of(engine)
        self._free = asyncio.Semaphore(_CONCURRENT_RENDERINGS)
        self._cache: OrderedDict[str, tuple[datetime, asyncio.Task[_Content | None]]]
        self._cache = OrderedDict()

    async def get(self, url: str, not_before: datetime) -> _Content | None:
        """Return a document, rendered at `not_before` or later; None if there is no document."""
        rendered_at, task = self._cache.get(url, (None, None))
        if task is None or rendered_at is None or rendered_at < not_before:
            task = asyncio.create_task(self._render_in_thread(url))
            self._cache[url] = self._now(), task
        self._cache.move_to_end(url)
        while len(self._cache) > _CACHED_DOCUMENTS:
            self._cache.popitem(last=False)
        return await asyncio.shield(task)

    async def stop(self) -> None:
        """Cancel all renderings."""
        tasks = [task for _, task in self._cache.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _render_in_thread(self, url: str) -> _Content | None:
        async with self._free:
            return await asyncio.to_thread(self._render, url)

    def _render(self, url: str) -> _Content | None:
        request = self.publication.request_for(url)
        if request is None:
            return None
        with self._engine.connect() as connection:
            request = renamed_documents.present_request(connection, request)
            now = database_time(connection)
            document = merged.document(connection, request, self.publication, now=now)
        if document is None:
            return None
        headers = {
            "Content-Type": request.form.content_type,
            "Link": f'<{self.publication.hub}>; rel="hub", <{url}>; rel="self"',
        }
        return _Content(render(document, request.form), headers)
