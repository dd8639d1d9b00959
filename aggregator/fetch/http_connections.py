"""A request: host name -> addresses -> socket -> response, under the guard's decision.

aiohttp asks the resolver about names only, never about a literal address; every socket comes from
`socket_factory`.  The guard decides at both places.  A name is resolved once, and a socket connects
to an address that was judged: a second answer of the name server (DNS rebinding) has no effect.
"""

import asyncio
import contextlib
import socket
import ssl
import weakref
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar, Token
from functools import cache, partial
from ipaddress import ip_address
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from aggregator.model import FailureKind, Proxy

from . import socks5
from .error_messages import (
    ConnectionLostError,
    failure_at_proxy,
    failure_of_proxy,
    is_unreachable,
    reason_and_kind,
)
from .failure import AddressRefusedError, FetchFailure
from .fetch_settings import FetchSettings
from .guard import AddressPolicy, Guard
from .name_lookups import NameLookups
from .response_protocol import ProtocolConnector, RewritingHandler
from .response_rewriter import MAX_HEAD
from .target import basic_credentials

_MAX_ADDRESSES = 4  # aiohttp tries n addresses up to n * n times
_CLOSE_RETRIES = 50
_CLOSE_INTERVAL = 0.01  # seconds
_SOCKS = "socks5"

_CONNECTION_ERRORS = (aiohttp.ClientError, OSError, ValueError)


class Connections:
    """Makes requests over connections that the guard allows.

    Connections and cookies are not kept for further requests, proxy settings of the environment are
    ignored, and no request is repeated: aiohttp alone would repeat a GET after a lost connection.

    Used with `async with`, in one event loop, by any number of tasks at once.
    """

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings
        self._guard = _guard(settings)
        self._proxy_allow = settings.proxy_allow
        self._lookups = NameLookups(settings.connect_timeout)
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._session: aiohttp.ClientSession | None = None

    def use_guard_of(self, settings: FetchSettings) -> None:
        """Judge addresses and ports by other settings, from the next policy on."""
        self._guard = _guard(settings)
        self._proxy_allow = settings.proxy_allow

    def policy(self, host: str) -> AddressPolicy:
        """Return the guard's policy for a feed (or hub, or subscriber) whose own URL has `host`."""
        return self._guard.policy(host)

    def request(
        self,
        method: str,
        url: URL,
        headers: Mapping[str, str],
        *,
        policy: AddressPolicy,
        body: bytes | None = None,
        addresses: tuple[str, ...] = (),
        proxy: Proxy | None = None,
    ) -> "Request":
        """Return a request that is not sent yet.

        Args:
            method: Of HTTP.
            url: As sent.
            headers: As sent; aiohttp adds Host and the like.
            policy: Decides which addresses may be connected to; shared by all requests of a fetch.
            body: As sent, None for none.
            addresses: Result of `addresses` for this host; empty: the name is looked up.
            proxy: The only host that is looked up and connected to; None for none.

        Raises:
            FetchFailure: The policy does not allow to ask a proxy for the host.
        """
        if self._session is None:
            raise RuntimeError("the connections are not open")
        options = {"headers": headers} | _proxy_options(proxy, url, headers)
        send = partial(
            self._session.request, method, url, data=body, allow_redirects=False, **options
        )
        if proxy is None:
            return Request(send, policy, self._settings, self._lookups, addresses)
        if reason := policy.refusal_by_proxy(url.raw_host or "", url.port or 0):
            raise FetchFailure(reason, FailureKind.NOT_PUBLIC)
        policy = self._policy_of_proxy(proxy)
        return Request(send, policy, self._settings, self._lookups, (), proxy)

    def _policy_of_proxy(self, proxy: Proxy) -> AddressPolicy:
        # The port of the proxy stands in config.yaml, and is open to requests for the proxy alone.
        return Guard(self._proxy_allow, {proxy.port}).policy(proxy.host)

    async def addresses(self, host: str, port: int, policy: AddressPolicy) -> tuple[str, ...]:
        """Return the addresses of a host that the policy allows.

        Raises:
            FetchFailure: No address is allowed, or the name is not found.
        """
        if _is_address(host):
            if reason := policy.refusal(host, port):
                raise FetchFailure(reason, FailureKind.NOT_PUBLIC)
            return (host,)
        try:
            addresses = await self._lookups.addresses(host, port)
            return tuple(policy.allowed_addresses(host, port, addresses)[:_MAX_ADDRESSES])
        except AddressRefusedError as refused:
            raise FetchFailure(refused.reason, FailureKind.NOT_PUBLIC) from refused
        except OSError as error:
            raise _failure(error, self._settings, is_answered=False) from error

    async def __aenter__(self) -> Self:
        settings = self._settings
        loop = asyncio.get_running_loop()
        connector = ProtocolConnector(
            lambda: RewritingHandler(
                loop, settings.max_size, _current_request.get().refuse_response
            ),
            tls=_tls(),
            tunnel=self._tunnel,
            resolver=_Resolver(),
            use_dns_cache=False,
            force_close=True,
            limit=0,  # the poller limits connections, in all and per host: a request that waited
            limit_per_host=0,  # for a place in here would lose that time of its own timeout
            socket_factory=self._socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            max_headers=MAX_HEAD,  # response_rewriter, which reads before aiohttp, has the limits
            max_field_size=MAX_HEAD,
            max_line_size=MAX_HEAD,
            middlewares=(_without_retry,),
            timeout=aiohttp.ClientTimeout(
                total=None,
                sock_connect=settings.connect_timeout.total_seconds(),
                sock_read=settings.read_timeout.total_seconds(),
            ),
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close every connection; return when the sockets are closed.

        A TLS connection ends with an exchange of messages.  A transport that still waits for them
        when the event loop is closed would leave the socket open.
        """
        if self._session is None:
            return
        await self._session.close()
        self._session = None
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):  # closed, or never connected
                sock.shutdown(socket.SHUT_RDWR)
        for _ in range(_CLOSE_RETRIES):
            if all(sock.fileno() < 0 for sock in self._sockets):
                return
            await asyncio.sleep(_CLOSE_INTERVAL)

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, (address, port, *_) = info
        if reason := _current_request.get().refusal(address, port):
            raise AddressRefusedError(reason)
        sock = socket.socket(family, kind, protocol)
        self._sockets.add(sock)
        return sock

    async def _tunnel(self, host: str, port: int) -> socket.socket | None:
        return await _current_request.get().open_tunnel(host, port, self._socket)


class Request:
    """One request and the response: the only way to a connection.

    Used once, as `async with connections.request(...) as response`.  Entering looks the host up,
    connects, sends, and reads the head of the response; leaving closes the connection, whatever is
    unread of the body.  An error of the connection inside the block leaves as a FetchFailure.

    aiohttp passes no request on to the resolver and to `socket_factory`.  Both find the request in
    a context variable, which is set only inside the block: elsewhere no connection can be made.

    Attributes:
        is_resolving: The request waits for a name server, or gave up waiting.

    Raises:
        FetchFailure: There is no response, or an error ended the reading of the body.
    """

    def __init__(
        self,
        send: Callable[[], Awaitable[aiohttp.ClientResponse]],
        policy: AddressPolicy,
        settings: FetchSettings,
        lookups: NameLookups,
        addresses: tuple[str, ...],
        proxy: Proxy | None = None,
    ) -> None:
        self.is_resolving = False
        self._proxy = proxy
        self._send = send
        self._policy = policy
        self._settings = settings
        self._lookups = lookups
        self._addresses = list(addresses)
        self._allowed: frozenset[tuple[str, int]] = frozenset()
        self._refusal_of_response: FetchFailure | None = None
        self._response: aiohttp.ClientResponse | None = None
        self._token: Token[Request] | None = None

    async def __aenter__(self) -> aiohttp.ClientResponse:
        if self._token is not None:
            raise RuntimeError("a request is sent once")
        self._token = _current_request.set(self)
        try:
            self._response = await self._send()
        except BaseException as error:
            self._end(error)
            raise
        return self._response

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if self._response is not None:
            self._response.close()
        if self._token is not None:
            _current_request.reset(self._token)
        # The connection's protocol refers to this request: without the response there is no cycle.
        is_answered, self._response = self._response is not None, None
        if isinstance(error, _CONNECTION_ERRORS):
            failure = self._refusal_of_response or self._failure_of_proxy(error)
            raise failure or _failure(error, self._settings, is_answered=is_answered) from error

    def _failure_of_proxy(self, error: Exception) -> FetchFailure | None:
        """Return the failure of the proxy itself, None for an error behind the proxy."""
        if self._proxy is None:
            return None
        return failure_of_proxy(error, self._proxy, self._settings)

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host name that the policy allows, at most four.

        Raises:
            OSError: The name is not found, or no address is allowed.
        """
        if not self._addresses:
            self.is_resolving = True
            self._addresses = await self._lookups.addresses(host, port)
            self.is_resolving = False
        addresses = self._policy.allowed_addresses(host, port, self._addresses)
        self._allowed = frozenset((address, port) for address in addresses)
        return addresses[:_MAX_ADDRESSES]

    async def open_tunnel(
        self, host: str, port: int, make_socket: Callable[[aiohttp.AddrInfoType], socket.socket]
    ) -> socket.socket | None:
        """Return a socket connected to a server through a SOCKS proxy, None without such a proxy.

        Raises:
            FetchFailure: The proxy can't be reached, or refuses.
        """
        proxy = self._proxy
        if proxy is None or proxy.scheme != _SOCKS:
            return None
        try:
            addresses = [proxy.host]
            if not _is_address(proxy.host):
                addresses = await self.resolve(proxy.host, proxy.port)
            async with asyncio.timeout(self._settings.connect_timeout.total_seconds()):
                sock = await socks5.connected_socket(addresses, proxy.port, make_socket)
            await socks5.open_tunnel(sock, proxy, host, port)
        except OSError as error:  # TimeoutError among them
            raise failure_at_proxy(error, proxy, self._settings) from error
        return sock

    def refusal(self, address: str, port: int) -> str | None:
        """Return why `address` must not be connected to, in words; None if allowed."""
        if (address, port) in self._allowed:
            return None
        return self._policy.refusal(address, port)

    def refuse_response(self, failure: FetchFailure) -> None:
        """Note why the response is not read; the first reason counts."""
        self._refusal_of_response = self._refusal_of_response or failure


_current_request: ContextVar[Request] = ContextVar("current_request")


def _failure(error: Exception, settings: FetchSettings, *, is_answered: bool) -> FetchFailure:
    reason, kind = reason_and_kind(
        error,
        is_answered=is_answered,
        connect_timeout=settings.connect_timeout,
        read_timeout=settings.read_timeout,
    )
    return FetchFailure(reason, kind, unreachable=is_unreachable(error))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _proxy_options(proxy: Proxy | None, url: URL, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the options of a request of aiohttp through an HTTP proxy; none for another request.

    A tunnel has a head of its own, which the server does not see; without a tunnel the proxy reads
    the headers of the request.
    """
    if proxy is None or proxy.scheme == _SOCKS:
        return {}
    login = {}
    if proxy.user:
        login = {"Proxy-Authorization": basic_credentials(proxy.user, proxy.password)}
    place = URL.build(scheme=proxy.scheme, host=proxy.host, port=proxy.port)
    if url.scheme == "https":
        return {"proxy": place, "proxy_headers": login}
    return {"proxy": place, "headers": {**headers, **login}}


def _guard(settings: FetchSettings) -> Guard:
    return Guard(settings.allow, settings.extra_ports, key=settings.allowed_in)


@cache  # reading the system's certificate authorities takes longer than a handshake
def _tls() -> ssl.SSLContext:
    """Return the TLS settings: certificates and names checked, TLS 1.2 or 1.3.

    Python's own list of cipher suites for TLS 1.2 is narrower than OpenSSL's default, and some
    servers that curl and browsers read have no suite on Python's list.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT@SECLEVEL=2")
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _without_retry(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Middleware: hide from aiohttp that a connection was lost, which it would open again."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise ConnectionLostError from error


class _Resolver(AbstractResolver):
    """aiohttp's way to the look-up of the current request."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await _current_request.get().resolve(host, port)
        return [_resolve_result(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Do nothing: a look-up can't be stopped, and the thread ends by itself."""


def _resolve_result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )
