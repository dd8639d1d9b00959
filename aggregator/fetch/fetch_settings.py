"""Settings of a `Fetcher`.  Pure."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from aggregator.model import Proxy

OF_FEEDS = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, text/html;q=0.4, */*;q=0.2"
)
"""Types that a feed may have, for the header Accept."""

OF_PAGES = (
    "text/html, application/xhtml+xml, application/json;q=0.9, application/xml;q=0.9, "
    "text/xml;q=0.9, */*;q=0.5"
)
"""Types that a page without a feed may have."""


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How feeds are fetched.

    Attributes:
        user_agent: Value of the header; names the program and a page about the program.
        timeout: For the whole fetch, redirects included.
        connect_timeout: For finding an address, and for connecting to that address.
        read_timeout: Longest silence of a connected server.
        max_size: Bytes of the body, decoded as well as on the wire.
        allow: Private addresses, networks (CIDR) and host names that may be polled all the same,
            each at one port (`nas.local:8080`) or at any port, by feeds whose own URL has that
            host or an address in that network.
        allowed_in: Key of `allow` in config.yaml, for error messages.
        files: Folder of relative paths; None where files can't be polled.
        extra_ports: Ports that URLs in the configuration name.
        accept: Value of the header Accept.
        proxy: Of requests that are not for feeds; None for none.
        proxy_allow: As `allow`, for proxies; always of `network.allow`.
    """

    user_agent: str
    timeout: timedelta = timedelta(seconds=30)
    connect_timeout: timedelta = timedelta(seconds=10)
    read_timeout: timedelta = timedelta(seconds=10)
    max_size: int = 10_000_000
    allow: tuple[str, ...] = ()
    allowed_in: str = "network.allow"
    files: Path | None = None
    extra_ports: frozenset[int] = frozenset()
    accept: str = OF_FEEDS
    proxy: Proxy | None = None
    proxy_allow: tuple[str, ...] = ()
