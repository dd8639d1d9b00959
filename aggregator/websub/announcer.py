"""From feeds that brought something to the documents in which that can be seen, once in a while."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

from aggregator import urls
from aggregator.database.websub import write_unannounced
from aggregator.merged import ListRequest, Publication
from aggregator.model import Scope, Subscription
from aggregator.publish import Format
from aggregator.websub.transact import Transact

DEBOUNCE = timedelta(seconds=30)
"""How long the first change of some waits for the others."""


class Announcer:
    """Tells of the changes that polls noted in the database, each document's once.

    Args:
        tell: Called with the addresses of documents that changed.
        subscriptions: Returns those in force.
        transact: Does work in one transaction that may write.
    """

    def __init__(
        self,
        publication: Publication,
        tell: Callable[[Collection[str]], Awaitable[None]],
        subscriptions: Callable[[], Iterable[Subscription]],
        transact: Transact,
        *,
        debounce: timedelta = DEBOUNCE,
    ) -> None:
        self._publication = publication
        self._tell = tell
        self._subscriptions = subscriptions
        self._transact = transact
        self._debounce = debounce

    async def announce(self) -> None:
        """Tell of all changes that wait, if the first of them has waited long enough.

        They are forgotten when they were told: after a kill they may be told twice, never lost.
        """
        waiting = await self._transact(
            partial(
                write_unannounced.waiting_changes, now=datetime.now(UTC), debounce=self._debounce
            )
        )
        if not waiting:
            return
        changed = {one.name for one in waiting}
        await self._tell(topics(self._publication, self._subscriptions(), changed))
        await self._transact(partial(write_unannounced.note_announced, told=waiting))


def topics(
    publication: Publication, subscriptions: Iterable[Subscription], changed: Collection[str]
) -> list[str]:
    """Return the addresses of all documents that show entries of these feeds, each once."""
    subscribed = list(subscriptions)
    slugs = urls.category_slugs(feed.category for feed in subscribed if feed.category)
    scopes = {Scope(): None}
    for feed in subscribed:
        if feed.name in changed:
            scopes[Scope(source=feed.name)] = None
            if feed.category:
                scopes[Scope(category=slugs[feed.category])] = None
    return [publication.url(ListRequest(scope, form)) for scope in scopes for form in Format]
