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
    another feed, or the stored feed left the file and a subscribed feed has the URL.  A name made
    from title or host follows the URL: such a name does not tell the feeds of a host apart.
    """
    by_name = {feed.name: feed for feed in feeds}
    # Of two feeds with the same URL the subscribed feed is meant.
    least_first = sorted(feeds, key=_is_subscribed)
    by_known_url = {feed.known_url: feed for feed in least_first}
    by_url = {feed.url: feed for feed in least_first}
    name_of_url = {subscription.known_url: subscription.name for subscription in subscriptions}
    feed_of: dict[str, _Feed] = {}
    claimed_ids: set[int] = set()

    def claim(subscription: Subscription, feed: _Feed | None) -> None:
        if subscription.name not in feed_of and feed is not None and feed.id not in claimed_ids:
            feed_of[subscription.name] = feed
            claimed_ids.add(feed.id)

    for subscription in filter(_has_name, subscriptions):
        feed = by_name.get(subscription.name)
        if feed is not None and name_of_url.get(feed.known_url, feed.name) == feed.name:
            feed_at_url = by_known_url.get(subscription.known_url, feed)
            claim(subscription, max(feed, feed_at_url, key=_is_subscribed))
    without_names_first = sorted(subscriptions, key=_has_name)
    for subscription in without_names_first:
        claim(subscription, by_known_url.get(subscription.known_url))
    for subscription in without_names_first:  # a secret became a variable, or vice versa
        claim(subscription, by_url.get(subscription.url))
    for subscription in filter(_has_name, subscriptions):
        claim(subscription, by_name.get(subscription.name))
    return feed_of


def _is_subscribed(feed: KnownFeed) -> bool:
    return feed.subscribed


def _has_name(subscription: Subscription) -> bool:
    return subscription.name_given
