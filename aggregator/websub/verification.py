"""Asking those who want to subscribe whether they do (WebSub, 5.3).

Whoever sends a request decides whom the hub asks and how slowly that one answers: so requests wait
in bounded number, each has one deadline for all of it, and nobody is asked more than so often.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from aggregator import urls
from aggregator.database import Connection
from aggregator.database.websub import write_subscribers
from aggregator.errors import FetchError
from aggregator.fetch import WebSubClient
from aggregator.model.times import span_text
from aggregator.runtime.hub_socket import Letter
from aggregator.websub.rate_limits import Notices, Rate, Turns, networks
from aggregator.websub.transact import Transact

MOST_WAITING = 1000
"""Requests that wait to be verified; then the web is told to refuse more."""

A_MINUTE = 30
"""Requests verified for callbacks of one site, and of one address."""

ALL_A_MINUTE = 600
"""Requests taken in all."""

AT_ONCE = 64
"""Requests that are verified at a time, one of a site."""

DEADLINE = 10.0
"""Seconds for one verification, the name server included."""

MOST_OF_SITE = 1000
"""Subscriptions whose callbacks are of one site."""

MOST_SUBSCRIPTIONS = 50_000
"""Subscriptions in all."""

_ALL = "all"
_T = TypeVar("_T")


class Verification:
    """Verifies requests to subscribe, and notes the subscriptions.

    Args:
        calls: Used for nothing else: a name server that hangs holds up no delivery.
    """

    def __init__(self, calls: WebSubClient, transact: Transact, notices: Notices) -> None:
        self._calls = calls
        self._transact = transact
        self._notices = notices
        self._of_site, self._of_address = Rate(A_MINUTE), Rate(A_MINUTE)
        self._of_all = Rate(ALL_A_MINUTE)
        self._sites = Turns(1)
        self._free = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def has_room(self) -> bool:
        """Whether one more request may be taken."""
        return len(self._tasks) < MOST_WAITING and not self._of_all.is_used_up(_ALL)

    def receive(self, data: bytes) -> None:
        """Take a request from the web, and begin to verify it."""
        letter = Letter.decode(data)
        site = urls.site_of(letter.callback)
        self._of_all.take([_ALL])
        if not self._of_site.take([site]):
            self._refuse(site)
            return
        task = asyncio.create_task(self._verify(letter, site))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Return when nothing waits."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Let go of all that wait: subscribers ask again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _refuse(self, place: str) -> None:
        text = f"too many requests for {place}; one was let go"
        self._notices.say("requests let go", text, level=logging.WARNING)

    async def _verify(self, letter: Letter, site: str) -> None:
        async with self._sites.turn([site]), self._free:
            try:
                async with asyncio.timeout(DEADLINE):
                    is_confirmed = await self._is_confirmed(letter)
            except TimeoutError:
                self._failed(site, f"no answer within {span_text(DEADLINE)}")
                return
            except FetchError as error:
                self._failed(site, error.reason)
                return
        if is_confirmed:
            await self._note(letter, site)

    def _failed(self, site: str, reason: str) -> None:
        self._notices.say("not verified", f"{site}: {reason}; not verified")

    async def _is_confirmed(self, letter: Letter) -> bool:
        """Whether the subscriber repeats a challenge.

        Raises:
            FetchError: It can't be asked.
        """
        addresses = await self._calls.addresses(letter.callback)
        groups = networks(addresses)
        if not self._of_address.take(groups):
            self._refuse(groups[0])
            return False
        challenge = secrets.token_urlsafe(32)
        url = _question(letter, challenge)
        reply = await self._calls.get(url, max_bytes=len(challenge) + 1, addresses=addresses)
        return 200 <= reply.status < 300 and reply.body == challenge.encode()

    async def _note(self, letter: Letter, site: str) -> None:
        if letter.ends:
            work: Callable[[Connection], str | None] = partial(_removed, letter)
        else:
            work = partial(_added, letter, site)
        refusal = await self._transact(work)
        if refusal:
            self._notices.say("subscriptions refused", refusal, level=logging.WARNING)
            return
        what = "unsubscribed from" if letter.ends else "subscribed to"
        self._notices.say(what, f"{site} {what} {letter.topic}")


def _removed(letter: Letter, connection: Connection) -> None:
    write_subscribers.remove_subscriber(connection, letter.topic, letter.callback)


def _added(letter: Letter, site: str, connection: Connection) -> str | None:
    """Add a subscription; return why not, None if it was."""
    is_added = write_subscribers.add_subscriber(
        connection,
        topic=letter.topic,
        callback=letter.callback,
        host=site,
        secret=letter.secret,
        lease_until=datetime.now(UTC) + letter.lease,
        most_of_host=MOST_OF_SITE,
        most=MOST_SUBSCRIPTIONS,
    )
    return None if is_added else f"too many subscriptions of {site} or in all; one was refused"


def _question(letter: Letter, challenge: str) -> str:
    """Return the callback with what it is asked."""
    question = {
        "hub.mode": "unsubscribe" if letter.ends else "subscribe",
        "hub.topic": letter.topic,
        "hub.challenge": challenge,
    }
    if not letter.ends:
        question["hub.lease_seconds"] = str(int(letter.lease.total_seconds()))
    parts = urlsplit(letter.callback)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *question.items()])
    return urlunsplit(parts._replace(query=query))
