"""A fetch: a conditional request and its redirects -> a response, or one error.

Sources: RFC 9110 (semantics; 13 conditional requests, 15.4 redirection).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Self

import aiohttp

from aggregator import urls, walls
from aggregator.errors import FetchError
from aggregator.model import (
    PLAIN_REQUEST,
    FailureKind,
    FeedRequest,
    Fetched,
    Validators,
    kind_of_status,
)
from aggregator.model.times import span_text

from . import response_headers
from .content_encoding import BodyDecoder
from .cookies import Cookies
from .error_messages import failure_of_proxy_status
from .failure import FetchFailure, too_large
from .fetch_settings import OF_PAGES, FetchSettings
from .guard import AddressPolicy
from .http_connections import Connections, Request
from .local_files import read_local
from .target import Target, is_path

MAX_REDIRECTS = 5

BeforeRedirect = Callable[[str], Awaitable[None]]

_NO_VALIDATORS = Validators()
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT_REDIRECTS = frozenset({301, 308})
_ACCESS_REFUSED = frozenset({401, 403})
_REFUSED_HEADERS = ": the server refused the headers of `request`; check their values"
_UNSENT_HEADERS = ": the headers of `request` go to the scheme, host and port of the url alone"
_LARGE_BODY = 1_000_000  # bytes
_REFUSAL_TIMEOUT = 5  # seconds for the page that comes with a refusal


class Fetcher:
    """Fetches feeds.

    Used as `async with Fetcher(settings) as fetcher`, in one event loop; any number of fetches may
    run at once, each in a task of its own.
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
        validators: Validators = _NO_VALIDATORS,
        *,
        feed_request: FeedRequest = PLAIN_REQUEST,
        subscribed: str | None = None,
        is_page: bool = False,
        before_redirect: BeforeRedirect | None = None,
    ) -> Fetched:
        """Make one conditional GET for `url`, or read a file.

        Args:
            url: Absolute http(s) URL, or a path relative to `settings.files`.
            validators: Of the last response; sent only to the URL that sent them.
            feed_request: All requests go by its proxy.  Headers are sent to the scheme, host and
                port of `subscribed` only, and no more once a redirect has led elsewhere.
            subscribed: URL in config.yaml, which decides on exceptions from the guard, where `url`
                is another: the feed has moved, or a page names the feed.
            is_page: A page without a feed is asked for.
            before_redirect: Called with the URL that a redirect leads to, before the request; the
                time of the call does not count for the timeout.

        Returns:
            A 2xx with a body that is not blank, or a 304 to a conditional request.

        Raises:
            FetchError: There is no such response; the reason is in plain words.
        """
        attempt = _Attempt(
            self._connections,
            replace(self._settings, accept=OF_PAGES) if is_page else self._settings,
            validators,
            feed_request,
            before_redirect,
        )
        try:
            if is_path(url):
                return await self._read_file(url, validators)
            target = Target.parse(url)
            owner = target if subscribed is None else Target.parse(subscribed)
            policy = self._connections.policy(owner.request.raw_host or "")
            return await attempt.run(target.with_headers(feed_request.headers, owner), policy)
        except FetchFailure as failure:
            raise FetchError(
                urls.masked(url),
                failure.reason,
                failure.kind,
                status=attempt.status,
                retry_after=failure.retry_after,
                size=attempt.received,
                redirected=bool(attempt.redirects),
                unreachable=failure.unreachable,
                service=failure.service,
            ) from failure

    async def _read_file(self, path: str, validators: Validators) -> Fetched:
        settings = self._settings
        return await asyncio.to_thread(
            read_local, path, validators, folder=settings.files, max_size=settings.max_size
        )


@dataclass(frozen=True)
class _Redirect:
    """A redirect; `location` is empty without the header field."""

    location: str


@dataclass
class _Attempt:
    """One fetch under way.

    Attributes:
        request: The current request, None before the first.
        status: Of the current response, None before the response.
        received: Bytes of the current response's body so far, on the wire.
        redirects: Number of redirects followed.
        is_moved: Every redirect was a permanent one.
        cookies: Set by redirects; None before the first cookie.
        refusal: The failure of an answer whose page is being read, else None.
    """

    connections: Connections
    settings: FetchSettings
    validators: Validators
    feed_request: FeedRequest = PLAIN_REQUEST
    before_redirect: BeforeRedirect | None = None
    request: Request | None = None
    status: int | None = None
    received: int = 0
    redirects: int = 0
    is_moved: bool = True
    cookies: Cookies | None = None
    refusal: FetchFailure | None = None

    async def run(self, start: Target, policy: AddressPolicy) -> Fetched:
        """Follow redirects to a usable response.

        Raises:
            FetchFailure: There is no usable response.
        """
        span = self.settings.timeout
        try:
            async with asyncio.timeout(span.total_seconds()) as deadline:
                return await self._follow(start, policy, deadline)
        except TimeoutError as error:
            if self.refusal is not None:
                raise self._located(self.refusal) from error
            progress = "no answer" if self.status is None else "no complete answer"
            is_resolving = self.request is not None and self.request.is_resolving
            raise FetchFailure(
                f"{progress} within {span_text(span)}",
                FailureKind.TIMEOUT,
                unreachable=is_resolving and not self.redirects,
            ) from error

    async def _follow(
        self, start: Target, policy: AddressPolicy, deadline: asyncio.Timeout
    ) -> Fetched:
        target, cookie = start, ""
        requested = {(start.url, cookie)}
        while True:
            result = await self._request(target, cookie, policy)
            if isinstance(result, Fetched):
                # A URL that works only with a header or a cookie is not the feed's new URL.
                is_open = not start.own_headers and not cookie
                is_moved = self.redirects and self.is_moved and is_open
                return replace(result, moved_to=target.url) if is_moved else result
            next_target = target.follow(result.location)
            cookie = self.cookies.header(next_target.request) if self.cookies else ""
            if self.redirects == MAX_REDIRECTS or (next_target.url, cookie) in requested:
                raise FetchFailure("too many redirects", FailureKind.REDIRECTS)
            is_downgrade = (target.request.scheme, next_target.request.scheme) == ("https", "http")
            is_permanent = self.status in _PERMANENT_REDIRECTS and not is_downgrade
            self.is_moved = self.is_moved and is_permanent
            self.redirects += 1
            requested.add((next_target.url, cookie))
            target = next_target
            if self.before_redirect is not None:
                await self._pause(self.before_redirect(target.url), deadline)

    async def _pause(self, waiting: Awaitable[None], deadline: asyncio.Timeout) -> None:
        """Await `waiting` while the deadline stands still: a queue is not the server's slowness."""
        loop = asyncio.get_running_loop()
        expires_at, paused_at = deadline.when(), loop.time()
        deadline.reschedule(None)
        self.status = None
        await waiting
        deadline.reschedule(None if expires_at is None else expires_at + loop.time() - paused_at)

    async def _request(
        self, target: Target, cookie: str, policy: AddressPolicy
    ) -> Fetched | _Redirect:
        """Make one request.

        Args:
            cookie: Set by earlier redirects for this target; empty for none.
        """
        self.status = None
        conditions = response_headers.conditional_headers(self.validators, target.url)
        headers = {**self._headers(target, cookie), **conditions}
        proxy = self.feed_request.proxy
        try:
            self.request = self.connections.request(
                "GET", target.request, headers, policy=policy, proxy=proxy
            )
            async with self.request as response:
                return await self._read(response, target, is_conditional=bool(conditions))
        except FetchFailure as failure:
            raise self._located(failure) from failure.__cause__

    def _headers(self, target: Target, cookie: str) -> dict[str, str]:
        """Return the header fields without conditions; fields of the target replace ours."""
        own_fields = {name.lower(): (name, value) for name, value in target.own_headers}
        if cookie and "cookie" in own_fields:
            cookie = f"{own_fields.pop('cookie')[1]}; {cookie}"
        fields = {
            "user-agent": ("User-Agent", self.feed_request.user_agent or self.settings.user_agent),
            "accept": ("Accept", self.settings.accept),
            "accept-encoding": ("Accept-Encoding", "gzip, deflate, br"),
        }
        fields |= {"cookie": ("Cookie", cookie)} if cookie else {}
        return dict((fields | own_fields).values())

    def _located(self, failure: FetchFailure) -> FetchFailure:
        """Return the failure, with a note where not the subscription's own URL failed."""
        if not self.redirects:
            return failure
        reason = f"after a redirect: {failure.reason}"
        return FetchFailure(
            reason, failure.kind, retry_after=failure.retry_after, service=failure.service
        )

    async def _read(
        self, response: aiohttp.ClientResponse, target: Target, *, is_conditional: bool
    ) -> Fetched | _Redirect:
        self.status, url = response.status, target.url
        headers = response_headers.readable_headers(response.raw_headers)
        if self.status in _REDIRECTS:
            if fields := response.headers.getall("Set-Cookie", ()):
                self.cookies = self.cookies or Cookies()
                self.cookies.take(fields, target.request, now=datetime.now(UTC))
            return _Redirect(headers.get("location", ""))
        validators = response_headers.response_validators(response.raw_headers, url)
        if self.status == 304 and is_conditional:
            validators = response_headers.merged_validators(self.validators, validators)
            return Fetched(304, url, headers=headers, validators=validators)
        if self.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and self.feed_request.proxy:
            raise failure_of_proxy_status(self.status, self.feed_request.proxy)
        wait = response_headers.parse_retry_after(headers, now=datetime.now(UTC))
        if not response_headers.may_be_document(self.status, headers):
            reason = response_headers.status_message(self.status, wait)
            if self.status in _ACCESS_REFUSED and self.feed_request.headers:
                reason += _REFUSED_HEADERS if target.own_headers else _UNSENT_HEADERS
            kind = kind_of_status(self.status)
            self.refusal = FetchFailure(reason, kind, retry_after=wait)
            raise await self._refusal_by_wall(self.refusal, response, headers, url)
        body = await self._read_body(response, headers.get("content-encoding", ""))
        if not body.strip():
            failure = FetchFailure("empty answer", FailureKind.EMPTY, retry_after=wait)
            raise self._behind_wall(failure, walls.Answer(self.status, headers, url))
        return Fetched(
            self.status, url, headers=headers, body=body, validators=validators, size=self.received
        )

    async def _refusal_by_wall(
        self,
        refusal: FetchFailure,
        response: aiohttp.ClientResponse,
        headers: Mapping[str, str],
        url: str,
    ) -> FetchFailure:
        """Return a refusal with the wall on its page; no frame of a raised error has the page."""
        page = await self._start_of_page(response, headers)
        return self._behind_wall(refusal, walls.Answer(response.status, headers, url, page))

    def _behind_wall(self, failure: FetchFailure, answer: walls.Answer) -> FetchFailure:
        """Return a failure with the wall that the answer is, or as it is."""
        wall = walls.wall_of(answer)
        if wall is None:
            return failure
        reason = f"{failure.reason}: {walls.reason_of(wall)}"
        wait = failure.retry_after
        return FetchFailure(reason, wall.kind, retry_after=wait, service=wall.service)

    async def _start_of_page(
        self, response: aiohttp.ClientResponse, headers: Mapping[str, str]
    ) -> bytes:
        """Return the beginning of the page that comes with a refusal, as far as it can be had."""
        if self.status not in walls.WALL_STATUSES:
            return b""
        decoder: BodyDecoder | None = None
        try:
            async with asyncio.timeout(_REFUSAL_TIMEOUT):
                decoder = BodyDecoder(
                    headers.get("content-encoding", ""), max_size=self.settings.max_size
                )
                async for chunk in response.content.iter_any():
                    self.received += len(chunk)
                    decoder.feed(chunk)
                    if self.received >= walls.MAX_SEARCHED:
                        return decoder.decoded_start
                return decoder.finish()
        except (FetchFailure, aiohttp.ClientError, OSError):
            return decoder.decoded_start if decoder else b""

    async def _read_body(self, response: aiohttp.ClientResponse, encodings: str) -> bytes:
        max_size = self.settings.max_size
        if (response.content_length or 0) > max_size:
            raise too_large(max_size)
        decoder = BodyDecoder(encodings, max_size=max_size)
        async for chunk in response.content.iter_any():
            self.received += len(chunk)
            if self.received > max_size:
                raise too_large(max_size)
            decoder.feed(chunk)
        body = decoder.finish()
        if len(body) > _LARGE_BODY:
            await asyncio.sleep(0)  # decoding has kept the event loop: others first
        return body
