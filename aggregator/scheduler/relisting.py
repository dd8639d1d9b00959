"""Entries listed anew after a change of config.yaml, while polls go on."""

import logging
from collections.abc import Callable
from time import monotonic

from aggregator.database import Connection, Transact, database_time
from aggregator.database.lists import read_relisting
from aggregator.database.lists.write_relisting import BatchSize, relist_batch

log = logging.getLogger(__name__)

_LOG_INTERVAL = 5.0  # seconds


class Relisting:
    """Lists entries anew in short transactions, and logs the progress.

    Args:
        transact: Runs a function in a transaction that locks nothing before its first write.
    """

    def __init__(self, transact: Transact) -> None:
        self._transact = transact
        self._size = BatchSize()
        self._logged_at = 0.0

    async def work(self, is_stopping: Callable[[], bool]) -> None:
        """List anew whatever remains to be listed, until `is_stopping`."""
        self._logged_at = monotonic()
        while not is_stopping() and await self._transact(self._batch):
            pass

    def _batch(self, connection: Connection) -> bool:
        started_at = monotonic()
        if started_at - self._logged_at >= _LOG_INTERVAL:
            self._logged_at = started_at
            _log_progress(connection)  # before the first write
        share = relist_batch(connection, self._size.entries, now=database_time(connection))
        if share is None:
            return False
        self._size.learn(monotonic() - started_at, share)
        return True


def _log_progress(connection: Connection) -> None:
    progress = read_relisting.relisting_progress(connection)
    if progress is not None:
        log.info("lists: %s of %s posts updated", f"{progress.entries:,}", f"{progress.total:,}")
