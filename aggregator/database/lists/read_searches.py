"""What the search page shows besides a list: the number of results, and parts of full texts."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, func, select

from aggregator.database.deadline import attempt, within
from aggregator.database.lists.list_query import list_query
from aggregator.database.schema import contents, entries
from aggregator.errors import DeadlineError
from aggregator.model import ListScope
from aggregator.search.entry_words import searched_text

_COUNTING = timedelta(milliseconds=30)
_MAX_HTML = 100_000  # characters of a full text


def count_results(connection: Connection, scope: ListScope, most: int) -> int | None:
    """Count the entries of a search, up to `most`; None if that takes too long."""
    query = list_query(connection, scope)
    if query is None:
        return 0
    if query.filters:  # only the newest candidates are tested
        return None
    results = query.whole().add_columns(entries.c.id).limit(most).subquery()
    statement = select(func.count()).select_from(results)
    try:
        with attempt(connection):
            return connection.scalar(statement.execution_options(**within(_COUNTING)))
    except DeadlineError:
        return None


def full_texts(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return the plain full texts of entries by id, with single spaces; none that is empty."""
    if not ids:
        return {}
    html = func.substr(contents.c.html, 1, _MAX_HTML)
    rows = connection.execute(select(contents.c.entry_id, html).where(contents.c.entry_id.in_(ids)))
    texts = {entry_id: " ".join(searched_text(text).split()) for entry_id, text in rows}
    return {entry_id: text for entry_id, text in texts.items() if text}
