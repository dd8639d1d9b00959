"""The feeds table, made to agree with config.yaml."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnDefault, Connection, Update, bindparam, delete, insert, select, update

from aggregator import urls
from aggregator.database.chunks import chunks, execute_for_each
from aggregator.database.dialects import renew_statistics
from aggregator.database.feeds.read_differences import (
    Differences,
    columns_of,
    differences,
    has_same_names,
)
from aggregator.database.feeds.read_sources import KNOWN_URL
from aggregator.database.feeds.write_names import park, remember_names
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.lists import write_definitions, write_relistings, write_resolved_names
from aggregator.database.pictures import write_choices
from aggregator.database.schema import feeds, polls, state
from aggregator.database.stories import write_stories
from aggregator.model import (
    BECAUSE_PAUSED,
    BY_INTERVAL,
    OUR_REASONS,
    Failure,
    FailureKind,
    ListingRules,
    PictureMode,
    Subscription,
)
from aggregator.plan import matching_feeds

_FROM_FILE = frozenset(
    "name url written_url named_by_title host configured_title interval interval_given "
    "distrust_304 timezone private stories listing paused read_here pictures opml_list rank "
    "request_digest by_proxy selectors subscribed".split()
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

_UNVALIDATED: dict[str, Any] = dict.fromkeys(
    "validators_url etag last_modified body_hash seen_hashes".split()
)
"""A feed whose next document is read whole: other headers may bring another document, and other
selectors find other posts in the same document."""

_MANY_FEEDS = 500  # that change at once

_PACING = ("subscribed", "interval", "interval_given", "paused")
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
    feeds.c.request_digest,
    feeds.c.selectors,
)


@dataclass(frozen=True, slots=True)
class SyncResult:
    """Names of the feeds that reading config.yaml again added, removed or changed.

    A feed that returns to the file is added.
    """

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


def poll_refused_feeds(
    connection: Connection, is_allowed: Callable[[str], bool], *, now: datetime
) -> None:
    """Make feeds due that the guard refused, and whose addresses it allows now.

    Feeds of OPML lists wait for their time: `network.allow` is not for these.

    Args:
        is_allowed: Whether the URL of a feed may be polled.
    """
    refused = select(feeds.c.id, feeds.c.url).where(
        feeds.c.subscribed,
        feeds.c.failures > 0,
        feeds.c.failure == Failure(FailureKind.NOT_PUBLIC),
        feeds.c.opml_list.is_(None),
        feeds.c.next_poll_at > now,
    )
    due = {
        "new_next_poll_at": now,
        "new_next_reason": "network.allow has its host now",
        "new_plan": None,
    }
    changes = [
        {"feed": row.id, **due} for row in connection.execute(refused) if is_allowed(row.url)
    ]
    execute_for_each(connection, _set("next_poll_at", "next_reason", "plan"), changes)


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
    stored_categories = write_definitions.categories_of_feeds(connection)
    compared = differences(connection, subscriptions, list_ids, stored_categories)
    if compared.is_empty:
        return SyncResult()
    note_change(connection)  # first: `state` is locked before `feeds`, as by `lock_polls`
    if not has_same_names(connection, compared):  # until the lock, a poll may have named a feed
        compared = differences(connection, subscriptions, list_ids, stored_categories)
    _rank(connection, compared)
    if not compared.differing and len(compared.unchanged) == len(compared.rows):
        return SyncResult()
    categories = {
        feed.name: tuple(list_ids[category] for category in feed.categories)
        for feed in compared.differing
    }
    return _write_differences(connection, compared, categories, stored_categories, now)


def _write_differences(
    connection: Connection,
    compared: Differences,
    categories: Mapping[str, tuple[int, ...]],
    stored_categories: Mapping[int, tuple[int, ...]],
    now: datetime,
) -> SyncResult:
    """Add, remove and change feeds.

    Args:
        categories: Ids of the lists of categories, by the name of each differing feed.
        stored_categories: The same by the id of the feed, as stored.
    """
    is_initial = connection.scalar(select(feeds.c.id).limit(1)) is None
    rows = [row for row in connection.execute(_ROWS) if row.name not in compared.unchanged]
    pairs = _rows_and_columns(compared, rows)
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
        connection, _categories_by_id(connection, compared.differing, categories, stored_categories)
    )
    if len(pairs) + len(removed_rows) >= _MANY_FEEDS:
        renew_statistics(connection, feeds)
    former_lists = _former_lists(changes, categories, stored_categories)
    write_relistings.relist_feeds(connection, former_lists | {row.id: () for row in removed_rows})
    return SyncResult(
        added_feeds=tuple(
            values["name"] for row, values in pairs if row is None or not row.subscribed
        ),
        removed_feeds=tuple(row.name for row in removed_rows),
        changed_feeds=tuple(values["name"] for row, values in changes if row.subscribed),
    )


def _rows_and_columns(
    compared: Differences, rows: Sequence[Any]
) -> list[tuple[Any | None, dict[str, Any]]]:
    """Return the row of each differing feed, None for a new feed; and its columns in the file."""
    row_by_name, ranks = matching_feeds(compared.differing, rows), compared.ranks
    return [
        (
            row_by_name.get(feed.name),
            columns_of(feed) | {"rank": ranks[feed.name], "subscribed": True},
        )
        for feed in compared.differing
    ]


def _rank(connection: Connection, compared: Differences) -> None:
    """Store the ranks of unchanged feeds; where their order changed, decide stories anew.

    The other feeds get ranks with their other columns.
    """
    changes = [{"feed": feed_id, "new_rank": rank} for feed_id, rank in compared.moved.items()]
    execute_for_each(connection, _set("rank"), changes)
    if compared.is_reordered:
        write_relistings.relist_feeds(connection, dict.fromkeys(compared.moved, ()))


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
    park(
        connection,
        {row.id: row.name for row in rows if row.name in holders and holders[row.name] is not row},
    )


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
    changed: dict[str, Any] = {}
    has_other_selectors = row.selectors != values["selectors"]
    if has_other_selectors or row.request_digest != values["request_digest"]:
        changed = _UNVALIDATED | ({"first_posts": None} if has_other_selectors else {})
    if row.gone:
        return changed
    if values["paused"]:
        return changed | _due(now, BECAUSE_PAUSED, paused=True)
    if has_other_selectors:
        at = max(now, row.not_before or now)
        return changed | _due(at, "`select` changed", paused=False) | {"plan": None}
    if any(row._mapping[key] != values[key] for key in _PACING):
        return changed | _planned(row, values["interval"], now)
    return changed


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
