"""Lists and rules of config.yaml, written to the database; what follows is left to relisting."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from aggregator import rules, urls
from aggregator.database.chunks import chunks, execute_for_each
from aggregator.database.feeds.write_polls import note_change
from aggregator.database.lists import write_relistings
from aggregator.database.lists.read_definitions import common_rules
from aggregator.database.schema import activity, feed_categories, feeds, lists, state
from aggregator.model import CommonRules, ListingRules, ListKind, Subscription, View

RULES_VERSION = 1
"""Grows when the language of rules changes its meaning, so that rules are worked over again."""

_NAMES = ("title", "description", "search", "position")
_LISTS = select(lists.c.id, lists.c.key, *(lists.c[name] for name in _NAMES), lists.c.entries)
_CATEGORIES = select(feed_categories.c.feed_id, feed_categories.c.list_id).order_by(
    feed_categories.c.feed_id, feed_categories.c.position
)
_CHANGE = (
    update(lists)
    .where(lists.c.id == bindparam("list"))
    .values({name: bindparam(f"new_{name}") for name in _NAMES})
)
_LEAVE = update(lists).where(lists.c.id == bindparam("list")).values(position=None)


class ListDefinition(NamedTuple):
    """A category or a view as config.yaml has it."""

    title: str
    description: str
    search: str | None
    position: int


@dataclass(frozen=True, slots=True)
class ListChanges:
    """How the lists of a kind differ from those of the file before.

    Attributes:
        ids: Ids of the lists in the file, by key.
        changed_ids: Ids of lists with another search than before: new, back, changed or gone.
    """

    ids: Mapping[str, int]
    changed_ids: frozenset[int] = frozenset()


def write_categories(connection: Connection, subscriptions: Iterable[Subscription]) -> ListChanges:
    """Store the categories of subscriptions; of two spellings the first is shown."""
    spellings = dict.fromkeys(
        category for subscription in subscriptions for category in subscription.categories
    )
    slugs = urls.category_slugs(spellings)
    definitions: dict[str, ListDefinition] = {}
    for category in spellings:
        place = len(definitions)
        definitions.setdefault(slugs[category], ListDefinition(category, "", None, place))
    changes = _write_lists(connection, ListKind.CATEGORY, definitions)
    ids = {category: changes.ids[slug] for category, slug in slugs.items()}
    return replace(changes, ids=ids)


def write_rules(connection: Connection, listing: ListingRules) -> None:
    """Store views and the rules of all feeds; lists follow by relisting."""
    views = _write_lists(connection, ListKind.VIEW, _view_definitions(listing.views))
    row = connection.execute(select(state.c.listing, state.c.rules_version)).one()
    former, common = common_rules(row.listing), listing.common
    if (former, row.rules_version) != (common, RULES_VERSION):
        connection.execute(
            update(state).values(listing=rules.as_json(common), rules_version=RULES_VERSION)
        )
    has_other_meaning = row.rules_version != RULES_VERSION or former.timezone != common.timezone
    changed_views = views.changed_ids.union(views.ids.values() if has_other_meaning else ())
    if _concerns_all(connection, former, common, has_other_meaning=has_other_meaning):
        write_relistings.relist_all_feeds(connection, changed_views)
        return
    if changed_views:
        write_relistings.relist_views(connection, changed_views)
    if former.per_hour != common.per_hour:
        limits = [limit for limit in (former.per_hour, common.per_hour) if limit is not None]
        busy = select(activity.c.feed_id).where(activity.c.entries * 2 > min(limits)).distinct()
        write_relistings.relist_feeds(connection, dict.fromkeys(connection.scalars(busy), ()))


def categories_of_feeds(connection: Connection) -> dict[int, tuple[int, ...]]:
    """Return the ids of the categories of feeds, by feed."""
    categories: dict[int, list[int]] = {}
    for feed_id, list_id in connection.execute(_CATEGORIES):
        categories.setdefault(feed_id, []).append(list_id)
    return {feed_id: tuple(list_ids) for feed_id, list_ids in categories.items()}


def write_feed_categories(connection: Connection, categories: Mapping[int, Sequence[int]]) -> None:
    """Store the categories of feeds in place of stored ones.

    Args:
        categories: Ids of lists by feed.
    """
    for chunk in chunks(sorted(categories)):
        connection.execute(delete(feed_categories).where(feed_categories.c.feed_id.in_(chunk)))
    rows = [
        {"feed_id": feed_id, "position": position, "list_id": list_id}
        for feed_id, list_ids in categories.items()
        for position, list_id in enumerate(list_ids)
    ]
    execute_for_each(connection, insert(feed_categories), rows)


def _view_definitions(views: Iterable[View]) -> dict[str, ListDefinition]:
    return {
        view.name: ListDefinition(view.title, view.description, view.search, position)
        for position, view in enumerate(views)
    }


def _write_lists(
    connection: Connection, kind: ListKind, definitions: Mapping[str, ListDefinition]
) -> ListChanges:
    """Store the lists of a kind as the file has them."""
    rows = {row.key: row for row in connection.execute(_LISTS.where(lists.c.kind == kind.value))}
    new_lists = {key: definition for key, definition in definitions.items() if key not in rows}
    changed_lists = [
        (rows[key], definition)
        for key, definition in definitions.items()
        if key in rows and _definition(rows[key]) != definition
    ]
    left_rows = [
        row for key, row in rows.items() if row.position is not None and key not in definitions
    ]
    if not new_lists and not changed_lists and not left_rows:
        return ListChanges({key: rows[key].id for key in definitions})
    note_change(connection)
    if new_lists:
        values = [
            {"kind": kind.value, "key": key, **definition._asdict()}
            for key, definition in new_lists.items()
        ]
        connection.execute(insert(lists), values)
    _change_lists(connection, changed_lists, left_rows)
    stored = connection.execute(select(lists.c.key, lists.c.id).where(lists.c.kind == kind.value))
    ids = {row.key: row.id for row in stored if row.key in definitions}
    with_other_members = {
        row.id
        for row, definition in changed_lists
        if row.position is None or row.search != definition.search
    }
    new_ids, left_ids = {ids[key] for key in new_lists}, {row.id for row in left_rows}
    return ListChanges(ids, frozenset(with_other_members | new_ids | left_ids))


def _change_lists(
    connection: Connection,
    changed_lists: Sequence[tuple[Any, ListDefinition]],
    left_rows: Sequence[Any],
) -> None:
    if changed_lists:
        values = [
            {"list": row.id}
            | {f"new_{name}": value for name, value in definition._asdict().items()}
            for row, definition in changed_lists
        ]
        connection.execute(_CHANGE, values)
    if left_rows:
        connection.execute(_LEAVE, [{"list": row.id} for row in left_rows])


def _definition(row: Any) -> ListDefinition:
    return ListDefinition(row.title, row.description, row.search, row.position)


def _concerns_all(
    connection: Connection, former: CommonRules, common: CommonRules, *, has_other_meaning: bool
) -> bool:
    """Whether entries of any feed may be in other lists, by other rules of all feeds.

    Args:
        has_other_meaning: Days begin elsewhere, or words mean something else.
    """
    if (former.hide, former.backlog) != (common.hide, common.backlog):
        return True
    own_rules = select(feeds.c.id).where(feeds.c.listing.is_not(None)).limit(1)
    return has_other_meaning and (
        common.hide is not None or connection.scalar(own_rules) is not None
    )
