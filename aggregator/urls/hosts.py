"""Hosts of URLs: private or public, and the site that a host belongs to.  Pure."""

import re
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

from aggregator.urls.syntax import host_of, in_ascii

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_PRIVATE_DOMAINS = frozenset(
    "localhost local internal lan home corp private intranet localdomain test invalid".split()
)
_WITH_PORT = re.compile(
    r"(?:\[(?P<inner>[^\[\]]{1,60})\]|(?P<host>[^:\[\]]{1,260}|[^/\[\]]{1,60}/\d{1,3}))"
    r":(?P<port>[0-9]{1,5})"
)


def is_private(url: str) -> bool:
    """Whether only one machine or network can resolve or reach the host of `url`.

    An address in a notation for sockets alone, such as 0x7f.1, counts as private: a public server
    has no need of such an address, and no name of public DNS ends with a number.

    Sources: IANA's registries of special-purpose addresses and special-use domain names; WHATWG URL
    (hosts that end in a number).
    """
    host = host_of(url)
    try:
        return not ip_address(host).is_global
    except ValueError:
        last = host.rpartition(".")[2]
        is_number = last.isdecimal() or last.startswith("0x")
        is_special = last in _PRIVATE_DOMAINS or host.endswith(".home.arpa")
        return "." not in host or is_number or is_special


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address means this machine, unreachable from any other."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def host_and_port(text: str) -> tuple[str, int | None]:
    """Split `HOST:PORT` into host and port; the port is None if `text` has none.

    The host is a name, an IP address or a network: `nas.local:8080`, `10.0.0.0/8:8080`,
    `[::1]:9000`, `fd00::/8:9000`.  Without brackets or a network, the colons of an IPv6 address
    belong to the address.  A text of another form is returned as the host.
    """
    match = _WITH_PORT.fullmatch(text)
    if match is not None:
        return match["inner"] or match["host"], int(match["port"])
    is_bracketed = text.startswith("[") and text.endswith("]")
    return text[1:-1] if is_bracketed else text, None


def name_in_dns(host: str) -> str:
    """Return a host in ASCII and lower case, without a trailing dot: the same for all spellings.

    Args:
        host: Without brackets and port.
    """
    bare = host.rstrip(".").lower()
    try:
        return bare if bare.isascii() else host_of(in_ascii(f"http://{bare}/"))
    except ValueError:
        return bare


def site_of(url: str) -> str:
    """Return the name under which requests for `url` are counted, empty for a local path.

    The registrable domain: `www.example.org` and `feeds.example.org` are one site, but
    `a.github.io` and `b.github.io` are two (publicsuffix.org).  An IP address, a name without dots
    and a public suffix are their own sites.
    """
    host = host_of(url)
    if "." not in host or ":" in host or host.rpartition(".")[2].isdecimal():
        return host
    return _public_suffixes().privatesuffix(host) or host


@cache
def _public_suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList  # reads its list when imported: slow

    return PublicSuffixList()
