"""What polling needs to know of config.yaml."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from aggregator.fetch import FetchSettings
from aggregator.model import Order
from aggregator.poll.host_limits import Budget


@dataclass(frozen=True, slots=True)
class PollSettings:
    """What polling needs to know of config.yaml.

    Attributes:
        authority: Host that stands in the `tag:` URIs of entries without an id of their own.
        published: Names and addresses of our own merged feeds.
        workers: Processes that read documents.
        keep: Entries older than this are not stored, but for the newest `min_entries` of a feed:
            they would only be deleted again, and be new once more when their feed changes.
        max_entries: Of one document no more than these newest ones are stored.
        announced: Changes are announced (WebSub): which feeds have some is noted.
        order: What decides where new entries of a feed that is known stand.
        budgets: Of sites that config.yaml names under `hosts`.
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

    def budget_of(self, site: str) -> Budget:
        """Return what `site` is asked for at most."""
        return self.budgets.get(site) or Budget(self.host_delay)
