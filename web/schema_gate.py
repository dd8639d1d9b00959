"""503 until a replica has the schema of this version, which the primary gets first."""

import logging
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aggregator.database import has_schema
from aggregator.errors import DatabaseError
from web.plain_responses import plain_answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

_LOOK_INTERVAL = 1.0  # seconds
_WAITING = "The database does not have its new tables yet; try again in a moment."


class SchemaGate:
    """WSGI middleware: lets no request pass before the schema of a database is there; thread-safe.

    Requests pass while the database is out of reach: the application says so.

    Args:
        url: Of the replica.
    """

    def __init__(self, app: "WSGIApplication", url: str) -> None:
        self._app = app
        self._url = url
        self._lock = threading.Lock()
        self._is_open = False
        self._message = ""
        self._looked_at = 0.0
        self._look()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        with self._lock:
            if not self._is_open and time.monotonic() >= self._looked_at + _LOOK_INTERVAL:
                self._look()
            is_open = self._is_open or not self._message
        if is_open:
            return self._app(environ, start_response)
        return plain_answer(
            start_response, "503 Service Unavailable", _WAITING, ("Retry-After", "10")
        )

    def _look(self) -> None:
        """Look at the schema, and log once why requests wait."""
        message = ""
        try:
            self._is_open = has_schema(self._url)
        except DatabaseError as error:
            message = str(error)
        if message and message != self._message:
            log.warning("%s", message)
        elif self._is_open and self._message:
            log.warning("database_read: has the schema of this version now; continuing")
        self._message = message
        self._looked_at = time.monotonic()
