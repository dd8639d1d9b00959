"""A database of a test's own, and what is asked of it."""

from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import event

from aggregator.database.feeds import write_leases
from aggregator.database.lists import read_lists
from aggregator.model import ListKind, ListScope, Subscription
from tests.worlds import NOW

MINUTE = timedelta(minutes=1)


def feed(name="blog", url=None, **values):
    return Subscription(
        name=name, url=url or f"https://{name}.example/feed", name_given=True, **values
    )


def list_scope(**key: str) -> ListScope:
    """Return the list with a key, such as `category="sea"`; without a key that of all entries."""
    return next((ListScope(ListKind(kind), text) for kind, text in key.items()), ListScope())


def titles(database, **arguments):
    with database.connect() as connection:
        return [
            found.title
            for found in read_lists.entries_page(connection, limit=100, **arguments).entries
        ]


def lease_due(database, *, now=NOW, owner="me", **arguments):
    with database.begin() as connection:
        return [
            due.name
            for due in write_leases.lease_due(
                connection, owner=owner, now=now, until=now + MINUTE, **arguments
            )
        ]


@contextmanager
def statements(database):
    """Collect what is executed, each statement once however many rows it is executed for.

    Left out is the question for the time: with PostgreSQL, a transaction that may write asks first.
    """
    seen = []

    def note(_connection, _cursor, statement, *_):
        if "clock_timestamp" not in statement:
            seen.append(statement)

    event.listen(database, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database, "before_cursor_execute", note)
