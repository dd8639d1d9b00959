"""Feeds added, removed or changed by a config.yaml.  Pure.

The former config.yaml is the file from which the database has the present subscriptions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aggregator import urls
from aggregator.model import NO_RULES, Subscription
from aggregator.model.times import span_text
from aggregator.plan.feed_matching import matching_feeds

SettingValue = str | int | bool | tuple[str, ...] | None
"""The value of a key of config.yaml, as JSON has the value; None without the key."""


@dataclass(frozen=True, slots=True)
class StoredFeed:
    """A feed as the database has it.

    Attributes:
        subscription: As in the former config.yaml, the last one with the feed; without
            `name_given`.
        subscribed: The feed is in the former config.yaml.
        entries: Number of stored entries.
        own_title: From the feed's documents; empty before the first.
        is_initial, first_read_at: See `rules.backlog_of` and `rules.Limits`.
        first_posts: See `DueFeed`.
    """

    id: int
    subscription: Subscription
    subscribed: bool
    entries: int = 0
    own_title: str = ""
    is_initial: bool = True
    first_read_at: datetime | None = None
    first_posts: int | None = None

    @property
    def name(self) -> str:
        """The name in the former config.yaml."""
        return self.subscription.name

    @property
    def url(self) -> str:
        """The address in the former config.yaml."""
        return self.subscription.url

    @property
    def known_url(self) -> str:
        """See `Subscription.known_url`."""
        return self.subscription.known_url


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A key of a feed with another value.

    Attributes:
        key: As in config.yaml.
    """

    key: str
    before: SettingValue
    after: SettingValue


@dataclass(frozen=True, slots=True)
class AddedFeed:
    """A feed of config.yaml alone, not of the former config.yaml.

    Attributes:
        returning: The feed in the database, if an earlier config.yaml had the feed.
    """

    subscription: Subscription
    returning: StoredFeed | None = None


@dataclass(frozen=True, slots=True)
class ChangedFeed:
    """A feed with another address, another name or other settings; rules are apart.

    Attributes:
        settings: In the order of docs/config.md.
    """

    stored: StoredFeed
    subscription: Subscription
    settings: tuple[SettingChange, ...] = ()

    @property
    def is_moved(self) -> bool:
        """Whether the feed has another address."""
        return self.stored.url != self.subscription.url

    @property
    def is_renamed(self) -> bool:
        """Whether the feed has another name."""
        return self.stored.name != self.subscription.name


@dataclass(frozen=True, slots=True)
class FeedChanges:
    """The differences between the feeds of a config.yaml and of the database.

    Attributes:
        added_feeds, changed_feeds: In the order of the file.
        removed_feeds: In the order of the former config.yaml.
        is_reordered: The feeds of both stand in different orders.
    """

    added_feeds: tuple[AddedFeed, ...] = ()
    removed_feeds: tuple[StoredFeed, ...] = ()
    changed_feeds: tuple[ChangedFeed, ...] = ()
    is_reordered: bool = False


def feed_changes(
    subscriptions: Sequence[Subscription], stored_feeds: Sequence[StoredFeed]
) -> FeedChanges:
    """Return the differences between the subscriptions of a config.yaml and stored feeds.

    Args:
        stored_feeds: All feeds of the database, in the order of the former config.yaml.
    """
    matches = stored_feeds_of(subscriptions, stored_feeds)
    added_feeds, changed_feeds = [], []
    for subscription in subscriptions:
        stored = matches.get(subscription.name)
        if stored is None or not stored.subscribed:
            added_feeds.append(AddedFeed(subscription, stored))
        elif _comparable(stored.subscription) != _comparable(subscription):
            settings = _setting_changes(stored.subscription, subscription)
            changed_feeds.append(ChangedFeed(stored, subscription, settings))
    matched_ids = [feed.id for feed in matches.values() if feed.subscribed]
    remaining_ids = [feed.id for feed in stored_feeds if feed.id in set(matched_ids)]
    return FeedChanges(
        added_feeds=tuple(added_feeds),
        removed_feeds=tuple(
            feed for feed in stored_feeds if feed.subscribed and feed.id not in set(matched_ids)
        ),
        changed_feeds=tuple(changed_feeds),
        is_reordered=matched_ids != remaining_ids,
    )


def stored_feeds_of(
    subscriptions: Sequence[Subscription], stored_feeds: Sequence[StoredFeed]
) -> Mapping[str, StoredFeed]:
    """Return the stored feed of each subscription with a stored feed, by the subscription's name.

    In the order of the file.  As in `write_subscriptions`, feeds without a difference come first.
    """
    by_name = {feed.name: feed for feed in stored_feeds if feed.subscribed}
    unchanged = {
        subscription.name: by_name[subscription.name]
        for subscription in subscriptions
        if subscription.name in by_name
        and _comparable(by_name[subscription.name].subscription) == _comparable(subscription)
    }
    unchanged_ids = {feed.id for feed in unchanged.values()}
    matches = unchanged | matching_feeds(
        [subscription for subscription in subscriptions if subscription.name not in unchanged],
        [feed for feed in stored_feeds if feed.id not in unchanged_ids],
    )
    return {feed.name: matches[feed.name] for feed in subscriptions if feed.name in matches}


def _comparable(subscription: Subscription) -> Subscription:
    """Return a subscription without differences of no consequence."""
    categories = tuple(map(urls.category_key, subscription.categories))
    return replace(
        subscription,
        name_given=False,
        named_by_title=False,
        categories=categories,
        rules=NO_RULES,
        written_url=None,
        opml_list=None,
    )


_SETTINGS: Mapping[str, Callable[[Subscription], SettingValue]] = {
    "title": lambda feed: feed.title,
    "category": lambda feed: feed.categories,
    "interval": lambda feed: span_text(feed.interval) if feed.interval_given else None,
    "timezone": lambda feed: feed.timezone,
    "distrust_304": lambda feed: feed.distrust_304,
    "private": lambda feed: feed.private,
    "stories": lambda feed: feed.stories,
    "paused": lambda feed: feed.paused,
    "read_here": lambda feed: feed.read_here,
    "pictures": lambda feed: feed.pictures.value,
    "select": lambda feed: feed.selectors.text if feed.selectors else None,
}
"""The value of each key of a feed but `url`, `name` and `request`."""


def _setting_changes(before: Subscription, after: Subscription) -> tuple[SettingChange, ...]:
    changes = [
        SettingChange(key, value_of(before), value_of(after))
        for key, value_of in _SETTINGS.items()
        if value_of(_comparable(before)) != value_of(_comparable(after))
    ]
    if before.request_digest != after.request_digest:
        changes.append(SettingChange("request", _request(before), _request(after)))
    return tuple(changes)


def _request(feed: Subscription) -> str | None:
    """Return a request for people, whom headers are not shown."""
    return urls.MASK if feed.request_digest else None
