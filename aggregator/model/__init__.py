"""The values that cross stages: frozen, without behaviour that touches the world.

Pure; imports nothing of ours.  Times are aware UTC and named `..._at`, spans are `timedelta`.
Words are those of the glossary in docs/architecture.md: an RSS item is an *entry* (RFC 4287),
a line in config.yaml a *subscription*, one attempt to bring a feed up to date a *poll*.

documents   subscriptions, answers, and what was read in them
polling     what a poll knows of its feed, and how it went
listing     what is listed, published and shown
seen_hashes what a feed remembers of the entries of its last document
"""

from aggregator.model.documents import (
    CleanEntry,
    CleanFeed,
    Date,
    Enclosure,
    FeedHead,
    Fetched,
    OpmlOutline,
    Origin,
    ParsedEntry,
    ParsedFeed,
    Subscription,
    Validators,
    Wishes,
)
from aggregator.model.listing import (
    LOWEST_ID,
    SEQUENCE_BITS,
    CategoryCount,
    Cursor,
    Dating,
    FeedHealth,
    FeedOrder,
    ListedEntry,
    ListPage,
    Overview,
    PollRecord,
    Scope,
    Sidebar,
    Source,
    SourceName,
    listed_at_of,
)
from aggregator.model.polling import (
    BY_INTERVAL,
    BY_PAUSE,
    BY_RHYTHM,
    BY_THRIFT,
    OUR_REASONS,
    Constraint,
    DueFeed,
    Habits,
    HostPause,
    Move,
    Order,
    Outcome,
)

__all__ = [
    "BY_INTERVAL",
    "BY_PAUSE",
    "BY_RHYTHM",
    "BY_THRIFT",
    "LOWEST_ID",
    "OUR_REASONS",
    "SEQUENCE_BITS",
    "CategoryCount",
    "CleanEntry",
    "CleanFeed",
    "Constraint",
    "Cursor",
    "Date",
    "Dating",
    "DueFeed",
    "Enclosure",
    "FeedHead",
    "FeedHealth",
    "FeedOrder",
    "Fetched",
    "Habits",
    "HostPause",
    "ListPage",
    "ListedEntry",
    "Move",
    "OpmlOutline",
    "Order",
    "Origin",
    "Outcome",
    "Overview",
    "ParsedEntry",
    "ParsedFeed",
    "PollRecord",
    "Scope",
    "Sidebar",
    "Source",
    "SourceName",
    "Subscription",
    "Validators",
    "Wishes",
    "listed_at_of",
]
