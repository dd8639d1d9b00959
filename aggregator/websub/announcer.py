"""From feeds that brought something to the documents in which that can be seen, once in a while."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable

from aggregator import urls
from aggregator.merged import Publication, Wish
from aggregator.model import Scope, Subscription
from aggregator.publish import Format

log = logging.getLogger(__name__)

DEBOUNCE = 30
"""Seconds that the first change of some waits for the others."""

STOP_WITHIN = 1
"""Seconds for what has not been told yet, at a stop."""


class Announcer:
    """Collects changes, and tells each document's once.  Use with `async with`.

    Args:
        tell: Called with the addresses of documents that changed.
        subscriptions: Returns those in force.
        debounce: Seconds.
    """

    def __init__(
        self,
        publication: Publication,
        tell: Callable[[Collection[str]], Awaitable[None]],
        subscriptions: Callable[[], Iterable[Subscription]],
        *,
        debounce: float = DEBOUNCE,
    ) -> None:
        self._publication = publication
        self._tell = tell
        self._subscriptions = subscriptions
        self._debounce = debounce
        self._changed: set[str] = set()
        self._timer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Announcer":
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.gather(self._timer, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._flush(), STOP_WITHIN)

    def note(self, feed: str) -> None:
        """Note that the feed of this name has new or changed entries."""
        self._changed.add(feed)
        if self._timer is None or self._timer.done():
            self._timer = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        while self._changed:  # also what comes while the others are being told
            await asyncio.sleep(self._debounce)
            await self._flush()

    async def _flush(self) -> None:
        changed, self._changed = self._changed, set()
        if not changed:
            return
        try:
            await self._tell(topics(self._publication, self._subscriptions(), changed))
        except Exception:  # a fault here must not end what tells the next ones
            log.exception("changes could not be announced")


def topics(
    publication: Publication, subscriptions: Iterable[Subscription], changed: Collection[str]
) -> list[str]:
    """Return the addresses of all documents that show entries of these feeds, each once."""
    scopes = {Scope(): None}
    for feed in subscriptions:
        if feed.name in changed:
            scopes[Scope(source=feed.name)] = None
            if slug := urls.slug(feed.category or ""):
                scopes[Scope(category=slug)] = None
    return [publication.url(Wish(scope, form)) for scope in scopes for form in Format]
