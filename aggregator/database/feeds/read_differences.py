"""Which subscriptions of config.yaml differ from the feeds table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from aggregator import rules
from aggregator.database.feeds.read_sources import KNOWN_URL
from aggregator.database.schema import feeds, former_names
from aggregator.model import NO_RULES, Subscription
from aggregator.plan import with_present_names

_FROM_FILE = (
    feeds.c.name,
    feeds.c.url,
    feeds.c.written_url,
    feeds.c.named_by_title,
    feeds.c.configured_title,
    feeds.c.interval,
    feeds.c.interval_given,
    feeds.c.distrust_304,
    feeds.c.timezone,
    feeds.c.private,
    feeds.c.stories,
    feeds.c.listing,
    feeds.c.paused,
    feeds.c.read_here,
    feeds.c.pictures,
    feeds.c.request_digest,
    feeds.c.opml_list,
    feeds.c.by_proxy,
    feeds.c.selectors,
)
_FEEDS = select(
    feeds.c.id, feeds.c.rank, feeds.c.subscribed, KNOWN_URL.label("known_url"), *_FROM_FILE
)
_NAMES = select(feeds.c.id, feeds.c.name).where(feeds.c.subscribed)
_FORMER_NAMES = select(former_names.c.name, former_names.c.feed_id)


@dataclass(frozen=True, slots=True)
class Differences:
    """The subscriptions of a file, compared with the feeds table.

    Attributes:
        subscriptions: In the order of the file, under their names in the table.
        unchanged: Names of the feeds whose rows agree with the file, but for the rank.
        rows: The rows of subscribed feeds by name, with `id` and `rank`.
    """

    subscriptions: Sequence[Subscription]
    unchanged: frozenset[str]
    rows: Mapping[str, Any]

    @property
    def differing(self) -> Sequence[Subscription]:
        """The new subscriptions, and those with other rows than the file asks for."""
        return [feed for feed in self.subscriptions if feed.name not in self.unchanged]

    @property
    def ranks(self) -> Mapping[str, int]:
        """Where each subscription stands in the file, by name."""
        return {feed.name: rank for rank, feed in enumerate(self.subscriptions)}

    @property
    def moved(self) -> Mapping[int, int]:
        """New ranks by id, of the unchanged feeds with another rank."""
        return {
            self.rows[name].id: rank
            for name, rank in self.ranks.items()
            if name in self.unchanged and self.rows[name].rank != rank
        }

    @property
    def is_reordered(self) -> bool:
        """Whether unchanged feeds stand in another order."""
        stored = [self.rows[f.name].rank for f in self.subscriptions if f.name in self.unchanged]
        return stored != sorted(stored)

    @property
    def is_empty(self) -> bool:
        """Whether the table agrees with the file."""
        return not self.differing and len(self.unchanged) == len(self.rows) and not self.moved


def named_subscriptions(
    connection: Connection, subscriptions: Sequence[Subscription]
) -> list[Subscription]:
    """Return the subscriptions of a file under their names in the table.

    See `plan.with_present_names`.
    """
    return _with_present_names(connection, subscriptions, connection.execute(_FEEDS).all())


def differences(
    connection: Connection,
    subscriptions: Sequence[Subscription],
    list_ids: Mapping[str, int],
    stored_categories: Mapping[int, tuple[int, ...]],
) -> Differences:
    """Compare the subscriptions of a file with the feeds table.

    At nearly every start all rows agree, so this is one walk over the table and no more.

    Args:
        list_ids: Ids of the lists of categories, by category.
        stored_categories: Ids of the lists of each feed's categories, by the id of the feed.
    """
    rows = connection.execute(_FEEDS).all()
    named_feeds = _with_present_names(connection, subscriptions, rows)
    subscription_of = {subscription.name: subscription for subscription in named_feeds}
    unchanged: set[str] = set()
    for feed_id, _rank, is_subscribed, _known_url, *stored in rows:
        subscription = subscription_of.get(stored[0])
        if subscription is None or not is_subscribed:
            continue
        categories = tuple([list_ids[category] for category in subscription.categories])
        if (
            stored_categories.get(feed_id, ()) == categories
            and list(columns_of(subscription).values()) == stored
        ):
            unchanged.add(subscription.name)
    subscribed_rows = {row.name: row for row in rows if row.subscribed}
    return Differences(named_feeds, frozenset(unchanged), subscribed_rows)


def has_same_names(connection: Connection, compared: Differences) -> bool:
    """Return whether the feeds still have the names with which they were compared."""
    rows = connection.execute(_NAMES).all()
    return {(row.id, row.name) for row in compared.rows.values()} == {tuple(row) for row in rows}


def columns_of(subscription: Subscription) -> dict[str, Any]:
    """Return the columns of a feed's row as in the file, in the order of `_FROM_FILE`."""
    is_ruled = subscription.rules != NO_RULES
    return {
        "name": subscription.name,
        "url": subscription.url,
        "written_url": subscription.written_url,
        "named_by_title": subscription.named_by_title,
        "configured_title": subscription.title,
        "interval": subscription.interval,
        "interval_given": subscription.interval_given,
        "distrust_304": subscription.distrust_304,
        "timezone": subscription.timezone,
        "private": subscription.private,
        "stories": subscription.stories,
        "listing": rules.as_json(subscription.rules) if is_ruled else None,
        "paused": subscription.paused,
        "read_here": subscription.read_here,
        "pictures": subscription.pictures,
        "request_digest": subscription.request_digest,
        "opml_list": subscription.opml_list,
        "by_proxy": subscription.by_proxy,
        "selectors": subscription.selectors,
    }


def _with_present_names(
    connection: Connection, subscriptions: Sequence[Subscription], rows: Sequence[Any]
) -> list[Subscription]:
    if all(subscription.name_given for subscription in subscriptions):
        return list(subscriptions)
    former = {row.name: row.feed_id for row in connection.execute(_FORMER_NAMES)}
    return with_present_names(subscriptions, rows, former)
