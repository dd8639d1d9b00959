"""Feeds as sources of entries: columns, and the value of a row."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    exists,
    func,
    or_,
    select,
)

from aggregator.database.deadline import OF_ALL_FEEDS, within
from aggregator.database.lists.list_conditions import list_id_of
from aggregator.database.schema import feed_categories, feeds, lists
from aggregator.model import ListKind, ListScope, Source, SourceCategory

_IN_CATEGORY = feed_categories.alias("in_category")
_IS_FIRST = and_(feed_categories.c.feed_id == feeds.c.id, feed_categories.c.position == 0)


def shown_title(of: FromClause) -> ColumnElement[str]:
    """Return the title of a feed for people: of config.yaml, else of the document, else the name.

    Args:
        of: The table of feeds, or an alias of it.
    """
    titles = func.nullif(of.c.configured_title, ""), func.nullif(of.c.title, "")
    return func.coalesce(*titles, of.c.name)


KNOWN_URL = func.coalesce(feeds.c.written_url, feeds.c.url)
"""The URL by which a feed is known; see `Subscription.known_url`."""

SOURCE_COLUMNS = (
    feeds.c.id.label("source_id"),
    feeds.c.name.label("source_name"),
    shown_title(feeds).label("source_title"),
    KNOWN_URL.label("source_url"),
    feeds.c.site_url.label("source_site_url"),
    feeds.c.feed_id.label("source_feed_id"),
    feeds.c.language.label("source_language"),
    feeds.c.author.label("source_author"),
    feeds.c.rights.label("source_rights"),
    feeds.c.last_change_at.label("source_updated_at"),
    feeds.c.private.label("source_private"),
    feeds.c.read_here.label("source_read_here"),
    feeds.c.selectors.is_not(None).label("source_is_page"),
    lists.c.title.label("source_category"),
    lists.c.key.label("source_category_slug"),
)
"""For a statement about `feeds` to which `with_category` was applied."""


BY_CATEGORY = (lists.c.key.is_(None), func.lower(lists.c.title), lists.c.key)
"""The order of categories, for a statement to which `with_category` was applied."""


def with_category(statement: Select[Any]) -> Select[Any]:
    """Join `feeds` with the category that is shown beside each feed, if any."""
    return statement.outerjoin(feed_categories, _IS_FIRST).outerjoin(
        lists, lists.c.id == feed_categories.c.list_id
    )


def source_of(row: Any) -> Source:
    """Return the source of a row with `SOURCE_COLUMNS`."""
    return Source(
        id=row.source_id,
        name=row.source_name,
        title=row.source_title,
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
        read_here=row.source_read_here,
        is_page=row.source_is_page,
    )


def subscriptions(connection: Connection, scope: ListScope) -> list[Source]:
    """Return the source of every subscription, in no order.

    Args:
        scope: The whole list, or the category of the subscriptions.
    """
    statement = with_category(select(*SOURCE_COLUMNS).select_from(feeds))
    statement = statement.where(feeds.c.subscribed).execution_options(**within(OF_ALL_FEEDS))
    if scope.kind is ListKind.CATEGORY:
        is_in_category = exists().where(
            _IN_CATEGORY.c.feed_id == feeds.c.id,
            _IN_CATEGORY.c.list_id == list_id_of(scope),
        )
        statement = statement.where(is_in_category.correlate(feeds))
    return [source_of(row) for row in connection.execute(statement)]


def shown_categories(connection: Connection) -> list[SourceCategory]:
    """Return the categories that are shown beside subscriptions, in `FeedOrder.CATEGORY`."""
    counts = (
        select(feed_categories.c.list_id, func.count().label("feeds"))
        .select_from(feeds.outerjoin(feed_categories, _IS_FIRST))
        .where(feeds.c.subscribed)
        .group_by(feed_categories.c.list_id)
        .subquery()
    )
    statement = (
        select(lists.c.key, lists.c.title, counts.c.feeds)
        .select_from(counts.outerjoin(lists, lists.c.id == counts.c.list_id))
        .order_by(*BY_CATEGORY)
        .execution_options(**within(OF_ALL_FEEDS))
    )
    return [
        SourceCategory(row.key, row.title or "", row.feeds) for row in connection.execute(statement)
    ]


def feeds_shown_in(slugs: Collection[str | None]) -> Select[Any]:
    """Return a statement for the ids of the subscriptions that are shown in some categories.

    The subscriptions of categories with a slug are found by an index.

    Args:
        slugs: Of the categories; None stands for the subscriptions without category.
    """
    named = [slug for slug in slugs if slug is not None]
    if None in slugs:
        is_shown = or_(lists.c.key.is_(None), lists.c.key.in_(named))
        return with_category(select(feeds.c.id).select_from(feeds)).where(
            feeds.c.subscribed, is_shown
        )
    return (
        select(feeds.c.id)
        .select_from(lists)
        .join(feed_categories, feed_categories.c.list_id == lists.c.id)
        .join(feeds, feeds.c.id == feed_categories.c.feed_id)
        .where(
            lists.c.kind == ListKind.CATEGORY.value,
            lists.c.key.in_(named),
            feed_categories.c.position == 0,
            feeds.c.subscribed,
        )
    )


def categories_of_feeds(connection: Connection) -> dict[int, dict[str, str]]:
    """Return the names of the categories of each feed by slug, in the order of config.yaml.

    A feed without a category is left out.
    """
    categories: dict[int, dict[str, str]] = {}
    statement = (
        select(feed_categories.c.feed_id, lists.c.key, lists.c.title)
        .join(lists, lists.c.id == feed_categories.c.list_id)
        .order_by(feed_categories.c.feed_id, feed_categories.c.position)
        .execution_options(**within(OF_ALL_FEEDS))
    )
    for feed_id, slug, name in connection.execute(statement):
        categories.setdefault(feed_id, {})[slug] = name
    return categories
