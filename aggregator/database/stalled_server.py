"""Connections to a PostgreSQL server that hangs, and closes no connection.

A server with stopped processes, or a dead disk, takes connections and answers nothing, while
the kernel answers the keepalives of TCP.  libpq would wait without end.
"""

import logging
from collections.abc import Generator
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Engine, event

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)

_DRIVER = "psycopg"
_OPTION = "patience"  # execution option of an engine
_TOLD_AFTER = 10  # seconds without an answer
_PAUSE = 5  # seconds between two attempts to connect to a server that hangs

_T = TypeVar("_T")


class Patience:
    """How long the connections of an engine wait for an answer.

    Args:
        limit: Seconds until the connection is given up; None: for ever, or until `is_over`.

    Attributes:
        is_over: Whether nobody waits for answers any more.
    """

    def __init__(self, limit: float | None) -> None:
        self.is_over = False
        self._limit = limit
        self._is_stalled = False
        self._no_attempt_before = 0.0

    def connect(self, arguments: list[Any], options: dict[str, Any]) -> "psycopg.Connection":
        """Return a new connection; while the server hangs, only one caller waits at a time.

        Raises:
            psycopg.OperationalError: The server can't be reached, or hung a moment ago, or nobody
                waits any more.
        """
        import psycopg

        if self.is_over:
            raise psycopg.OperationalError("the program is stopping")
        if self._limit is not None and self._is_stalled:
            if monotonic() < self._no_attempt_before:
                raise psycopg.OperationalError("the server did not answer a moment ago")
            self._no_attempt_before = monotonic() + _PAUSE
        try:
            connection = _connection_class(self).connect(*arguments, **options)
        except psycopg.errors.ConnectionTimeout:
            self._note_stall()
            raise
        self._is_stalled = False
        return connection

    def watched(
        self, steps: Generator[Any, Any, _T], connection: "psycopg.Connection"
    ) -> Generator[Any, Any, _T]:
        """Pass on the steps of an exchange with the server, at least one in 100 ms.

        Raises:
            psycopg.OperationalError: The time is up; the connection is closed.
        """
        began_at, is_told = monotonic(), False
        try:
            ready = yield next(steps)
            while True:
                seconds = monotonic() - began_at
                if not ready and (
                    self.is_over or (self._limit is not None and seconds > self._limit)
                ):
                    self._give_up(connection, seconds)
                if not ready and seconds > _TOLD_AFTER and not is_told:
                    is_told = True
                    log.warning(
                        "database: the server has not answered for %d s; waiting", _TOLD_AFTER
                    )
                ready = yield steps.send(ready)
        except StopIteration as end:
            if is_told:
                log.warning("database: the server answered after %d s", monotonic() - began_at)
            result: _T = end.value
            return result

    def _give_up(self, connection: "psycopg.Connection", seconds: float) -> None:
        import psycopg

        self._note_stall()
        connection.pgconn.finish()
        raise psycopg.OperationalError(f"the server has not answered for {seconds:.0f} s")

    def _note_stall(self) -> None:
        self._is_stalled, self._no_attempt_before = True, monotonic() + _PAUSE


def _connection_class(patience: Patience) -> "type[psycopg.Connection]":
    import psycopg

    class WatchedConnection(psycopg.Connection):
        def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
            return super().wait(patience.watched(gen, self), *arguments, **options)

    return WatchedConnection


def watch_server(engine: Engine, *, limit: timedelta | None = None) -> None:
    """Log when the server of an engine hangs; close a connection without an answer for `limit`."""
    if engine.driver != _DRIVER:
        return
    patience = Patience(None if limit is None else limit.total_seconds())
    engine.update_execution_options(**{_OPTION: patience})

    def connect(
        _dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]
    ) -> "psycopg.Connection":
        return patience.connect(arguments, options)

    event.listen(engine, "do_connect", connect)


def stop_waiting(engine: Engine) -> None:
    """Let the connections of an engine wait no longer for their server, at a stop."""
    patience = engine.get_execution_options().get(_OPTION)
    if patience is not None:
        patience.is_over = True
