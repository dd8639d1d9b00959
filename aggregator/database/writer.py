"""The writing thread of a process, which tries again while the database is busy."""

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from aggregator.database.dialects import wait_for_writers
from aggregator.database.engine import reading_first
from aggregator.database.failures import is_missing, is_passing, is_write_conflict
from aggregator.database.outage_log import OutageLog
from aggregator.database.stalled_server import stop_waiting

_RETRY_WAITS = (1, 2, 5, 10)
"""Seconds before a write is tried again; the last one for ever."""

_MISSING_WAIT = 2  # seconds between two attempts while the file is missing

_BUSY_TIMEOUT = 1  # seconds, as a busy database is tried again, and a stop waits no longer

_STOP_WITHIN = 1  # seconds, that the present transaction may take at a stop

_STOPPING = "is_stopping"  # execution option

_T = TypeVar("_T")


class _StoppedError(Exception):
    """A transaction is not to go on."""


class Transact(Protocol):
    """Runs a function in a writing transaction, and returns the result."""

    def __call__(self, work: Callable[[Connection], _T]) -> Awaitable[_T]: ...


def run_after_reading(engine: Engine, work: Callable[[Connection], _T]) -> _T:
    """Run `work`, which reads and decides before its first write, in one transaction.

    Other processes may write until then.  After or during a write of another process, `work` runs
    again, in a transaction with the lock of writers from the beginning.

    Raises:
        DBAPIError: The database is locked for longer than the engine waits, or can't be written.
    """
    try:
        with reading_first(engine).begin() as connection:
            return work(connection)
    except DBAPIError as error:
        if not is_write_conflict(error):
            raise
    with engine.begin() as connection:
        wait_for_writers(connection)
        return work(connection)


class DatabaseWriter:
    """Runs one transaction at a time, in the order of the calls.

    Args:
        max_wait: How long to try while the database is locked or full; None: for ever.
    """

    def __init__(self, engine: Engine, *, max_wait: timedelta | None = None) -> None:
        self._max_wait = math.inf if max_wait is None else max_wait.total_seconds()
        self._engine = engine.execution_options(busy_timeout=_BUSY_TIMEOUT)
        event.listen(self._engine, "before_cursor_execute", _end_if_stopping)
        self._outage = OutageLog()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")

    async def transact(
        self, work: Callable[[Connection], _T], *, is_stopping: Callable[[], bool] | None = None
    ) -> _T:
        """Run `work` in a transaction; wait while the database is locked or full.

        `work` may run again after a failure, so `work` reads the clock by itself if needed.

        Args:
            is_stopping: Once true, the transaction ends at its next statement and is undone.

        Raises:
            DBAPIError: A permanent error, or an error beyond `max_wait`.
            CancelledError: The transaction was ended by `is_stopping`.
        """

        def run() -> _T:
            with self._engine.begin() as connection:
                if is_stopping is not None:
                    connection.execution_options(**{_STOPPING: is_stopping})
                return work(connection)

        try:
            return await self._run_until_done(run)
        except _StoppedError:
            raise asyncio.CancelledError from None

    async def transact_after_reading(self, work: Callable[[Connection], _T]) -> _T:
        """Run `work` as `run_after_reading` does; wait while the database is locked or full.

        Raises:
            DBAPIError: As for `transact`.
        """
        return await self._run_until_done(partial(run_after_reading, self._engine, work))

    async def _run_until_done(self, run: Callable[[], _T]) -> _T:
        """Call `run` in the thread that writes, again while the database is locked or full."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._max_wait
        attempt, is_done = 0, False
        try:
            while True:
                try:
                    result = await loop.run_in_executor(self._thread, run)
                except DBAPIError as error:
                    if not is_passing(error) or loop.time() > give_up_at:
                        raise
                    self._outage.failed(run, error)
                    await asyncio.sleep(_wait(error, attempt))
                    attempt += 1
                else:
                    is_done = True
                    return result
        finally:
            self._outage.ended(run, is_done=is_done)

    def stop(self) -> None:
        """End the thread after the present transaction; a server that hangs is not waited for."""
        impatience = threading.Timer(_STOP_WITHIN, stop_waiting, [self._engine])
        impatience.daemon = True
        impatience.start()
        self._thread.shutdown(wait=True, cancel_futures=True)
        impatience.cancel()


def _wait(error: DBAPIError, attempt: int) -> float:
    """Return the seconds until the next attempt."""
    if is_missing(error):
        return _MISSING_WAIT
    return _RETRY_WAITS[min(attempt, len(_RETRY_WAITS) - 1)]


def _end_if_stopping(connection: Connection, *_statement: Any) -> None:
    is_stopping = connection.get_execution_options().get(_STOPPING)
    if is_stopping is not None and is_stopping():
        raise _StoppedError
