"""What a `Fetcher` has to know.  Pure."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How feeds are fetched.

    Attributes:
        user_agent: Sent as it is; names the program and a page about it.
        timeout: For the whole fetch, redirects included.
        connect_timeout: For finding an address, and for connecting to it.
        read_timeout: Without a single byte, once connected.
        max_size: Bytes of the body, decoded as well as on the wire.
        allow: Addresses, networks (CIDR) and host names that may be polled although they are
            private, each at one port (`nas.local:8080`) or at any, by feeds whose own address
            has that host or is in that network.
        allowed_in: Where in config.yaml those stand.
        files: Folder that relative paths are read from; None where there is none.
        extra_ports: Ports that the configuration's own URLs name.
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
