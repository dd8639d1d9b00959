"""Answers over HTTP: validators, 304, compression, and a cache of rendered documents.

Sources: RFC 9110 (8.8 validators, 12.5.3 Accept-Encoding, 13 conditional requests), RFC 9111, RFC
3229 (deltas).
"""

import gzip
import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import brotli  # type: ignore[import-untyped]
from flask import Response, request
from werkzeug.datastructures import Accept, Headers
from werkzeug.http import parse_accept_header

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

REVALIDATE = "no-cache"
_MIN_COMPRESSED = 500  # bytes; the frame of gzip costs more than compression of less saves
_COMPRESSED_TYPES = frozenset({"image/webp"})  # compressed as they are
_GZIP_LEVEL = 6
_BROTLI_QUALITY = 5  # as fast as gzip at 6, and smaller
_CODING_SUFFIX = re.compile(r"-(?:gzip|br)$")
_CACHE_COUNT = 64
_CACHE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """The body of an answer with its validators.

    Attributes:
        data: Without content coding.
        etag: Strong validator of `data`, without quotes.
        modified_at: For Last-Modified, None for no such header.
        links: Relation, address and media type of each `Link` (RFC 8288).
    """

    data: bytes
    content_type: str
    etag: str
    modified_at: datetime | None = None
    links: tuple[tuple[str, str, str | None], ...] = ()
    _compressed: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)

    def compressed(self, coding: str) -> bytes:
        """Return `data` in a content coding; compressed on first use."""
        if coding not in self._compressed:
            self._compressed[coding] = _CODINGS[coding](self.data)
        return self._compressed[coding]


def body(
    data: bytes,
    content_type: str,
    *,
    modified_at: datetime | None = None,
    links: Sequence[tuple[str, str, str | None]] = (),
) -> Body:
    """Return `data` as the body of an answer.

    The ETag is a hash of bytes and type: a document has the same ETag in every process.
    """
    digest = hashlib.sha256(content_type.encode() + b"\0" + data).hexdigest()
    return Body(data, content_type, digest[:32], modified_at, tuple(links))


def send(content: Body, *, cache_control: str) -> Response:
    """Answer the current request with `content`, or with 304 if the client's copy is current.

    The ETag of a coding other than identity has the coding's name as suffix: strong validators
    differ where the bytes differ (RFC 9110, 8.8.3.3).
    """
    etag = _matching_etag(_etags(content), content.modified_at)
    response = _coded(content) if etag is None else _not_modified()
    _describe(response, content, etag or _etags(content)[0])
    response.headers["Cache-Control"] = cache_control
    return response


def send_delta(delta: Body, whole: Body) -> Response:
    """Answer with the part of `whole` that the client lacks (RFC 3229, 226).

    Caches without RFC 3229 would take the part for the whole, so they must not store the answer.
    """
    response = _coded(delta)
    response.status_code = 226
    response.headers["IM"] = "feed"
    _describe(response, whole, _etags(whole)[0])
    response.headers["Cache-Control"] = "no-store, im"
    response.vary.update(("A-IM", "If-None-Match"))
    return response


def wants_delta() -> bool:
    """Whether the client accepts a document with only the entries that the client lacks."""
    manipulations = parse_accept_header(request.headers.get("A-IM", ""), Accept)
    return manipulations["feed"] > 0


def is_current(content: Body) -> bool:
    """Whether the client's copy of `content` is current, by the validators of the request."""
    return _matching_etag(_etags(content), content.modified_at) is not None


def client_etags() -> list[str]:
    """Return the validators of the request, without the names of codings."""
    etags = request.if_none_match.as_set(include_weak=True)
    return [_CODING_SUFFIX.sub("", etag) for etag in etags]


def send_private(content: Body) -> Response:
    """Answer with a page at an address where other clients get a document."""
    response = _coded(content)
    response.headers["Cache-Control"] = "private, no-store"
    response.vary.add("Sec-Fetch-Dest")
    return response


def page_body(html: str) -> Body:
    """Return a page as the body of an answer."""
    return body(html.encode(), "text/html; charset=utf-8")


def unchanged_page(tag: str) -> Response | None:
    """Return the 304 for a page with the weak validator `tag`, None if the client's copy is old."""
    return None if _matching_etag([tag], None) is None else _as_page(_not_modified(), tag)


def send_page(content: Body, tag: str) -> Response:
    """Answer with a page; the validator `tag` is weak, as texts like "2 minutes ago" may differ."""
    return _as_page(_coded(content), tag)


def send_error_page(content: Body, status: int) -> Response:
    """Answer with a page without validator."""
    response = _coded(content)
    response.status_code = status
    response.headers["Cache-Control"] = REVALIDATE
    return response


class BodyCache:
    """The last used bodies (LRU), bounded in number and in bytes; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bodies: OrderedDict[Hashable, Body] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._bodies)

    def clear(self) -> None:
        """Remove all bodies."""
        with self._lock:
            self._bodies.clear()
            self._bytes = 0

    def get(self, key: Hashable) -> Body | None:
        """Return the body of a key, None if the cache does not have the key (any more)."""
        with self._lock:
            if key in self._bodies:
                self._bodies.move_to_end(key)
            return self._bodies.get(key)

    def store(self, key: Hashable, content: Body) -> None:
        """Store a body; if there are too many, remove the least recently used ones."""
        with self._lock:
            if key in self._bodies:
                self._bytes -= _weight(self._bodies.pop(key))
            self._bodies[key] = content
            self._bytes += _weight(content)
            while len(self._bodies) > _CACHE_COUNT or self._bytes > _CACHE_BYTES:
                self._bytes -= _weight(self._bodies.popitem(last=False)[1])


def _weight(content: Body) -> int:
    return len(content.data) * 3 // 2  # about half as much again for compressed forms


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, _GZIP_LEVEL, mtime=0)  # without time, for equal bytes


def _brotli(data: bytes) -> bytes:
    compressed: bytes = brotli.compress(data, quality=_BROTLI_QUALITY)
    return compressed


_CODINGS: dict[str, Callable[[bytes], bytes]] = {"br": _brotli, "gzip": _gzip}


def _coding(content: Body) -> str | None:
    """Return the content coding for the current request, None for identity."""
    if len(content.data) < _MIN_COMPRESSED or content.content_type in _COMPRESSED_TYPES:
        return None
    accepted = request.accept_encodings
    names = {value.lower() for value, _ in accepted}
    # `*` includes brotli, but authors of such clients may have thought of gzip alone.
    weights = {c: accepted[c] if c == "gzip" or c in names else 0 for c in _CODINGS}
    best = max(weights, key=lambda coding: weights[coding])
    return best if weights[best] > 0 else None


def _etags(content: Body) -> list[str]:
    """Return the validators of the content in every coding, the coding of the answer first."""
    suffixes = ["", *(f"-{coding}" for coding in _CODINGS)]
    coding = _coding(content)
    first = f"-{coding}" if coding else ""
    return [content.etag + suffix for suffix in sorted(suffixes, key=lambda text: text != first)]


def _describe(response: Response, content: Body, etag: str) -> None:
    response.set_etag(etag)
    if content.modified_at is not None:
        response.last_modified = content.modified_at
    for relation, url, media_type in content.links:
        kind = f'; type="{media_type}"' if media_type else ""
        response.headers.add("Link", f'<{url}>; rel="{relation}"{kind}')


def _matching_etag(etags: Sequence[str], modified_at: datetime | None) -> str | None:
    """Return the validator of the client's copy if the copy is current, else None.

    If-None-Match is compared weakly; If-Modified-Since only counts without If-None-Match
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
    """A 304 with Last-Modified, which werkzeug drops as a header of the body.

    A cache without an ETag needs the date to renew its copy (RFC 9111, 4.3.4).
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
    """Return an answer with the body in the coding for the current request."""
    coding = _coding(content)
    response = Response(content.data if coding is None else content.compressed(coding))
    response.headers["Content-Type"] = content.content_type
    if coding is not None:
        response.headers["Content-Encoding"] = coding
    response.vary.add("Accept-Encoding")
    return response


def _as_page(response: Response, tag: str) -> Response:
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = REVALIDATE
    return response
