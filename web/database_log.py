"""The log of a web process without a database: a line a minute, for any number of requests."""

import logging
import threading
from time import monotonic

from aggregator.database import DBAPIError, database_error, is_passing
from aggregator.database.failures import failure

log = logging.getLogger(__name__)

_INTERVAL = 60.0  # seconds


class DatabaseLog:
    """Logs errors of the database, each kind once a minute; thread-safe.

    Args:
        url: Of the database; messages have no password.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._logged_at: dict[object, float] = {}

    def note(self, error: DBAPIError) -> None:
        """Log an error, unless the last minute had an error of the same kind."""
        text, now = str(database_error(error, self._url)), monotonic()
        kind: object = failure(error) if is_passing(error) else text
        with self._lock:
            last = {key: at for key, at in self._logged_at.items() if now - at < _INTERVAL}
            is_news = kind not in last
            self._logged_at = last if not is_news else {**last, kind: now}
        if is_news:
            log.error("%s", text)
