"""The feeds table, made to agree with config.yaml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnDefault, Connection, Update, bindparam, delete, insert, select, update

from aggregator import rules, urls
from aggregator.database.chunks import chunks, execute_for_each
from aggregator.database.feeds.read_sources import KNOWN_URL
from aggregator.database.feeds.write_names import PARKED, remember_names
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.lists import write_definitions, write_relistings, write_resolved_names
from aggregator.database.pictures import write_choices
from aggregator.database.schema import feeds, polls, state
from aggregator.database.stories import write_stories
from aggregator.model import (
    BECAUSE_PAUSED,
    BY_INTERVAL,
    NO_RULES,
    OUR_REASONS,
    ListingRules,
    PictureMode,
    Subscription,
)
from aggregator.plan import matching_feeds

_FROM_FILE = frozenset(
    "name url written_url host configured_title interval interval_given distrust_304 timezone "
    "private stories listing paused read_here pictures rank subscribed".split()
)
_OF_THE_NAME = frozenset(
    "id polls entries last_change_at is_initial first_read_at lease_owner lease_until".split()
)
"""What belongs to a feed whatever its URL is: its entries, and a poll that is under way."""

_UNLEARNED = {
    column.key: column.default.arg if isinstance(column.default, ColumnDefault) else None
    for column in feeds.c
    if column.key not in _FROM_FILE | _OF_THE_NAME
}
"""A feed of which nothing is known: every column that documents and answers of a URL fill."""

_PACING = ("subscribed", "interval", "interval_given", "paused")
_CONFIGURED = select(
    feeds.c.id,
    feeds.c.rank,
    feeds.c.name,
    feeds.c.url,
    feeds.c.written_url,
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
).where(feeds.c.subscribed)
_ROWS = select(
    feeds.c.id,
    feeds.c.name,
    feeds.c.url,
    KNOWN_URL.label("known_url"),
    feeds.c.interval,
    feeds.c.interval_given,
    feeds.c.subscribed,
    feeds.c.paused,
    feeds.c.last_polled_at,
    feeds.c.gone,
    feeds.c.not_before,
    feeds.c.next_poll_at,
    feeds.c.next_reason,
    feeds.c.stories,
    feeds.c.listing,
    feeds.c.pictures,
)


@dataclass(frozen=True, slots=True)
class SyncResult:
    """Names of the feeds that reading config.yaml again added, removed or changed."""

    added_feeds: tuple[str, ...] = ()
    removed_feeds: tuple[str, ...] = ()
    changed_feeds: tuple[str, ...] = ()


def read_feeds(connection: Connection) -> list[tuple[int, str | None, str]]:
    """Return row id, published id and URL of every feed that is subscribed to."""
    columns = (feeds.c.id, feeds.c.feed_id, KNOWN_URL.label("url"))
    rows = connection.execute(select(*columns).where(feeds.c.subscribed))
    return [(row.id, row.feed_id, row.url) for row in rows]


def follow_config(
    connection: Connection,
    subscriptions: Sequence[Subscription],
    listing: ListingRules,
    *,
    stories: bool,
    now: datetime,
) -> SyncResult:
    """Make the database agree with config.yaml; `write_relisting` lists entries anew.

    Args:
        listing: The rules and views of config.yaml.
        stories: Lists show one entry of a story.
    """
    result = sync_subscriptions(connection, subscriptions, now=now)
    write_stories.switch(connection, on=stories)
    write_definitions.write_rules(connection, listing)
    write_resolved_names.resolve_again(connection)
    note_config_problem(connection, None)
    return result


def note_config_problem(connection: Connection, problem: str | None) -> None:
    """Store the first mistake of a config.yaml that is not in use; None: the file is in use."""
    is_other = state.c.config_problem.is_distinct_from(problem)
    changed = connection.execute(update(state).where(is_other).values(config_problem=problem))
    if changed.rowcount:
        note_change(connection)


def sync_subscriptions(
    connection: Connection, subscriptions: Sequence[Subscription], *, now: datetime
) -> SyncResult:
    """Make the feeds table agree with config.yaml.

    A name given in the file is the feed's key: its entries stay when the URL changes, and the state
    of the old URL is forgotten.  A name made from title or host follows the URL instead.  A feed
    that left the file keeps its entries in the database, out of the list, and gets them back on its
    return.
    """
    list_ids = write_definitions.write_categories(connection, subscriptions).ids
    categories = {
        feed.name: tuple(list_ids[category] for category in feed.categories)
        for feed in subscriptions
    }
    ranks = {subscription.name: rank for rank, subscription in enumerate(subscriptions)}
    stored_categories = write_definitions.categories_of_feeds(connection)
    unchanged, stored_ranks = _unchanged(connection, subscriptions, categories, stored_categories)
    _rank(connection, {name: stored_ranks[name] for name in unchanged}, ranks)
    if len(unchanged) == len(subscriptions) == len(stored_ranks):
        return SyncResult()
    note_change(connection)  # first: `state` is locked before `feeds`, as by `lock_polls`
    differing = [feed for feed in subscriptions if feed.name not in unchanged]
    is_initial = connection.scalar(select(feeds.c.id).limit(1)) is None
    rows = [row for row in connection.execute(_ROWS) if row.name not in unchanged]
    row_by_name = matching_feeds(differing, rows)
    pairs = [
        (
            row_by_name.get(feed.name),
            _configured(feed) | {"rank": ranks[feed.name], "subscribed": True},
        )
        for feed in differing
    ]
    kept_ids = {row.id for row, _ in pairs if row is not None}
    removed_rows = [row for row in rows if row.subscribed and row.id not in kept_ids]
    changes = [(row, values) for row, values in pairs if row is not None]
    new_feeds = [values for row, values in pairs if row is None]
    execute_for_each(connection, _LEAVE, [{"feed": row.id} for row in removed_rows])
    _free_names(connection, rows, {values["name"]: row for row, values in pairs})
    former_names = {row.name: row.id for row, values in changes if row.name != values["name"]}
    remember_names(connection, former_names, in_use={values["name"] for _, values in pairs})
    _resubscribe(connection, changes, now)
    _subscribe(connection, new_feeds, now, is_initial=is_initial)
    write_choices.note_feeds(connection, _new_modes(changes))
    write_definitions.write_feed_categories(
        connection, _categories_by_id(connection, differing, categories, stored_categories)
    )
    former_lists = _former_lists(changes, categories, stored_categories)
    write_relistings.relist_feeds(connection, former_lists | {row.id: () for row in removed_rows})
    return SyncResult(
        added_feeds=tuple(values["name"] for values in new_feeds),
        removed_feeds=tuple(row.name for row in removed_rows),
        changed_feeds=tuple(values["name"] for _, values in changes),
    )


def _unchanged(
    connection: Connection,
    subscriptions: Sequence[Subscription],
    categories: Mapping[str, tuple[int, ...]],
    stored_categories: Mapping[int, tuple[int, ...]],
) -> tuple[set[str], dict[str, int]]:
    """Return the names of the feeds whose rows agree with the file; the rank of every row.

    At nearly every start all rows agree, so this is one walk over the table and no more.

    Args:
        categories: Ids of the lists of categories, by the name of the feed.
        stored_categories: The same by the id of the feed, as stored.
    """
    configured = {subscription.name: _configured(subscription) for subscription in subscriptions}
    unchanged: set[str] = set()
    ranks: dict[str, int] = {}
    for feed_id, rank, *values in connection.execute(_CONFIGURED):
        name = values[0]
        ranks[name] = rank
        if name not in configured or stored_categories.get(feed_id, ()) != categories[name]:
            continue
        if list(configured[name].values()) == values:
            unchanged.add(name)
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
    execute_for_each(connection, _set("rank"), changes)
    if is_reordered:
        write_relistings.relist_feeds(connection, {change["feed"]: () for change in changes})


def _configured(subscription: Subscription) -> dict[str, Any]:
    """Return the columns of `_CONFIGURED` as in the file, in the same order."""
    return {
        "name": subscription.name,
        "url": subscription.url,
        "written_url": subscription.written_url,
        "configured_title": subscription.title,
        "interval": subscription.interval,
        "interval_given": subscription.interval_given,
        "distrust_304": subscription.distrust_304,
        "timezone": subscription.timezone,
        "private": subscription.private,
        "stories": subscription.stories,
        "listing": _listing(subscription),
        "paused": subscription.paused,
        "read_here": subscription.read_here,
        "pictures": subscription.pictures,
    }


def _listing(subscription: Subscription) -> str | None:
    return None if subscription.rules == NO_RULES else rules.as_json(subscription.rules)


def _categories_by_id(
    connection: Connection,
    subscriptions: Sequence[Subscription],
    categories: Mapping[str, tuple[int, ...]],
    stored_categories: Mapping[int, tuple[int, ...]],
) -> dict[int, tuple[int, ...]]:
    """Return the categories of feeds by id, where others are stored."""
    names = [subscription.name for subscription in subscriptions]
    ids = [
        (row.id, row.name)
        for chunk in chunks(names)
        for row in connection.execute(
            select(feeds.c.id, feeds.c.name).where(feeds.c.name.in_(chunk))
        )
    ]
    return {
        feed_id: categories[name]
        for feed_id, name in ids
        if categories[name] != stored_categories.get(feed_id, ())
    }


def _former_lists(
    changes: Sequence[tuple[Any, dict[str, Any]]],
    categories: Mapping[str, tuple[int, ...]],
    stored_categories: Mapping[int, tuple[int, ...]],
) -> dict[int, set[int]]:
    """Return the ids of the categories that feeds left, for each feed to be listed anew.

    Another site changes which entries of stories lists show.
    """
    former_lists = {}
    for row, values in changes:
        stored, present = stored_categories.get(row.id, ()), categories[values["name"]]
        if (
            set(stored) != set(present)
            or not row.subscribed
            or (row.stories, row.listing) != (values["stories"], values["listing"])
            or urls.site_of(row.url) != urls.site_of(values["url"])
        ):
            former_lists[row.id] = set(stored) - set(present)
    return former_lists


def _new_modes(changes: Sequence[tuple[Any, dict[str, Any]]]) -> dict[int, PictureMode]:
    """Return which pictures of feeds are shown from now on, where others were."""
    return {
        row.id: values["pictures"]
        for row, values in changes
        if row.pictures is not values["pictures"]
    }


def _free_names(connection: Connection, rows: Sequence[Any], holders: Mapping[str, Any]) -> None:
    """Rename rows out of the way whose name another feed is about to get."""
    parked = [
        {"feed": row.id, "new_name": f"{row.name}{PARKED}{row.id}"}
        for row in rows
        if row.name in holders and holders[row.name] is not row
    ]
    execute_for_each(connection, _set("name"), parked)


def _subscribe(
    connection: Connection, new_feeds: Sequence[dict[str, Any]], now: datetime, *, is_initial: bool
) -> None:
    """Insert feeds that are new in config.yaml; each is due at once.

    Args:
        is_initial: The database has no feeds yet.
    """
    if not new_feeds:
        return
    rows = [
        {
            **values,
            "host": urls.site_of(values["url"]),
            "is_initial": is_initial,
            **_due(now, "never polled yet", paused=values["paused"]),
        }
        for values in new_feeds
    ]
    execute_for_each(connection, insert(feeds), rows)


def _resubscribe(
    connection: Connection, changes: Sequence[tuple[Any, dict[str, Any]]], now: datetime
) -> None:
    """Write the file's values for known feeds, and the consequences.

    Args:
        changes: The stored row of each feed, and its columns as in the file.
    """
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row, values in changes:
        columns = values | _consequences(row, values, now)
        change = {"feed": row.id} | {f"new_{name}": value for name, value in columns.items()}
        by_columns.setdefault(tuple(columns), []).append(change)
    for names, feed_changes in by_columns.items():
        execute_for_each(connection, _set(*names), feed_changes)
    new_addresses = [{"feed": row.id} for row, values in changes if row.url != values["url"]]
    execute_for_each(connection, _FORGET_POLLS, new_addresses)


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
_FORGET_POLLS = delete(polls).where(polls.c.feed_id == bindparam("feed"))


def _consequences(row: Any, values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return what else changes on the row of a feed of which the file says something new."""
    if row.url != values["url"]:
        return _UNLEARNED | {
            "host": urls.site_of(values["url"]),
            **_due(now, "the address changed", paused=values["paused"]),
        }
    if row.gone:
        return {}
    if values["paused"]:
        return _due(now, BECAUSE_PAUSED, paused=True)
    if any(row._mapping[key] != values[key] for key in _PACING):
        return _planned(row, values["interval"], now)
    return {}


def _due(at: datetime, reason: str, *, paused: bool) -> dict[str, Any]:
    """Return when and why a feed is polled next; a paused feed is not."""
    if paused:
        return {"next_poll_at": None, "next_reason": BECAUSE_PAUSED}
    return {"next_poll_at": at, "next_reason": reason}


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
