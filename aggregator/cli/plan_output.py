"""The plan of a configuration file as lines for people, and as JSON for programs."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from aggregator import urls
from aggregator.plan import (
    AddedFeed,
    ChangedFeed,
    FeedChanges,
    Plan,
    SettingChange,
    SettingValue,
    StoredFeed,
)

MAX_LINES = 20
"""Lines below a heading."""

MAX_NAMES = 8
"""Feeds in a line."""

_Section = tuple[str, Sequence[str]]
"""A heading, and the lines below."""


def lines(plan: Plan, *, path: Path) -> Iterator[str]:
    """Yield a plan as lines, grouped under headings.

    Args:
        path: Of the configuration file.
    """
    if plan.is_first:
        yield f"{path}: there is no database yet, so all feeds are new"
    elif not plan.has_changes:
        yield f"{path}: nothing to change"
    for heading, section_lines in _feed_sections(plan.feeds):
        if section_lines:
            yield f"{heading}: {len(section_lines):,}"
            yield from (f"  {line}" for line in section_lines[:MAX_LINES])
            if len(section_lines) > MAX_LINES:
                yield f"  and {len(section_lines) - MAX_LINES:,} more; --json lists all"
    if plan.feeds.is_reordered:
        yield "Order of the feeds: another; of an article in several feeds, lists may show another"


def _feed_sections(changes: FeedChanges) -> Iterator[_Section]:
    moved_feeds = [feed for feed in changes.changed_feeds if feed.is_moved]
    renamed_feeds = [feed for feed in changes.changed_feeds if feed.is_renamed]
    yield "Feeds added", [_added_line(feed) for feed in changes.added_feeds]
    yield "Feeds removed", [_removed_line(feed) for feed in changes.removed_feeds]
    yield "Feeds with another address", [_moved_line(feed) for feed in moved_feeds]
    yield (
        "Feeds with another name",
        [f"{feed.stored.name} -> {feed.subscription.name}" for feed in renamed_feeds],
    )
    yield "Settings", list(_setting_lines(changes.changed_feeds))


def _added_line(feed: AddedFeed) -> str:
    subscription = feed.subscription
    line = f"{subscription.name}: {urls.masked(subscription.url)}"
    if subscription.categories:
        line += f" ({', '.join(subscription.categories)})"
    if feed.returning:
        line += f"; was in the file before, with {_posts(feed.returning.entries)}"
    return line


def _removed_line(feed: StoredFeed) -> str:
    line = f"{feed.name}: {urls.masked(feed.url)}"
    return f"{line}; lists lose its {_posts(feed.entries)}" if feed.entries else line


def _moved_line(feed: ChangedFeed) -> str:
    before, after = urls.masked(feed.stored.url), urls.masked(feed.subscription.url)
    if before == after:
        return f"{feed.subscription.name}: {after} (in its secret part)"
    return f"{feed.subscription.name}: {before} -> {after}"


def _setting_lines(feeds: Iterable[ChangedFeed]) -> Iterator[str]:
    """Yield a line for each change of a setting, with the names of the feeds."""
    names_of: dict[SettingChange, list[str]] = {}
    for feed in feeds:
        for change in feed.settings:
            names_of.setdefault(change, []).append(feed.subscription.name)
    for change, names in names_of.items():
        text = ", ".join(names[:MAX_NAMES])
        if len(names) > MAX_NAMES:
            text += f" and {len(names) - MAX_NAMES:,} more"
        yield f"{change.key}: {_value(change.before)} -> {_value(change.after)} ({text})"


def _value(value: SettingValue) -> str:
    match value:
        case None | ():
            return "not set"
        case True | False:
            return "true" if value else "false"
        case tuple():
            return ", ".join(value)
        case _:
            return str(value)


def _posts(count: int) -> str:
    return "1 post" if count == 1 else f"{count:,} posts"


def as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as a JSON object; docs/planet.md describes the keys."""
    return {
        "changes": plan.has_changes,
        "new_database": plan.is_first,
        "feeds": _feeds_json(plan.feeds),
    }


def _feeds_json(changes: FeedChanges) -> dict[str, Any]:
    return {
        "added": [
            {
                **_subscription_json(feed.subscription.name, feed.subscription.url),
                "categories": list(feed.subscription.categories),
                "posts": feed.returning.entries if feed.returning else 0,
            }
            for feed in changes.added_feeds
        ],
        "removed": [
            {**_subscription_json(feed.name, feed.url), "posts": feed.entries}
            for feed in changes.removed_feeds
        ],
        "moved": [
            {
                "feed": feed.subscription.name,
                "from": urls.masked(feed.stored.url),
                "to": urls.masked(feed.subscription.url),
            }
            for feed in changes.changed_feeds
            if feed.is_moved
        ],
        "renamed": [
            {"from": feed.stored.name, "to": feed.subscription.name}
            for feed in changes.changed_feeds
            if feed.is_renamed
        ],
        "settings": [
            {
                "feed": feed.subscription.name,
                "key": change.key,
                "from": change.before,
                "to": change.after,
            }
            for feed in changes.changed_feeds
            for change in feed.settings
        ],
        "reordered": changes.is_reordered,
    }


def _subscription_json(name: str, url: str) -> dict[str, str]:
    return {"feed": name, "url": urls.masked(url)}
