"""The feeds table, made to agree with config.yaml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnDefault, Connection, Update, bindparam, delete, insert, select, update

from aggregator import urls
from aggregator.database.dialects import upsert
from aggregator.database.feeds.write_names import PARKED, remember_names
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.schema import categories, entries, feeds, polls
from aggregator.database.stories import write_stories
from aggregator.model import BY_INTERVAL, OUR_REASONS, Subscription
from aggregator.plan import matching_feeds

_FROM_FILE = frozenset(
    "name url host configured_title category_id interval interval_given distrust_304 timezone "
    "stories rank subscribed".split()
)
_OF_THE_NAME = frozenset("id polls entries last_change_at lease_owner lease_until".split())
"""What belongs to a feed whatever its URL is: its entries, and a poll that is under way."""

_UNLEARNED = {
    column.key: column.default.arg if isinstance(column.default, ColumnDefault) else None
    for column in feeds.c
    if column.key not in _FROM_FILE | _OF_THE_NAME
}
"""A feed of which nothing is known: every column that documents and answers of a URL fill."""

_PACING = ("subscribed", "interval", "interval_given")
_CONFIGURED = select(
    feeds.c.name,
    feeds.c.url,
    feeds.c.configured_title,
    feeds.c.category_id,
    feeds.c.interval,
    feeds.c.interval_given,
    feeds.c.distrust_304,
    feeds.c.timezone,
    feeds.c.private,
    feeds.c.stories,
    feeds.c.rank,
).where(feeds.c.subscribed)
_ROWS = select(
    feeds.c.id,
    feeds.c.name,
    feeds.c.url,
    feeds.c.category_id,
    feeds.c.interval,
    feeds.c.interval_given,
    feeds.c.subscribed,
    feeds.c.last_polled_at,
    feeds.c.gone,
    feeds.c.not_before,
    feeds.c.next_poll_at,
    feeds.c.next_reason,
    feeds.c.stories,
)

_CategoryIds = Mapping[str | None, int | None]
"""Ids by what a subscription has as its category; None for none."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """Names of the feeds that reading config.yaml again added, removed or changed."""

    added_feeds: tuple[str, ...] = ()
    removed_feeds: tuple[str, ...] = ()
    changed_feeds: tuple[str, ...] = ()


def read_feeds(connection: Connection) -> list[tuple[int, str | None, str]]:
    """Return row id, published id and URL of every feed that is subscribed to."""
    columns = (feeds.c.id, feeds.c.feed_id, feeds.c.url)
    rows = connection.execute(select(*columns).where(feeds.c.subscribed))
    return [(row.id, row.feed_id, row.url) for row in rows]


def sync_subscriptions(
    connection: Connection, subscriptions: Sequence[Subscription], *, now: datetime
) -> SyncResult:
    """Make the feeds table agree with config.yaml.

    A name given in the file is the feed's key: its entries stay when the URL changes, and the state
    of the old URL is forgotten.  A name made from title or host follows the URL instead.  A feed
    that left the file keeps its entries in the database, out of the list, and gets them back on its
    return.
    """
    category_ids = _category_ids(connection, subscriptions)
    ranks = {subscription.name: rank for rank, subscription in enumerate(subscriptions)}
    unchanged, stored_ranks = _unchanged(connection, subscriptions, category_ids)
    _rank(connection, {name: stored_ranks[name] for name in unchanged}, ranks)
    if len(unchanged) == len(subscriptions) == len(stored_ranks):
        return SyncResult()
    note_change(connection)  # first: `state` is locked before `feeds`, as by `lock_polls`
    differing = [feed for feed in subscriptions if feed.name not in unchanged]
    rows = [row for row in connection.execute(_ROWS) if row.name not in unchanged]
    row_by_name = matching_feeds(differing, rows)
    pairs = [
        (row_by_name.get(feed.name), _configured(feed, category_ids, ranks)) for feed in differing
    ]
    kept_ids = {row.id for row, _ in pairs if row is not None}
    removed_rows = [row for row in rows if row.subscribed and row.id not in kept_ids]
    changes = [(row, values) for row, values in pairs if row is not None]
    new_feeds = [values for row, values in pairs if row is None]
    _unsubscribe(connection, removed_rows)
    _free_names(connection, rows, {values["name"]: row for row, values in pairs})
    former_names = {row.name: row.id for row, values in changes if row.name != values["name"]}
    remember_names(connection, former_names, in_use={values["name"] for _, values in pairs})
    moved_ids = _resubscribe(connection, changes, now)
    _subscribe(connection, new_feeds, now)
    listed_anew = [row.id for row in removed_rows] + moved_ids
    write_stories.choose_representatives(connection, feed_ids=listed_anew)
    return SyncResult(
        added_feeds=tuple(values["name"] for values in new_feeds),
        removed_feeds=tuple(row.name for row in removed_rows),
        changed_feeds=tuple(values["name"] for _, values in changes),
    )


def _unchanged(
    connection: Connection, subscriptions: Sequence[Subscription], category_ids: _CategoryIds
) -> tuple[set[str], dict[str, int]]:
    """Return the names of the feeds whose rows agree with the file; the rank of every row.

    At nearly every start all rows agree, so this is one walk over the table and no more.
    """
    configured = {
        subscription.name: (
            subscription.url,
            subscription.title,
            category_ids[_shown_category(subscription)],
            subscription.interval,
            subscription.interval_given,
            subscription.distrust_304,
            subscription.timezone,
            subscription.private,
            subscription.stories,
        )
        for subscription in subscriptions
    }
    unchanged: set[str] = set()
    ranks: dict[str, int] = {}
    for row in connection.execute(_CONFIGURED):
        ranks[row[0]] = row[-1]
        if configured.get(row[0]) == row[1:-1]:
            unchanged.add(row[0])
    return unchanged, ranks


def _rank(
    connection: Connection, stored_ranks: Mapping[str, int], new_ranks: Mapping[str, int]
) -> None:
    """Store where feeds stand in the file; where their order changed, decide stories anew.

    Args:
        stored_ranks, new_ranks: By name; of the feeds whose rows stay, and of all.
    """
    moved_feeds = {
        name: new_ranks[name] for name, rank in stored_ranks.items() if rank != new_ranks[name]
    }
    if not moved_feeds:
        return
    ids = {row.name: row.id for row in connection.execute(select(feeds.c.name, feeds.c.id))}
    changes = [{"feed": ids[name], "new_rank": rank} for name, rank in moved_feeds.items()]
    in_file_order = [stored_ranks[name] for name in sorted(stored_ranks, key=new_ranks.__getitem__)]
    is_reordered = in_file_order != sorted(in_file_order)
    if is_reordered:
        note_change(connection)
    connection.execute(_set("rank"), changes)
    if is_reordered:
        write_stories.choose_representatives(
            connection, feed_ids=[change["feed"] for change in changes]
        )


def _configured(
    subscription: Subscription, category_ids: _CategoryIds, ranks: Mapping[str, int]
) -> dict[str, Any]:
    return {
        "name": subscription.name,
        "url": subscription.url,
        "configured_title": subscription.title,
        "category_id": category_ids[_shown_category(subscription)],
        "interval": subscription.interval,
        "interval_given": subscription.interval_given,
        "distrust_304": subscription.distrust_304,
        "timezone": subscription.timezone,
        "private": subscription.private,
        "stories": subscription.stories,
        "rank": ranks[subscription.name],
        "subscribed": True,
    }


def _category_ids(connection: Connection, subscriptions: Sequence[Subscription]) -> _CategoryIds:
    """Return the id of each category by its spelling; of two spellings the first is shown."""
    spellings = dict.fromkeys(
        category for feed in subscriptions if (category := _shown_category(feed)) is not None
    )
    slugs = urls.category_slugs(spellings)
    names = {slugs[category]: category for category in reversed(spellings)}
    stored_names = {row.slug: row.name for row in connection.execute(select(categories))}
    rows = [
        {"slug": slug, "name": name}
        for slug, name in sorted(names.items())
        if stored_names.get(slug) != name
    ]
    if any(row["slug"] in stored_names for row in rows):  # another spelling of a known category
        note_change(connection)
    upsert(connection, categories, rows, key=["slug"])
    ids = {row.slug: row.id for row in connection.execute(select(categories))}
    return {None: None, **{category: ids[slug] for category, slug in slugs.items()}}


def _shown_category(subscription: Subscription) -> str | None:
    return subscription.categories[0] if subscription.categories else None


def _unsubscribe(connection: Connection, rows: Sequence[Any]) -> None:
    if rows:
        feed_ids = [{"feed": row.id} for row in rows]
        connection.execute(_LEAVE, feed_ids)
        connection.execute(_UNLIST, feed_ids)


def _free_names(connection: Connection, rows: Sequence[Any], holders: Mapping[str, Any]) -> None:
    """Rename rows out of the way whose name another feed is about to get."""
    parked = [
        {"feed": row.id, "new_name": f"{row.name}{PARKED}{row.id}"}
        for row in rows
        if row.name in holders and holders[row.name] is not row
    ]
    if parked:
        connection.execute(_set("name"), parked)


def _subscribe(connection: Connection, new_feeds: Sequence[dict[str, Any]], now: datetime) -> None:
    """Insert feeds that are new in config.yaml; each is due at once."""
    if not new_feeds:
        return
    unpolled = {"next_poll_at": now, "next_reason": "never polled yet"}
    rows = [{**values, "host": urls.site_of(values["url"]), **unpolled} for values in new_feeds]
    connection.execute(insert(feeds), rows)


def _resubscribe(
    connection: Connection, changes: Sequence[tuple[Any, dict[str, Any]]], now: datetime
) -> list[int]:
    """Write the file's values for known feeds, and the consequences.

    Args:
        changes: The stored row of each feed, and its columns as in the file.

    Returns:
        Ids of the feeds whose entries may represent other stories now, or none any more.
    """
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    new_lists, new_addresses = [], []
    for row, values in changes:
        columns = values | _consequences(row, values, now)
        change = {"feed": row.id} | {f"new_{name}": value for name, value in columns.items()}
        by_columns.setdefault(tuple(columns), []).append(change)
        if row.category_id != values["category_id"] or not row.subscribed:
            new_lists.append({"feed": row.id, "category": values["category_id"]})
        if row.url != values["url"]:
            new_addresses.append({"feed": row.id})
    for names, feed_changes in by_columns.items():
        connection.execute(_set(*names), feed_changes)
    if new_lists:
        connection.execute(_LIST, new_lists)
    if new_addresses:
        connection.execute(_FORGET_POLLS, new_addresses)
    switched_ids = [row.id for row, values in changes if row.stories != values["stories"]]
    return [change["feed"] for change in new_lists] + switched_ids


@cache
def _set(*columns: str) -> Update:
    """Return the statement for these columns of a feed; built once for each set of columns."""
    values = {name: bindparam(f"new_{name}", type_=feeds.c[name].type) for name in columns}
    return update(feeds).where(feeds.c.id == bindparam("feed")).values(values)


_LEAVE = (
    update(feeds)
    .where(feeds.c.id == bindparam("feed"))
    .values(subscribed=False, next_poll_at=None, lease_owner=None, lease_until=None)
)
_UNLIST = update(entries).where(entries.c.feed_id == bindparam("feed")).values(listed=False)
_LIST = (
    update(entries)
    .where(entries.c.feed_id == bindparam("feed"))
    .values(category_id=bindparam("category"), listed=~entries.c.copied)
)


_FORGET_POLLS = delete(polls).where(polls.c.feed_id == bindparam("feed"))


def _consequences(row: Any, values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return what else changes on the row of a feed of which the file says something new."""
    if row.url != values["url"]:
        return _UNLEARNED | {
            "host": urls.site_of(values["url"]),
            "next_poll_at": now,
            "next_reason": "the address changed",
        }
    if not row.gone and any(row._mapping[key] != values[key] for key in _PACING):
        return _planned(row, values["interval"], now)
    return {}


def _planned(row: Any, interval: timedelta, now: datetime) -> dict[str, Any]:
    """Return the due time of a feed with a new interval, or of a feed back in the file.

    The interval counts from the last poll.  The publisher's requests hold whatever the file says,
    and so does the backing off from a failing feed.
    """
    due_at = max(row.last_polled_at + interval, now) if row.last_polled_at else now
    requested_at = row.next_poll_at if row.next_reason not in OUR_REASONS else None
    not_before = max((at for at in (row.not_before, requested_at) if at), default=due_at)
    if not_before > due_at:
        return {"next_poll_at": not_before}
    return {"next_poll_at": due_at, "next_reason": BY_INTERVAL, "plan": None}
