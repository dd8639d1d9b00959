"""The plan of a config.yaml: all changes of a database.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from aggregator.model import CommonRules, EntryId, ListingRules, Subscription, View
from aggregator.plan.feed_changes import (
    FeedChanges,
    SettingChange,
    StoredFeed,
    feed_changes,
    stored_feeds_of,
)
from aggregator.plan.feed_names import with_present_names
from aggregator.plan.list_changes import (
    PlannedList,
    PlannedRule,
    changed_settings,
    examples,
    planned_lists,
    planned_rules,
)
from aggregator.plan.list_contents import Matches, RecentEntry, contents, searches
from aggregator.plan.list_settings import ListSettings, configured_feeds
from aggregator.plan.rule_searches import RuleSearch

DAYS = 30
"""Days of the entries that are counted, up to now."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes of a database by reading a config.yaml.

    Attributes:
        since: Place of the oldest entries that are counted.
        settings: Of keys about all lists.
        lists: All lists: those of the file, then those that leave the file.
        rules: All rules and limits.
        is_reordered: The file has the same views in another order.
        is_first: The database does not exist yet, or has no feeds.
    """

    since: datetime
    feeds: FeedChanges = field(default_factory=FeedChanges)
    settings: tuple[SettingChange, ...] = ()
    lists: tuple[PlannedList, ...] = ()
    rules: tuple[PlannedRule, ...] = ()
    is_reordered: bool = False
    is_first: bool = False

    @property
    def has_changes(self) -> bool:
        """Whether reading the file changes anything."""
        return (
            self.feeds != FeedChanges()
            or bool(self.settings)
            or self.is_reordered
            or any(planned_list.is_redefined for planned_list in self.lists)
            or any(rule.is_redefined for rule in self.rules)
        )

    @property
    def example_ids(self) -> set[int]:
        """The ids of all entries that the plan gives as examples."""
        parts: list[Iterable[int]] = []
        for changed_list in self.lists:
            shown_ids = changed_list.content_after.shown_ids
            parts += [shown_ids, changed_list.added_ids, changed_list.removed_ids]
        parts += [rule.effect_after.ids for rule in self.rules]
        return {entry_id for part in parts for entry_id in examples(part)}


@dataclass(frozen=True, slots=True)
class StoredConfig:
    """The former config.yaml, as the database has it.

    Attributes:
        feeds: All feeds of the database, in the order of the file; also feeds that left earlier.
        common, views, shows_stories, former_names: See `ListSettings`.
    """

    feeds: tuple[StoredFeed, ...] = ()
    common: CommonRules = field(default_factory=CommonRules)
    views: tuple[View, ...] = ()
    shows_stories: bool = True
    former_names: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """A config.yaml and a database, before entries are read.

    Attributes:
        stored_feeds: All feeds of the database, in the order of the former config.yaml.
        former, planned: The settings of the former config.yaml, and of the file.
        now: The present time.
    """

    stored_feeds: tuple[StoredFeed, ...]
    former: ListSettings
    planned: ListSettings
    now: datetime

    @classmethod
    def of(
        cls,
        stored: StoredConfig,
        subscriptions: Sequence[Subscription],
        listing_rules: ListingRules,
        *,
        shows_stories: bool,
        now: datetime,
    ) -> Comparison:
        """Return the comparison of a database with a file.

        Args:
            subscriptions: In the order of the file; `stories` false also by categories.
        """
        subscriptions = with_present_names(subscriptions, stored.feeds, stored.former_names)
        former_feeds = {feed.name: feed for feed in stored.feeds if feed.subscribed}
        matches = stored_feeds_of(subscriptions, stored.feeds)
        former_subscriptions = [feed.subscription for feed in former_feeds.values()]
        return cls(
            stored.feeds,
            ListSettings(
                configured_feeds(former_subscriptions, former_feeds),
                stored.common,
                stored.views,
                stored.shows_stories,
                stored.former_names,
            ),
            ListSettings(
                configured_feeds(subscriptions, matches),
                listing_rules.common,
                listing_rules.views,
                shows_stories,
                _former_names(stored, matches),
            ),
            now,
        )

    @cached_property
    def since(self) -> datetime:
        """The beginning of the day `DAYS` days ago, in the zone of the file."""
        zone = ZoneInfo(self.planned.common.timezone)
        day = (self.now.astimezone(zone) - DAYS * _DAY).date()
        return datetime.combine(day, time(), zone).astimezone(UTC)

    @property
    def lowest_id(self) -> int:
        """The lowest id of the entries to read: limits count whole days, in any zone."""
        return EntryId.first_at(self.since - 2 * _DAY)

    @property
    def searches(self) -> set[RuleSearch]:
        """The searches with matches in `plan`."""
        return searches(self.former) | searches(self.planned)

    def plan(self, entries: Sequence[RecentEntry], matches: Matches) -> Plan:
        """Return the plan.

        Args:
            entries: All stored entries from `lowest_id`, of all feeds.
            matches: For each of `searches`.
        """
        since = EntryId.first_at(self.since)
        both = (
            contents(self.former, entries, matches, since=since),
            contents(self.planned, entries, matches, since=since),
        )
        subscriptions = [feed.subscription for feed in self.planned.feeds]
        return Plan(
            since=self.since,
            feeds=feed_changes(subscriptions, self.stored_feeds),
            settings=tuple(changed_settings(self.former, self.planned)),
            lists=planned_lists(self.former, self.planned, both),
            rules=planned_rules(self.former, self.planned, both),
            is_reordered=_is_reordered(self.former.views, self.planned.views),
            is_first=not self.stored_feeds,
        )


def _former_names(stored: StoredConfig, matches: Mapping[str, StoredFeed]) -> dict[str, int]:
    """Return the ids of feeds by former name, once a file has given new names.

    Args:
        matches: The stored feeds by the names in the file.
    """
    names = dict(stored.former_names)
    names |= {feed.name: feed.id for name, feed in matches.items() if feed.name != name}
    return {name: feed_id for name, feed_id in names.items() if name not in matches}


def _is_reordered(before: Sequence[View], after: Sequence[View]) -> bool:
    """Whether views of both files stand in different orders."""
    names_before, names_after = [view.name for view in before], [view.name for view in after]
    common_before = [name for name in names_before if name in names_after]
    return common_before != [name for name in names_after if name in names_before]
