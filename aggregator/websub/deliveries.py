"""Sending what changed to our own subscribers, failures again later.

A subscription is a row in the database, and so is what it is still to get: a restart loses nothing.
What a document says is looked up when it is sent, so that a subscriber that was away gets the last
version and no pile of old ones.

A subscriber that is slow, or does not answer, holds up its own site: each site has a queue of its
own, of bounded length, and each delivery a deadline.
"""

import asyncio
import hashlib
import hmac
import logging
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from aggregator import merged
from aggregator.database import DBAPIError, Engine
from aggregator.database.websub import write_subscribers
from aggregator.errors import FetchError
from aggregator.fetch import WebSubClient
from aggregator.merged import Publication
from aggregator.model.times import span_text
from aggregator.publish import render
from aggregator.websub.rate_limits import Notices, Turns, networks
from aggregator.websub.transact import Transact

log = logging.getLogger(__name__)

BACK_OFF = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720, 1440))
"""Waits before a failed delivery is tried again; after the last one it is given up."""

DEADLINE = 10.0
"""Seconds for finding an address, and for one delivery."""

MOST_QUEUED = 400
"""Deliveries that wait in memory; the others wait in the database."""

MOST_OF_SITE = 4
"""Of these for one site."""

AT_ONCE = 64
"""Deliveries under way."""

ONE_ADDRESS = 4
"""Deliveries under way to one address, whatever names it has."""

MOST_OF_ADDRESS = 32
"""Deliveries that wait for one address; more are put off."""

_PUT_OFF = timedelta(minutes=1)
_DOCUMENTS = 16  # that are kept for the next subscriber
_RENDERED_AT_ONCE = 2
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Topic:
    """A document as it is delivered."""

    body: bytes
    headers: dict[str, str]


class Deliveries:
    """Sends subscribers the documents that changed.

    Args:
        engine: Read from, for documents.
        back_off: Waits before each further attempt of a delivery.
    """

    def __init__(
        self,
        publication: Publication,
        engine: Engine,
        calls: WebSubClient,
        transact: Transact,
        notices: Notices,
        *,
        back_off: tuple[timedelta, ...] = BACK_OFF,
    ) -> None:
        self._calls = calls
        self._engine = engine
        self._transact = transact
        self._notices = notices
        self._back_off = back_off
        self._documents = _Documents(publication, engine)
        self._looking = asyncio.Lock()
        self._under_way: set[int] = set()
        self._of_site: Counter[str] = Counter()
        self._sites, self._addresses = Turns(1), Turns(ONE_ADDRESS)
        self._free = asyncio.Semaphore(AT_ONCE)
        self._results: list[write_subscribers.Delivery] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._noting: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Begin to send what is due, as far as there is room for it; nobody is waited for."""
        async with self._looking:
            while len(self._under_way) < MOST_QUEUED:
                now = datetime.now(UTC)
                # What is noted while the database is read was due when the reading began.
                busy = set(self._under_way)
                due = await asyncio.to_thread(self._due, now)
                busy |= self._under_way
                fresh = [subscriber for subscriber in due if subscriber.id not in busy]
                if not sum(self._begin_one(subscriber, now) for subscriber in fresh):
                    return

    async def idle(self) -> None:
        """Return when nothing is under way, and all of it is noted."""
        while self._tasks or self._noting is not None:
            await asyncio.wait({*self._tasks, *({self._noting} if self._noting else ())})

    async def stop(self) -> None:
        """Give up what is under way; it is still due at the next start."""
        tasks = [*self._tasks, *([self._noting] if self._noting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._documents.stop()

    def _due(self, now: datetime) -> list[write_subscribers.Subscriber]:
        busy = [site for site, count in self._of_site.items() if count >= MOST_OF_SITE]
        with self._engine.connect() as connection:
            # As many as may be under way are no news.
            limit = len(self._under_way) + MOST_QUEUED
            return write_subscribers.due_subscribers(
                connection, now=now, limit=limit, busy_hosts=busy
            )

    def _begin_one(self, due: write_subscribers.Subscriber, at: datetime) -> bool:
        if self._of_site[due.host] >= MOST_OF_SITE or len(self._under_way) >= MOST_QUEUED:
            return False
        self._under_way.add(due.id)
        self._of_site[due.host] += 1
        task = asyncio.create_task(self._send(due, at))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _send(self, due: write_subscribers.Subscriber, at: datetime) -> None:
        try:
            async with self._sites.turn([due.host]):
                result = await self._attempt(due, at)
        except DBAPIError as error:  # the document can't be read now
            log.error("hub: %s", error.orig)
            result = write_subscribers.Delivery(
                due, retry_at=datetime.now(UTC) + _PUT_OFF, failed=False
            )
        self._results.append(result)
        if self._noting is None:
            self._noting = asyncio.create_task(self._note())

    async def _note(self) -> None:
        """Write how deliveries went, those that end meanwhile together; then go on."""
        try:
            while self._results:
                results, self._results = self._results, []
                try:
                    await self._transact(
                        partial(write_subscribers.note_deliveries, deliveries=results)
                    )
                finally:
                    for result in results:
                        self._under_way.discard(result.of.id)
                        self._of_site[result.of.host] -= 1
                    self._of_site = +self._of_site
                await self.begin()
        except DBAPIError as error:  # they are still due
            log.error("hub: %s", error.orig)
        finally:
            self._noting = None

    async def _attempt(
        self, due: write_subscribers.Subscriber, at: datetime
    ) -> write_subscribers.Delivery:
        """Send one subscriber its document; return what came of it."""
        try:
            async with asyncio.timeout(DEADLINE):
                addresses = await self._calls.addresses(due.callback)
            groups = networks(addresses)
            if any(self._addresses.users(group) >= MOST_OF_ADDRESS for group in groups):
                until = datetime.now(UTC) + _PUT_OFF
                return write_subscribers.Delivery(due, retry_at=until, failed=False)
            async with self._addresses.turn(groups), self._free:
                topic = await self._documents.get(due.topic, at)
                if topic is None:  # the category or source is no more
                    return write_subscribers.Delivery(due, ended=True)
                async with asyncio.timeout(DEADLINE):
                    status = await self._post(due, topic, addresses)
            if 200 <= status < 300:
                return write_subscribers.Delivery(due)
            if status == 410:
                return write_subscribers.Delivery(due, ended=True)
            reason = f"answered {status}"
        except TimeoutError:
            reason = f"no answer within {span_text(DEADLINE)}"
        except FetchError as error:
            reason = error.reason
        self._notices.say("not delivered", f"{due.host}: {reason}; not delivered")
        if due.failures >= len(self._back_off):
            return write_subscribers.Delivery(due)  # given up; the next change is another matter
        return write_subscribers.Delivery(
            due, retry_at=datetime.now(UTC) + self._back_off[due.failures]
        )

    async def _post(
        self, due: write_subscribers.Subscriber, topic: _Topic, addresses: tuple[str, ...]
    ) -> int:
        headers = dict(topic.headers)
        if due.secret:
            digest = hmac.new(due.secret.encode(), topic.body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature"] = f"sha256={digest}"
        response = await self._calls.post(due.callback, topic.body, headers, addresses=addresses)
        return response.status


class _Documents:
    """Documents as our web answers them; the last few are kept."""

    def __init__(self, publication: Publication, engine: Engine) -> None:
        self._publication = publication
        self._engine = engine
        self._rendering = asyncio.Semaphore(_RENDERED_AT_ONCE)
        self._kept: OrderedDict[str, tuple[datetime, asyncio.Task[_Topic | None]]] = OrderedDict()

    async def get(self, name: str, at: datetime) -> _Topic | None:
        """Return the document as it is at `at` or later; None if it is no more."""
        read_at, rendering = self._kept.get(name, (None, None))
        if rendering is None or read_at is None or read_at < at:
            rendering = asyncio.create_task(self._read(name))
            self._kept[name] = datetime.now(UTC), rendering
        self._kept.move_to_end(name)
        while len(self._kept) > _DOCUMENTS:
            self._kept.popitem(last=False)
        return await asyncio.shield(rendering)

    async def stop(self) -> None:
        """Let go of them."""
        readings = [reading for _, reading in self._kept.values()]
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)

    async def _read(self, name: str) -> _Topic | None:
        async with self._rendering:
            return await asyncio.to_thread(self._rendered, name)

    def _rendered(self, name: str) -> _Topic | None:
        request = self._publication.request_for(name)
        if request is None:
            return None
        with self._engine.connect() as connection:
            document = merged.document(
                connection, request, self._publication, now=datetime.now(UTC)
            )
        if document is None:
            return None
        headers = {
            "Content-Type": request.form.content_type,
            "Link": f'<{self._publication.hub}>; rel="hub", <{name}>; rel="self"',
        }
        return _Topic(render(document, request.form), headers)
