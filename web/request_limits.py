"""What of a request reaches the application: headers and queries of bounded length.

A list in a header takes time to parse that grows with its length, and some of what clients send is
remembered.  Nobody needs more than this: what is longer was written to cost something.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from web.plain_responses import plain_answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_QUERY = 8_000
MAX_HEADER = 1_000
MAX_HEADERS = {"HTTP_IF_NONE_MATCH": 8_000, "HTTP_COOKIE": 16_000}
"""Characters; browsers send the cookies of all programs on one host to each of them."""


class RequestLimits:
    """WSGI middleware: a header that is too long counts as not sent, a query as an error (414).

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
