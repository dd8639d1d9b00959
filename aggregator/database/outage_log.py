"""A line of the log when nothing can be written to the database, and a line at the end of that."""

import logging
from time import monotonic

from sqlalchemy.exc import DBAPIError

from aggregator.database.failures import DatabaseFailure, cause, failure

log = logging.getLogger(__name__)


class OutageLog:
    """Logs the failures of transactions before the next attempt.

    Many transactions wait during an outage, and the log has a line for each kind of failure.  The
    outage ends with the last waiting transaction: on a full disk others may succeed meanwhile.
    """

    def __init__(self) -> None:
        self._waiting: set[object] = set()
        self._logged: set[str] = set()
        self._is_missing = False
        self._began_at = 0.0

    def failed(self, transaction: object, error: DBAPIError) -> None:
        """Note a failure of a transaction before the next attempt."""
        if not self._waiting:
            self._began_at = monotonic()
        self._waiting.add(transaction)
        kind = failure(error)
        self._is_missing = kind is DatabaseFailure.MISSING
        # Of a missing file there are several messages: which file, and what to do.
        text = cause(error) if self._is_missing else kind.name
        if text not in self._logged:
            self._logged.add(text)
            end = "" if self._is_missing else "; trying again until it can be used"
            log.error("database: %s%s", cause(error), end)

    def ended(self, transaction: object, *, is_done: bool) -> None:
        """Note the success of a transaction, or the end of all attempts."""
        if transaction not in self._waiting:
            return
        self._waiting.discard(transaction)
        if self._waiting:
            return
        self._logged.clear()
        if is_done and self._is_missing:
            log.warning("database: the file is back; continuing")
        elif is_done:
            log.warning("database: can be used again after %d s", monotonic() - self._began_at)
