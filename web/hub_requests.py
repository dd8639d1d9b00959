"""The door by which requests of subscribers get into the database: the only writes of the web."""

import logging
import threading
import time
from collections.abc import Callable

from aggregator.database import DBAPIError, Engine, database_error, is_gone
from aggregator.database.websub import write_requests
from aggregator.database.websub.write_requests import SubscriptionRequest
from aggregator.errors import DatabaseError, DeadlineError

log = logging.getLogger(__name__)

_BUSY_TIMEOUT = 1  # seconds to wait for other writers
_STORED_AT_ONCE = 2  # fewer than the server has threads: pages are answered meanwhile
_LOG_INTERVAL = 60.0  # seconds between two lines about a database that takes no requests


class HubRequests:
    """Stores requests of subscribers for verification; thread-safe.

    Args:
        open_engine: Opens the database to write, with the first request: pages do without.
    """

    def __init__(self, open_engine: Callable[[], Engine]) -> None:
        self._open_engine = open_engine
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(_STORED_AT_ONCE)
        self._logged_at: float | None = None

    def store(self, request: SubscriptionRequest) -> bool:
        """Store a request in a transaction of its own; return False if the database has no room.

        The database has no room at the limits of `write_requests`, and while it can't be written.
        """
        if not self._free.acquire(blocking=False):
            return False
        try:
            engine = self._opened()
            with engine.connect().execution_options(reads_first=True) as connection:
                if not write_requests.has_room(connection, request.host):  # without a lock
                    return False
            with engine.begin() as connection:
                return write_requests.add_request(connection, request)
        except (DBAPIError, DeadlineError, DatabaseError) as error:
            self._log(error)
            return False
        finally:
            self._free.release()

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()

    def _opened(self) -> Engine:
        with self._lock:
            if self._engine is None:
                engine = self._open_engine()
                self._engine = engine.execution_options(busy_timeout=_BUSY_TIMEOUT)
            return self._engine

    def _log(self, error: Exception) -> None:
        """Log once a minute why requests are refused."""
        now = time.monotonic()
        if self._logged_at is not None and now < self._logged_at + _LOG_INTERVAL:
            return
        if isinstance(error, DBAPIError):
            if is_gone(error) or self._engine is None:  # a missing file is logged by `watch_file`
                return
            url = self._engine.url.render_as_string(hide_password=False)
            error = database_error(error, url)
        self._logged_at = now
        log.error("hub: a request could not be stored: %s", error)
