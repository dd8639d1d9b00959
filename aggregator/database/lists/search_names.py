"""Which feeds the names of sources and categories in searches, rules and views mean."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    literal,
    or_,
    select,
    union_all,
)

from aggregator import urls
from aggregator.database.feeds.read_sources import shown_title
from aggregator.database.schema import feed_categories, feeds, former_names, lists
from aggregator.search.syntax_tree import NameField, NameTest, Resolution

_CATEGORIES = (
    select(feeds.c.id, lists.c.key, lists.c.title)
    .join_from(feeds, feed_categories, feed_categories.c.feed_id == feeds.c.id)
    .join(lists, lists.c.id == feed_categories.c.list_id)
)
_SOURCES = select(feeds.c.id, feeds.c.name.label("key"), shown_title(feeds).label("title"))
_FORMER = select(
    feeds.c.id, former_names.c.name.label("key"), former_names.c.name.label("title")
).join_from(former_names, feeds, feeds.c.id == former_names.c.feed_id)


def resolve_names(connection: Connection, tests: Iterable[NameTest]) -> Resolution:
    """Return the ids of the subscribed feeds that each name means.

    A source is meant by its name, else by a former name, else by a part of the title that is shown.
    A category is meant by its name or slug, else by a part of its name.
    """
    distinct_tests = list(dict.fromkeys(tests))
    if not distinct_tests:
        return {}
    statements = [
        statement
        for number, test in enumerate(distinct_tests)
        for statement in _candidates(number, test)
    ]
    rows = connection.execute(union_all(*statements)).all()
    return {
        test: frozenset(_meant_ids(test, [row for row in rows if row.number == number]))
        for number, test in enumerate(distinct_tests)
    }


def _candidates(number: int, test: NameTest) -> Iterable[Select[Any]]:
    keys = {test.value, urls.slug(test.value)}
    if test.field is NameField.CATEGORY:
        keys |= set(urls.category_slugs([test.value]).values())
        return [_with_name(number, _CATEGORIES, test.value, keys)]
    former = _FORMER.where(former_names.c.name.in_(sorted(keys)), feeds.c.subscribed)
    former = former.add_columns(literal(number).label("number"), literal(1).label("is_former"))
    return [_with_name(number, _SOURCES, test.value, keys), former]


def _with_name(number: int, names: Select[Any], value: str, keys: Iterable[str]) -> Select[Any]:
    key, title = names.selected_columns["key"], names.selected_columns["title"]
    has_name = or_(key.in_(sorted(keys)), title.icontains(value, autoescape=True))
    numbered = names.where(feeds.c.subscribed, has_name)
    return numbered.add_columns(literal(number).label("number"), literal(0).label("is_former"))


def _meant_ids(test: NameTest, rows: Sequence[Any]) -> list[int]:
    """Return the ids of the rows with exactly the name: C is not C++; else of all."""
    present = [row for row in rows if not row.is_former]
    if test.field is NameField.CATEGORY:
        names = urls.matching_categories(test.value, {row.title: row.key for row in present})
        of_name = [row for row in present if row.title in names]
    else:
        of_name = (
            [row for row in present if row.key == test.value]
            or [row for row in present if row.key == urls.slug(test.value)]
            or [row for row in rows if row.is_former]
        )
    return [row.id for row in of_name or present]
