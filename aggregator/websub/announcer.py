"""Lists with changes -> the documents of the lists, at intervals."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import timedelta
from functools import partial

from aggregator.database import Connection, Transact, database_time
from aggregator.database.websub import write_unannounced
from aggregator.merged import ListRequest, Publication
from aggregator.model import ListScope
from aggregator.publish import Format

DEBOUNCE = timedelta(seconds=30)
"""How long the first change waits for further changes."""

Publish = Callable[[Collection[str]], Awaitable[None]]
"""Tells a hub which documents have changed, by URL."""


class Announcer:
    """Announces changes that polls noted in the database, each document once.

    Args:
        publication: Which documents exist, and their URLs.
        publish: Called with the changed documents.
        transact: Runs a function in one transaction that may write.
        debounce: How long the first change waits for further changes.
    """

    def __init__(
        self,
        publication: Publication,
        publish: Publish,
        transact: Transact,
        *,
        debounce: timedelta = DEBOUNCE,
    ) -> None:
        self._publication = publication
        self._publish = publish
        self._transact = transact
        self._debounce = debounce

    async def announce(self) -> None:
        """Announce all changes, if the first has waited long enough.

        The database forgets changes after the announcement: after a kill changes may be announced
        twice, but are never lost.
        """
        changes = await self._transact(self._waiting_changes)
        if not changes:
            return
        await self._publish(topics(self._publication, [change.scope for change in changes]))
        await self._transact(partial(write_unannounced.note_announced, announced=changes))

    def _waiting_changes(self, connection: Connection) -> list[write_unannounced.Unannounced]:
        now = database_time(connection)
        return write_unannounced.waiting_changes(connection, now=now, debounce=self._debounce)


def topics(publication: Publication, scopes: Iterable[ListScope]) -> list[str]:
    """Return the URLs of all documents of lists."""
    return [publication.url(ListRequest(scope, form)) for scope in scopes for form in Format]
