"""Which feeds the names of sources and categories in searches, rules and views mean.

`search.known_names` has the rule.  Titles are compared in memory, as no database folds letters as
searches do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, literal, select, union_all

from aggregator.database.deadline import OF_ALL_FEEDS, within
from aggregator.database.dialects import gathered, rows_in
from aggregator.database.feeds.read_sources import shown_title
from aggregator.database.schema import feed_categories, feeds, former_names, lists
from aggregator.model import ListKind
from aggregator.search.known_names import KnownNames, exact_names
from aggregator.search.syntax_tree import NameField, NameTest, Resolution

_CATEGORIES = select(lists.c.id, lists.c.key, lists.c.title).where(
    lists.c.kind == ListKind.CATEGORY.value, lists.c.position.is_not(None)
)
_PRESENT = select(feeds.c.id, feeds.c.name, literal(0).label("is_former")).where(feeds.c.subscribed)
_FORMER = (
    select(feeds.c.id, former_names.c.name, literal(1).label("is_former"))
    .join_from(former_names, feeds, feeds.c.id == former_names.c.feed_id)
    .where(feeds.c.subscribed)
)
_FEEDS_OF_LISTS = (
    select(feed_categories.c.feed_id, feed_categories.c.list_id)
    .join(feeds, feeds.c.id == feed_categories.c.feed_id)
    .where(feeds.c.subscribed)
)


def resolve_names(connection: Connection, tests: Iterable[NameTest]) -> Resolution:
    """Return the ids of the subscribed feeds that each name means."""
    distinct_tests = list(dict.fromkeys(tests))
    sources = [test for test in distinct_tests if test.field is NameField.SOURCE]
    categories = [test for test in distinct_tests if test.field is NameField.CATEGORY]
    resolution = _resolved_sources(connection, sources) if sources else {}
    if categories:
        resolution |= _resolved_categories(connection, categories)
    return {test: resolution[test] for test in distinct_tests}


def _resolved_sources(
    connection: Connection, tests: Sequence[NameTest]
) -> dict[NameTest, frozenset[int]]:
    names = sorted({name for test in tests for name in exact_names(test.value)})
    present = _PRESENT.where(feeds.c.name.in_(names))
    former = _FORMER.where(former_names.c.name.in_(names))
    named_feeds = connection.execute(union_all(present, former)).all()
    known_names = KnownNames(
        names={row.id: row.name for row in named_feeds if not row.is_former},
        former_names={row.name: row.id for row in named_feeds if row.is_former},
    )
    if not all(known_names.feeds(test) for test in tests):
        # One row: thousands of rows take three times as long.
        titles = select(gathered(connection.dialect.name, feeds.c.id, shown_title(feeds)))
        titles = titles.where(feeds.c.subscribed).execution_options(**within(OF_ALL_FEEDS))
        known_names = replace(known_names, titles=dict(rows_in(connection.scalar(titles))))
    return {test: known_names.feeds(test) for test in tests}


def _resolved_categories(
    connection: Connection, tests: Sequence[NameTest]
) -> dict[NameTest, frozenset[int]]:
    rows = connection.execute(_CATEGORIES).all()
    known_names = KnownNames(category_titles={row.key: row.title for row in rows})
    slugs = {test: known_names.category_slugs(test.value) for test in tests}
    keys = {
        row.id: row.key for row in rows if any(row.key in of_test for of_test in slugs.values())
    }
    if not keys:
        return dict.fromkeys(tests, frozenset())
    feed_ids: dict[str, set[int]] = {key: set() for key in keys.values()}
    statement = _FEEDS_OF_LISTS.where(feed_categories.c.list_id.in_(keys))
    for feed_id, list_id in connection.execute(statement.execution_options(**within(OF_ALL_FEEDS))):
        feed_ids[keys[list_id]].add(feed_id)
    return {
        test: frozenset(feed_id for slug in of_test for feed_id in feed_ids[slug])
        for test, of_test in slugs.items()
    }
