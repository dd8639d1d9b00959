"""waitress with limits for each client: connections, time, headers.

By default waitress stops accepting after 100 connections, lets a client send headers a byte at a
time for ever, and continues a connection after a request with two lengths.
"""

import contextlib
import socket
import time
from typing import TYPE_CHECKING, Any

import waitress
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

MAX_CONNECTIONS = 4096
"""Open connections at a time; fewer if the system allows fewer open files."""

REQUEST_SECONDS = 10
"""From the first byte of a request to the last one."""

IDLE_SECONDS = 30
"""Until an idle connection is closed."""

MAX_HEAD = 16_384
"""Bytes of a request line with its header fields."""

CLEANUP_SECONDS = 2
"""Between two searches for idle connections."""

_OTHER_FILES = 64  # open besides connections


def create_server(
    app: "WSGIApplication", listener: socket.socket, *, threads: int, max_body: int
) -> Any:
    """Return a waitress server for a bound socket.

    Args:
        threads: How many threads answer requests.
        max_body: Bytes of a request's body, at most.
    """
    server = waitress.create_server(
        app,
        sockets=[listener],
        threads=threads,
        ident=None,
        max_request_body_size=max_body,
        max_request_header_size=MAX_HEAD,
        connection_limit=min(MAX_CONNECTIONS, _file_limit() - _OTHER_FILES),
        channel_timeout=IDLE_SECONDS,
        cleanup_interval=CLEANUP_SECONDS,
        asyncore_use_poll=True,  # select() knows 1,024 files
    )
    server.channel_class = _Channel
    return server


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Refuses requests that a proxy in front may read in another way (request smuggling)."""

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head of a request.

        Raises:
            ParsingError: The head is malformed, or has two lengths (RFC 9112, 6.1).
        """
        super().parse_header(header_plus)
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length beside Transfer-Encoding")


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection with a deadline of `REQUEST_SECONDS` for each request."""

    parser_class = _Parser
    _began_at: float | None = None  # of an incomplete request; monotonic clock

    def handle_read(self) -> None:
        """Read what the client sent; close the connection if a request takes too long."""
        super().handle_read()
        if self.request is None:
            self._began_at = None
        elif self._began_at is None:
            self._began_at = time.monotonic()
        elif time.monotonic() - self._began_at > REQUEST_SECONDS:
            self.will_close = True


def _file_limit() -> int:
    """Raise the limit of open files of this process as far as needed, and return the limit."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        needed = MAX_CONNECTIONS + _OTHER_FILES
        if soft < needed:
            soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return int(soft)
    return 1024
