"""The hub: subscribers verified, changes delivered, failures tried again.

A subscription is a row in the database, and so is what it is still to get: a restart loses nothing.
Which documents change is said by `mark`; `deliver` sends what they say now, so that a subscriber
that was away gets the last version and no pile of old ones.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aggregator import merged, urls
from aggregator.database import Connection, Engine, store
from aggregator.errors import FetchError
from aggregator.fetch import Calls
from aggregator.letters import Letter
from aggregator.merged import Publication
from aggregator.publish import render

log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Requests that wait to be verified; more are let go, as subscribers ask again."""

MOST_OF_HOST = 1000
"""Subscriptions whose callbacks are of one host."""

VERIFIED_A_MINUTE = 30
"""Requests verified for callbacks of one host: anybody may name anybody's address."""

BACK_OFF = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720, 1440))
"""Waits before a failed delivery is tried again; after the last one it is given up."""

_AT_ONCE = 8
_BATCH = 100
_T = TypeVar("_T")


class Transact(Protocol):
    """Does work in one transaction that may write."""

    def __call__(self, work: Callable[[Connection], _T]) -> Awaitable[_T]: ...


@dataclass(frozen=True, slots=True)
class _Topic:
    """A document as it is delivered."""

    body: bytes
    headers: dict[str, str]


class Hub:
    """Keeps subscribers, and sends them what changed.

    Args:
        engine: Read from, for documents.
        back_off: Waits before each further attempt of a delivery.
    """

    def __init__(
        self,
        publication: Publication,
        engine: Engine,
        calls: Calls,
        transact: Transact,
        *,
        back_off: tuple[timedelta, ...] = BACK_OFF,
    ) -> None:
        self._publication = publication
        self._engine = engine
        self._calls = calls
        self._transact = transact
        self._back_off = back_off
        self._letters: deque[Letter] = deque()
        self._verified: dict[str, deque[float]] = {}
        self._delivering = asyncio.Lock()

    # --------------------------------------------------------------- subscriptions

    def receive(self, data: bytes) -> None:
        """Take a letter from the web; it is dealt with by `verify`."""
        if len(self._letters) >= MOST_WAITING:
            log.warning("hub: too many requests wait; one was let go")
            return
        self._letters.append(Letter.decode(data))

    async def verify(self) -> None:
        """Ask those who want to subscribe, or to end it, whether they do."""
        letters = list(self._letters)
        self._letters.clear()
        free = asyncio.Semaphore(_AT_ONCE)

        async def one(letter: Letter) -> None:
            async with free:
                await self._verify(letter)

        await asyncio.gather(*(one(letter) for letter in letters))

    async def _verify(self, letter: Letter) -> None:
        host = urls.host_of(letter.callback)
        if not self._may_ask(host):
            log.warning("hub: too many requests for %s; one was let go", host)
            return
        if not await self._confirmed(letter):
            return
        now = datetime.now(UTC)

        def keep(connection: Connection) -> bool:
            if letter.ends:
                store.remove_subscriber(connection, letter.topic, letter.callback)
                return True
            return store.add_subscriber(
                connection,
                topic=letter.topic,
                callback=letter.callback,
                host=host,
                secret=letter.secret,
                lease_until=now + letter.lease,
                most_of_host=MOST_OF_HOST,
            )

        if await self._transact(keep):
            what = "unsubscribed from" if letter.ends else "subscribed to"
            log.info("hub: %s %s %s", host, what, letter.topic)
        else:
            log.warning("hub: %s has too many subscriptions; one was refused", host)

    def _may_ask(self, host: str) -> bool:
        """Whether one more request for callbacks of a host may go out in this minute."""
        now = asyncio.get_running_loop().time()
        for known in [name for name, times in self._verified.items() if times[-1] < now - 60]:
            del self._verified[known]
        times = self._verified.setdefault(host, deque(maxlen=VERIFIED_A_MINUTE))
        if len(times) == VERIFIED_A_MINUTE and times[0] > now - 60:
            return False
        times.append(now)
        return True

    async def _confirmed(self, letter: Letter) -> bool:
        """Whether the subscriber repeats a challenge (WebSub, 5.3)."""
        challenge = secrets.token_urlsafe(32)
        question = {
            "hub.mode": "unsubscribe" if letter.ends else "subscribe",
            "hub.topic": letter.topic,
            "hub.challenge": challenge,
        }
        if not letter.ends:
            question["hub.lease_seconds"] = str(int(letter.lease.total_seconds()))
        parts = urlsplit(letter.callback)
        query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *question.items()])
        url = urlunsplit(parts._replace(query=query))
        try:
            reply = await self._calls.get(url, most=len(challenge) + 1)
        except FetchError as error:
            log.info("hub: %s: %s; not verified", urls.host_of(letter.callback), error.reason)
            return False
        return 200 <= reply.status < 300 and reply.body == challenge.encode()

    # ------------------------------------------------------------------ deliveries

    async def mark(self, topics: Collection[str]) -> None:
        """Note that documents have changed, for all who subscribe to them; then deliver."""
        now = datetime.now(UTC)
        await self._transact(partial(store.mark_topics, topics=list(topics), now=now))
        await self.deliver()

    async def deliver(self) -> None:
        """Send what is due, and note how that went."""
        async with self._delivering:
            while await self._deliver_some():
                pass

    async def tidy(self) -> None:
        """Forget subscriptions that nobody renewed."""
        await self._transact(partial(store.end_leases, now=datetime.now(UTC)))

    async def _deliver_some(self) -> int:
        """Send a batch of what is due; return how many that were."""
        due = await asyncio.to_thread(self._read, partial(_due, now=datetime.now(UTC)))
        if not due:
            return 0
        names = sorted({one.topic for one in due})
        topics = await asyncio.to_thread(self._read, partial(self._topics, names=names))
        free = asyncio.Semaphore(_AT_ONCE)
        hosts = {urls.host_of(one.callback): asyncio.Lock() for one in due}

        async def send(one: store.Subscriber) -> store.Delivery:
            async with hosts[urls.host_of(one.callback)], free:  # one at a time to a host
                return await self._deliver(one, topics.get(one.topic))

        results = await asyncio.gather(*map(send, due))
        await self._transact(partial(store.note_deliveries, deliveries=results))
        return len(due)

    async def _deliver(self, due: store.Subscriber, topic: _Topic | None) -> store.Delivery:
        """Send one subscriber a document; return what came of it."""
        if topic is None:  # the category or source is no more
            return store.Delivery(due, ended=True)
        headers = dict(topic.headers)
        if due.secret:
            digest = hmac.new(due.secret.encode(), topic.body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature"] = f"sha256={digest}"
        try:
            reply = await self._calls.post(due.callback, topic.body, headers)
            reason = f"answered {reply.status}"
            if 200 <= reply.status < 300:
                return store.Delivery(due)
            if reply.status == 410:
                return store.Delivery(due, ended=True)
        except FetchError as error:
            reason = error.reason
        log.info("hub: %s: %s", urls.host_of(due.callback), reason)
        if due.failures >= len(self._back_off):
            return store.Delivery(due)  # given up; the next change is another matter
        wait = self._back_off[due.failures]
        return store.Delivery(due, retry_at=datetime.now(UTC) + wait)

    def _read(self, work: Callable[[Connection], _T]) -> _T:
        with self._engine.connect() as connection:
            return work(connection)

    def _topics(self, connection: Connection, *, names: list[str]) -> dict[str, _Topic]:
        """Return documents as our web answers them, by address; those that are no more are not."""
        found: dict[str, _Topic] = {}
        for name in names:
            wish = self._publication.wish_of(name)
            now = datetime.now(UTC)
            if wish is None:
                continue
            document = merged.document(connection, wish, self._publication, now=now)
            if document is None:
                continue
            headers = {
                "Content-Type": wish.form.content_type,
                "Link": f'<{self._publication.hub}>; rel="hub", <{name}>; rel="self"',
            }
            found[name] = _Topic(render(document, wish.form), headers)
        return found


def _due(connection: Connection, *, now: datetime) -> list[store.Subscriber]:
    return store.due_subscribers(connection, now=now, limit=_BATCH)
