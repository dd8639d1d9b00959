"""A feed as the source of entries: its columns, and the value made of them."""

from typing import Any

from sqlalchemy import Connection, func, select

from aggregator.database.deadline import OF_ALL_FEEDS, within
from aggregator.database.schema import categories, feeds
from aggregator.model import Source

SOURCE_COLUMNS = (
    feeds.c.id.label("source_id"),
    feeds.c.name.label("source_name"),
    feeds.c.configured_title.label("source_configured_title"),
    feeds.c.title.label("source_title"),
    feeds.c.url.label("source_url"),
    feeds.c.site_url.label("source_site_url"),
    feeds.c.feed_id.label("source_feed_id"),
    feeds.c.language.label("source_language"),
    feeds.c.author.label("source_author"),
    feeds.c.rights.label("source_rights"),
    feeds.c.last_change_at.label("source_updated_at"),
    feeds.c.private.label("source_private"),
    categories.c.name.label("source_category"),
    categories.c.slug.label("source_category_slug"),
)

SHOWN_TITLE = func.coalesce(
    func.nullif(feeds.c.configured_title, ""), func.nullif(feeds.c.title, ""), feeds.c.name
)


def source_of(row: Any) -> Source:
    """Return the source that `SOURCE_COLUMNS` have."""
    return Source(
        id=row.source_id,
        name=row.source_name,
        title=row.source_configured_title or row.source_title or row.source_name,
        feed_url=row.source_url,
        site_url=row.source_site_url,
        feed_id=row.source_feed_id,
        language=row.source_language,
        author=row.source_author,
        rights=row.source_rights,
        category=row.source_category,
        category_slug=row.source_category_slug,
        updated_at=row.source_updated_at,
        private=row.source_private,
    )


def subscriptions(connection: Connection) -> list[Source]:
    """Return the source of every subscription, in no order."""
    statement = (
        select(*SOURCE_COLUMNS)
        .select_from(feeds)
        .outerjoin(categories, categories.c.id == feeds.c.category_id)
        .where(feeds.c.subscribed)
        .execution_options(**within(OF_ALL_FEEDS))
    )
    return [source_of(row) for row in connection.execute(statement)]
