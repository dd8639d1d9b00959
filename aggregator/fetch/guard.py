"""Which addresses may be connected to.  Pure.

The guard judges addresses, never names: a name can lead anywhere, and elsewhere a moment later.
The table follows the IANA special-purpose registries (RFC 6890) and the guards of similar programs.
`is_global` alone was wrong for several ranges before CPython 3.12.4.
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

from .failure import AddressRefusedError

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
            "2001::/23",  # Teredo and more: with a v4 address inside, within our reach
            "2001:db8::/32",
            "2002::/16",  # 6to4: likewise
            "2620:4f:8000::/48",
            "3fff::/20",
        ),
    )
)
# Networks whose last 32 bits are the v4 address that packets arrive at (RFC 4291, RFC 6052).
_WRAPPED_V4 = (IPv6Network("::/96"), IPv6Network("64:ff9b::/96"))


@dataclass(frozen=True, slots=True)
class _Exception:
    """An entry of `network.allow`.

    Attributes:
        place: A network or a canonical host name.
        port: None for every port.
    """

    place: _Network | str
    port: int | None

    @classmethod
    def parse(cls, entry: str) -> Self:
        text, port = urls.host_and_port(entry.strip())
        try:
            return cls(ip_network(text, strict=False), port)
        except ValueError:
            return cls(urls.name_in_dns(text), port)

    def covers(self, address: _Address) -> bool:
        return not isinstance(self.place, str) and address in self.place

    def is_open(self, port: int) -> bool:
        return self.port in {None, port}


class Guard:
    """Judges addresses and ports by the table; the operator's exceptions hold for single feeds.

    Args:
        allow: Addresses, networks (CIDR) and host names that may be polled although private; at
            one port with `:port` behind the name, else at any port.
        ports: Ports allowed at public addresses, besides `PORTS`.
        key: Key of the exceptions in config.yaml, for refusals.
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

    def has_exception(self, url: str) -> bool:
        """Whether an exception names the host of a web address, or has its IP address.

        What a name leads to is not looked up.
        """
        host, port = _host_and_port(url)
        place, address = urls.name_in_dns(host), _parse_address(host)
        return any(
            (exception.place == place or (address is not None and exception.covers(address)))
            and exception.is_open(port)
            for exception in self.exceptions
        )

    def refusal(self, url: str) -> str | None:
        """Return why a feed at an IP address is refused; None if allowed, or for a name."""
        host, port = _host_and_port(url)
        return self.policy(host).refusal(host, port) if _parse_address(host) else None

    def policy(self, host: str) -> "AddressPolicy":
        """Return the policy for a feed whose own URL has `host`."""
        return AddressPolicy(self, host)


class AddressPolicy:
    """The addresses that requests for one feed may connect to, redirects included.

    An exception holds for a feed whose own URL has that host or an address in that network, and
    for the feed's redirects.  A name counts as in a network only if public DNS can't have the name:
    the owner of a public name decides which addresses the name has.
    """

    def __init__(self, guard: Guard, host: str) -> None:
        self._guard = guard
        self._host = urls.name_in_dns(host)
        self._exceptions = frozenset(self._matching_exceptions(_parse_address(host)))

    def _matching_exceptions(self, address: _Address | None) -> Iterable[_Exception]:
        for exception in self._guard.exceptions:
            is_covered = address is not None and exception.covers(address)
            if is_covered or exception.place == self._host:
                yield exception

    def allowed_addresses(self, name: str, port: int, addresses: Iterable[str]) -> list[str]:
        """Return the addresses of `name` that may be connected to.

        If `name` is the feed's own and private, exceptions for the networks of the addresses hold
        for the feed from now on.

        Raises:
            AddressRefusedError: No address is allowed.
        """
        candidates = list(addresses)
        if urls.name_in_dns(name) == self._host and urls.is_private(f"//{self._host}"):
            for address in candidates:
                self._exceptions |= frozenset(self._matching_exceptions(_parse_address(address)))
        if self.exempts(name, port):
            return candidates
        refusals = {address: self.refusal(address, port, name=name) for address in candidates}
        allowed = [address for address in candidates if refusals[address] is None]
        reasons = [reason for reason in refusals.values() if reason]
        if reasons and not allowed:
            raise AddressRefusedError(reasons[0])
        return allowed

    def exempts(self, name: str, port: int) -> bool:
        """Whether every address of `name` may be connected to at this port."""
        canonical = urls.name_in_dns(name)
        return any(
            exception.place == canonical and exception.is_open(port)
            for exception in self._exceptions
        )

    def refusal(self, address: str, port: int, *, name: str = "") -> str | None:
        """Return why `address` must not be connected to, in words; None if allowed.

        Args:
            name: Host name with this address; empty for a literal address.
        """
        parsed = _parse_address(address)
        if parsed is None:
            return "not a valid address"
        if any(
            exception.covers(parsed) and exception.is_open(port) for exception in self._exceptions
        ):
            return None
        if not _is_public(parsed):
            return f"{parsed} is a private address; {self._advice(parsed, port, name)}"
        return self._refusal_of_port(parsed, port, name)

    def refusal_by_proxy(self, host: str, port: int) -> str | None:
        """Return why a proxy must not be asked for a server, in words; None if allowed.

        The proxy looks up a name, so a name is judged as a name: a public one may lead anywhere in
        the proxy's network.

        Args:
            host: A name in ASCII, or an IP address.
        """
        if _parse_address(host) is not None:
            return self.refusal(host, port)
        if self.exempts(host, port):
            return None
        if urls.is_private(f"//{host}"):
            return f"{host} is a name in a private network; {self._advice(None, port, host)}"
        return self._refusal_of_port(None, port, host)

    def _refusal_of_port(self, address: _Address | None, port: int, name: str) -> str | None:
        if port in self._guard.ports:
            return None
        usual = ", ".join(map(str, sorted(PORTS)))
        return f"port {port} is not one of {usual}; {self._advice(address, port, name)}"

    def _advice(self, address: _Address | None, port: int, name: str) -> str:
        """Return how the operator can allow a refused address or, without an address, a name."""
        key = self._guard.key
        is_own = (
            urls.name_in_dns(name) == self._host if name else _parse_address(self._host) == address
        )
        if not is_own:
            # An exception holds only for a feed whose own URL has the address.
            return f"to poll it write its address as a feed's url, and its host into {key}"
        bracketed = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        host = name or bracketed
        if any(
            exception.place == self._host or (address is not None and exception.covers(address))
            for exception in self._exceptions
        ):
            return f"{key} has it at another port; to poll it add {host}:{port}"
        return f"to poll it add {name or 'it'} to {key}"


def _host_and_port(url: str) -> tuple[str, int]:
    default = 443 if url.lower().startswith("https:") else 80
    return urls.host_of(url), urls.port_of(url) or default


def _parse_address(text: str) -> _Address | None:
    """Return the address that a socket connects to for `text`, None for a name."""
    try:
        return _unmapped(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def _unmapped(address: _Address) -> _Address:
    """Return the v4 address that a socket connects to for `::ffff:a.b.c.d`."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=10_000)  # two dozen comparisons for each connection
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
