"""The request, its redirects, and the way back to one value or one error.

Sources: RFC 9110 (semantics; 13 conditional requests, 15.4 redirection).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

import aiohttp

from aggregator import urls
from aggregator.errors import FetchError
from aggregator.model import Fetched, Validators

from . import response_headers
from .connect import Connections, begin_request, waits_for_resolver
from .cookies import Cookies
from .decode import BodyDecoder, too_large
from .error_messages import explained, is_unreachable, seconds
from .failure import Failure
from .fetch_settings import FetchSettings
from .local_files import read_local
from .target import Target, is_path

MAX_REDIRECTS = 5

Hop = Callable[[str], Awaitable[None]]

_NONE_YET = Validators()
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, text/html;q=0.4, */*;q=0.2"
)


class Fetcher:
    """Fetches feeds; one session for as long as it is open.

    Used as `async with Fetcher(settings) as fetcher`, in one event loop; any number of fetches
    may run in it at once, each in a task of its own.
    """

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings
        self._connections = Connections(settings)

    async def __aenter__(self) -> Self:
        await self._connections.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._connections.__aexit__()

    async def fetch(
        self,
        url: str,
        validators: Validators = _NONE_YET,
        *,
        subscribed: str | None = None,
        hop: Hop | None = None,
    ) -> Fetched:
        """Make one conditional GET for `url`, or read the file that it names.

        Args:
            url: Absolute http(s) URL, or a path relative to `settings.files`.
            validators: What the last answer brought; sent to the URL that they came from only.
            subscribed: The address that a person wrote, whose exceptions from the guard hold, if
                that is not `url`: the feed has moved, or a page names it.
            hop: Called with where a redirect leads, before that is asked; it may take its time.

        Returns:
            A 2xx with a body that is not blank, or a 304 to a request that was conditional.

        Raises:
            FetchError: There is no such answer; its reason is in plain words.
        """
        attempt = _Attempt(self._connections.session, self._settings, validators, hop)
        try:
            if is_path(url):
                return await self._local(url, validators)
            target = Target.parse(url)
            owner = target if subscribed is None else Target.parse(subscribed)
            self._connections.admit(owner.request.raw_host or "")
            return await attempt.run(target)
        except Failure as failure:
            raise FetchError(
                urls.masked(url),
                failure.reason,
                status=attempt.status,
                retry_after=failure.retry_after,
                size=attempt.received,
                redirected=bool(attempt.hops),
                unreachable=failure.unreachable,
            ) from failure

    async def _local(self, path: str, validators: Validators) -> Fetched:
        settings = self._settings
        return await asyncio.to_thread(
            read_local, path, validators, folder=settings.files, max_size=settings.max_size
        )


@dataclass
class _Attempt:
    """One fetch under way.

    Attributes:
        status: Of the answer at hand, None while there is none.
        received: Bytes of its body so far, on the wire.
        hops: Redirects that were followed.
        moved: Every one of them was for good.
        cookies: What they set; None while there was none.
    """

    session: aiohttp.ClientSession
    settings: FetchSettings
    validators: Validators
    hop: Hop | None = None
    status: int | None = None
    received: int = 0
    hops: int = 0
    moved: bool = True
    cookies: Cookies | None = None

    async def run(self, start: Target) -> Fetched:
        """Follow redirects to an answer.

        Raises:
            Failure: There is none that can be used.
        """
        span = self.settings.timeout
        try:
            async with asyncio.timeout(span.total_seconds()) as deadline:
                return await self._follow(start, deadline)
        except TimeoutError as error:
            what = "no answer" if self.status is None else "no complete answer"
            unreachable = waits_for_resolver() and not self.hops
            raise Failure(f"{what} within {seconds(span)}", unreachable=unreachable) from error

    async def _follow(self, start: Target, deadline: asyncio.Timeout) -> Fetched:
        target, cookie = start, ""
        seen = {(start.url, cookie)}
        while True:
            result = await self._request(target, cookie)
            if isinstance(result, Fetched):
                # An address that needs a password or a cookie is not the whole address without it.
                alone = start.authorization is None and not cookie
                moved = self.hops and self.moved and alone
                return replace(result, moved_to=target.url) if moved else result
            there = target.follow(result)
            cookie = self.cookies.header(there.request) if self.cookies else ""
            if self.hops == MAX_REDIRECTS or (there.url, cookie) in seen:
                raise Failure("too many redirects")
            insecure = target.request.scheme == "https" and there.request.scheme == "http"
            self.moved = self.moved and self.status in _PERMANENT and not insecure
            self.hops += 1
            seen.add((there.url, cookie))
            target = there
            if self.hop is not None:
                await self._wait_at(target, self.hop, deadline)

    async def _wait_at(self, target: Target, hop: Hop, deadline: asyncio.Timeout) -> None:
        """Let `hop` take its time: waiting for a turn is not the server's slowness."""
        loop = asyncio.get_running_loop()
        until, began = deadline.when(), loop.time()
        deadline.reschedule(None)
        self.status = None
        await hop(target.url)
        deadline.reschedule(None if until is None else until + loop.time() - began)

    async def _request(self, target: Target, cookie: str) -> Fetched | str:
        """Return the answer, or the Location that it points to; empty if it names none.

        Args:
            cookie: Of earlier redirects, for this target; empty for none.
        """
        self.status = None
        conditions = response_headers.conditions(self.validators, target.url)
        begin_request()
        try:
            response = await self.session.get(
                target.request,
                headers={**self._headers(target, cookie), **conditions},
                allow_redirects=False,
            )
            try:
                return await self._read(response, target, conditional=bool(conditions))
            finally:
                response.close()  # nobody wants what was not read: the body of a redirect, an error
        except Failure as failure:
            raise self._placed(failure) from failure.__cause__
        except (aiohttp.ClientError, OSError, ValueError) as error:
            words = explained(
                error,
                answered=self.status is not None,
                connect_timeout=self.settings.connect_timeout,
                read_timeout=self.settings.read_timeout,
            )
            raise self._placed(Failure(words, unreachable=is_unreachable(error))) from error

    def _headers(self, target: Target, cookie: str) -> dict[str, str]:
        headers = {
            "User-Agent": self.settings.user_agent,
            "Accept": _ACCEPT,
            "Accept-Encoding": "gzip, deflate, br",
        }
        if target.authorization:
            headers["Authorization"] = target.authorization
        if cookie:
            headers["Cookie"] = cookie
        return headers

    def _placed(self, failure: Failure) -> Failure:
        """Say so where it is not the subscription's own address that failed."""
        if not self.hops:
            return failure
        return Failure(f"after a redirect: {failure.reason}", retry_after=failure.retry_after)

    async def _read(
        self, response: aiohttp.ClientResponse, target: Target, *, conditional: bool
    ) -> Fetched | str:
        self.status, url = response.status, target.url
        headers = response_headers.readable_headers(response.raw_headers)
        if self.status in _REDIRECTS:
            if fields := response.headers.getall("Set-Cookie", ()):
                self.cookies = self.cookies or Cookies()
                self.cookies.take(fields, target.request, now=datetime.now(UTC))
            return headers.get("location", "")
        brought = response_headers.validators_of(response.raw_headers, url)
        if self.status == 304 and conditional:
            kept = response_headers.merged(self.validators, brought)
            return Fetched(304, url, headers=headers, validators=kept)
        wait = response_headers.retry_after_of(headers, now=datetime.now(UTC))
        if not response_headers.may_bring_feed(self.status, headers):
            raise Failure(response_headers.words_of(self.status, wait), retry_after=wait)
        body = await self._body(response, headers.get("content-encoding", ""))
        if not body.strip():
            raise Failure("empty answer", retry_after=wait)
        return Fetched(
            self.status, url, headers=headers, body=body, validators=brought, size=self.received
        )

    async def _body(self, response: aiohttp.ClientResponse, encodings: str) -> bytes:
        max_size = self.settings.max_size
        if (response.content_length or 0) > max_size:
            raise too_large(max_size)
        decoder = BodyDecoder(encodings, max_size=max_size)
        async for chunk in response.content.iter_any():
            self.received += len(chunk)
            if self.received > max_size:
                raise too_large(max_size)
            decoder.feed(chunk)
        return decoder.finish()
