"""Deadlines of statements for clients, as a client chooses the search of a request.

SQLite calls a progress handler every few thousand steps, able to end the statement; PostgreSQL
has `statement_timeout`.  Either way the statement raises `DeadlineError`, and the transaction
goes on.

In SQLite the deadline counts CPU time of the thread, which a statement takes away from other
threads: a busy machine does not end a cheap statement.  Ten times as much wall time bounds
waiting for a slow disk.
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
"""Time for a statement whose search a client chose."""

SEARCHING = timedelta(milliseconds=150)
"""Time for a search as one statement, before the search is made in steps."""

STEP = timedelta(milliseconds=150)
"""Time for one step of a search."""

OF_ALL_FEEDS = timedelta(seconds=3)
"""Time for a statement that reads all subscriptions, whose number no client chooses."""

_WALL_FACTOR = 10  # the deadline in wall time is so many times the one in CPU time
_STEPS = 2000  # of SQLite's virtual machine; a search in the index takes few of them
_OPTION = "deadline"
_TIMER = "deadline"  # key of a connection's timer in the pool's record


class _StatementTimer:
    """When the present statement of a connection has to end."""

    def __init__(self) -> None:
        self._cpu = self._wall = float("inf")

    def start(self, deadline: timedelta) -> None:
        seconds = deadline.total_seconds()
        self._cpu, self._wall = thread_time() + seconds, monotonic() + _WALL_FACTOR * seconds

    def is_over(self) -> bool:
        return thread_time() > self._cpu or monotonic() > self._wall


def within(deadline: timedelta) -> dict[str, Any]:
    """Return the execution options of a statement with another deadline than the engine's.

    On PostgreSQL a deadline shorter than the engine's has no effect.
    """
    return {_OPTION: deadline}


def set_deadline(engine: Engine, deadline: timedelta) -> None:
    """Set the deadline of each statement of an engine; `within` overrides the deadline."""
    if engine.dialect.name == "sqlite":
        _set_sqlite(engine, deadline)
    else:
        _set_postgresql(engine, deadline)

    def deadline_error(context: ExceptionContext) -> DeadlineError | None:
        error = context.sqlalchemy_exception
        if error is None or not is_cancelled(error):
            return None
        return DeadlineError("a statement took too long and was ended; ask for less")

    event.listen(engine, "handle_error", deadline_error)


def _set_sqlite(engine: Engine, deadline: timedelta) -> None:
    def set_up_connection(connection: sqlite3.Connection, record: Any) -> None:
        timer = record.info[_TIMER] = _StatementTimer()
        connection.set_progress_handler(timer.is_over, _STEPS)

    def set_timeout(
        connection: Connection, _cursor: Any, _statement: str, _values: Any, context: Any, _: bool
    ) -> None:
        connection.info[_TIMER].start(context.execution_options.get(_OPTION, deadline))

    event.listen(engine, "connect", set_up_connection)
    event.listen(engine, "before_cursor_execute", set_timeout)


def _set_postgresql(engine: Engine, deadline: timedelta) -> None:
    def set_up_connection(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {_milliseconds(deadline)}")
        connection.commit()  # a rollback would undo the setting

    def set_timeout(
        _connection: Connection, cursor: Any, _statement: str, _values: Any, context: Any, _: bool
    ) -> None:
        longer = context.execution_options.get(_OPTION, deadline)
        if longer > deadline:
            cursor.execute(f"SET LOCAL statement_timeout = {_milliseconds(longer)}")

    event.listen(engine, "connect", set_up_connection)
    event.listen(engine, "before_cursor_execute", set_timeout)


@contextmanager
def attempt(connection: Connection) -> Iterator[None]:
    """Let the transaction go on after a statement of the block has met the deadline.

    PostgreSQL refuses every statement after a failed statement, but for a rolled-back savepoint.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    with connection.begin_nested():
        yield


def _milliseconds(deadline: timedelta) -> int:
    return deadline // timedelta(milliseconds=1)
