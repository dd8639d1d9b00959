"""Which addresses may be connected to.  Pure.

Addresses are judged, never names: a name can lead anywhere, and another way the second time.
The table is that of the IANA special-purpose registries (RFC 6890) and of the guards of other
programs, on top of `is_global`, which was wrong for several ranges before CPython 3.12.4.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

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


class Guard:
    """Judges addresses and ports by the table, with the operator's exceptions.

    Args:
        allow: Addresses, networks (CIDR) and host names that may be polled, at any port.
        ports: More ports than `PORTS` that are fine at public addresses.
    """

    def __init__(self, allow: Iterable[str] = (), ports: Iterable[int] = ()) -> None:
        self._ports = PORTS | frozenset(ports)
        self._networks: list[_Network] = []
        self._names: set[str] = set()
        for entry in allow:
            text = entry.strip().removeprefix("[").removesuffix("]")
            try:
                self._networks.append(ip_network(text, strict=False))
            except ValueError:
                self._names.add(_canonical_name(text))

    def exempts(self, name: str) -> bool:
        """Whether whatever address `name` leads to may be polled under this name."""
        return _canonical_name(name) in self._names

    def refusal(self, address: str, port: int) -> str | None:
        """Return why `address` must not be connected to, in words; None if it may."""
        try:
            judged = _unmapped(ip_address(address.partition("%")[0]))
        except ValueError:
            return "not a valid address"
        if any(judged in network for network in self._networks):
            return None
        if not _is_public(judged):
            return f"{judged} is a private address; to poll it add it to network.allow"
        if port not in self._ports:
            usual = ", ".join(map(str, sorted(PORTS)))
            return f"port {port} is not one of {usual}; to poll it add its host to network.allow"
        return None


def _canonical_name(name: str) -> str:
    """A trailing dot and capitals make no other name, and must not pass for one."""
    return name.rstrip(".").lower()


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
