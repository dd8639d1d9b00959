"""What the search page shows besides a list: the number of results, full texts, advice."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection, func, select

from aggregator.database.deadline import SEARCHING, attempt, within
from aggregator.database.feeds.read_sources import shown_title
from aggregator.database.lists.list_query import ListQuery, list_query
from aggregator.database.schema import contents, entries, feeds, lists
from aggregator.errors import DeadlineError
from aggregator.model import ListKind, ListPage, ListScope
from aggregator.search.entry_words import searched_text
from aggregator.search.name_hints import MAX_COMPARED, unknown_name
from aggregator.search.search_faults import Hint
from aggregator.search.search_parser import parse, prefix_proposal
from aggregator.search.syntax_tree import NameField, NameTest

_COUNTING = timedelta(milliseconds=30)
_MAX_HTML = 100_000  # characters of a full text
_MAX_UNKNOWN = 3  # names of a search that are compared with others

_TITLES = {
    NameField.SOURCE: select(feeds.c.name, shown_title(feeds)).where(feeds.c.subscribed),
    NameField.CATEGORY: select(lists.c.key, lists.c.title).where(
        lists.c.kind == ListKind.CATEGORY.value, lists.c.position.is_not(None)
    ),
}


def count_entries(connection: Connection, query: ListQuery, count_limit: int) -> int | None:
    """Count the entries of a list, up to `count_limit`; None if that takes too long."""
    if query.has_many:
        return count_limit
    if query.filters:  # only the newest candidates are tested
        return None
    results = query.whole().add_columns(entries.c.id).limit(count_limit).subquery()
    statement = select(func.count()).select_from(results)
    try:
        with attempt(connection):
            return connection.scalar(statement.execution_options(**within(_COUNTING)))
    except DeadlineError:
        return None


def count_hidden(connection: Connection, scope: ListScope, count_limit: int) -> int:
    """Count the entries that config.yaml hides from a search without results, up to `count_limit`.

    0 if that takes too long.
    """
    return _count_first(connection, replace(scope, hidden=True), count_limit)


def prefix_hint(connection: Connection, scope: ListScope) -> Hint | None:
    """Return the hint that a search without results has results with an asterisk at its end.

    None if it has none, or if finding out would take long.
    """
    hint = prefix_proposal(scope.search_text)
    if hint is None:
        return None
    proposed_scope = replace(scope, key=scope.key + "*")
    if parse(proposed_scope.key).is_costly or not _count_first(connection, proposed_scope, 1):
        return None
    return hint


def _count_first(connection: Connection, scope: ListScope, count_limit: int) -> int:
    """Count the entries on a first page of `count_limit` entries; 0 if that takes too long."""
    query = list_query(connection, scope)
    if query is None:
        return 0
    results = query.below(None).add_columns(entries.c.id).limit(count_limit).subquery()
    statement = select(func.count()).select_from(results)
    try:
        with attempt(connection):
            return connection.scalar(statement.execution_options(**within(SEARCHING))) or 0
    except DeadlineError:
        return 0


def full_texts(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return the plain full texts of entries by id, with single spaces; none that is empty."""
    if not ids:
        return {}
    html = func.substr(contents.c.html, 1, _MAX_HTML)
    rows = connection.execute(select(contents.c.entry_id, html).where(contents.c.entry_id.in_(ids)))
    texts = {entry_id: " ".join(searched_text(text).split()) for entry_id, text in rows}
    return {entry_id: text for entry_id, text in texts.items() if text}


def name_hints(connection: Connection, page: ListPage) -> tuple[Hint, ...]:
    """Return hints on the names that no source or category has in the search of a page."""
    unknown_tests = [
        NameTest(NameField(field), value) for field, value in page.unknown_names[:_MAX_UNKNOWN]
    ]
    titles = {
        field: {row[0]: row[1] for row in connection.execute(_TITLES[field].limit(MAX_COMPARED))}
        for field in {test.field for test in unknown_tests}
    }
    return tuple(unknown_name(test, titles[test.field]) for test in unknown_tests)
