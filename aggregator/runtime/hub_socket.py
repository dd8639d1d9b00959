"""What the web process hands to the scheduler's: wishes of WebSub subscribers.  Pure.

The web only reads the database.  So it checks a request, puts it into one datagram, and forgets it;
the scheduler's process asks the subscriber back, and writes.
"""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta

MAX_LETTER = 32_768
"""Bytes of an encoded letter; far below what a socket pair takes in one piece."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A request to subscribe to changes of a document, or to end that (WebSub, 5.1).

    Attributes:
        topic: Address of one of our documents.
        callback: Where changes are to be sent.
        secret: To sign them with, None for no signatures.
        lease: For how long; meaningless where a subscription is to end.
        ends: The subscription is to end.
    """

    topic: str
    callback: str
    secret: str | None
    lease: timedelta
    ends: bool

    def encoded(self) -> bytes:
        """Return the letter as bytes."""
        values = asdict(self) | {"lease": self.lease.total_seconds()}
        return json.dumps(values).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Letter":
        """Read what `encoded` wrote."""
        values = json.loads(data)
        return cls(**(values | {"lease": timedelta(seconds=values["lease"])}))
