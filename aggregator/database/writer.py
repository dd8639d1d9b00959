"""The one thread of a process that writes, and its patience with a busy database."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from aggregator.database.failures import is_missing, is_passing

log = logging.getLogger(__name__)

_RETRY_WAITS = (1, 2, 5, 10, 30)
"""Seconds before a write is tried again; the last one for ever."""

_LOOK_AGAIN = 2  # seconds until it looks whether a missing file is there again

_BUSY_TIMEOUT = 1  # seconds: as it tries again anyway, and a stop need not wait longer

_T = TypeVar("_T")


class Transact(Protocol):
    """Runs a function in one transaction that may write, and returns the result."""

    def __call__(self, work: Callable[[Connection], _T]) -> Awaitable[_T]: ...


class Writer:
    """Does one transaction at a time, in the order in which they were asked for.

    Args:
        patience: How long it tries to get into a database that is locked or full; None: for ever.
    """

    def __init__(self, engine: Engine, *, patience: timedelta | None = None) -> None:
        self._patience = math.inf if patience is None else patience.total_seconds()
        self._engine = engine.execution_options(busy_timeout=_BUSY_TIMEOUT)
        self._missing = ""  # what is said of the database's file while that is missing
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")

    async def transact(self, work: Callable[[Connection], _T]) -> _T:
        """Do `work` in one transaction; wait until the database is not locked or full any more.

        `work` may be done again after it failed, so it reads the clock itself if it needs to.

        Raises:
            DBAPIError: What waiting does not heal, or did not heal in time.
        """
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._patience

        def run() -> _T:
            with self._engine.begin() as connection:
                return work(connection)

        attempt = 0
        while True:
            try:
                result = await loop.run_in_executor(self._thread, run)
            except DBAPIError as error:
                if not is_passing(error) or loop.time() > give_up_at:
                    raise
                await asyncio.sleep(self._wait(error, attempt))
                attempt += 1
            else:
                if self._missing:
                    log.warning("database: its file is there again; going on")
                    self._missing = ""
                return result

    def _wait(self, error: DBAPIError, attempt: int) -> float:
        """Say why the database takes nothing; return the seconds until it is tried again."""
        if not is_missing(error):
            wait = _RETRY_WAITS[min(attempt, len(_RETRY_WAITS) - 1)]
            log.error("database: %s; trying again in %d s", error.orig, wait)
            return wait
        if self._missing != str(error.orig):  # once, not at each look
            self._missing = str(error.orig)
            log.error("database: %s", error.orig)
        return _LOOK_AGAIN

    def stop(self) -> None:
        """End the thread; what it has begun it ends first."""
        self._thread.shutdown(wait=True, cancel_futures=True)
