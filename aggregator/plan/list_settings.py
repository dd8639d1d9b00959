"""Everything in a config.yaml that decides about the entries of lists.  Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from aggregator import rules, urls
from aggregator.model import Backlog, CommonRules, Exclusion, ListKind, Subscription, View
from aggregator.model.times import span_text
from aggregator.plan.feed_changes import StoredFeed
from aggregator.plan.rule_searches import RuleSearch, rule_search
from aggregator.rules import Limits
from aggregator.search.known_names import KnownNames

ALL_FEEDS = 0
"""In place of a feed's id, in the key of a rule of all feeds."""

RuleKey = tuple[Exclusion, int]
"""A kind of rules, and the id of the feed with the rule."""

ListKey = tuple[ListKind, str]
"""Kind and key of a list."""


@dataclass(frozen=True, slots=True)
class ConfiguredList:
    """A list of config.yaml.

    Attributes:
        key: Slug of a category, name of a view; empty for the whole list.
        search: Of a view; empty for other lists.
    """

    kind: ListKind
    key: str
    title: str
    search: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ConfiguredFeed:
    """A feed of config.yaml.

    Attributes:
        id: Of the stored feed; negative for a feed without one.
        own_title: From the feed's documents; empty before the first.
        is_initial, first_read_at: See `rules.backlog_of` and `rules.Limits`.
    """

    id: int
    subscription: Subscription
    own_title: str = ""
    is_initial: bool = False
    first_read_at: datetime | None = None


@dataclass(frozen=True)
class ListSettings:
    """Everything in a config.yaml that decides about the entries of lists.

    Attributes:
        feeds: In the order of the file; `stories` false also by the feeds' categories.
        shows_stories: Lists show one entry of a story.
        former_names: Ids of stored feeds by former name.
    """

    feeds: tuple[ConfiguredFeed, ...] = ()
    common: CommonRules = field(default_factory=CommonRules)
    views: tuple[View, ...] = ()
    shows_stories: bool = True
    former_names: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def lists(self) -> Mapping[ListKey, ConfiguredList]:
        """The whole list, the categories and the views."""
        definitions = [ConfiguredList(ListKind.ALL, "", "")]
        definitions += [
            ConfiguredList(ListKind.CATEGORY, slug, title)
            for slug, title in self.names.category_titles.items()
        ]
        definitions += [
            ConfiguredList(ListKind.VIEW, view.name, view.title, view.search, view.description)
            for view in self.views
        ]
        return {(definition.kind, definition.key): definition for definition in definitions}

    @cached_property
    def names(self) -> KnownNames:
        """The names of feeds and categories."""
        spellings = [name for feed in self.feeds for name in feed.subscription.categories]
        slugs = urls.category_slugs(spellings)
        titles: dict[str, str] = {}
        for name, slug in slugs.items():
            titles.setdefault(slug, name)  # of two spellings the first is shown
        ids = {feed.id for feed in self.feeds}
        return KnownNames(
            names={feed.id: feed.subscription.name for feed in self.feeds},
            titles={
                feed.id: feed.subscription.title or feed.own_title or feed.subscription.name
                for feed in self.feeds
            },
            categories={
                feed.id: [slugs[name] for name in feed.subscription.categories]
                for feed in self.feeds
            },
            category_titles=titles,
            former_names={
                name: feed_id for name, feed_id in self.former_names.items() if feed_id in ids
            },
        )

    def search(self, text: str, feed_id: int = ALL_FEEDS) -> RuleSearch:
        """Return the search of a rule or view.

        Args:
            feed_id: Of the feed with the rule.
        """
        only_feed = None if feed_id == ALL_FEEDS else feed_id
        return rule_search(text, self.names, timezone=self.common.timezone, only_feed=only_feed)

    @cached_property
    def rules(self) -> Mapping[RuleKey, str]:
        """The rules and limits as texts of config.yaml."""
        texts: dict[RuleKey, str | None] = {
            (Exclusion.HIDE, ALL_FEEDS): self.common.hide,
            (Exclusion.BACKLOG, ALL_FEEDS): _backlog_text(self.common.backlog),
        }
        if len(self.feeds) > 1:  # a single feed has no limit, whatever the file says
            texts[Exclusion.PER_HOUR, ALL_FEEDS] = _limit_text(self.common.per_hour) or "off"
        for feed in self.feeds:
            of_feed = feed.subscription.rules
            texts |= {
                (Exclusion.HIDE, feed.id): of_feed.hide,
                (Exclusion.KEEP, feed.id): of_feed.keep,
                (Exclusion.PER_DAY, feed.id): _limit_text(of_feed.per_day),
                (Exclusion.BACKLOG, feed.id): _backlog_text(of_feed.backlog),
            }
        return {key: text for key, text in texts.items() if text is not None}

    def limits(self, feed: ConfiguredFeed) -> Limits:
        """Return the limits of a feed."""
        return Limits(
            feed.subscription.rules.per_day,
            self.common.per_hour,
            rules.backlog_of(self.common, feed.subscription.rules, is_initial=feed.is_initial),
            feed.first_read_at,
            ZoneInfo(self.common.timezone),
        )


def configured_feeds(
    subscriptions: Iterable[Subscription], stored_feeds: Mapping[str, StoredFeed]
) -> tuple[ConfiguredFeed, ...]:
    """Return the feeds of a config.yaml.

    Args:
        stored_feeds: By the names of the subscriptions.
    """
    feeds = []
    for number, subscription in enumerate(subscriptions, 1):
        stored = stored_feeds.get(subscription.name)
        if stored is None:
            feeds.append(ConfiguredFeed(-number, subscription))
            continue
        feeds.append(
            ConfiguredFeed(
                stored.id, subscription, stored.own_title, stored.is_initial, stored.first_read_at
            )
        )
    return tuple(feeds)


def _limit_text(limit: int | None) -> str | None:
    return None if limit is None else str(limit)


def _backlog_text(backlog: Backlog | None) -> str | None:
    if backlog is None:
        return None
    if backlog.within is not None:
        return span_text(backlog.within)
    return "all" if backlog.newest is None else str(backlog.newest)
