"""A server on a loopback address answers only requests for names of this machine.

A web site may point its name to 127.0.0.1 (DNS rebinding): a browser then takes our pages for pages
of the site, and scripts of the site can read them.  The Host header still has the site's name.  A
server for other machines does not know all of its names, so every name is answered.

Sources: RFC 9110, 7.2 (Host), 15.5.20 (Misdirected Request).
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from aggregator import urls
from web.plain_responses import plain_answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HOST = re.compile(r"(?:\[([0-9a-f:.]{2,45})\]|([^\s:/@\[\]]{1,253}))(?::[0-9]{0,5})?")
FOREIGN_NAME = "aggregator.foreign_name"
"""Set in the environment of a request by a name that is not ours: the answer names no feed."""

# Probes use names like host.docker.internal.
_FOR_PROBES = ("/healthz", "/readyz", "/metrics")
_MAX_NAME = 80  # characters of a refused name in the answer


class HostCheck:
    """WSGI middleware for a server on a loopback address: 421 for the names of others.

    A request without Host does not come from a browser, and is answered.

    Args:
        base_url: The host in this URL is a name of the server, too: a proxy in front forwards it.
    """

    def __init__(self, app: "WSGIApplication", *, base_url: str) -> None:
        self._app = app
        self._public_name = urls.host_of(base_url)
        # Decoded as servers decode PATH_INFO.
        prefix = unquote_to_bytes(urlsplit(base_url).path.rstrip("/")).decode("latin-1")
        self._for_probes = frozenset(start + path for path in _FOR_PROBES for start in ("", prefix))

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        host = environ.get("HTTP_HOST", "")
        if not host or self._is_ours(host):
            return self._app(environ, start_response)
        if environ.get("PATH_INFO") in self._for_probes:
            return self._app({**environ, FOREIGN_NAME: True}, start_response)
        name = "".join(c for c in host[:_MAX_NAME] if c.isascii() and c.isprintable())
        text = (
            f'"{name}" is not a name of this server; use localhost, or set base_url in config.yaml '
            "to the address that leads here."
        )
        return plain_answer(start_response, "421 Misdirected Request", text)

    def _is_ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host.lower())
        name = (match[1] or match[2].removesuffix(".")) if match else ""
        return bool(name) and (name == self._public_name or urls.is_loopback(name))
