"""Which addresses may be connected to.  Pure.

Addresses are judged, never names: a name can lead anywhere, and another way the second time.
The table is that of the IANA special-purpose registries (RFC 6890) and of the guards of other
programs, on top of `is_global`, which was wrong for several ranges before CPython 3.12.4.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self

from aggregator import urls

PORTS = frozenset({80, 443, 8000, 8080, 8443})

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network

_REFUSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' NAT
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local: the metadata services of clouds
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # Teredo among others: a v4 address inside that we could reach
            "2001:db8::/32",
            "2002::/16",  # 6to4: the same
            "2620:4f:8000::/48",
            "3fff::/20",
        ),
    )
)
# Networks whose last 32 bits are the v4 address that packets end up at (RFC 4291, RFC 6052).
_WRAPPED_V4 = (IPv6Network("::/96"), IPv6Network("64:ff9b::/96"))


@dataclass(frozen=True, slots=True)
class _Exception:
    """An entry of `network.allow`: a network or a host name, at one port or (None) at all."""

    of: _Network | str
    port: int | None

    @classmethod
    def parse(cls, entry: str) -> Self:
        text, port = urls.host_and_port(entry.strip())
        try:
            return cls(ip_network(text, strict=False), port)
        except ValueError:
            return cls(_canonical_name(text), port)

    def has(self, address: _Address) -> bool:
        return not isinstance(self.of, str) and address in self.of


class Guard:
    """Judges addresses and ports by the table; the operator's exceptions hold for single feeds.

    Args:
        allow: Addresses, networks (CIDR) and host names that may be polled, each with `:port`
            at that port, else at any.
        ports: More ports than `PORTS` that are fine at public addresses.
        key: Where in config.yaml the exceptions stand, for refusals.
    """

    def __init__(
        self,
        allow: Iterable[str] = (),
        ports: Iterable[int] = (),
        *,
        key: str = "network.allow",
    ) -> None:
        self.ports = PORTS | frozenset(ports)
        self.exceptions = tuple(map(_Exception.parse, allow))
        self.key = key

    def admission(self, host: str) -> "Admission":
        """Return what a feed whose own address has this host may ask."""
        return Admission(self, host)


class Admission:
    """What one feed may ask: its own address, and those that it redirects to.

    An exception holds for a feed whose own address has that host or is in that network, and for
    its redirects.  A name is in a network only if it is one that public DNS does not have: whoever
    owns a public name decides what it leads to.
    """

    def __init__(self, guard: Guard, host: str) -> None:
        self._guard = guard
        self._host = _canonical_name(host)
        self._held = frozenset(self._of_host(_parsed(host)))

    def _of_host(self, address: _Address | None) -> Iterable[_Exception]:
        for exception in self._guard.exceptions:
            if exception.of == self._host or (address is not None and exception.has(address)):
                yield exception

    def resolved(self, name: str, addresses: Iterable[str]) -> None:
        """Note what a name leads to: the feed's own may be in a network that is an exception."""
        if _canonical_name(name) != self._host or not urls.is_private(f"//{self._host}"):
            return
        for address in addresses:
            self._held |= frozenset(self._of_host(_parsed(address)))

    def exempts(self, name: str, port: int) -> bool:
        """Whether whatever address `name` leads to may be polled under this name and port."""
        canonical = _canonical_name(name)
        return any(one.of == canonical and one.port in {None, port} for one in self._held)

    def refusal(self, address: str, port: int, *, name: str = "") -> str | None:
        """Return why `address` must not be connected to, in words; None if it may.

        Args:
            name: That led to the address, empty for none.
        """
        judged = _parsed(address)
        if judged is None:
            return "not a valid address"
        if any(one.has(judged) and one.port in {None, port} for one in self._held):
            return None
        is_own = _canonical_name(name or address) == self._host
        if not _is_public(judged):
            return f"{judged} is a private address; {self._advice(judged, port, name, is_own)}"
        if port not in self._guard.ports:
            usual = ", ".join(map(str, sorted(PORTS)))
            return f"port {port} is not one of {usual}; {self._advice(judged, port, name, is_own)}"
        return None

    def _advice(self, address: _Address, port: int, name: str, is_own: bool) -> str:
        """Return what a person can do who trusts the address all the same."""
        key = self._guard.key
        if not is_own:  # it would help no feed but one whose own address this is
            return f"to poll it write its address as a feed's url, and its host into {key}"
        bracketed = f"[{address}]" if address.version == 6 else str(address)
        host = name or bracketed
        if any(one.of == self._host or one.has(address) for one in self._held):
            return f"{key} has it at another port; to poll it add {host}:{port}"
        return f"to poll it add {name or 'it'} to {key}"


def _parsed(text: str) -> _Address | None:
    """Return the address that a socket connects to for `text`, None for a name."""
    try:
        return _unmapped(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def _canonical_name(name: str) -> str:
    """Return a host as DNS has it: neither a trailing dot nor capitals make another name."""
    bare = name.rstrip(".").lower()
    try:
        return urls.host_of(urls.in_ascii(f"http://{bare}/")) if not bare.isascii() else bare
    except ValueError:
        return bare


def _unmapped(address: _Address) -> _Address:
    """Return the v4 address that a socket connects to when it is given `::ffff:a.b.c.d`."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=10_000)  # a hundred comparisons, twice a fetch
def _is_public(address: _Address) -> bool:
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _REFUSED_V4)
    if any(address in network for network in _WRAPPED_V4):
        return _is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return (
        address in _GLOBAL_V6
        and address.is_global
        and not any(address in network for network in _REFUSED_V6)
    )
