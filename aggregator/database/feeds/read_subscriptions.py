"""Feeds as in config.yaml when the file was read last."""

from typing import Any

from sqlalchemy import Connection, select

from aggregator.database.schema import categories, feeds
from aggregator.model import Subscription
from aggregator.plan import StoredFeed

_STORED_FEEDS = (
    select(feeds, categories.c.name.label("category"))
    .outerjoin(categories, categories.c.id == feeds.c.category_id)
    .order_by(feeds.c.rank, feeds.c.id)
)


def stored_feeds(connection: Connection) -> list[StoredFeed]:
    """Return all feeds, in the order of config.yaml when the file was read last."""
    return [_stored_feed(row) for row in connection.execute(_STORED_FEEDS)]


def _stored_feed(row: Any) -> StoredFeed:
    subscription = Subscription(
        name=row.name,
        url=row.url,
        title=row.configured_title,
        categories=(row.category,) if row.category else (),
        interval=row.interval,
        interval_given=row.interval_given,
        distrust_304=row.distrust_304,
        timezone=row.timezone,
        private=row.private,
        stories=row.stories,
    )
    return StoredFeed(row.id, subscription, row.subscribed, row.entries)
