"""Answers to what is asked again and again, given before the application is even entered.

Readers ask the same question for hours, and mostly nothing has changed.  The application takes half
a millisecond to say so; one look at the database's version and one into a dictionary take a tenth.
What is kept here is what the application answered, so there is nothing to keep in step.
"""

import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aggregator.database import Engine
from aggregator.database.state.read_overview import current_version

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ENDS = (".atom", ".rss", ".json", ".opml")  # of addresses that are worth a look
# All that an answer depends on, beside the address.
_HEADERS = (
    "HTTP_ACCEPT_ENCODING",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MODIFIED_SINCE",
)
_ASKS_FOR_PAGE = "HTTP_SEC_FETCH_DEST"
_ASKS_FOR_DELTA = "HTTP_A_IM"
_KEPT = frozenset({"200", "304"})
_IN_KEY = frozenset({"accept-encoding", "if-none-match", "if-modified-since"})
_MAX_ANSWERS = 1000
_MAX_BYTES = 32 * 1024 * 1024
_MAX_KEY = 1000  # characters of one header: nobody fills the memory with questions
_SPAN = 300  # seconds: the end of a week, for archives, is a multiple of it

_Answer = tuple[str, list[tuple[str, str]], bytes]


class Memory:
    """WSGI middleware for addresses of feeds; thread-safe, bounded.

    An answer is kept while the database's version and the five minutes are the same, and only if it
    says itself that it is the same for everybody: what stands at an address can have any name.

    Args:
        deltas: What is answered depends on whether the client asks for deltas.
    """

    def __init__(self, app: "WSGIApplication", engine: Engine, *, deltas: bool) -> None:
        self._app = app
        self._engine = engine
        self._not_kept = (_ASKS_FOR_PAGE, _ASKS_FOR_DELTA) if deltas else (_ASKS_FOR_PAGE,)
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._answers: dict[tuple[str, ...], _Answer] = {}
        self._bytes = 0

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        key = None if any(name in environ for name in self._not_kept) else _key(environ)
        stamp = self._now() if key else None
        if key is None or stamp is None:
            return self._app(environ, start_response)
        if self._stamp == stamp and (kept := self._answers.get(key)) is not None:
            status, headers, body = kept
            start_response(status, list(headers))
            return (body,)
        return self._asked(environ, start_response, key, stamp)

    def _asked(
        self,
        environ: "WSGIEnvironment",
        start_response: "StartResponse",
        key: tuple[str, ...],
        stamp: tuple[int, int],
    ) -> Iterable[bytes]:
        """Let the application answer, and keep that.

        `stamp` was read before: an answer that is newer than it is asked for anew, never an older
        one given.
        """
        started: list[Any] = []

        def begin(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            started[:] = status, headers
            return start_response(status, headers, *rest)

        chunks = self._app(environ, begin)
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        if started and started[0][:3] in _KEPT and _is_for_everybody(started[1]):
            self._keep(key, stamp, (started[0], started[1], body))
        return (body,)

    def _keep(self, key: tuple[str, ...], stamp: tuple[int, int], answer: _Answer) -> None:
        with self._lock:
            full = len(self._answers) >= _MAX_ANSWERS or self._bytes > _MAX_BYTES
            if stamp != self._stamp or full:
                self._answers, self._bytes, self._stamp = {}, 0, stamp
            self._answers[key] = answer
            self._bytes += len(answer[2])

    def _now(self) -> tuple[int, int] | None:
        version = current_version(self._engine)
        return None if version is None else (version, int(time.time()) // _SPAN)


def _is_for_everybody(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether an answer is public, sets no cookie and depends on nothing that the key has not.

    Source: RFC 9111, 3 (storing responses), 4.1 (Vary).
    """
    fields: dict[str, set[str]] = {}
    for name, value in headers:
        parts = {part.strip().lower() for part in value.split(",")}
        fields.setdefault(name.lower(), set()).update(parts)
    if "set-cookie" in fields or "public" not in fields.get("cache-control", ()):
        return False
    return fields.get("vary", set()) <= _IN_KEY


def _key(environ: "WSGIEnvironment") -> tuple[str, ...] | None:
    """Return what an answer depends on, None where it is not kept."""
    path = environ.get("PATH_INFO", "")
    if not path.endswith(_ENDS) or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return None
    parts = (
        environ["REQUEST_METHOD"],
        path,
        environ.get("QUERY_STRING", ""),
        *(environ.get(name, "") for name in _HEADERS),
    )
    return None if max(map(len, parts)) > _MAX_KEY else parts
