"""One picture: requested like a feed, made small in a worker process, written to its files."""

import asyncio
import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self

from aggregator import urls
from aggregator.database import Transact
from aggregator.database.feeds import write_hosts
from aggregator.errors import FeedError, FetchError, NoWorkerError, ParseError
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.model import DuePicture, EntryId, FeedRequest, FetchedPicture, StoredPicture
from aggregator.pictures.picture_files import PictureFiles
from aggregator.poll.host_limits import Budget, HostLimits, HostPausedError, HostTurn
from aggregator.poll.poll_clock import PollClock
from aggregator.runtime.worker_pool import Workers

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Pictures that are fetched at a time, each from another site."""

MAX_SIZE = 5_000_000
"""Bytes of a picture as sent."""

TIMEOUT = timedelta(seconds=20)
"""For a request with its redirects."""

_RETRIES = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
_OWN_PAUSE = timedelta(minutes=10)  # after a fault of this machine
_NOT_WRITTEN = "can't be written"
_OTHER_REQUEST = "another process has read another config.yaml"
_ACCEPT = "image/avif, image/webp, image/png, image/jpeg, image/gif;q=0.8"
_TOO_MANY = 429  # requests
_NO_TIME = timedelta(0)
_NOT_THERE = 404  # or not yet: some programs publish a post before its pictures
_REFUSALS = frozenset({400, 401, 403, 405, 406, 410, 451})
_YOUNG = timedelta(days=2)  # age of posts whose pictures may still come
_NO_EXCEPTIONS = "http://file.invalid/"  # for pictures of files, whose texts may come from anywhere


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """How pictures are fetched.

    Attributes:
        fetch: As for feeds.
        folder: Of the files.
        max_stored: Bytes of all files together.
    """

    fetch: FetchSettings
    folder: Path
    max_stored: int


class PictureFetcher:
    """Fetches pictures.  Use with `async with`.

    Args:
        host_limits: Shared with the polls, so that a site gets its pauses between all requests.
        budget_of: Returns the limits of requests to a site.
        request_of: Returns the request of the feed at a URL in config.yaml.
        transact: Reads the pauses of hosts that other processes know of.
    """

    def __init__(
        self,
        settings: PictureSettings,
        *,
        host_limits: HostLimits,
        budget_of: Callable[[str], Budget],
        request_of: Callable[[str], FeedRequest],
        transact: Transact,
        clock: PollClock,
    ) -> None:
        # Pillow takes memory: it is loaded where pictures are on, and in no other process.
        from aggregator.pictures import raster

        self._shrink = raster.shrink
        self._workers = Workers(1, max_memory=raster.MAX_MEMORY)
        self._fetcher = Fetcher(
            replace(settings.fetch, max_size=MAX_SIZE, timeout=TIMEOUT, files=None, accept=_ACCEPT)
        )
        self._folder = settings.folder
        self._files = PictureFiles(settings.folder)
        self._host_limits = host_limits
        self._budget_of = budget_of
        self._request_of = request_of
        self._request_of_files = FeedRequest(proxy=settings.fetch.proxy)
        self._transact = transact
        self._clock = clock
        self._refusing_until: dict[str, datetime] = {}  # by site
        self._lacks_workers = False
        self._next_write_at = datetime.min.replace(tzinfo=UTC)

    async def __aenter__(self) -> Self:
        await self._fetcher.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self._workers.stop)
        await self._fetcher.__aexit__(None, None, None)

    def waiting_sites(self) -> frozenset[str]:
        """Return the sites for whose pictures `fetch` would wait."""
        return self._host_limits.waiting_sites()

    async def fetch(self, due: DuePicture) -> FetchedPicture:
        """Fetch a picture, make it small, and write its files."""
        if self._clock.now() < self._next_write_at:  # no request for what has no room
            return self._postponed(due, _NOT_WRITTEN)
        if self._request_of(due.feed_url).digest != due.request_digest:
            return self._postponed(due, _OTHER_REQUEST)
        try:
            body = _inline(due.url) if due.url.startswith("data:") else await self._request(due)
            small = await self._workers.run(due.url, self._shrink, body, due.url)
        except HostPausedError as error:
            again_at = self._clock.now() + error.wait
            return FetchedPicture(due, failure=str(error), again_at=again_at, is_attempt=False)
        except NoWorkerError as error:
            if not self._lacks_workers:  # one line, not one for each picture
                log.error("pictures: %s", error)
            self._lacks_workers = True
            return self._postponed(due, "no process to read it")
        except FeedError as error:
            return self._failure(due, error)
        self._lacks_workers = False
        try:
            key = await asyncio.to_thread(self._files.store, small.for_post, small.for_list)
        except OSError as error:
            if self._clock.now() >= self._next_write_at:  # one line, not one for each picture
                log.error("%s: pictures can't be written: %s", self._folder, error.strerror)
            self._next_write_at = self._clock.now() + _OWN_PAUSE
            return self._postponed(due, _NOT_WRITTEN)
        stored = StoredPicture(key, small.width, small.height)
        return FetchedPicture(due, stored, size=len(small.for_post) + len(small.for_list))

    def _postponed(self, due: DuePicture, reason: str) -> FetchedPicture:
        """Return the outcome of a fault of this machine."""
        again_at = self._clock.now() + _OWN_PAUSE
        return FetchedPicture(due, failure=reason, again_at=again_at, is_attempt=False)

    def _failure(self, due: DuePicture, error: FeedError) -> FetchedPicture:
        """Return the outcome of a failure: bytes that are not a picture never become one."""
        log.debug("%s: %s", urls.masked(due.url), error.reason)
        if due.attempts >= len(_RETRIES) or self._is_final(due, error):
            return FetchedPicture(due, failure=error.reason)
        wait = _RETRIES[due.attempts]
        if isinstance(error, FetchError) and error.retry_after:
            wait = max(wait, error.retry_after)
        return FetchedPicture(due, failure=error.reason, again_at=self._clock.now() + wait)

    def _is_final(self, due: DuePicture, error: FeedError) -> bool:
        """Whether a failure is not expected to pass."""
        if not isinstance(error, FetchError) or error.status in _REFUSALS:
            return True
        is_young = self._clock.now() - EntryId(due.place).at < _YOUNG
        return error.status == _NOT_THERE and not is_young

    async def _request(self, due: DuePicture) -> bytes:
        budget, pause = await self._limits(due.site)
        subscribed, feed_request = _NO_EXCEPTIONS, self._request_of_files
        if urls.is_web(due.feed_url):
            # A feed may name any address of its server, so its headers are left out.
            feed_request = replace(self._request_of(due.feed_url), headers=())
            subscribed = due.feed_url
        async with self._host_limits.turn(due.site, budget, pause=pause) as turn:
            try:
                fetched = await self._fetcher.fetch(
                    due.url,
                    feed_request=feed_request,
                    subscribed=subscribed,
                    before_redirect=partial(self._follow, turn),
                )
            except FetchError as error:
                if error.retry_after or error.status == _TOO_MANY:
                    self._leave_alone(turn.site, error.retry_after or _RETRIES[0])
                raise
        return fetched.body

    def _leave_alone(self, site: str, wait: timedelta) -> None:
        """Ask a site for no picture for so long.

        Polls go on: any feed may name any address, and no feed may stop the polls of another.
        """
        now = self._clock.now()
        refusing = {name: until for name, until in self._refusing_until.items() if until > now}
        self._refusing_until = {**refusing, site: now + wait}

    async def _follow(self, turn: HostTurn, url: str) -> None:
        """Wait for a turn at the site that a redirect leads to."""
        site = urls.site_of(url)
        if site != turn.site:
            turn.leave()
            budget, pause = await self._limits(site)
            await turn.move(site, budget, pause=pause)

    async def _limits(self, site: str) -> tuple[Budget, timedelta]:
        """Return the limits of a site, and how long the site wants to be left alone.

        Raises:
            HostPausedError: The site has refused a picture, and wants to be left alone.
        """
        refusing_until = self._refusing_until.get(site)
        if refusing_until is not None and (wait := refusing_until - self._clock.now()) > _NO_TIME:
            raise HostPausedError(site, wait)
        budget = self._budget_of(site)
        stored = await self._transact(partial(write_hosts.host_pause, name=site))
        if stored is None:
            return budget, _NO_TIME
        if stored.min_delay is not None:
            budget = replace(budget, delay=max(budget.delay, stored.min_delay))
        return budget, max(stored.free_at - self._clock.now(), _NO_TIME)


def _inline(url: str) -> bytes:
    """Return the bytes of a `data:` URL.

    Raises:
        ParseError: The text is not base64.
    """
    try:
        return base64.b64decode(url.partition(",")[2], validate=False)
    except ValueError as error:
        raise ParseError("data:", "a damaged picture") from error
