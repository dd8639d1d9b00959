"""Answers that cost little: validators, 304, compression, and a shelf of rendered documents.

Sources: RFC 9110 (8.8 validators, 12.5.3 Accept-Encoding, 13 conditional requests), RFC 9111.
"""

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from flask import Response, request
from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

REVALIDATE = "no-cache"
_WORTH_PACKING = 500  # bytes; below that the gzip frame eats what it saves
_GZIP_LEVEL = 6
_SHELF_COUNT = 64
_SHELF_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """What an address answers, ready to be sent.

    Attributes:
        data: Without coding.
        packed: The same with gzip, None where that is not worth it.
        etag: Strong validator of `data`, without quotes.
        modified_at: For Last-Modified, None to send none.
    """

    data: bytes
    packed: bytes | None
    content_type: str
    etag: str
    modified_at: datetime | None = None


def body(data: bytes, content_type: str, *, modified_at: datetime | None = None) -> Body:
    """Return `data` with what it takes to send it: its validator and its gzip form.

    The ETag is a hash of bytes and type: the same document has the same one in every process.
    """
    digest = hashlib.sha256(content_type.encode() + b"\0" + data).hexdigest()
    return Body(data, _packed(data), content_type, digest[:32], modified_at)


def send(content: Body, *, cache_control: str) -> Response:
    """Answer the current request with `content`, or with 304 where the client has it.

    The ETag of a coding other than identity has the coding's name as suffix: strong validators
    differ where the bytes do (RFC 9110, 8.8.3.3).
    """
    etags = [content.etag, f"{content.etag}-gzip"]
    if content.packed is not None and _takes_gzip():
        etags.reverse()
    known = _known(etags, content.modified_at)
    response = _coded(content) if known is None else _not_modified()
    response.set_etag(known or etags[0])
    if content.modified_at is not None:
        response.last_modified = content.modified_at
    response.headers["Cache-Control"] = cache_control
    return response


def page_body(html: str) -> Body:
    """Return a page ready to be sent."""
    return body(html.encode(), "text/html; charset=utf-8")


def unchanged_page(tag: str) -> Response | None:
    """Return the 304 for a page whose weak validator is `tag`, None if it has to be rendered."""
    return None if _known([tag], None) is None else _as_page(_not_modified(), tag)


def send_page(content: Body, tag: str) -> Response:
    """Answer with a page whose weak validator is `tag`: texts like "2 minutes ago" may differ."""
    return _as_page(_coded(content), tag)


def send_error_page(content: Body, status: int) -> Response:
    """Answer with a page that has no validator."""
    response = _coded(content)
    response.status_code = status
    response.headers["Cache-Control"] = REVALIDATE
    return response


class Shelf:
    """The documents that were rendered last, bounded in number and in bytes; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bodies: OrderedDict[Hashable, Body] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._bodies)

    def get(self, key: Hashable) -> Body | None:
        """Return what was put there, None if nothing was or it had to make room."""
        with self._lock:
            if key in self._bodies:
                self._bodies.move_to_end(key)
            return self._bodies.get(key)

    def put(self, key: Hashable, content: Body) -> None:
        """Keep `content`; the documents that nobody asked for longest make room."""
        with self._lock:
            if key in self._bodies:
                self._bytes -= _weight(self._bodies.pop(key))
            self._bodies[key] = content
            self._bytes += _weight(content)
            while len(self._bodies) > _SHELF_COUNT or self._bytes > _SHELF_BYTES:
                self._bytes -= _weight(self._bodies.popitem(last=False)[1])


def _weight(content: Body) -> int:
    return len(content.data) + len(content.packed or b"")


def _packed(data: bytes) -> bytes | None:
    if len(data) < _WORTH_PACKING:
        return None
    return gzip.compress(data, _GZIP_LEVEL, mtime=0)  # no time in it: same data, same bytes


def _takes_gzip() -> bool:
    return request.accept_encodings["gzip"] > 0


def _known(etags: Sequence[str], modified_at: datetime | None) -> str | None:
    """Return the validator under which the client has the current content, None if it has not.

    If-None-Match is compared weakly and, where it was sent, If-Modified-Since is not looked at
    (RFC 9110, 13.1.2, 13.1.3).
    """
    if "If-None-Match" in request.headers:
        if request.if_none_match.star_tag:
            return etags[0]
        return next((etag for etag in etags if request.if_none_match.contains_weak(etag)), None)
    since = request.if_modified_since
    if (
        since is not None
        and modified_at is not None
        and modified_at.replace(microsecond=0) <= since
    ):
        return etags[0]
    return None


class _NotModified(Response):
    """A 304 that keeps Last-Modified: werkzeug takes it for a header of the body and drops it.

    A cache that knows only the date could not renew its copy otherwise (RFC 9111, 4.3.4).
    """

    default_status = 304

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        headers = super().get_wsgi_headers(environ)
        if "Last-Modified" in self.headers:
            headers["Last-Modified"] = self.headers["Last-Modified"]
        return headers


def _not_modified() -> Response:
    response = _NotModified()
    del response.headers["Content-Type"]
    response.vary.add("Accept-Encoding")
    return response


def _coded(content: Body) -> Response:
    """Return the body in the coding that the client takes."""
    packed = content.packed if _takes_gzip() else None
    response = Response(content.data if packed is None else packed)
    response.headers["Content-Type"] = content.content_type
    if packed is not None:
        response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    return response


def _as_page(response: Response, tag: str) -> Response:
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = REVALIDATE
    return response
