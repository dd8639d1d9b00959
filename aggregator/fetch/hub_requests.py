"""Requests to others than publishers: hubs and their subscribers (WebSub).

Behind the same guard as feeds, as anybody may name the addresses.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import aiohttp

from aggregator import urls
from aggregator.errors import FetchError

from .connect import Connections
from .error_messages import explained, seconds
from .failure import Failure, Refused
from .fetch_settings import FetchSettings
from .target import Target


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and the first bytes of the body."""

    status: int
    body: bytes


class Calls:
    """Makes single requests, redirects not followed.  Use with `async with`, in one event loop.

    Args:
        settings: Of these the user agent, the times and the exceptions from the guard count.
    """

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings
        self._connections = Connections(settings)

    async def __aenter__(self) -> Self:
        await self._connections.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._connections.__aexit__()

    def follow(self, settings: FetchSettings) -> None:
        """Make the next requests with other settings; those under way end with the old ones."""
        self._settings = settings
        self._connections.guard_by(settings)

    async def addresses(self, url: str) -> tuple[str, ...]:
        """Return the addresses that the host of `url` leads to, those that may be asked.

        Raises:
            FetchError: There is none.
        """
        with self._explained(url):
            target = Target.parse(url)
            host, port = target.request.raw_host or "", target.request.port or 0
            self._connections.admit(host)
            return await self._connections.addresses(host, port)

    async def get(self, url: str, *, most: int, at: tuple[str, ...] = ()) -> Reply:
        """GET `url`, and read at most `most` bytes of the answer.

        Args:
            at: Addresses to ask it at, of `addresses`; empty: it is looked up.

        Raises:
            FetchError: There is no answer, or it may not be asked for.
        """
        return await self._call("GET", url, {}, None, most, at)

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, at: tuple[str, ...] = ()
    ) -> Reply:
        """POST `body` to `url`; what the answer says is not read.

        Args:
            at: As `get`.

        Raises:
            FetchError: As `get`.
        """
        return await self._call("POST", url, headers, body, 0, at)

    async def _call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        most: int,
        at: tuple[str, ...],
    ) -> Reply:
        session, span = self._connections.session, self._settings.timeout
        with self._explained(url):
            target = Target.parse(url)
            self._connections.admit(target.request.raw_host or "", at)
            sent = {"User-Agent": self._settings.user_agent, **headers}
            if target.authorization:
                sent["Authorization"] = target.authorization
            try:
                async with asyncio.timeout(span.total_seconds()):
                    response = await session.request(
                        method, target.request, data=body, headers=sent, allow_redirects=False
                    )
                    try:
                        start = await _first_bytes(response, most)
                    finally:
                        response.close()
                    return Reply(response.status, start)
            except TimeoutError as error:
                raise Failure(f"no answer within {seconds(span)}") from error

    @contextlib.contextmanager
    def _explained(self, url: str) -> Iterator[None]:
        """Raise what goes wrong as a FetchError in plain words."""
        try:
            yield
        except (Failure, Refused) as failure:
            raise FetchError(urls.masked(url), failure.reason) from failure
        except (aiohttp.ClientError, OSError, ValueError) as error:
            words = explained(
                error,
                answered=False,
                connect_timeout=self._settings.connect_timeout,
                read_timeout=self._settings.read_timeout,
            )
            raise FetchError(urls.masked(url), words) from error


async def _first_bytes(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Return up to `most` bytes of the body, in however many pieces they come."""
    start = b""
    while len(start) < most and (more := await response.content.read(most - len(start))):
        start += more
    return start
