"""Names to addresses to sockets, with the guard at both places.

aiohttp asks the resolver for names only, never for a literal address; `socket_factory` is asked
for everything that is really connected to.  A name is resolved once, and what was judged is what
is connected to: a second answer of its name server (rebinding) has nowhere to go.
"""

import asyncio
import contextlib
import errno
import socket
import ssl
import threading
import weakref
from contextvars import ContextVar
from datetime import timedelta
from functools import cache, partial
from ipaddress import ip_address
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from .error_messages import Lost
from .failure import Failure, Refused
from .fetch_settings import FetchSettings
from .guard import Admission, Guard
from .http1 import MAX_HEAD, PlainAnswer

_LOOKUPS = 32
_MAX_ADDRESSES = 4  # aiohttp tries n addresses up to n * n times
_FAREWELLS = 50

_NO_FEED = Guard().admission("")
# What the feed at hand may ask.  Each fetch has its own context, so one feed's exceptions never
# open a way for another's redirect; without one there are no exceptions.
_admission: ContextVar[Admission] = ContextVar("admission", default=_NO_FEED)
# Addresses of the host name at hand that the operator exempted by its name.
_exempted: ContextVar[frozenset[str]] = ContextVar("exempted", default=frozenset())
# Addresses that the host name at hand was found to lead to, to be taken without another look-up.
_pinned: ContextVar[tuple[str, ...]] = ContextVar("pinned", default=())
# Whether the name of a request's host is being looked up.
_looking_up: ContextVar[bool] = ContextVar("looking_up", default=False)


class Connections:
    """A session that connects to nothing the guard refuses, and the sockets that it made.

    It keeps no cookies (`cookies` has those of one poll), no connections and no regard for the
    environment's proxies, and it asks once: aiohttp on its own repeats a GET whose connection was
    lost.  Use with `async with`, in one event loop; any number of tasks may use it at once.
    """

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings
        self._guard = _guard(settings)
        self._resolver = _Resolver(settings.connect_timeout)
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, while it is open."""
        if self._session is None:
            raise RuntimeError("the connections are not open")
        return self._session

    def admit(self, host: str, at: tuple[str, ...] = ()) -> None:
        """Begin the requests of this task for one feed, whose own address has this host.

        Args:
            at: What the host was found to lead to by `addresses`; empty: it is looked up.
        """
        _admission.set(self._guard.admission(host))
        _pinned.set(at)
        begin_request()

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """Return the addresses of a host that may be asked, after `admit`.

        Raises:
            Refused: There is none.
            OSError: The name is not found.
        """
        try:
            ip_address(host)
        except ValueError:
            return tuple(result["host"] for result in await self._resolver.resolve(host, port))
        if reason := _admission.get().refusal(host, port):
            raise Refused(reason)
        return (host,)

    def guard_by(self, settings: FetchSettings) -> None:
        """Judge addresses and ports by other settings from the next connection on."""
        self._guard = _guard(settings)

    async def __aenter__(self) -> Self:
        settings = self._settings
        connector = _Connector(
            settings.max_size,
            ssl=_tls(),
            resolver=self._resolver,
            use_dns_cache=False,
            force_close=True,
            limit=0,  # how many at once, and to one host, is decided where polls are begun:
            limit_per_host=0,  # waiting in here would be taken from a feed's own time
            socket_factory=self._socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            max_headers=MAX_HEAD,  # the limits are those of http1, which reads before aiohttp does
            max_field_size=MAX_HEAD,
            max_line_size=MAX_HEAD,
            middlewares=(_once,),
            timeout=aiohttp.ClientTimeout(
                total=None,
                sock_connect=settings.connect_timeout.total_seconds(),
                sock_read=settings.read_timeout.total_seconds(),
            ),
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        """End every connection; returns when their sockets are closed.

        TLS ends with words of farewell, and a transport that still waits for them when the loop
        is closed leaves its socket open.
        """
        if self._session is None:
            return
        await self._session.close()
        self._session = None
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):  # closed, or never connected
                sock.shutdown(socket.SHUT_RDWR)
        for _ in range(_FAREWELLS):
            if all(sock.fileno() < 0 for sock in self._sockets):
                return
            await asyncio.sleep(0.01)

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, (address, port, *_) = info
        if address not in _exempted.get():
            reason = _admission.get().refusal(address, port)
            if reason:
                raise Refused(reason)
        sock = socket.socket(family, kind, protocol)
        self._sockets.add(sock)
        return sock


def _guard(settings: FetchSettings) -> Guard:
    return Guard(settings.allow, settings.extra_ports, key=settings.allowed_in)


@cache  # reading the system's authorities takes longer than a handshake
def _tls() -> ssl.SSLContext:
    """Return how servers are talked to: certificates and names checked, TLS 1.2 or 1.3.

    Python's own list of suites for TLS 1.2 leaves out some that OpenSSL's default has, and with
    them servers that curl and browsers read.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT@SECLEVEL=2")
    context.set_alpn_protocols(["http/1.1"])
    return context


def begin_request() -> None:
    """Forget what the request before was allowed; call it before each."""
    _exempted.set(frozenset())
    _looking_up.set(False)


def waits_for_resolver() -> bool:
    """Whether this task's request was given up while it waited for a name server."""
    return _looking_up.get()


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise Lost from error


class _Connector(aiohttp.TCPConnector):
    """Connections whose answers are rewritten before aiohttp reads them.

    aiohttp has no public way to choose the protocol of a connection; tests/test_fetch_odd.py fails
    where a release of it makes them another way.
    """

    def __init__(self, max_size: int, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(_protocol, asyncio.get_running_loop(), max_size)


class _Protocol(ResponseHandler):
    """Gives aiohttp's parser the answer as `PlainAnswer` rewrites it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_size: int) -> None:
        super().__init__(loop)
        self._max_size = max_size
        self._answer: PlainAnswer | None = None
        self._early = b""

    def set_response_params(self, **params: Any) -> None:
        """Begin an answer; some servers send it before they were asked."""
        super().set_response_params(**params)
        self._answer = PlainAnswer(self._max_size)
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def data_received(self, data: bytes) -> None:
        if not data:  # aiohttp goes on with what it has
            super().data_received(data)
        elif self._answer is not None:
            self._rewrite(self._answer, data)
        elif len(self._early) <= MAX_HEAD:
            self._early += data
        elif self.transport is not None:
            self.transport.abort()

    def _rewrite(self, answer: PlainAnswer, data: bytes) -> None:
        try:
            plain = answer.feed(data)
        except Failure as failure:
            self._end(failure)
            return
        if plain:
            super().data_received(plain)
        elif not answer.done:
            self.start_timeout()  # it is alive, even if there is nothing to read yet

    def _end(self, failure: Failure) -> None:
        """Let whoever reads the answer fail for this reason."""
        self.set_exception(failure)
        if self.transport is None:
            return
        if self._payload is None:
            self.transport.abort()
        else:  # whoever reads closes the connection; an abort would put its own reason in its place
            self._payload.set_exception(failure)
            self.transport.pause_reading()


def _protocol(loop: asyncio.AbstractEventLoop, max_size: int) -> ResponseHandler:
    return _Protocol(loop, max_size)


class _Resolver(AbstractResolver):
    def __init__(self, timeout: timedelta) -> None:
        self._timeout = timeout.total_seconds()
        self._lookups = _Lookups()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = list(_pinned.get()) or await self._looked_up(host, port)
        admission = _admission.get()
        admission.resolved(host, found)
        if admission.exempts(host, port):
            _exempted.set(frozenset(found))
        else:
            found = self._judged(admission, found, host, port)
        return [_result(host, address, port) for address in found[:_MAX_ADDRESSES]]

    async def _looked_up(self, host: str, port: int) -> list[str]:
        _looking_up.set(True)
        try:
            async with asyncio.timeout(self._timeout):
                found = await self._lookups.addresses(host, port)
        except TimeoutError as error:
            raise socket.gaierror(socket.EAI_AGAIN, "no answer") from error
        _looking_up.set(False)
        return found

    @staticmethod
    def _judged(admission: Admission, found: list[str], host: str, port: int) -> list[str]:
        reasons = {address: admission.refusal(address, port, name=host) for address in found}
        allowed = [address for address in found if reasons[address] is None]
        refused = [reason for reason in reasons.values() if reason]
        if refused and not allowed:
            raise Refused(refused[0])
        return allowed

    async def close(self) -> None:
        """A lookup can't be stopped; its thread ends by itself, and nobody waits for it."""


class _Lookups:
    """`getaddrinfo` in threads of its own.

    Daemons, unlike those of an executor: a name server that does not answer would keep the
    program from leaving.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_LOOKUPS)

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name, in the system's order of preference."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str]] = loop.create_future()
        thread = threading.Thread(target=self._work, args=(answer, host, port), daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has none left
            self._free.release()
            raise OSError(errno.EAGAIN, "no thread for a look-up") from error
        return await answer

    def _work(self, answer: asyncio.Future[list[str]], host: str, port: int) -> None:
        found: list[str] | OSError
        try:
            infos = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
            )
            found = list(dict.fromkeys(str(info[4][0]) for info in infos))
        except UnicodeError:  # a label that is empty or too long for DNS
            found = socket.gaierror(socket.EAI_NONAME, "not a name")
        except OSError as error:
            found = error
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            answer.get_loop().call_soon_threadsafe(self._done, answer, found)

    def _done(self, answer: asyncio.Future[list[str]], found: list[str] | OSError) -> None:
        self._free.release()
        if answer.done():  # given up meanwhile
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )
