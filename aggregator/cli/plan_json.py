"""The plan of a configuration file as JSON; docs/planet.md describes the keys."""

from collections.abc import Iterable
from typing import Any

from aggregator import urls
from aggregator.cli.output import iso
from aggregator.cli.plan_output import Examples
from aggregator.model import EntryId
from aggregator.plan import (
    FeedChanges,
    Plan,
    PlannedList,
    PlannedRule,
    SettingChange,
    examples,
)


def as_json(plan: Plan, entries: Examples) -> dict[str, Any]:
    """Return a plan as a JSON object.

    Args:
        entries: With the ids of `plan.example_ids`.
    """
    return {
        "changes": plan.has_changes,
        "new_database": plan.is_first,
        "since": iso(plan.since),
        "feeds": _feeds(plan.feeds),
        "settings": [_setting(change) for change in plan.settings],
        "lists": [_list(planned, entries) for planned in plan.lists],
        "rules": [_rule(rule, entries) for rule in plan.rules],
        "views_reordered": plan.is_reordered,
    }


def _feeds(changes: FeedChanges) -> dict[str, Any]:
    changed_feeds = changes.changed_feeds
    return {
        "added": [
            {
                "feed": feed.subscription.name,
                "url": urls.masked(feed.subscription.known_url),
                "categories": list(feed.subscription.categories),
                "posts": feed.returning.entries if feed.returning else 0,
            }
            for feed in changes.added_feeds
        ],
        "removed": [
            {"feed": feed.name, "url": urls.masked(feed.known_url), "posts": feed.entries}
            for feed in changes.removed_feeds
        ],
        "moved": [
            {
                "feed": feed.subscription.name,
                "from": urls.masked(feed.stored.known_url),
                "to": urls.masked(feed.subscription.known_url),
            }
            for feed in changed_feeds
            if feed.is_moved
        ],
        "renamed": [
            {"from": feed.stored.name, "to": feed.subscription.name}
            for feed in changed_feeds
            if feed.is_renamed
        ],
        "settings": [
            {"feed": feed.subscription.name, **_setting(change)}
            for feed in changed_feeds
            for change in feed.settings
        ],
        "reordered": changes.is_reordered,
    }


def _setting(change: SettingChange) -> dict[str, Any]:
    return {"key": change.key, "from": change.before, "to": change.after}


def _list(planned: PlannedList, entries: Examples) -> dict[str, Any]:
    definition = planned.definition
    return {
        "kind": definition.kind.value,
        "key": definition.key,
        "title": definition.title,
        "search": definition.search or None,
        "change": _kind_of_change(planned.before, planned.after),
        "posts": len(planned.content_after.shown_ids),
        "posts_now": len(planned.content_before.shown_ids),
        "hidden": planned.content_after.hidden,
        "hidden_now": planned.content_before.hidden,
        "added": len(planned.added_ids),
        "removed": len(planned.removed_ids),
        "examples": _examples(planned.content_after.shown_ids, entries),
        "added_examples": _examples(planned.added_ids, entries),
        "removed_examples": _examples(planned.removed_ids, entries),
    }


def _rule(rule: PlannedRule, entries: Examples) -> dict[str, Any]:
    return {
        "feed": rule.feed,
        "key": rule.kind.value,
        "value": rule.after,
        "value_now": rule.before,
        "change": _kind_of_change(rule.before, rule.after),
        "posts": rule.posts,
        "left_out": len(rule.effect_after.ids),
        "left_out_now": len(rule.effect_before.ids),
        "examples": _examples(rule.effect_after.ids, entries),
    }


def _kind_of_change(before: object, after: object) -> str | None:
    if before == after:
        return None
    if before is None:
        return "added"
    return "removed" if after is None else "changed"


def _examples(ids: Iterable[int], entries: Examples) -> list[dict[str, Any]]:
    return [
        {
            "id": f"e{entry_id}",
            "title": entries[entry_id].title,
            "feed": entries[entry_id].feed,
            "url": urls.masked(url) if (url := entries[entry_id].url) else None,
            "listed_at": iso(EntryId(entry_id).at),
        }
        for entry_id in examples(ids)
    ]
