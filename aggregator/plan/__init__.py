"""Changes that a config.yaml makes in a database.  Pure.

feed_matching   the stored feed of a subscription
feed_names      the names of subscriptions in the database
feed_changes    feeds added, removed or changed
list_settings   everything in a file that decides about the entries of lists
rule_searches   searches of rules and views, with the feeds that names in them mean
list_contents   the recent entries of each list, and the entries left out by each rule
list_changes    lists and rules before and after
comparison      all changes together
"""

from aggregator.plan.comparison import DAYS, Comparison, Plan, StoredConfig
from aggregator.plan.feed_changes import (
    AddedFeed,
    ChangedFeed,
    FeedChanges,
    SettingChange,
    SettingValue,
    StoredFeed,
    feed_changes,
)
from aggregator.plan.feed_matching import matching_feeds
from aggregator.plan.feed_names import PARKED, with_present_names
from aggregator.plan.list_changes import PlannedList, PlannedRule, examples
from aggregator.plan.list_contents import ExampleEntry, RecentEntry
from aggregator.plan.rule_searches import RuleSearch

__all__ = [
    "DAYS",
    "PARKED",
    "AddedFeed",
    "ChangedFeed",
    "Comparison",
    "ExampleEntry",
    "FeedChanges",
    "Plan",
    "PlannedList",
    "PlannedRule",
    "RecentEntry",
    "RuleSearch",
    "SettingChange",
    "SettingValue",
    "StoredConfig",
    "StoredFeed",
    "examples",
    "feed_changes",
    "matching_feeds",
    "with_present_names",
]
