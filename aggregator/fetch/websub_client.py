"""Requests to WebSub hubs and subscribers, behind the same guard as feeds.

Anybody may name a subscriber's URL.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import aiohttp

from aggregator import urls
from aggregator.errors import FetchError
from aggregator.model.times import span_text

from .failure import FetchFailure
from .fetch_settings import FetchSettings
from .http_connections import Connections
from .target import Target


@dataclass(frozen=True, slots=True)
class WebSubResponse:
    """Status and the first bytes of the body."""

    status: int
    body: bytes


class WebSubClient:
    """Makes single requests and follows no redirects.  Used with `async with`, in one event loop.

    Args:
        settings: User agent, timeouts, proxy and the guard's exceptions; the other settings have no
            meaning here.
    """

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings
        self._connections = Connections(settings)

    async def __aenter__(self) -> Self:
        await self._connections.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._connections.__aexit__()

    def use_settings(self, settings: FetchSettings) -> None:
        """Make the next requests with other settings; current requests end with the old ones."""
        self._settings = settings
        self._connections.use_guard_of(settings)

    async def addresses(self, url: str) -> tuple[str, ...]:
        """Return the addresses of the host of `url` that may be connected to, at least one.

        Raises:
            FetchError: There is no such address.
        """
        with _as_fetch_error(url):
            target = Target.parse(url)
            host, port = target.request.raw_host or "", target.request.port or 0
            return await self._connections.addresses(host, port, self._connections.policy(host))

    async def get(
        self, url: str, *, max_bytes: int, addresses: tuple[str, ...] = ()
    ) -> WebSubResponse:
        """GET `url`.

        Args:
            max_bytes: Of the body; the remainder is not read.
            addresses: Result of `addresses` for this URL; empty: the host is looked up.

        Raises:
            FetchError: There is no response, or the guard refuses the request.
        """
        return await self._request("GET", url, {}, None, max_bytes, addresses)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        addresses: tuple[str, ...] = (),
    ) -> WebSubResponse:
        """POST `body` to `url`; the body of the response is not read.

        Args:
            addresses: As for `get`.

        Raises:
            FetchError: As for `get`.
        """
        return await self._request("POST", url, headers, body, 0, addresses)

    async def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        max_bytes: int,
        addresses: tuple[str, ...],
    ) -> WebSubResponse:
        span = self._settings.timeout
        with _as_fetch_error(url):
            target = Target.parse(url)
            own_headers = dict(target.own_headers)
            fields = {"User-Agent": self._settings.user_agent, **headers, **own_headers}
            request = self._connections.request(
                method,
                target.request,
                fields,
                policy=self._connections.policy(target.request.raw_host or ""),
                body=body,
                addresses=addresses,
                proxy=self._settings.proxy,
            )
            try:
                async with asyncio.timeout(span.total_seconds()), request as response:
                    return WebSubResponse(response.status, await _first_bytes(response, max_bytes))
            except TimeoutError as error:
                raise FetchFailure(f"no answer within {span_text(span)}") from error


@contextlib.contextmanager
def _as_fetch_error(url: str) -> Iterator[None]:
    """Raise a FetchFailure as a FetchError of `url`."""
    try:
        yield
    except FetchFailure as failure:
        raise FetchError(urls.masked(url), failure.reason) from failure


async def _first_bytes(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Return up to `max_bytes` bytes of the body, in however many pieces they come."""
    start = b""
    while len(start) < max_bytes:
        piece = await response.content.read(max_bytes - len(start))
        if not piece:
            break
        start += piece
    return start
