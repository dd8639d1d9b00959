"""Connections of aiohttp with tunnels, and responses that pass through `response_rewriter`."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.tracing import Trace

from .failure import FetchFailure
from .response_rewriter import MAX_HEAD, ResponseRewriter


class ProtocolConnector(aiohttp.TCPConnector):
    """A connector whose connections have a protocol of our own.

    aiohttp has no public way to choose the protocol.  Replacing the protocol of a finished
    connection would be too late: some servers send the response at once, and aiohttp's parser
    would have those bytes by then.  tests/test_fetch_odd.py fails where a release of aiohttp makes
    protocols in another way.

    Args:
        protocol: Makes the protocol of a connection, in the context of the request.
        tls: For servers behind tunnels.
        tunnel: Returns a socket connected to a host and port through a proxy of the request, or
            None for a request without a tunnel.
        options: Of aiohttp's connector.
    """

    def __init__(
        self,
        protocol: Callable[[], ResponseHandler],
        tls: ssl.SSLContext,
        tunnel: Callable[[str, int], Awaitable[socket.socket | None]],
        **options: Any,
    ) -> None:
        super().__init__(ssl=tls, **options)
        self._factory = protocol  # type: ignore[assignment]  # a partial there, a callable here
        self._tls = tls
        self._tunnel = tunnel

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> ResponseHandler:
        """Return a connection; what every connector of aiohttp defines."""
        host, port = req.url.raw_host or "", req.url.port or 0
        sock = await self._tunnel(host, port)
        if sock is None:
            return await super()._create_connection(req, traces, timeout)
        is_tls = req.url.scheme == "https"
        try:
            _, protocol = await asyncio.get_running_loop().create_connection(
                self._factory,
                sock=sock,
                ssl=self._tls if is_tls else None,
                server_hostname=host if is_tls else None,
            )
        except ssl.CertificateError as error:
            raise aiohttp.ClientConnectorCertificateError(req.connection_key, error) from error
        except ssl.SSLError as error:
            raise aiohttp.ClientConnectorSSLError(req.connection_key, error) from error
        return protocol


class RewritingHandler(ResponseHandler):
    """Gives aiohttp's parser a response as `ResponseRewriter` rewrites the bytes.

    Args:
        max_size: Bytes of a body.
        on_failure: Called with the reason why a response is refused, before the connection is
            aborted.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        max_size: int,
        on_failure: Callable[[FetchFailure], None],
    ) -> None:
        super().__init__(loop)
        self._max_size = max_size
        self._on_failure = on_failure
        self._rewriter: ResponseRewriter | None = None
        self._early_bytes = b""

    def set_response_params(self, **params: Any) -> None:
        """Begin a response; some servers send the first bytes before the request."""
        super().set_response_params(**params)
        self._rewriter = ResponseRewriter(self._max_size)
        early_bytes, self._early_bytes = self._early_bytes, b""
        if early_bytes:
            self.data_received(early_bytes)

    def data_received(self, data: bytes) -> None:
        if not data:  # aiohttp continues with bytes received before
            super().data_received(data)
        elif self._rewriter is not None:
            self._rewrite(self._rewriter, data)
        elif len(self._early_bytes) <= MAX_HEAD:
            self._early_bytes += data
        elif self.transport is not None:
            self.transport.abort()

    def _rewrite(self, rewriter: ResponseRewriter, data: bytes) -> None:
        try:
            rewritten = rewriter.feed(data)
        except FetchFailure as failure:
            self._on_failure(failure)
            if self.transport is not None:
                self.transport.abort()
            return
        if rewritten:
            super().data_received(rewritten)
        elif not rewriter.is_finished:
            self.start_timeout()  # the server is alive, even without anything to parse yet
