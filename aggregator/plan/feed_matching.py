"""Which stored feed a subscription means.  Pure."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from aggregator.model import Subscription


class KnownFeed(Protocol):
    """What matching reads of a stored feed."""

    @property
    def id(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def known_url(self) -> str: ...

    @property
    def subscribed(self) -> bool: ...


_Feed = TypeVar("_Feed", bound=KnownFeed)


def matching_feeds(
    subscriptions: Sequence[Subscription], feeds: Sequence[_Feed]
) -> dict[str, _Feed]:
    """Return the stored feed of each subscription with a stored feed, by the subscription's name.

    A name in the file is the feed's key, whatever the URL, unless the file has the stored URL at
    another feed: entries stay with a URL of the file.  A name made from title or host follows the
    URL: such a name does not tell the feeds of a host apart.
    """
    by_name = {feed.name: feed for feed in feeds}
    # Of two feeds with the same URL the subscribed feed is meant.
    least_first = sorted(feeds, key=lambda feed: feed.subscribed)
    by_known_url = {feed.known_url: feed for feed in least_first}
    by_url = {feed.url: feed for feed in least_first}
    name_of_url = {subscription.known_url: subscription.name for subscription in subscriptions}
    feed_of: dict[str, _Feed] = {}
    claimed_ids: set[int] = set()

    def claim(subscription: Subscription, feed: _Feed | None) -> None:
        if subscription.name not in feed_of and feed is not None and feed.id not in claimed_ids:
            feed_of[subscription.name] = feed
            claimed_ids.add(feed.id)

    with_names = [subscription for subscription in subscriptions if subscription.name_given]
    without_names = [subscription for subscription in subscriptions if not subscription.name_given]
    for subscription in with_names:
        feed = by_name.get(subscription.name)
        if feed is not None and name_of_url.get(feed.known_url, feed.name) == feed.name:
            claim(subscription, feed)
    for subscription in (*without_names, *with_names):
        claim(subscription, by_known_url.get(subscription.known_url))
    for subscription in (*without_names, *with_names):  # a secret became a variable, or vice versa
        claim(subscription, by_url.get(subscription.url))
    for subscription in with_names:
        claim(subscription, by_name.get(subscription.name))
    return feed_of
