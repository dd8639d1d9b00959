"""A cache of answers in front of the application, for requests that clients repeat.

Feed readers send the same request for hours, and mostly nothing has changed.  Routing, SQLAlchemy
and headers cost many times as much as one query for the database's version and a dictionary.  The
cache holds answers of the application itself, so no second rule decides about their content.
"""

import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aggregator.database import Engine
from aggregator.database.state.read_overview import current_version

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SUFFIXES = (".atom", ".rss", ".json", ".opml")
# Headers of a request that answers may differ by.
_HEADERS = (
    "HTTP_ACCEPT_ENCODING",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
)
_PAGE_HEADER = "HTTP_SEC_FETCH_DEST"
_DELTA_HEADER = "HTTP_A_IM"
_CACHED_STATUSES = frozenset({"200", "304"})
_VARY_IN_KEY = frozenset({"accept-encoding", "if-none-match", "if-modified-since"})
_MAX_ANSWERS = 1000
_MAX_BYTES = 32 * 1024 * 1024
_MAX_KEY = 1000  # characters of one header, so that long headers do not fill the cache
_PERIOD = 300  # seconds; the end of a week, when archives close, is a multiple

_Answer = tuple[str, list[tuple[str, str]], bytes]


class AnswerCache:
    """WSGI middleware for addresses of feeds; thread-safe, bounded.

    An answer is cached until the database's version changes, for five minutes at most, and only if
    its own headers say `public`: a path may end like a feed's and be a page.

    Args:
        deltas: Answers differ by `A-IM`, so requests with that header go to the application.
    """

    def __init__(self, app: "WSGIApplication", engine: Engine, *, deltas: bool) -> None:
        self._app = app
        self._engine = engine
        self._uncached = (_PAGE_HEADER, _DELTA_HEADER) if deltas else (_PAGE_HEADER,)
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._answers: dict[tuple[str, ...], _Answer] = {}
        self._bytes = 0

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        key = None if any(name in environ for name in self._uncached) else _key(environ)
        stamp = self._current_stamp() if key else None
        if key is None or stamp is None:
            return self._app(environ, start_response)
        if self._stamp == stamp and (answer := self._answers.get(key)) is not None:
            status, headers, body = answer
            start_response(status, list(headers))
            return (body,)
        return self._from_application(environ, start_response, key, stamp)

    def _from_application(
        self,
        environ: "WSGIEnvironment",
        start_response: "StartResponse",
        key: tuple[str, ...],
        stamp: tuple[int, int],
    ) -> Iterable[bytes]:
        """Let the application answer, and cache the answer.

        `stamp` is from before the answer: a newer answer is only made once too often, whereas an
        older one under a newer stamp would be wrong.
        """
        started: list[Any] = []

        def begin(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            started[:] = status, headers
            return start_response(status, headers, *exc_info)

        chunks = self._app(environ, begin)
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        if started and started[0][:3] in _CACHED_STATUSES and _is_public(started[1]):
            self._store(key, stamp, (started[0], started[1], body))
        return (body,)

    def _store(self, key: tuple[str, ...], stamp: tuple[int, int], answer: _Answer) -> None:
        with self._lock:
            full = len(self._answers) >= _MAX_ANSWERS or self._bytes > _MAX_BYTES
            if stamp != self._stamp or full:
                self._answers, self._bytes, self._stamp = {}, 0, stamp
            self._answers[key] = answer
            self._bytes += len(answer[2])

    def _current_stamp(self) -> tuple[int, int] | None:
        version = current_version(self._engine)
        return None if version is None else (version, int(time.time()) // _PERIOD)


def _is_public(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether an answer is public, sets no cookie and varies only by headers of the key.

    Source: RFC 9111, 3 (storing responses), 4.1 (Vary).
    """
    fields: dict[str, set[str]] = {}
    for name, value in headers:
        parts = {part.strip().lower() for part in value.split(",")}
        fields.setdefault(name.lower(), set()).update(parts)
    if "set-cookie" in fields or "public" not in fields.get("cache-control", ()):
        return False
    return fields.get("vary", set()) <= _VARY_IN_KEY


def _key(environ: "WSGIEnvironment") -> tuple[str, ...] | None:
    """Return the parts of a request that its answer depends on, None if it is not cached."""
    path = environ.get("PATH_INFO", "")
    if not path.endswith(_SUFFIXES) or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return None
    parts = (
        environ["REQUEST_METHOD"],
        path,
        environ.get("QUERY_STRING", ""),
        *(environ.get(name, "") for name in _HEADERS),
    )
    return None if max(map(len, parts)) > _MAX_KEY else parts
