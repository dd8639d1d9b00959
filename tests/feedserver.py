"""A small HTTP server on loopback that plays publishers: well-behaved, hostile or broken ones.

    with FeedServer() as server:
        server.put("/feed.xml", body, etag='"1"')
        ... poll server.url("/feed.xml") ...
        assert [request.path for request in server.requests] == ["/feed.xml"]

Threads and plain sockets, so that every byte of an answer can be wrong on purpose.
"""

import contextlib
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from types import TracebackType
from typing import Self

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
Script = Callable[[socket.socket], None]

_MAX_HEAD = 1 << 20


@dataclass(frozen=True)
class Request:
    """One request: `headers` with names in lower case, `at` from the monotonic clock."""

    path: str
    headers: Mapping[str, str]
    at: float
    method: str = "GET"


@dataclass(frozen=True)
class _Page:
    body: bytes
    status: int
    headers: tuple[tuple[str, str], ...]
    etag: str | None
    last_modified: str | None
    conditional: bool
    compress: bool
    delay: float


@dataclass
class _State:
    pages: dict[str, _Page | Script] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    sockets: set[socket.socket] = field(default_factory=set)
    threads: set[threading.Thread] = field(default_factory=set)


class FeedServer:
    """Serves what it was given with `put`, `redirect` and `raw`; 404 for the rest.

    Args:
        host: The loopback address to listen on.
        tls: Context of a server that speaks HTTPS.
    """

    def __init__(self, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> None:
        self.host = host
        self._tls = tls
        self._state = _State()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._listener = _listener(host)
        self.port: int = self._listener.getsockname()[1]

    def url(self, path: str = "/") -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def put(
        self,
        path: str,
        body: bytes | str = b"",
        *,
        status: int = 200,
        headers: Headers = (),
        etag: str | None = None,
        last_modified: str | None = None,
        conditional: bool = True,
        compress: bool = False,
        delay: float = 0.0,
    ) -> None:
        """Answer requests for `path` with this from now on.

        Args:
            headers: Sent in addition to Date, Content-Length and the validators, or instead of
                them; strings are sent as Latin-1, so that any byte can be written.
            etag, last_modified: Validators to send.
            conditional: Answer 304 to a request that sends one of them back.
            compress: Send the body with gzip to those who accept it.
            delay: Seconds before the answer.
        """
        pairs = tuple(headers.items() if isinstance(headers, Mapping) else headers)
        data = body.encode() if isinstance(body, str) else body
        page = _Page(data, status, pairs, etag, last_modified, conditional, compress, delay)
        with self._lock:
            self._state.pages[path] = page

    def redirect(self, path: str, location: str, status: int = 301) -> None:
        """Send those who ask for `path` to `location`."""
        self.put(path, status=status, headers={"Location": location})

    def raw(self, path: str, script: Script) -> None:
        """Give the socket to `script` once the request was read; closed when it returns."""
        with self._lock:
            self._state.pages[path] = script

    def send(self, path: str, answer: bytes) -> None:
        """Answer with exactly these bytes, then close the connection."""
        self.raw(path, lambda sock: sock.sendall(answer))

    def remove(self, path: str) -> None:
        """Answer 404 for `path` again."""
        with self._lock:
            self._state.pages.pop(path, None)

    def pause(self, seconds: float) -> bool:
        """Wait inside a script; returns early, and True, when the server stops."""
        return self._closing.wait(seconds)

    @property
    def requests(self) -> list[Request]:
        """All requests so far, oldest first."""
        with self._lock:
            return list(self._state.requests)

    def requests_to(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._state.sockets)

    def __enter__(self) -> Self:
        thread = threading.Thread(target=self._accept, name="feedserver", daemon=True)
        with self._lock:
            self._state.threads.add(thread)
        thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cut every connection and wait for the threads."""
        if self._closing.is_set():
            return
        self._closing.set()
        with contextlib.suppress(OSError), socket.socket(self._listener.family) as knock:
            knock.connect((self.host, self.port))  # wakes accept(), on every system
        with self._lock:
            sockets, threads = list(self._state.sockets), list(self._state.threads)
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._closing.is_set():
                sock.close()
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            with self._lock:
                self._state.sockets.add(sock)
                self._state.threads.add(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        plain = sock
        try:
            sock.settimeout(60)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._state.sockets.add(sock)
            while not self._closing.is_set() and self._answer(sock):
                pass
        except (OSError, ValueError):  # the client went away, or spoke nonsense
            pass
        finally:
            with contextlib.suppress(OSError):  # a reset would throw away what was sent
                sock.shutdown(socket.SHUT_WR)
            sock.close()
            plain.close()
            with self._lock:
                self._state.sockets -= {sock, plain}
                self._state.threads.discard(threading.current_thread())

    def _answer(self, sock: socket.socket) -> bool:
        """Serve one request; False when the connection is to be closed."""
        head = _read_head(sock)
        if not head:
            return False
        request = _request(head)
        with self._lock:
            self._state.requests.append(request)
            pages = self._state.pages
            page = pages.get(request.path) or pages.get(request.path.partition("?")[0])
        if page is None:
            page = _Page(b"nothing here", 404, (), None, None, False, False, 0.0)
        if not isinstance(page, _Page):
            page(sock)
            return False
        if page.delay and self._closing.wait(page.delay):
            return False
        sock.sendall(_answer_bytes(page, request))
        return request.headers.get("connection", "").lower() != "close"


class Canary:
    """A listener that nobody should connect to; `connections` counts those who did."""

    def __init__(self, host: str = "127.0.0.2", port: int = 0) -> None:
        self._listener = _listener(host, port)
        self._listener.setblocking(False)
        self._seen = 0
        self.host = host
        self.port: int = self._listener.getsockname()[1]

    @property
    def connections(self) -> int:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._listener.accept()[0].close()
                self._seen += 1
        return self._seen

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


def _listener(host: str, port: int = 0) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    return listener


def _read_head(sock: socket.socket) -> bytes:
    """Return the bytes up to the empty line, empty when the client closed before."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = sock.recv(65536)
        if not chunk or len(data) > _MAX_HEAD:
            return b""
        data += chunk
        if not data[:1].isalpha():  # TLS spoken to a plain port, for example
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return b""
    return data.partition(b"\r\n\r\n")[0]


def _request(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip(" \t")
    return Request(path, headers, time.monotonic(), method)


def _answer_bytes(page: _Page, request: Request) -> bytes:
    status, body = page.status, page.body
    headers = {"date": formatdate(usegmt=True)}
    if page.etag is not None:
        headers["etag"] = page.etag
    if page.last_modified is not None:
        headers["last-modified"] = page.last_modified
    if page.conditional and status == 200 and _is_current(page, request):
        status, body = 304, b""
    elif page.compress and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["content-encoding"] = gzip.compress(body, 6), "gzip"
    if status in (204, 304):
        body = b""
    else:
        headers["content-length"] = str(len(body))
    given = {name.lower() for name, _ in page.headers}
    pairs = [pair for pair in headers.items() if pair[0] not in given] + list(page.headers)
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Whatever"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in pairs)]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if request.method == "HEAD" else head + body


def _is_current(page: _Page, request: Request) -> bool:
    """Whether the client's validators are the page's (RFC 9110, 13.2.2: the ETag goes first)."""
    sent = request.headers.get("if-none-match")
    if sent is not None:
        return page.etag is not None and sent == page.etag
    since = request.headers.get("if-modified-since")
    return page.last_modified is not None and since == page.last_modified
