"""The plan of a configuration file as lines for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from aggregator import urls
from aggregator.model import EntryId, ListKind
from aggregator.plan import (
    DAYS,
    AddedFeed,
    ChangedFeed,
    ExampleEntry,
    Plan,
    PlannedList,
    PlannedRule,
    SettingChange,
    SettingValue,
    StoredFeed,
    examples,
)

MAX_ITEMS = 20
"""Items below a heading."""

MAX_NAMES = 8
"""Feeds in a line."""

_NOT_SET = "not set"
_WITH_HEADINGS = {"category", "paused"}

Examples = Mapping[int, ExampleEntry]
"""Entries by id."""

_Item = Sequence[str]
"""A line, and lines with examples."""


def lines(plan: Plan, entries: Examples, *, path: Path) -> Iterator[str]:
    """Yield a plan as lines, grouped under headings.

    Args:
        entries: With the ids of `plan.example_ids`.
        path: Of the configuration file.
    """
    if not plan.has_changes:
        yield f"{path}: nothing to change"
        return
    if plan.is_first:
        yield f"{path}: the database has no feeds yet, so all feeds are new"
    for heading, items in _sections(plan, entries).items():
        if items:
            yield f"{heading}: {len(items):,}"
            yield from (f"  {line}" for item in items[:MAX_ITEMS] for line in item)
            if len(items) > MAX_ITEMS:
                yield f"  and {len(items) - MAX_ITEMS:,} more; --json lists all"


def _sections(plan: Plan, entries: Examples) -> Mapping[str, Sequence[_Item]]:
    """Return the items below each heading."""
    changed_feeds = plan.feeds.changed_feeds
    added_feeds = {"Feeds added": [[_added_line(feed)] for feed in plan.feeds.added_feeds]}
    if plan.is_first:  # no post comes or goes
        return added_feeds
    return added_feeds | {
        "Feeds removed": [[_removed_line(feed)] for feed in plan.feeds.removed_feeds],
        "Feeds with another address": [
            [_moved_line(feed)] for feed in changed_feeds if feed.is_moved
        ],
        "Feeds with another name": [
            [f"{feed.stored.name} -> {feed.subscription.name}"]
            for feed in changed_feeds
            if feed.is_renamed
        ],
        "Feeds in other categories": [[line] for line in _category_lines(changed_feeds)],
        "Feeds paused": [[line] for line in _paused_lines(changed_feeds, paused=True)],
        "Feeds polled again": [[line] for line in _paused_lines(changed_feeds, paused=False)],
        "Settings": [[line] for line in _setting_lines(plan)],
        f"Lists (posts of the last {DAYS} days)": [
            list(_list_lines(planned, entries)) for planned in plan.lists if planned.is_changed
        ],
        f"Rules (posts of the last {DAYS} days)": [
            list(_rule_lines(rule, entries)) for rule in plan.rules if rule.is_changed
        ],
        "Order": [[line] for line in _order_lines(plan)],
    }


def _added_line(feed: AddedFeed) -> str:
    subscription = feed.subscription
    line = f"{subscription.name}: {urls.masked(subscription.known_url)}"
    if subscription.categories:
        line += f" ({', '.join(subscription.categories)})"
    if feed.returning:
        line += f"; was in the file before, with {_posts(feed.returning.entries)}"
    return line


def _removed_line(feed: StoredFeed) -> str:
    line = f"{feed.name}: {urls.masked(feed.known_url)}"
    return f"{line}; lists lose its {_posts(feed.entries)}" if feed.entries else line


def _moved_line(feed: ChangedFeed) -> str:
    before, after = urls.masked(feed.stored.known_url), urls.masked(feed.subscription.known_url)
    if before == after:
        return f"{feed.subscription.name}: {after} (in its secret part)"
    return f"{feed.subscription.name}: {before} -> {after}"


def _category_lines(feeds: Iterable[ChangedFeed]) -> Iterator[str]:
    for feed in feeds:
        for change in feed.settings:
            if change.key == "category":
                yield _change(feed.subscription.name, change.before, change.after)


def _paused_lines(feeds: Iterable[ChangedFeed], *, paused: bool) -> Iterator[str]:
    for feed in feeds:
        for change in feed.settings:
            if change.key == "paused" and change.after is paused:
                yield feed.subscription.name


def _setting_lines(plan: Plan) -> Iterator[str]:
    """Yield a line for each change of another setting; of feeds, with their names."""
    for change in plan.settings:
        yield _change(change.key, change.before, change.after)
    names_of: dict[SettingChange, list[str]] = {}
    for feed in plan.feeds.changed_feeds:
        for change in feed.settings:
            if change.key in _WITH_HEADINGS:
                continue
            names_of.setdefault(change, []).append(feed.subscription.name)
    for change, names in names_of.items():
        text = ", ".join(names[:MAX_NAMES])
        if len(names) > MAX_NAMES:
            text += f" and {len(names) - MAX_NAMES:,} more"
        yield f"{_change(change.key, change.before, change.after)} ({text})"


def _change(key: str, before: SettingValue, after: SettingValue) -> str:
    return f"{key}: {_value(before)} -> {_value(after)}"


def _value(value: SettingValue) -> str:
    match value:
        case None | ():
            return _NOT_SET
        case True | False:
            return "true" if value else "false"
        case tuple():
            return ", ".join(value)
        case _:
            return str(value)


def _list_lines(planned: PlannedList, entries: Examples) -> Iterator[str]:
    """Yield the changes of a list, with examples of the posts that come and go."""
    after, before = len(planned.content_after.shown_ids), len(planned.content_before.shown_ids)
    if planned.after is None:
        yield f"{list_name(planned)}: leaves the file, with {_posts(before)}"
        return
    if planned.before is None:
        yield f"{list_name(planned)}: new, with {_posts(after)}"
    else:
        yield f"{list_name(planned)}: {_posts(after)} ({before:,} now)"
        for key, former, value in _redefined_keys(planned):
            yield f"  {_change(key, former or None, value or None)}"
    yield from _example_lines("+ ", planned.added_ids, entries)
    yield from _example_lines("- ", planned.removed_ids, entries)


def list_name(planned: PlannedList) -> str:
    """Return the name of a list for people."""
    definition = planned.definition
    match definition.kind:
        case ListKind.ALL:
            return "all posts"
        case ListKind.CATEGORY:
            return f"category {definition.title}"
        case _:
            return f"view {definition.key}"


def _redefined_keys(planned: PlannedList) -> Iterator[tuple[str, str, str]]:
    """Yield the changes of a list's definition: key, value before, value after."""
    if planned.before and planned.after:
        for key in ("title", "search", "description"):
            former, value = getattr(planned.before, key), getattr(planned.after, key)
            if former != value:
                yield key, former, value


def _rule_lines(rule: PlannedRule, entries: Examples) -> Iterator[str]:
    """Yield the changes of a rule, with examples of the posts that lists lack by the rule."""
    feed = f"{rule.feed}: " if rule.feed else ""
    values = _change(rule.kind.value, rule.before, rule.after)
    if not rule.is_redefined:
        values = f"{rule.kind.value}: {_value(rule.after)}"
    yield f"{feed}{values}; {_effect(rule)}"
    yield from _example_lines("", rule.effect_after.ids, entries)


def _effect(rule: PlannedRule) -> str:
    """Return the number of posts that lists lack by a rule."""
    before, after = len(rule.effect_before.ids), len(rule.effect_after.ids)
    posts = _posts(rule.posts)
    if not rule.posts:
        return "no posts yet"
    if rule.after is None:
        return f"left out {before:,} of {posts}"
    now = f" ({before:,} now)" if rule.before is not None else ""
    number = {0: "none", rule.posts: "all"}.get(after, f"{after:,}")
    return f"leaves out {number} of {posts}{now}"


def _example_lines(sign: str, ids: Iterable[int], entries: Examples) -> Iterator[str]:
    """Yield a line for each of the newest entries, and the number of further entries."""
    ids = list(ids)
    example_ids = examples(ids)
    for entry_id in example_ids:
        entry = entries[entry_id]
        yield f'  {sign}"{entry.title}" ({entry.feed}, {EntryId(entry_id).at:%Y-%m-%d})'
    if len(ids) > len(example_ids):
        yield f"  {sign}{len(ids) - len(example_ids):,} more"


def _order_lines(plan: Plan) -> Iterator[str]:
    if plan.feeds.is_reordered:
        yield "feeds: of an article in several of them, lists may show another post"
    if plan.is_reordered:
        yield "views: shown in another order"


def _posts(count: int) -> str:
    if not count:
        return "no posts"
    return "1 post" if count == 1 else f"{count:,} posts"
