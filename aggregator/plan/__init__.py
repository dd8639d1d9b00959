"""Changes that a config.yaml makes in a database.  Pure.

feed_matching   the stored feed of a subscription
feed_changes    feeds added, removed or changed
comparison      all changes together
"""

from aggregator.plan.comparison import Plan
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

__all__ = [
    "AddedFeed",
    "ChangedFeed",
    "FeedChanges",
    "Plan",
    "SettingChange",
    "SettingValue",
    "StoredFeed",
    "feed_changes",
    "matching_feeds",
]
