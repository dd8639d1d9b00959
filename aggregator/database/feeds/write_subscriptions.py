"""What config.yaml says, made true in the feeds table."""

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

_FROM_FILE = frozenset(
    "name url host configured_title category_id interval interval_given distrust_304 timezone "
    "stories rank subscribed".split()
)
_OF_THE_NAME = frozenset("id polls entries last_change_at lease_owner lease_until".split())
"""What belongs to a feed whatever its address is: its entries, and a poll that is under way."""

_UNLEARNED = {
    column.key: column.default.arg if isinstance(column.default, ColumnDefault) else None
    for column in feeds.c
    if column.key not in _FROM_FILE | _OF_THE_NAME
}
"""A feed of which nothing is known: all that documents and answers of an address teach."""

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
_KNOWN = select(
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
    """What reading config.yaml anew changed, names of feeds each."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def read_feeds(connection: Connection) -> list[tuple[int, str | None, str]]:
    """Return key, id and address of every feed that is subscribed to."""
    columns = (feeds.c.id, feeds.c.feed_id, feeds.c.url)
    rows = connection.execute(select(*columns).where(feeds.c.subscribed))
    return [(row.id, row.feed_id, row.url) for row in rows]


def sync_subscriptions(
    connection: Connection, subscriptions: Sequence[Subscription], *, now: datetime
) -> SyncResult:
    """Make the feeds table say what config.yaml says.

    A name given in the file is the feed's key: its entries stay when the URL changes, and what the
    old address taught is forgotten.  A name
    made from title or host follows the URL instead.  A feed that left the file keeps its entries
    in the database, out of the list, and has them back when it returns.
    """
    category_ids = _category_ids(connection, subscriptions)
    ranks = {each.name: rank for rank, each in enumerate(subscriptions)}
    settled, known_ranks = _settled(connection, subscriptions, category_ids)
    _rank(connection, {name: known_ranks[name] for name in settled}, ranks)
    if len(settled) == len(subscriptions) == len(known_ranks):
        return SyncResult()
    different = [each for each in subscriptions if each.name not in settled]
    rows = [row for row in connection.execute(_KNOWN) if row.name not in settled]
    matched = _match(different, rows)
    wanted = [
        (matched.get(each.name), _configured(each, category_ids, ranks)) for each in different
    ]
    kept = {row.id for row, _ in wanted if row is not None}
    removed = [row for row in rows if row.subscribed and row.id not in kept]
    changed = [(row, values) for row, values in wanted if row is not None]
    added = [values for row, values in wanted if row is None]
    _unsubscribe(connection, removed)
    _free_names(connection, rows, {values["name"]: row for row, values in wanted})
    former = {row.name: row.id for row, values in changed if row.name != values["name"]}
    remember_names(connection, former, in_use={values["name"] for _, values in wanted})
    moved = _resubscribe(connection, changed, now)
    if added:
        connection.execute(
            insert(feeds),
            [
                {
                    **v,
                    "host": urls.site_of(v["url"]),
                    "next_poll_at": now,
                    "next_reason": "never polled yet",
                }
                for v in added
            ],
        )
    write_stories.choose_representatives(connection, feed_ids=[row.id for row in removed] + moved)
    note_change(connection)
    return SyncResult(
        added=tuple(values["name"] for values in added),
        removed=tuple(row.name for row in removed),
        changed=tuple(values["name"] for _, values in changed),
    )


def _settled(
    connection: Connection, subscriptions: Sequence[Subscription], category_ids: _CategoryIds
) -> tuple[set[str], dict[str, int]]:
    """Return the names of the feeds whose rows say what the file says; the rank of every row.

    At nearly every start that is all of them, so this is one walk over the table and no more.
    """
    wanted = {
        each.name: (
            each.url,
            each.title,
            category_ids[each.category or None],
            each.interval,
            each.interval_given,
            each.distrust_304,
            each.timezone,
            each.private,
            each.stories,
        )
        for each in subscriptions
    }
    settled: set[str] = set()
    ranks: dict[str, int] = {}
    for row in connection.execute(_CONFIGURED):
        ranks[row[0]] = row[-1]
        if wanted.get(row[0]) == row[1:-1]:
            settled.add(row[0])
    return settled, ranks


def _rank(connection: Connection, known: Mapping[str, int], wanted: Mapping[str, int]) -> None:
    """Store where feeds stand in the file; where their order changed, decide stories anew."""
    moved = {name: wanted[name] for name, rank in known.items() if rank != wanted[name]}
    if not moved:
        return
    ids = {row.name: row.id for row in connection.execute(select(feeds.c.name, feeds.c.id))}
    changes = [{"feed": ids[name], "new_rank": rank} for name, rank in moved.items()]
    connection.execute(_set("rank"), changes)
    in_file = [known[name] for name in sorted(known, key=wanted.__getitem__)]
    if in_file != sorted(in_file):
        write_stories.choose_representatives(
            connection, feed_ids=[change["feed"] for change in changes]
        )
        note_change(connection)


def _match(subscriptions: Sequence[Subscription], rows: Sequence[Any]) -> dict[str, Any]:
    """Return the row of each subscription that has one, by name."""
    by_name = {row.name: row for row in rows}
    # Of two rows with one URL the subscribed one is meant.
    by_url = {row.url: row for row in sorted(rows, key=lambda row: row.subscribed)}
    matched: dict[str, Any] = {}
    taken: set[int] = set()

    def claim(subscription: Subscription, row: Any) -> None:
        if subscription.name not in matched and row is not None and row.id not in taken:
            matched[subscription.name] = row
            taken.add(row.id)

    given = [s for s in subscriptions if s.name_given]
    made = [s for s in subscriptions if not s.name_given]
    for subscription in given:
        claim(subscription, by_name.get(subscription.name))
    for subscription in (*made, *given):
        claim(subscription, by_url.get(subscription.url))
    # A name made from the host says nothing about which feed of that host it was.
    return matched


def _configured(
    subscription: Subscription, category_ids: _CategoryIds, ranks: Mapping[str, int]
) -> dict[str, Any]:
    return {
        "name": subscription.name,
        "url": subscription.url,
        "configured_title": subscription.title,
        "category_id": category_ids[subscription.category or None],
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
    """Return the id of each category by the way it is written; of two ways the first is shown."""
    written = dict.fromkeys(each.category for each in subscriptions if each.category)
    slugs = urls.category_slugs(written)
    names = {slugs[category]: category for category in reversed(written)}
    known = {row.slug: row.name for row in connection.execute(select(categories))}
    rows = [{"slug": s, "name": n} for s, n in sorted(names.items()) if known.get(s) != n]
    if any(row["slug"] in known for row in rows):  # another spelling of its name
        note_change(connection)
    upsert(connection, categories, rows, key=["slug"])
    ids = {row.slug: row.id for row in connection.execute(select(categories))}
    return {None: None, **{category: ids[slug] for category, slug in slugs.items()}}


def _unsubscribe(connection: Connection, rows: Sequence[Any]) -> None:
    if rows:
        which = [{"feed": row.id} for row in rows]
        connection.execute(_LEAVE, which)
        connection.execute(_UNLIST, which)


def _free_names(connection: Connection, rows: Sequence[Any], holders: Mapping[str, Any]) -> None:
    """Rename rows out of the way whose name another feed is about to get."""
    parked = [
        {"feed": row.id, "new_name": f"{row.name}{PARKED}{row.id}"}
        for row in rows
        if row.name in holders and holders[row.name] is not row
    ]
    if parked:
        connection.execute(_set("name"), parked)


def _resubscribe(
    connection: Connection, changed: Sequence[tuple[Any, dict[str, Any]]], now: datetime
) -> list[int]:
    """Write what the file says of known feeds, and what follows.

    Returns:
        Feeds whose entries may lead other stories now, or no more.
    """
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    listed, elsewhere = [], []
    for row, values in changed:
        new = values | _consequences(row, values, now)
        change = {"feed": row.id} | {f"new_{name}": value for name, value in new.items()}
        by_columns.setdefault(tuple(new), []).append(change)
        if row.category_id != values["category_id"] or not row.subscribed:
            listed.append({"feed": row.id, "category": values["category_id"]})
        if row.url != values["url"]:
            elsewhere.append({"feed": row.id})
    for columns, changes in by_columns.items():
        connection.execute(_set(*columns), changes)
    if listed:
        connection.execute(_LIST, listed)
    if elsewhere:
        connection.execute(_FORGET_POLLS, elsewhere)
    switched = [row.id for row, values in changed if row.stories != values["stories"]]
    return [change["feed"] for change in listed] + switched


@cache
def _set(*columns: str) -> Update:
    """Return the statement that sets these columns of a feed; built once for each shape."""
    new = {name: bindparam(f"new_{name}", type_=feeds.c[name].type) for name in columns}
    return update(feeds).where(feeds.c.id == bindparam("feed")).values(new)


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
    """Return when a feed is due whose interval changed, or that came back.

    The interval counts from the last poll.  What the publisher asked for holds whatever the file
    says, and so does the backing off from a feed that fails.
    """
    due_at = max(row.last_polled_at + interval, now) if row.last_polled_at else now
    held = row.next_poll_at if row.next_reason not in OUR_REASONS else None
    held_until = max((at for at in (row.not_before, held) if at), default=due_at)
    if held_until > due_at:
        return {"next_poll_at": held_until}
    return {"next_poll_at": due_at, "next_reason": BY_INTERVAL, "plan": None}
