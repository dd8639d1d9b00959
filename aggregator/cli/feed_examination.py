"""Few requests for each failing feed, with the manners of polls; nothing is stored."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from aggregator import config as configuration
from aggregator import urls
from aggregator.cli.discovery import feeds_of_page
from aggregator.cli.doctor_findings import Finding
from aggregator.cli.output import moment
from aggregator.config import Config
from aggregator.errors import AggregatorError, FeedError, FetchError
from aggregator.fetch import Fetcher
from aggregator.model import (
    Failure,
    FailureKind,
    FeedHealth,
    Fetched,
    HostPause,
    PageReading,
    Subscription,
)
from aggregator.poll import PollSettings
from aggregator.poll.host_limits import Budget, HostLimits, HostTurn
from aggregator.poll.poll_clock import PollClock
from aggregator.reading.worker_task import read_document, read_page
from aggregator.runtime.worker_pool import Workers
from aggregator.urls import feed_forms

MAX_REQUESTS = 3
"""Requests to a site in one run, redirects included."""

_MAX_WAIT = timedelta(minutes=10)  # for the turn at a site
_SHORT_PAUSE = timedelta(minutes=1)  # waited for
_UNREACHABLE = frozenset(
    {FailureKind.REFUSED, FailureKind.TIMEOUT, FailureKind.UNREACHABLE, FailureKind.BROKEN}
)
_MISSING = frozenset({FailureKind.NOT_FOUND, FailureKind.REMOVED, FailureKind.NOT_A_FEED})
_WORDPRESS = (b"/wp-content/", b"/wp-includes/", b'content="wordpress')


@dataclass(frozen=True, slots=True)
class AskedFeed:
    """A feed to examine.

    Attributes:
        health: As of the last poll, None before the first poll.
        is_named: A person named the feed, so no stored pause delays a request.
        pause: Stored limits of the feed's site, None for none.
    """

    feed: Subscription
    health: FeedHealth | None = None
    is_named: bool = False
    pause: HostPause | None = None


class _RequestsSpentError(AggregatorError):
    """The site has had all requests of a run."""


async def examine(
    config: Config, settings: PollSettings, asked_feeds: Sequence[AskedFeed]
) -> list[Finding]:
    """Return the findings in the order of the asked_feeds; sites are asked at the same time.

    Raises:
        NoWorkerError: This machine could not start a process to read a document.
    """
    by_site: dict[str, list[int]] = defaultdict(list)
    for index, asked_feed in enumerate(asked_feeds):
        by_site[urls.site_of(asked_feed.feed.url)].append(index)
    findings: dict[int, Finding] = {}
    places = asyncio.Semaphore(settings.concurrency)
    # The documents may be hostile: workers have a deadline and a memory limit.
    workers = Workers(1, max_size=settings.fetch.max_size)
    try:
        async with Fetcher(settings.fetch) as fetcher:
            means = _Means(config, settings, fetcher, workers, _SiteBudgets(settings))

            async def examine_site(indexes: Sequence[int]) -> None:
                async with places:
                    for index in indexes:
                        findings[index] = await _Inquiry(asked_feeds[index], means).finding()

            await asyncio.gather(*map(examine_site, by_site.values()))
    finally:
        workers.stop()
    return [findings[index] for index in range(len(asked_feeds))]


class _SiteBudgets:
    """The requests to sites in this run, and the pauses between two requests."""

    def __init__(self, settings: PollSettings) -> None:
        self.limits = HostLimits(PollClock())
        self._settings = settings
        self._requests: Counter[str] = Counter()
        self._delays: dict[str, timedelta] = {}

    def learn(self, pause: HostPause | None) -> None:
        """Note the delay learned from a site."""
        if pause is not None and pause.min_delay is not None:
            self._delays[pause.name] = pause.min_delay

    def is_spent(self, site: str) -> bool:
        """Whether a site has had all its requests."""
        return bool(site) and self._requests[site] >= MAX_REQUESTS

    def count(self, site: str) -> None:
        """Count a request.

        Raises:
            _RequestsSpentError: The site has had all its requests.
        """
        if self.is_spent(site):
            raise _RequestsSpentError(site)
        self._requests[site] += 1

    def spend(self, site: str) -> None:
        """Make no further request to a site."""
        self._requests[site] = MAX_REQUESTS

    def budget(self, site: str) -> Budget:
        """Return the limits of requests to a site."""
        budget = self._settings.budget_of(site)
        return replace(budget, delay=max(budget.delay, self._delays.get(site, budget.delay)))


@dataclass(frozen=True, slots=True)
class _Means:
    """The parts in common to all inquiries."""

    config: Config
    settings: PollSettings
    fetcher: Fetcher
    workers: Workers
    sites: _SiteBudgets


class _Inquiry:
    """The requests for a feed."""

    def __init__(self, asked_feed: AskedFeed, means: _Means) -> None:
        self._asked_feed = asked_feed
        self._feed = asked_feed.feed
        self._means = means
        self._requests = 0

    async def finding(self) -> Finding:
        """Ask a feed; where the answer is no feed, look for the feed elsewhere."""
        sites, site, now = self._means.sites, urls.site_of(self._feed.url), datetime.now(UTC)
        sites.learn(self._asked_feed.pause)
        if reason := _reason_to_wait(self._asked_feed, now):
            return _from_last_poll(self._asked_feed, reason)
        if sites.is_spent(site):
            return _from_last_poll(
                self._asked_feed,
                f"{site} has had its {MAX_REQUESTS} requests of this run; name the feed to ask it",
            )
        finding = await self._answer()
        return replace(finding, asked_at=now, requests=self._requests)

    async def _answer(self) -> Finding:
        feed = self._feed
        fetched: Fetched | None = None
        try:
            fetched = await self._get(feed.url)
            posts = await self._posts(fetched)
        except _RequestsSpentError:
            return Finding(feed, "too many redirects", failure=Failure(FailureKind.REDIRECTS))
        except FeedError as error:
            status = error.status if isinstance(error, FetchError) else None
            status = fetched.status if fetched else status
            if isinstance(error, FetchError) and error.kind == FailureKind.THROTTLED:
                self._means.sites.spend(urls.site_of(feed.url))
            named_feed = urls.masked(error.named_feed) if error.named_feed else None
            failure = Failure(FailureKind(error.kind), status, named_feed, error.service)
            finding = Finding(feed, error.reason, status=status, failure=failure)
            return await self._with_new_url(finding, fetched)
        is_secure = fetched.url == feed_forms.with_https(feed.url)
        new_url = fetched.moved_to or (fetched.url if is_secure else None)
        return Finding(
            feed,
            f"{fetched.status} with a {'feed' if feed.selectors is None else 'page'}",
            status=fetched.status,
            posts=posts,
            new_url=new_url,
            is_moved=fetched.moved_to is not None,
        )

    async def _with_new_url(self, finding: Finding, fetched: Fetched | None) -> Finding:
        """Return a finding, if possible with an address where the feed was read."""
        feed = self._feed
        if feed.selectors is not None or not urls.is_web(feed.url) or finding.failure is None:
            return finding
        own_key = configuration.same_feed_key(feed.url)
        try:
            for url in await self._other_urls(finding.failure.kind, fetched):
                if configuration.same_feed_key(url) == own_key:
                    continue
                try:
                    answer = await self._get(url)
                    posts = await self._posts(answer)
                except FeedError:
                    continue
                return replace(finding, new_url=answer.moved_to or url, posts=posts)
        except _RequestsSpentError as error:
            reason = f"{error} has had {MAX_REQUESTS} requests, so no further address was tried"
            return replace(finding, unasked=reason)
        return finding

    async def _other_urls(self, kind: FailureKind, fetched: Fetched | None) -> list[str]:
        """Return where the feed may be, the likeliest first."""
        url = self._feed.url
        form = feed_forms.feed_of_page(url)
        other_urls = [form] if form else []
        if kind in _UNREACHABLE:
            secure = feed_forms.with_https(url)
            return [secure] if secure else []
        if kind is FailureKind.WEB_PAGE and fetched is not None:
            return [*await self._named_feeds(fetched), *other_urls]
        if kind in _MISSING and (root := feed_forms.root_of(url)) != url:
            try:
                return [*other_urls, *await self._named_feeds(await self._get(root))]
            except FeedError:
                return other_urls
        return other_urls

    async def _named_feeds(self, page: Fetched) -> list[str]:
        """Return the feeds named by a page, or where WordPress has the feed of the page."""
        feeds = await feeds_of_page(self._means.workers, page)
        if feeds:
            return [feed.url for feed in feeds]
        is_wordpress = any(mark in page.body.lower() for mark in _WORDPRESS)
        return list(feed_forms.feeds_of_wordpress(page.url)) if is_wordpress else []

    async def _posts(self, fetched: Fetched) -> int:
        """Return the number of posts of a document.

        Raises:
            ParseError: The document is not a feed, or not the page for the selectors.
        """
        workers, headers = self._means.workers, dict(fetched.headers)
        if self._feed.selectors is None:
            result = await workers.run(
                fetched.url, read_document, fetched.body, headers, fetched.url
            )
        else:
            health = self._asked_feed.health
            first_posts = health.first_posts if health else None
            page = PageReading(self._feed.selectors, datetime.now(UTC), first_posts)
            result = await workers.run(
                fetched.url, read_page, fetched.body, headers, fetched.url, page
            )
        return len(result.feed.entries) if result.feed else 0

    async def _get(self, url: str) -> Fetched:
        """Make a request with the manners of a poll.

        Raises:
            FetchError: No usable answer came.
            _RequestsSpentError: A site has had all its requests.
        """
        means, site = self._means, urls.site_of(url)
        request = means.settings.request_of(url)
        if url != self._feed.url:
            request = configuration.request_at(url, means.config.hosts, means.config.network)
        if site:
            self._count(site)
        async with means.sites.limits.turn(
            site, means.sites.budget(site), max_wait=_MAX_WAIT, pause=self._short_pause(url)
        ) as turn:
            return await means.fetcher.fetch(
                url,
                feed_request=request,
                subscribed=self._feed.url,
                before_redirect=partial(self._follow, turn),
            )

    def _short_pause(self, url: str) -> timedelta:
        """Return how long the site of the feed is to be left alone before the first request."""
        pause = self._asked_feed.pause
        if pause is None or self._asked_feed.is_named or urls.site_of(url) != pause.name:
            return timedelta(0)
        return max(pause.free_at - datetime.now(UTC), timedelta(0))

    async def _follow(self, turn: HostTurn, url: str) -> None:
        """Count the request after a redirect, and wait for a turn at another site."""
        site = urls.site_of(url)
        self._count(site)
        if site != turn.site:
            await turn.move(site, self._means.sites.budget(site))

    def _count(self, site: str) -> None:
        self._means.sites.count(site)
        self._requests += 1


def _reason_to_wait(asked_feed: AskedFeed, now: datetime) -> str | None:
    """Return why a feed is not asked, None for a feed to ask."""
    health = asked_feed.health
    if asked_feed.is_named or health is None:
        return None
    if health.is_gone:
        return "the server said 410, gone for good; name the feed to ask all the same"
    if health.moved_to and not health.failures:
        return "the polls have seen it"
    ends = [health.not_before, asked_feed.pause.free_at if asked_feed.pause else None]
    until = max((end for end in ends if end is not None), default=now)
    if until - now <= _SHORT_PAUSE:
        return None
    return (
        f"its server wants to be left alone until {moment(until)} UTC; "
        "name the feed to ask all the same"
    )


def _from_last_poll(asked_feed: AskedFeed, reason: str) -> Finding:
    """Return the outcome of the last poll as a finding."""
    health = asked_feed.health
    if health is None:
        return Finding(asked_feed.feed, "never polled", unasked=reason)
    last_poll = health.polls[-1] if health.polls else None
    return Finding(
        asked_feed.feed,
        f"at the last poll: {health.error or 'a feed'}",
        status=last_poll.status if last_poll else None,
        failure=health.failure,
        new_url=None if health.failures else health.moved_to,
        is_moved=health.moved_to is not None and not health.failures,
        unasked=reason,
    )
