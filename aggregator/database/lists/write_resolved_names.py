"""Which feeds the names of sources and categories in rules mean, kept while the answer holds.

Names may be parts of titles, which documents of feeds change.  So the answer is stored, and found
out again when config.yaml or a title changes; feeds that a name means no longer, or means now, are
listed anew.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, and_, delete, insert, select

from aggregator.database.lists import write_relistings
from aggregator.database.lists.read_definitions import common_rules, feed_rules
from aggregator.database.lists.rule_matching import read_resolution, rule_node
from aggregator.database.lists.search_names import resolve_names
from aggregator.database.schema import feeds, lists, resolved_names, state
from aggregator.search.known_names import is_part_of
from aggregator.search.syntax_tree import NameTest, Resolution
from aggregator.search.tree_facts import name_tests

_IS_VIEW = and_(lists.c.search.is_not(None), lists.c.position.is_not(None))


def resolve_again(connection: Connection) -> None:
    """Find out which feeds the names in rules mean; note feeds to be listed anew."""
    stored = read_resolution(connection)
    resolution = resolve_names(connection, _tests(connection))
    if resolution == stored:
        return
    changed_tests = [
        test for test in stored.keys() & resolution.keys() if stored[test] != resolution[test]
    ]
    connection.execute(delete(resolved_names))
    _store(connection, resolution)
    feed_ids = {feed_id for test in changed_tests for feed_id in stored[test] ^ resolution[test]}
    views = connection.execute(select(lists.c.id, lists.c.search).where(_IS_VIEW))
    names_of = {row.id: name_tests(rule_node(row.search)) for row in views}
    write_relistings.relist_feeds(
        connection,
        dict.fromkeys(sorted(feed_ids), ()),
        [list_id for list_id, names in names_of.items() if set(names).intersection(changed_tests)],
    )


def follow_titles(connection: Connection, titles: Iterable[tuple[str, str]]) -> None:
    """Find out again which feeds names mean, if that may depend on changed titles.

    Args:
        titles: The former and the present title of each feed with another title.
    """
    changed_titles = [(former, present) for former, present in titles if former != present]
    if not changed_titles:
        return
    values = connection.scalars(select(resolved_names.c.value)).all()
    if any(
        is_part_of(former, value) != is_part_of(present, value)
        for value in values
        for former, present in changed_titles
    ):
        resolve_again(connection)


def _tests(connection: Connection) -> list[NameTest]:
    """Return the names in all rules and views."""
    common = common_rules(connection.scalar(select(state.c.listing)))
    texts = [common.hide]
    texts += connection.scalars(select(lists.c.search).where(_IS_VIEW))
    own_rules = select(feeds.c.listing).where(feeds.c.listing.is_not(None), feeds.c.subscribed)
    for listing in connection.scalars(own_rules.distinct()):
        own = feed_rules(listing)
        texts += [own.keep, own.hide]
    return [test for text in texts if text is not None for test in name_tests(rule_node(text))]


def _store(connection: Connection, resolution: Resolution) -> None:
    rows = [
        {"field": test.field.value, "value": test.value, "feeds": sorted(feed_ids)}
        for test, feed_ids in resolution.items()
    ]
    if rows:
        connection.execute(insert(resolved_names), rows)
