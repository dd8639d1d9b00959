"""The hub: who subscribes is verified, what changes is delivered."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import partial

from aggregator.database import Engine
from aggregator.database.websub import write_subscribers
from aggregator.fetch import WebSubClient
from aggregator.merged import Publication
from aggregator.websub.deliveries import BACK_OFF, Deliveries
from aggregator.websub.rate_limits import Notices
from aggregator.websub.transact import Transact
from aggregator.websub.verification import Verification


class Hub:
    """Keeps subscribers, and sends them what changed.  Use it in one event loop.

    Args:
        engine: Read from, for documents.
        calls: Asks subscribers whether they are meant.
        posts: Sends them documents.
        back_off: Waits before each further attempt of a delivery.
    """

    def __init__(
        self,
        publication: Publication,
        engine: Engine,
        calls: WebSubClient,
        posts: WebSubClient,
        transact: Transact,
        *,
        back_off: tuple[timedelta, ...] = BACK_OFF,
    ) -> None:
        self._transact = transact
        self._notices = Notices()
        self._verification = Verification(calls, transact, self._notices)
        self._deliveries = Deliveries(
            publication, engine, posts, transact, self._notices, back_off=back_off
        )

    @property
    def has_room(self) -> bool:
        """Whether one more request may be taken; until then the web says that the hub is busy."""
        return self._verification.has_room

    def receive(self, data: bytes) -> None:
        """Take a letter from the web, and begin to deal with it."""
        self._verification.receive(data)

    async def mark(self, topics: Collection[str]) -> None:
        """Note that documents have changed, for all who subscribe to them; begin to deliver."""
        now = datetime.now(UTC)
        await self._transact(partial(write_subscribers.mark_topics, topics=list(topics), now=now))
        await self.deliver()

    async def deliver(self) -> None:
        """Begin to send what is due; nobody is waited for."""
        await self._deliveries.begin()

    async def tidy(self) -> None:
        """Forget subscriptions that nobody renewed."""
        await self._transact(partial(write_subscribers.end_leases, now=datetime.now(UTC)))

    async def look_round(self) -> None:
        """Say in the log what was left out of it."""
        self._notices.tell_rest()

    async def idle(self) -> None:
        """Return when nothing waits and nothing is under way."""
        await self._verification.idle()
        await self._deliveries.idle()

    async def stop(self) -> None:
        """Give up what is under way."""
        await self._verification.stop()
        await self._deliveries.stop()
