"""How long a statement that answers a client may take: what a request asks is the client's choice.

SQLite asks a progress handler every few thousand steps whether to go on; PostgreSQL has
`statement_timeout`.  Either way the statement ends in `DeadlineError`, and its transaction goes on.

In SQLite the deadline is of the thread's own CPU time: that is what a statement takes away from
others, and a busy machine does not end statements that are cheap.  A multiple of it in wall time
bounds what waits for a slow disk.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic, thread_time
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from aggregator.database.failures import is_cancelled
from aggregator.errors import DeadlineError

READING = timedelta(milliseconds=300)
"""What a statement may take in which a client chose what is looked for."""

SEARCHING = timedelta(milliseconds=150)
"""What a search may take as one statement, before it is made in steps."""

STEP = timedelta(milliseconds=150)
"""What one step of a search may take."""

OF_ALL_FEEDS = timedelta(seconds=3)
"""What a statement may take that reads all subscriptions: their number decides, not a client."""

_WAITS = 10  # the deadline in wall time is so many times the one in CPU time
_STEPS = 2000  # of SQLite's virtual machine; a search in the index takes few of them
_OPTION = "deadline"
_CLOCK = "deadline"  # of a connection, in what the pool notes of it


class _Clock:
    """When the statement that a connection is executing has to end."""

    def __init__(self) -> None:
        self._cpu = self._wall = float("inf")

    def start(self, deadline: timedelta) -> None:
        seconds = deadline.total_seconds()
        self._cpu, self._wall = thread_time() + seconds, monotonic() + _WAITS * seconds

    def is_over(self) -> bool:
        return thread_time() > self._cpu or monotonic() > self._wall


def within(deadline: timedelta) -> dict[str, Any]:
    """Return the execution options of a statement that has another deadline.

    PostgreSQL has the one of the engine for all statements, but for longer ones.
    """
    return {_OPTION: deadline}


def set_deadline(engine: Engine, deadline: timedelta) -> None:
    """Let each statement of an engine take so long at most, but for those `within` another time."""
    if engine.dialect.name == "sqlite":
        _set_sqlite(engine, deadline)
    else:
        _set_postgresql(engine, deadline)

    def failed(context: ExceptionContext) -> DeadlineError | None:
        error = context.sqlalchemy_exception
        if error is None or not is_cancelled(error):
            return None
        return DeadlineError("a statement took too long and was ended; ask for less")

    event.listen(engine, "handle_error", failed)


def _set_sqlite(engine: Engine, deadline: timedelta) -> None:
    def connected(connection: sqlite3.Connection, record: Any) -> None:
        clock = record.info[_CLOCK] = _Clock()
        connection.set_progress_handler(clock.is_over, _STEPS)

    def begins(
        connection: Connection, _cursor: Any, _statement: str, _values: Any, context: Any, _: bool
    ) -> None:
        connection.info[_CLOCK].start(context.execution_options.get(_OPTION, deadline))

    event.listen(engine, "connect", connected)
    event.listen(engine, "before_cursor_execute", begins)


def _set_postgresql(engine: Engine, deadline: timedelta) -> None:
    def connected(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {_milliseconds(deadline)}")
        connection.commit()  # else it ends with the transaction that is rolled back

    def begins(
        _connection: Connection, cursor: Any, _statement: str, _values: Any, context: Any, _: bool
    ) -> None:
        longer = context.execution_options.get(_OPTION, deadline)
        if longer > deadline:
            cursor.execute(f"SET LOCAL statement_timeout = {_milliseconds(longer)}")

    event.listen(engine, "connect", connected)
    event.listen(engine, "before_cursor_execute", begins)


@contextmanager
def attempt(connection: Connection) -> Iterator[None]:
    """Let the transaction go on when a statement within meets its deadline.

    PostgreSQL refuses what follows a failed statement, but for a savepoint before it.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    with connection.begin_nested():
        yield


def _milliseconds(deadline: timedelta) -> int:
    return deadline // timedelta(milliseconds=1)
