"""Requests of WebSub subscribers, from the web process to the scheduler's process.  Pure.

The web process only reads the database.  A valid request becomes one datagram, and the web process
keeps no copy; the scheduler's process verifies the request with the subscriber, and writes.
"""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Self

MAX_REQUEST = 32_768
"""Bytes of an encoded request; far below the largest datagram of a socket pair."""


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    """A request to subscribe to changes of a document, or to unsubscribe (WebSub, 5.1).

    Attributes:
        topic: URL of one of our documents.
        callback: URL that changes are sent to.
        secret: Key of the signatures, None for no signatures.
        lease: Length of the subscription; without meaning in a request to unsubscribe.
        is_unsubscribe: The request is to unsubscribe.
    """

    topic: str
    callback: str
    secret: str | None
    lease: timedelta
    is_unsubscribe: bool

    def encode(self) -> bytes:
        """Return the request as a datagram."""
        values = asdict(self) | {"lease": self.lease.total_seconds()}
        return json.dumps(values).encode()

    @classmethod
    def decode(cls, datagram: bytes) -> Self:
        """Read a datagram of `encode`."""
        values = json.loads(datagram)
        return cls(**(values | {"lease": timedelta(seconds=values["lease"])}))
