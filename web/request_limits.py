"""Limits for the headers, the query and the body of a request.

Parsing a list in a header takes time in proportion to the length, and caches store parts of
requests.  Honest clients stay far below the limits.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from web.plain_responses import plain_answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_BODY = 32_768
"""Bytes of the body of a request; only our own hub reads one."""

MAX_QUERY = 8_000
MAX_HEADER = 1_000
MAX_HEADERS = {"HTTP_IF_NONE_MATCH": 8_000, "HTTP_COOKIE": 16_000}
"""Characters; browsers send the cookies of all programs on one host to each program."""


class RequestLimits:
    """WSGI middleware: a header over its limit is dropped, a query over the limit refused (414).

    Source: RFC 9110, 5.4 (limits), 15.5.15 (URI Too Long).
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        if len(environ.get("QUERY_STRING", "")) > MAX_QUERY:
            text = f"The address is too long: at most {MAX_QUERY} characters behind the ?."
            return plain_answer(start_response, "414 URI Too Long", text)
        too_long = [
            name
            for name, value in environ.items()
            if name.startswith("HTTP_") and len(value) > MAX_HEADERS.get(name, MAX_HEADER)
        ]
        for name in too_long:
            del environ[name]
        return self._app(environ, start_response)
