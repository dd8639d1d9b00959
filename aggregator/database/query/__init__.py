"""All reads for pages, merged feeds and commands: values out, no rows.

lists     entries, page by page
whole     what pages say of the whole, and what stands beside lists
health    subscriptions and how they are doing
sources   a feed as the others see it
names     where former names lead to
"""

from aggregator.database.query.health import (
    errors,
    feed,
    feeds_by_health,
    is_anything_due_since,
    moves,
    next_due_at,
    page_of_feeds,
    shortest_interval,
    urgencies,
)
from aggregator.database.query.lists import (
    EVERYTHING,
    dating,
    entries_of,
    ids_of,
    newer_than,
    page,
)
from aggregator.database.query.names import present_name, present_search, present_slug
from aggregator.database.query.sources import subscriptions
from aggregator.database.query.whole import category, current_version, overview, sidebar, version

__all__ = [
    "EVERYTHING",
    "category",
    "current_version",
    "dating",
    "entries_of",
    "errors",
    "feed",
    "feeds_by_health",
    "ids_of",
    "is_anything_due_since",
    "moves",
    "newer_than",
    "next_due_at",
    "overview",
    "page",
    "page_of_feeds",
    "present_name",
    "present_search",
    "present_slug",
    "shortest_interval",
    "sidebar",
    "subscriptions",
    "urgencies",
    "version",
]
