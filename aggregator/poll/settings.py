"""The part of config.yaml for polling."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from aggregator.fetch import FetchSettings
from aggregator.model import PLAIN_REQUEST, FeedRequest, Order
from aggregator.poll.host_limits import Budget
from aggregator.poll.picture_fetcher import PictureSettings


@dataclass(frozen=True, slots=True)
class PollSettings:
    """The part of config.yaml for polling.

    Attributes:
        authority: Host in the `tag:` URIs of entries without an id of their own.
        published: Names and addresses of our own merged feeds.
        workers: Number of processes for reading documents.
        keep: Older entries are not stored, but for the newest `min_entries` of a feed: retention
            would delete these entries, and the next document would bring them as new again.
        max_entries: Number of entries of one document to store at most, the newest ones.
        announced: Changes are announced (WebSub), so feeds with changes are noted.
        notified: Somebody is told of new posts, so new entries are queued.
        order: Decides the place of new entries of a feed with earlier polls.
        budgets: Of sites under `hosts` in config.yaml.
        pictures: None where no feed has pictures.
        requests: Of feeds with a request unlike every other, by the URL of the feed.
    """

    fetch: FetchSettings
    authority: str
    published: tuple[str, ...] = ()
    concurrency: int = 32
    host_delay: timedelta = timedelta(seconds=5)
    workers: int = 1
    keep: timedelta = timedelta.max
    min_entries: int = 0
    max_entries: int = sys.maxsize
    budgets: Mapping[str, Budget] = field(default_factory=dict, hash=False)
    order: Order = Order.PUBLISHED
    announced: bool = False
    notified: bool = False
    pictures: PictureSettings | None = None
    requests: Mapping[str, FeedRequest] = field(default_factory=dict, hash=False, repr=False)

    def budget_of(self, site: str) -> Budget:
        """Return the limits of requests to `site`."""
        return self.budgets.get(site) or Budget(self.host_delay)

    def request_of(self, url: str) -> FeedRequest:
        """Return the request of the feed at `url`, the URL in config.yaml."""
        return self.requests.get(url, PLAIN_REQUEST)
