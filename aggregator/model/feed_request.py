"""The requests for a feed, as config.yaml has them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256

_DIGEST = 16  # bytes


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """How a feed is requested, if not like every feed.

    Attributes:
        headers: Names and values, each name once whatever the case.  Only the scheme, host and port
            of the feed's own URL get the headers.
        user_agent: Value of the header in place of the program's; None for the program's.
    """

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    user_agent: str | None = None

    @property
    def digest(self) -> str | None:
        """A hash of the whole request, None for a request like every other."""
        if self == PLAIN_REQUEST:
            return None
        headers = sorted((name.lower(), value) for name, value in self.headers)
        text = json.dumps([headers, self.user_agent])
        return sha256(text.encode()).digest()[:_DIGEST].hex()


PLAIN_REQUEST = FeedRequest()
