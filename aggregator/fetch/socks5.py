"""The greeting of a SOCKS5 proxy: a connected socket becomes a connection to a server.

The proxy resolves names, so no name server of this machine learns of them, and names that only the
proxy knows work (`.onion`).

Sources: RFC 1928 (SOCKS5), RFC 1929 (user and password).
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

import aiohttp

from aggregator.model import Proxy

from .failure import FetchFailure, login_failure, proxy_failure

_VERSION, _LOGIN_VERSION = 5, 1
_OPEN, _WITH_LOGIN, _NONE_ACCEPTABLE = 0, 2, 255
_CONNECT = 1
_V4, _NAME, _V6 = 1, 3, 4
_ADDRESS_SIZES = {_V4: 4, _V6: 16}
_REASONS = {
    1: "could not reach the server",
    2: "does not allow connections to the server",
    3: "can't reach the server's network",
    4: "could not reach the server",
    5: "was refused a connection by the server",
    6: "got no answer from the server",
    7: "does not pass on connections",
    8: "does not know this kind of address",
}


async def connected_socket(
    addresses: Iterable[str],
    port: int,
    make_socket: Callable[[aiohttp.AddrInfoType], socket.socket],
) -> socket.socket:
    """Return a socket connected to the first of some addresses that takes a connection.

    Args:
        addresses: At least one.
        make_socket: Returns a socket for an address, or raises an OSError.

    Raises:
        OSError: Of the last address.
    """
    loop, last_error = asyncio.get_running_loop(), OSError()
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            sock = make_socket(
                (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
            )
        except OSError as error:
            last_error = error
            continue
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, (address, port))
        except BaseException as error:
            sock.close()
            if not isinstance(error, OSError):
                raise
            last_error = error
        else:
            return sock
    raise last_error


async def open_tunnel(sock: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Ask a proxy for a connection to a server; then the socket is one to the server.

    Args:
        sock: Connected to the proxy, not blocking; closed after an error.
        host: A name in ASCII, or an IP address.

    Raises:
        FetchFailure: The proxy refuses, or does not speak SOCKS5.
        OSError: The connection to the proxy broke.
    """
    try:
        await _negotiate(sock, proxy)
        request = bytes([_VERSION, _CONNECT, 0]) + _address(host) + port.to_bytes(2, "big")
        await asyncio.get_running_loop().sock_sendall(sock, request)
        await _read_reply(sock, proxy)
    except BaseException:
        sock.close()
        raise


async def _negotiate(sock: socket.socket, proxy: Proxy) -> None:
    """Agree on whether the proxy wants a user and password, and send them."""
    loop = asyncio.get_running_loop()
    methods = bytes([_OPEN, _WITH_LOGIN] if proxy.user else [_OPEN])
    await loop.sock_sendall(sock, bytes([_VERSION, len(methods)]) + methods)
    version, method = await _received(sock, proxy, 2)
    if version != _VERSION:
        raise _not_socks(proxy)
    if method == _WITH_LOGIN and proxy.user:
        await _log_in(sock, proxy)
    elif method == _NONE_ACCEPTABLE and not proxy.user:
        raise login_failure(proxy)
    elif method != _OPEN:
        raise proxy_failure(proxy, "does not accept a user and password")


async def _log_in(sock: socket.socket, proxy: Proxy) -> None:
    loop = asyncio.get_running_loop()
    user, password = proxy.user.encode(), proxy.password.encode()
    login = bytes([_LOGIN_VERSION, len(user)]) + user + bytes([len(password)]) + password
    await loop.sock_sendall(sock, login)
    _, status = await _received(sock, proxy, 2)
    if status:
        raise login_failure(proxy)


def _address(host: str) -> bytes:
    """Return an address as the protocol has it: its kind, then its bytes."""
    try:
        address: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        name = host.encode()
        return bytes([_NAME, len(name)]) + name
    return bytes([_V4 if address.version == 4 else _V6]) + address.packed


async def _read_reply(sock: socket.socket, proxy: Proxy) -> None:
    version, status, _, kind = await _received(sock, proxy, 4)
    if version != _VERSION:
        raise _not_socks(proxy)
    if status:
        reason = _REASONS.get(status, f"failed (SOCKS error {status})")
        raise proxy_failure(proxy, reason)
    size = _ADDRESS_SIZES.get(kind)
    if size is None:
        (size,) = await _received(sock, proxy, 1)
    await _received(sock, proxy, size + 2)  # the proxy's own address and port: of no use


async def _received(sock: socket.socket, proxy: Proxy, size: int) -> bytes:
    """Return so many bytes and no more: the next ones are the server's."""
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < size:
        piece = await loop.sock_recv(sock, size - len(data))
        if not piece:
            raise _not_socks(proxy)
        data += piece
    return data


def _not_socks(proxy: Proxy) -> FetchFailure:
    return proxy_failure(proxy, "does not answer as a SOCKS5 proxy does")
