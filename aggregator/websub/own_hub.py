"""Our own hub: verifies subscribers, and delivers changed documents to them."""

from collections.abc import Collection
from datetime import timedelta

from aggregator.database import Connection, Engine, Transact, database_time
from aggregator.database.websub import write_subscribers
from aggregator.fetch import WebSubClient
from aggregator.merged import Publication
from aggregator.websub import renamed_documents
from aggregator.websub.deliveries import RETRY_WAITS, Deliveries
from aggregator.websub.hub_limits import DEFAULT_LIMITS, HubLimits
from aggregator.websub.throttled_log import ThrottledLog
from aggregator.websub.verification import Verification


class OwnHub:
    """The hub, in one event loop.

    Args:
        publication: Which documents exist, and their URLs.
        engine: For reading documents, and requests of subscribers.
        verifying_client: Makes the requests of verifications; used for nothing else.
        delivering_client: Makes the requests of deliveries; used for nothing else.
        transact: Runs a function in one transaction that may write.
        limits: For a site, an address and all subscribers.
        retry_waits: Before each further attempt of a delivery.
    """

    def __init__(
        self,
        publication: Publication,
        engine: Engine,
        verifying_client: WebSubClient,
        delivering_client: WebSubClient,
        transact: Transact,
        *,
        limits: HubLimits = DEFAULT_LIMITS,
        retry_waits: tuple[timedelta, ...] = RETRY_WAITS,
    ) -> None:
        self._publication = publication
        self._transact = transact
        self._log = ThrottledLog()
        self._verification = Verification(engine, verifying_client, transact, self._log, limits)
        self._deliveries = Deliveries(
            publication,
            engine,
            delivering_client,
            transact,
            self._log,
            limits,
            retry_waits=retry_waits,
        )

    def use_publication(self, publication: Publication) -> None:
        """Deliver documents with other common properties from now on."""
        self._publication = publication
        self._deliveries.use_publication(publication)

    async def verify(self) -> None:
        """Begin to verify requests of subscribers; return before the verifications end."""
        await self._verification.begin()

    async def publish(self, topics: Collection[str]) -> None:
        """Note changed documents for their subscribers, and begin to deliver.

        Subscribers of a document that has another address now get the document, too.
        """
        publication = self._publication

        def mark(connection: Connection) -> None:
            now = database_time(connection)
            former_topics = renamed_documents.former_topics(connection, publication, topics)
            write_subscribers.mark_topics(connection, topics=[*topics, *former_topics], now=now)

        await self._transact(mark)
        await self.deliver()

    async def deliver(self) -> None:
        """Begin the deliveries that are due; return before they end."""
        await self._deliveries.begin()

    async def remove_expired(self) -> None:
        """Remove subscriptions after the end of the lease."""
        await self._transact(
            lambda connection: write_subscribers.end_leases(
                connection, now=database_time(connection)
            )
        )

    async def log_counts(self) -> None:
        """Log how many lines the log has not shown."""
        self._log.log_counts()

    async def idle(self) -> None:
        """Return when no verification and no delivery is left in memory."""
        await self._verification.idle()
        await self._deliveries.idle()

    async def stop(self) -> None:
        """Cancel the verifications and deliveries in memory."""
        await self._verification.stop()
        await self._deliveries.stop()
