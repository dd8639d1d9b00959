"""Names of the subscriptions of a config.yaml in a database.  Pure."""

from collections.abc import Collection, Mapping, Sequence
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
    feed_of = matching_feeds(subscriptions, feeds)
    names = {feed.name: feed.name for feed in subscriptions if feed.name_given}
    names |= _lasting_names(subscriptions, feed_of, given_names=names.keys())
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
    return [replace(feed, name=names[feed.name]) for feed in subscriptions]


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
