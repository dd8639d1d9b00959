"""Looking for a feed: at an address, or at the addresses that a web page names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import click

from aggregator import config as configuration
from aggregator import urls
from aggregator.config import Config
from aggregator.errors import AggregatorError, FeedError, FetchError, ParseError
from aggregator.fetch import Fetcher
from aggregator.model import (
    CleanFeed,
    FailureKind,
    FeedHead,
    Fetched,
    OpmlOutline,
    PageProposal,
)
from aggregator.model.times import http_date
from aggregator.reading.autodiscovery import advertised_feeds, is_about_comments
from aggregator.reading.worker_task import propose_selectors, read_document
from aggregator.runtime.worker_pool import Workers
from aggregator.scheduler import poll_settings

_MAX_TRIED = 8  # feeds of one page


@dataclass(frozen=True, slots=True)
class DiscoveredFeed:
    """A feed that was read once.

    Attributes:
        url: Address of the feed; where the feed moved to, if it moved for good.
        title: Empty for a feed without a title.
        posts: Number of posts in the document.
    """

    url: str
    title: str
    posts: int


class PageWithoutFeedError(AggregatorError):
    """A web page is not a feed, and names none.

    Attributes:
        url: Of the page; where the page moved to, if it moved for good.
        proposals: Selectors for its posts, the best first.
    """

    def __init__(self, url: str, reason: str, proposals: tuple[PageProposal, ...]) -> None:
        super().__init__(
            f"{urls.masked(url)}: {reason}, and it names no feed; look there for a link to one"
        )
        self.url = url
        self.reason = reason
        self.proposals = proposals


async def discover(config: Config, url: str) -> DiscoveredFeed:
    """Return the feed at `url`, or a feed of the page at `url`; prints what was tried.

    Raises:
        PageWithoutFeedError: The page is not a feed, and names none.
        AggregatorError: Neither can be read.
    """
    settings = poll_settings(config).fetch
    port = urls.port_of(url)  # a port in a subscription's address is intended
    if port is not None:
        settings = replace(settings, extra_ports=settings.extra_ports | {port})
    # The document may be hostile: workers have a deadline and a memory limit.
    workers = Workers(1, max_size=config.poll.max_size)
    try:
        async with Fetcher(settings) as fetcher:
            return await _Discovery(config, fetcher, workers).feed_at(url)
    finally:
        workers.stop()


async def feeds_of_page(workers: Workers, fetched: Fetched) -> list[OpmlOutline]:
    """Return the feeds of a web page."""
    return await workers.run(
        fetched.url,
        advertised_feeds,
        fetched.body,
        fetched.url,
        content_type=fetched.headers.get("content-type", ""),
    )


async def proposals_of_page(workers: Workers, fetched: Fetched) -> tuple[PageProposal, ...]:
    """Return selectors for the posts of a page without a feed, the best first."""
    sent_at = http_date(fetched.headers.get("date")) or datetime.now(UTC)
    try:
        return await workers.run(
            fetched.url,
            propose_selectors,
            fetched.body,
            dict(fetched.headers),
            urls.base_without_secrets(fetched.url),
            sent_at,
        )
    except ParseError:  # a page that takes too much time
        return ()


@dataclass(frozen=True, slots=True)
class _Discovery:
    """Looks for a feed at an address, and at the feed addresses of a web page."""

    config: Config
    fetcher: Fetcher
    workers: Workers

    async def feed_at(self, url: str) -> DiscoveredFeed:
        """Return the feed at `url`, or the first readable feed of the page."""
        try:
            fetched = await self._fetch(url)
        except FetchError as error:
            if not urls.is_web(url):
                raise
            raise AggregatorError(f"{error}; to add it all the same: --no-check") from error
        try:
            return await self._read(fetched, url)
        except ParseError as error:
            feeds = await feeds_of_page(self.workers, fetched)
            if not feeds:
                page_url = fetched.moved_to or url
                proposals: tuple[PageProposal, ...] = ()
                if error.kind == FailureKind.WEB_PAGE:
                    proposals = await proposals_of_page(self.workers, fetched)
                raise PageWithoutFeedError(page_url, error.reason, proposals) from error
            return await self._first_readable(url, feeds)

    async def _first_readable(self, page: str, feeds: Sequence[OpmlOutline]) -> DiscoveredFeed:
        """Return the first feed with posts, else the first readable feed.

        A feed of comments is not preferred to a feed without posts.
        """
        readable_feed: DiscoveredFeed | None = None
        tried = 0
        for feed in feeds[:_MAX_TRIED]:
            if readable_feed is not None and is_about_comments(feed):
                break
            tried += 1
            if configuration.has_feed(self.config, feed.url):
                readable_feed = DiscoveredFeed(feed.url, feed.title or "", 0)
                break
            try:
                fetched = await self._fetch(feed.url, page)
                tried_feed = await self._read(fetched, feed.url)
            except FeedError as error:
                click.echo(f"tried {urls.masked(feed.url)}: {error.reason}")
                continue
            if tried_feed.posts or readable_feed is None:
                readable_feed = tried_feed
            if tried_feed.posts:
                break
            click.echo(f"tried {urls.masked(feed.url)}: it has no posts yet")
        if readable_feed is None:
            number = "1 feed" if len(feeds) == 1 else f"{len(feeds)} feeds"
            raise AggregatorError(
                f"{urls.masked(page)}: the page names {number}, and none that was tried can be "
                "read now; to add one all the same: aggregator add --no-check ADDRESS"
            )
        for feed in feeds[tried:]:
            click.echo(f"it also names {urls.masked(feed.url)} ({feed.title or 'no title'!r})")
        return readable_feed

    async def _fetch(self, url: str, page: str | None = None) -> Fetched:
        """Fetch `url`, which `page` names, with the headers of the host in config.yaml."""
        feed_request = configuration.request_at(url, self.config.hosts, self.config.network)
        return await self.fetcher.fetch(url, feed_request=feed_request, subscribed=page)

    async def _read(self, fetched: Fetched, url: str) -> DiscoveredFeed:
        document = await self.workers.run(
            fetched.url, read_document, fetched.body, dict(fetched.headers), fetched.url
        )
        feed = document.feed or CleanFeed(FeedHead())
        return DiscoveredFeed(fetched.moved_to or url, feed.head.title or "", len(feed.entries))
