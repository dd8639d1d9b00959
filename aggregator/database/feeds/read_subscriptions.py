"""Feeds as in config.yaml when the file was read last."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from aggregator.database.lists.read_definitions import feed_rules
from aggregator.database.schema import feed_categories, feeds, lists
from aggregator.model import Subscription
from aggregator.plan import StoredFeed

_STORED_FEEDS = select(feeds).order_by(feeds.c.rank, feeds.c.id)
_CATEGORIES = (
    select(feed_categories.c.feed_id, lists.c.title)
    .join(lists, lists.c.id == feed_categories.c.list_id)
    .order_by(feed_categories.c.feed_id, feed_categories.c.position)
)


def stored_feeds(connection: Connection) -> list[StoredFeed]:
    """Return all feeds, in the order of config.yaml when the file was read last."""
    categories: dict[int, list[str]] = {}
    for feed_id, category in connection.execute(_CATEGORIES):
        categories.setdefault(feed_id, []).append(category)
    return [
        _stored_feed(row, categories.get(row.id, ())) for row in connection.execute(_STORED_FEEDS)
    ]


def _stored_feed(row: Any, categories: Sequence[str]) -> StoredFeed:
    subscription = Subscription(
        name=row.name,
        url=row.url,
        written_url=row.written_url,
        title=row.configured_title,
        categories=tuple(categories),
        interval=row.interval,
        interval_given=row.interval_given,
        distrust_304=row.distrust_304,
        timezone=row.timezone,
        private=row.private,
        stories=row.stories,
        rules=feed_rules(row.listing),
        paused=row.paused,
        read_here=row.read_here,
        pictures=row.pictures,
        request_digest=row.request_digest,
        opml_list=row.opml_list,
        by_proxy=row.by_proxy,
        selectors=row.selectors,
    )
    return StoredFeed(
        row.id,
        subscription,
        row.subscribed,
        row.entries,
        own_title=row.title,
        is_initial=row.is_initial,
        first_read_at=row.first_read_at,
        first_posts=row.first_posts,
    )
