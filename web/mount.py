"""Serving below a path: `base_url: https://example.org/reader`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Mount:
    """Make the application's links begin with the path of its base URL.

    A proxy in front may cut the prefix off or not: requests with and without the prefix reach the
    same pages (PEP 3333, SCRIPT_NAME and PATH_INFO).

    Args:
        prefix: Percent-encoded, as in links: Flask copies SCRIPT_NAME into links.
    """

    def __init__(self, app: "WSGIApplication", prefix: str) -> None:
        self._app = app
        self._prefix = prefix
        self._decoded = unquote_to_bytes(prefix).decode("latin-1")  # as servers decode PATH_INFO

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if path == self._decoded or path.startswith(f"{self._decoded}/"):
            environ["PATH_INFO"] = path[len(self._decoded) :] or "/"
        environ["SCRIPT_NAME"] = self._prefix
        return self._app(environ, start_response)
