"""Names of the subscriptions of a config.yaml in a database.  Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from aggregator import urls
from aggregator.model import Subscription
from aggregator.plan.feed_matching import KnownFeed, matching_feeds

PARKED = "~"
"""Stands in the name of a feed that had to make room for another one; in no name of the file."""


def with_present_names(
    subscriptions: Sequence[Subscription],
    feeds: Sequence[KnownFeed],
    former_names: Mapping[str, int],
) -> list[Subscription]:
    """Return subscriptions, in the same order, under their names in the database.

    A name in the file holds.  A feed without name and title in the file keeps the stored name, even
    a name from an earlier file, so addresses last.  Any other name is made, and makes room for
    names in use and for former names of other feeds.

    Args:
        feeds: All stored feeds.
        former_names: Ids of feeds by former name.
    """
    feed_of = _stored_feeds(subscriptions, feeds)
    names = {feed.name: feed.name for feed in subscriptions if feed.name_given}
    names |= _lasting_names(subscriptions, feed_of, given_names=names.keys())
    if len(names) == len(subscriptions) == len(set(names.values())):
        return _renamed(subscriptions, names)
    name_of_id = {feed.id: name for name, feed in feed_of.items()}
    # Names in the file of the feeds to which names belong
    owners = {name: name_of_id.get(feed_id) for name, feed_id in former_names.items()}
    owners = {name: owner for name, owner in owners.items() if owner is not None}
    owners |= {name: owner for owner, name in names.items()}
    for feed in subscriptions:
        if feed.name not in names:
            is_used = partial(_belongs_to_another, owners, feed.name)
            name = urls.unused_name(feed.name, feed.known_url, is_used)
            names[feed.name], owners[name] = name, feed.name
    return _renamed(subscriptions, names)


def _renamed(subscriptions: Iterable[Subscription], names: Mapping[str, str]) -> list[Subscription]:
    """Return subscriptions under other names, by their names in the file."""
    return [  # few copies, as a file may have 100,000 feeds
        feed if names[feed.name] == feed.name else replace(feed, name=names[feed.name])
        for feed in subscriptions
    ]


def _stored_feeds(
    subscriptions: Sequence[Subscription], feeds: Sequence[KnownFeed]
) -> dict[str, KnownFeed]:
    """Return the stored feeds of subscriptions by the name in the file, as `matching_feeds` does.

    At nearly every start all feeds have the same addresses and names as before, which takes one
    look at each.
    """
    given_names = {feed.name for feed in subscriptions if feed.name_given}
    by_known_url = {feed.known_url: feed for feed in feeds if feed.subscribed}
    feed_of: dict[str, KnownFeed] = {}
    unsettled: list[Subscription] = []
    for subscription in subscriptions:
        stored = by_known_url.get(subscription.known_url)
        if stored is not None and (
            stored.name not in given_names
            if subscription.named_by_title
            else stored.name == subscription.name
        ):
            feed_of[subscription.name] = stored
            del by_known_url[subscription.known_url]
        else:
            unsettled.append(subscription)
    if unsettled:
        ids = {feed.id for feed in feed_of.values()}
        feed_of |= matching_feeds(unsettled, [feed for feed in feeds if feed.id not in ids])
    return feed_of


def _belongs_to_another(owners: Mapping[str, str | None], owner: str, name: str) -> bool:
    return owners.get(name, owner) != owner


def _lasting_names(
    subscriptions: Sequence[Subscription],
    feed_of: Mapping[str, KnownFeed],
    *,
    given_names: Collection[str],
) -> dict[str, str]:
    """Return the stored names to keep, by the name in the file.

    Args:
        feed_of: Stored feeds by the name in the file.
        given_names: Names in the file.
    """
    stored_names = {
        subscription.name: feed_of[subscription.name].name
        for subscription in subscriptions
        if subscription.named_by_title and subscription.name in feed_of
    }
    return {
        name: stored_name
        for name, stored_name in stored_names.items()
        if stored_name not in given_names and PARKED not in stored_name
    }
