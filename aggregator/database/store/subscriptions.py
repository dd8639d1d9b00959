"""What config.yaml says, made true in the feeds table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from aggregator import urls
from aggregator.database.dialects import upsert
from aggregator.database.store.polls import note_change
from aggregator.database.tables import categories, entries, feeds
from aggregator.model import Subscription

_BY_INTERVAL = "the interval in config.yaml"  # as `cadence` says it
_COMPARED = ("name", "url", "configured_title", "category_id", "interval", "subscribed")
_SCHEDULE = ("last_polled_at", "gone", "not_before", "next_poll_at", "next_reason")


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What reading config.yaml anew changed, names of feeds each."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def sync_subscriptions(
    connection: Connection, subscriptions: Sequence[Subscription], *, now: datetime
) -> SyncResult:
    """Make the feeds table say what config.yaml says.

    A name given in the file is the feed's key: its entries stay when the URL changes.  A name
    made from title or host follows the URL instead.  A feed that left the file keeps its entries
    in the database, out of the list, and has them back when it returns.
    """
    rows = connection.execute(
        select(feeds.c.id, *(feeds.c[key] for key in (*_COMPARED, *_SCHEDULE)))
    ).all()
    category_ids = _category_ids(connection, subscriptions)
    matched = _match(subscriptions, rows)
    wanted = [
        (matched.get(subscription.name), _configured(subscription, category_ids))
        for subscription in subscriptions
    ]
    kept = {row.id for row, _ in wanted if row is not None}
    removed = [row for row in rows if row.subscribed and row.id not in kept]
    changed = [
        (row, values)
        for row, values in wanted
        if row is not None and any(row._mapping[key] != values[key] for key in _COMPARED)
    ]
    added = [values for row, values in wanted if row is None]
    _unsubscribe(connection, removed)
    _free_names(connection, rows, {values["name"]: row for row, values in wanted})
    for row, values in changed:
        _resubscribe(connection, row, values, now)
    if added:
        connection.execute(
            insert(feeds),
            [{**v, "next_poll_at": now, "next_reason": "never polled yet"} for v in added],
        )
    if added or removed or changed:
        note_change(connection)
    return SyncResult(
        added=tuple(values["name"] for values in added),
        removed=tuple(row.name for row in removed),
        changed=tuple(values["name"] for _, values in changed),
    )


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


def _configured(subscription: Subscription, category_ids: dict[str, int]) -> dict[str, Any]:
    slug = _category_slug(subscription)
    return {
        "name": subscription.name,
        "url": subscription.url,
        "configured_title": subscription.title,
        "category_id": category_ids[slug] if slug else None,
        "interval": subscription.interval,
        "subscribed": True,
        "host": urls.host_of(subscription.url),
    }


def _category_slug(subscription: Subscription) -> str | None:
    return (urls.slug(subscription.category) or None) if subscription.category else None


def _category_ids(connection: Connection, subscriptions: Sequence[Subscription]) -> dict[str, int]:
    names = {
        slug: subscription.category
        for subscription in reversed(subscriptions)
        if (slug := _category_slug(subscription))
    }
    known = {row.slug: row.name for row in connection.execute(select(categories))}
    rows = [{"slug": s, "name": n} for s, n in sorted(names.items()) if known.get(s) != n]
    if any(row["slug"] in known for row in rows):  # another spelling of its name
        note_change(connection)
    upsert(connection, categories, rows, key=["slug"])
    return {row.slug: row.id for row in connection.execute(select(categories))}


def _unsubscribe(connection: Connection, rows: Sequence[Any]) -> None:
    for row in rows:
        connection.execute(
            update(feeds)
            .where(feeds.c.id == row.id)
            .values(subscribed=False, next_poll_at=None, lease_owner=None, lease_until=None)
        )
        connection.execute(update(entries).where(entries.c.feed_id == row.id).values(listed=False))


def _free_names(connection: Connection, rows: Sequence[Any], holders: Mapping[str, Any]) -> None:
    """Rename rows out of the way whose name another feed is about to get."""
    for row in rows:
        if row.name in holders and holders[row.name] is not row:
            parked = f"{row.name}~{row.id}"  # `~` can't stand in a name of the file
            connection.execute(update(feeds).where(feeds.c.id == row.id).values(name=parked))


def _resubscribe(connection: Connection, row: Any, values: dict[str, Any], now: datetime) -> None:
    """Write what the file says of a known feed, and what follows from it."""
    if row.url != values["url"]:  # nothing that the old address said holds for the new one
        values |= {
            "next_poll_at": now,
            "next_reason": "the address changed",
            "not_before": None,
            "gone": False,
            "body_hash": None,
            "memory": None,
            "moved_to": None,
            "failures": 0,
            "failing_since": None,
            "error": None,
        }
    elif not row.gone and (not row.subscribed or row.interval != values["interval"]):
        values |= _planned(row, values["interval"], now)
    connection.execute(update(feeds).where(feeds.c.id == row.id).values(**values))
    if row.category_id != values["category_id"] or not row.subscribed:
        connection.execute(
            update(entries)
            .where(entries.c.feed_id == row.id)
            .values(category_id=values["category_id"], listed=True)
        )


def _planned(row: Any, interval: timedelta, now: datetime) -> dict[str, Any]:
    """Return when a feed is due whose interval changed, or that came back.

    The interval counts from the last poll.  What the publisher asked for holds whatever the file
    says, and so does the backing off from a feed that fails.
    """
    due_at = max(row.last_polled_at + interval, now) if row.last_polled_at else now
    held = row.next_poll_at if row.next_reason != _BY_INTERVAL else None
    held_until = max((at for at in (row.not_before, held) if at), default=due_at)
    if held_until > due_at:
        return {"next_poll_at": held_until}
    return {"next_poll_at": due_at, "next_reason": _BY_INTERVAL}
