"""Where the pages are served: a host with a port, or the path of a Unix socket; listen, ask."""

import contextlib
import errno
import http.client
import ipaddress
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aggregator.config import WebOptions
from aggregator.errors import AggregatorError

Address = str | tuple[Any, ...]
"""Path of a Unix socket; otherwise host and port, with two more numbers for IPv6."""

_FOR_ALL = 0o666  # pages are public and read-only; the folder of a socket may keep users out


def configured_address(web: WebOptions) -> Address:
    """Return the address that config.yaml gives."""
    return web.socket or (web.host, web.port)


def url_of(address: Address) -> str:
    """Return the URL of an address without a path; of a socket `unix:` and its path."""
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def listening(address: Address) -> Iterator[socket.socket]:
    """Yield a listening socket; remove the file of a Unix socket at the end.

    Raises:
        AggregatorError: The address cannot be bound.
    """
    is_path = isinstance(address, str)
    family = socket.AF_UNIX if is_path else _family(address)
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        try:
            _bind(listener, address)
        except (OSError, OverflowError) as error:
            name = address if is_path else f"{address[0]}:{address[1]}"
            raise AggregatorError(f"{name}: {_refusal(error, address)}") from error
        try:
            yield listener
        finally:
            if is_path:
                Path(str(address)).unlink(missing_ok=True)


def connection_to(address: Address, *, timeout: float) -> http.client.HTTPConnection:
    """Return a connection to a server on this machine that listens at `address`.

    Args:
        timeout: Seconds.
    """
    if isinstance(address, str):
        return _UnixConnection(address, timeout)
    return http.client.HTTPConnection(_reachable(address[0]), address[1], timeout=timeout)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def reachable(address: Address) -> Address:
    """Return an address of a server on this machine; some servers listen at all addresses."""
    return address if isinstance(address, str) else (_reachable(address[0]), *address[1:])


def _reachable(host: str) -> str:
    try:
        listened = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not listened.is_unspecified:
        return host
    return "127.0.0.1" if listened.version == 4 else "::1"


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def _bind(listener: socket.socket, address: Address) -> None:
    if isinstance(address, str):
        _remove_unused_socket(Path(address))
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    if isinstance(address, str):
        Path(address).chmod(_FOR_ALL)
    listener.listen(1024)
    listener.setblocking(False)


def _remove_unused_socket(path: Path) -> None:
    """Remove the file of a socket at which nobody listens: a killed program leaves the file."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            try:
                caller.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()


def _refusal(error: OSError | OverflowError, address: Address) -> str:
    """Return why an address cannot be bound, and what to do."""
    reason = getattr(error, "strerror", None) or str(error)
    if isinstance(address, str):
        return f"{reason}; choose another path for web.socket, in a folder that is there"
    match getattr(error, "errno", None):
        case errno.EADDRINUSE:
            return f"{reason}; stop what uses it, or choose another port: --port or web.port"
        case errno.EACCES:
            return f"{reason}; choose a port of 1024 or more: --port or web.port"
    return f"{reason}; name an address of this machine with --host, such as 127.0.0.1"
