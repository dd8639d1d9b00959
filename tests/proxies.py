"""Small HTTP and SOCKS5 proxies on loopback, which record what they are asked for.

    with HttpProxy({"blog.example": server.port}) as proxy:
        ... fetch "http://blog.example/" by proxy.proxy() ...
        assert proxy.asked == [("GET", "blog.example:80")]

A proxy knows the names that it was given, and no others; each leads to a port of 127.0.0.1.
"""

import base64
import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from aggregator.model import Proxy

_HEAD = 65_536


class _TestProxy:
    """Accepts connections in threads.

    Args:
        places: Ports of 127.0.0.1 by `host:port` or host.
        login: User and password that the proxy wants; None for none.
        tls: Context of a proxy that speaks TLS itself.

    Attributes:
        asked: What clients wanted, in order: a method and `host:port`.
        heads: Everything that clients sent before the connection to the server.
    """

    scheme = ""

    def __init__(
        self,
        places: Mapping[str, int],
        *,
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.places, self.login, self._tls = places, login, tls
        self.asked: list[tuple[str, str]] = []
        self.heads: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept)

    def proxy(self, user: str = "", password: str = "", host: str = "127.0.0.1") -> Proxy:
        scheme = "https" if self._tls else self.scheme
        return Proxy(scheme, host, self.port, user, password)

    def url(self, login: str = "") -> str:
        return f"{self.scheme}://{login}127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _accept(self) -> None:
        threads = []
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self._sockets.append(sock)
                threads.append(threading.Thread(target=self._serve, args=(sock,)))
                threads[-1].start()
        for thread in threads:
            thread.join()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, ValueError, IndexError):
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._sockets.append(sock)
            self.talk(sock)
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()

    def talk(self, sock: socket.socket) -> None:
        raise NotImplementedError

    def connected(self, method: str, host: str, port: int) -> socket.socket | None:
        """Return a connection to a server, None for an unknown one."""
        self.asked.append((method, f"{host}:{port}"))
        place = self.places.get(f"{host}:{port}") or self.places.get(host)
        if place is None:
            return None
        sock = socket.create_connection(("127.0.0.1", place))
        self._sockets.append(sock)
        return sock


def pass_on(client: socket.socket, server: socket.socket) -> None:
    """Pass bytes on in both directions until one side ends."""
    with server:
        while True:
            pending = isinstance(client, ssl.SSLSocket) and client.pending()
            ready = [client] if pending else select.select([client, server], [], [])[0]
            for sock in ready:
                data = sock.recv(_HEAD)
                if not data:
                    return
                (server if sock is client else client).sendall(data)


class HttpProxy(_TestProxy):
    """Takes absolute addresses and CONNECT (RFC 9110, 9.3.6)."""

    scheme = "http"

    def talk(self, sock: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(_HEAD) or b"\r\n\r\n"
        self.heads.append(head)
        line, _, fields = head.partition(b"\r\n")
        method, target, _ = line.decode().split(" ")
        if self.login and _basic(self.login) not in fields:
            sock.sendall(
                b"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
            )
            return
        authority, slash, path = target.removeprefix("http://").partition("/")
        host, _, port = authority.partition(":")
        server = self.connected(method, host, int(port or 80))
        if server is None:
            sock.sendall(b"HTTP/1.1 502 x\r\nContent-Length: 2\r\n\r\nno")
        elif method == "CONNECT":
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pass_on(sock, server)
        else:
            kept = [f for f in fields.split(b"\r\n") if not f.lower().startswith(b"proxy-")]
            server.sendall(f"{method} {slash}{path} HTTP/1.1\r\n".encode() + b"\r\n".join(kept))
            pass_on(sock, server)


class SocksProxy(_TestProxy):
    """Speaks SOCKS5 (RFC 1928)."""

    scheme = "socks5"
    refusal = 4

    def talk(self, sock: socket.socket) -> None:
        _, count = _exactly(sock, 2)
        methods = _exactly(sock, count)
        self.heads.append(methods)
        wanted = 2 if self.login else 0
        if wanted not in methods:
            sock.sendall(b"\x05\xff")
            return
        sock.sendall(bytes([5, wanted]))
        if self.login and not self._is_logged_in(sock):
            return
        _, _, _, kind = _exactly(sock, 4)
        if kind == 3:
            host = _exactly(sock, _exactly(sock, 1)[0]).decode()
        else:
            family = socket.AF_INET if kind == 1 else socket.AF_INET6
            host = socket.inet_ntop(family, _exactly(sock, 4 if kind == 1 else 16))
        port = int.from_bytes(_exactly(sock, 2), "big")
        server = self.connected("name" if kind == 3 else "address", host, port)
        if server is None:
            sock.sendall(bytes([5, self.refusal, 0, 1]) + bytes(6))
            return
        sock.sendall(b"\x05\x00\x00\x03\x05proxy\x00\x00")
        pass_on(sock, server)

    def _is_logged_in(self, sock: socket.socket) -> bool:
        _, size = _exactly(sock, 2)
        user = _exactly(sock, size).decode()
        password = _exactly(sock, _exactly(sock, 1)[0]).decode()
        is_right = (user, password) == self.login
        sock.sendall(bytes([1, 0 if is_right else 1]))
        return is_right


def _basic(login: tuple[str, str]) -> bytes:
    return base64.b64encode(":".join(login).encode())


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise OSError("the client ended")
        data += piece
    return data
