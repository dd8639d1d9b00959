"""The requests for a feed, as config.yaml has them."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass, field
from functools import lru_cache
from hashlib import sha256

_DIGEST = 16  # bytes


@dataclass(frozen=True, slots=True)
class Proxy:
    """A server that passes requests on.

    Attributes:
        scheme: `http`, `https` or `socks5`.
        host: A name in ASCII, or an IP address without brackets.
        user: Empty for none.
    """

    scheme: str
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The address without user and password, for messages."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Host and port (RFC 3986, 3.2)."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


NO_PROXY = Proxy("off", "", 0)
"""In config.yaml: direct requests, whatever the wider sections have."""


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """How a feed is requested, if not like every feed.

    Attributes:
        headers: Names and values, each name once whatever the case.  Only the scheme, host and port
            of the feed's own URL get the headers.
        user_agent: Value of the header in place of the program's; None for the program's.
        proxy: None for direct requests.
    """

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    user_agent: str | None = None
    proxy: Proxy | None = None

    @property
    def digest(self) -> str | None:
        """A hash of the whole request, None for a request like every other."""
        return None if self == PLAIN_REQUEST else _digest(self)


PLAIN_REQUEST = FeedRequest()


@lru_cache(maxsize=1024)  # all feeds by the network's proxy have the same
def _digest(request: FeedRequest) -> str:
    headers = sorted((name.lower(), value) for name, value in request.headers)
    text = json.dumps([headers, request.user_agent, request.proxy and astuple(request.proxy)])
    return sha256(text.encode()).digest()[:_DIGEST].hex()
