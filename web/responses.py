"""Answers that cost little: validators, 304, compression, and a shelf of rendered documents.

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
_WORTH_PACKING = 500  # bytes; below that the gzip frame eats what it saves
_GZIP_LEVEL = 6
_BROTLI_QUALITY = 5  # takes as long as gzip at 6, and is smaller
_CODED = re.compile(r"-(?:gzip|br)$")
_SHELF_COUNT = 64
_SHELF_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """What an address answers, ready to be sent.

    Attributes:
        data: Without coding.
        etag: Strong validator of `data`, without quotes.
        modified_at: For Last-Modified, None to send none.
        links: Relation, address and media type of each `Link` (RFC 8288).
    """

    data: bytes
    content_type: str
    etag: str
    modified_at: datetime | None = None
    links: tuple[tuple[str, str, str | None], ...] = ()
    _packed: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)

    def packed(self, coding: str) -> bytes:
        """Return `data` in a content coding; made once, when it is first asked for."""
        if coding not in self._packed:
            self._packed[coding] = _CODINGS[coding](self.data)
        return self._packed[coding]


def body(
    data: bytes,
    content_type: str,
    *,
    modified_at: datetime | None = None,
    links: Sequence[tuple[str, str, str | None]] = (),
) -> Body:
    """Return `data` with what it takes to send it.

    The ETag is a hash of bytes and type: the same document has the same one in every process.
    """
    digest = hashlib.sha256(content_type.encode() + b"\0" + data).hexdigest()
    return Body(data, content_type, digest[:32], modified_at, tuple(links))


def send(content: Body, *, cache_control: str) -> Response:
    """Answer the current request with `content`, or with 304 where the client has it.

    The ETag of a coding other than identity has the coding's name as suffix: strong validators
    differ where the bytes do (RFC 9110, 8.8.3.3).
    """
    known = _known(_etags(content), content.modified_at)
    response = _coded(content) if known is None else _not_modified()
    _describe(response, content, known or _etags(content)[0])
    response.headers["Cache-Control"] = cache_control
    return response


def send_delta(delta: Body, whole: Body) -> Response:
    """Answer with the part of `whole` that the client lacks (RFC 3229, 226).

    A cache that does not know this would take it for the whole, so it may not keep it.
    """
    response = _coded(delta)
    response.status_code = 226
    response.headers["IM"] = "feed"
    _describe(response, whole, _etags(whole)[0])
    response.headers["Cache-Control"] = "no-store, im"
    response.vary.update(("A-IM", "If-None-Match"))
    return response


def wants_delta() -> bool:
    """Whether the client takes only the entries that it lacks."""
    wanted = parse_accept_header(request.headers.get("A-IM", ""), Accept)
    return wanted["feed"] > 0


def is_current(content: Body) -> bool:
    """Whether the client has `content`, by the validators that it sends."""
    return _known(_etags(content), content.modified_at) is not None


def client_etags() -> list[str]:
    """Return the validators that the client sends, without the names of codings."""
    known = request.if_none_match.as_set(include_weak=True)
    return [_CODED.sub("", etag) for etag in known]


def send_private(content: Body) -> Response:
    """Answer with a page that stands where other clients get something else."""
    response = _coded(content)
    response.headers["Cache-Control"] = "private, no-store"
    response.vary.add("Sec-Fetch-Dest")
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

    def clear(self) -> None:
        """Forget all documents."""
        with self._lock:
            self._bodies.clear()
            self._bytes = 0

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
    return len(content.data) * 3 // 2  # with what it is packed to, once somebody asks


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, _GZIP_LEVEL, mtime=0)  # no time in it: same data, same bytes


def _brotli(data: bytes) -> bytes:
    packed: bytes = brotli.compress(data, quality=_BROTLI_QUALITY)
    return packed


_CODINGS: dict[str, Callable[[bytes], bytes]] = {"br": _brotli, "gzip": _gzip}


def _coding(content: Body) -> str | None:
    """Return the content coding to answer in, None for none."""
    if len(content.data) < _WORTH_PACKING:
        return None
    accepted = request.accept_encodings
    named = {value.lower() for value, _ in accepted}
    # `*` takes brotli, too, but who writes that may have thought of gzip alone.
    weights = {c: accepted[c] if c == "gzip" or c in named else 0 for c in _CODINGS}
    best = max(weights, key=lambda coding: weights[coding])
    return best if weights[best] > 0 else None


def _etags(content: Body) -> list[str]:
    """Return the validators of the content in every coding, that of this answer first."""
    suffixes = ["", *(f"-{coding}" for coding in _CODINGS)]
    coding = _coding(content)
    here = f"-{coding}" if coding else ""
    return [content.etag + suffix for suffix in sorted(suffixes, key=lambda one: one != here)]


def _describe(response: Response, content: Body, etag: str) -> None:
    response.set_etag(etag)
    if content.modified_at is not None:
        response.last_modified = content.modified_at
    for relation, url, media_type in content.links:
        kind = f'; type="{media_type}"' if media_type else ""
        response.headers.add("Link", f'<{url}>; rel="{relation}"{kind}')


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
    coding = _coding(content)
    response = Response(content.data if coding is None else content.packed(coding))
    response.headers["Content-Type"] = content.content_type
    if coding is not None:
        response.headers["Content-Encoding"] = coding
    response.vary.add("Accept-Encoding")
    return response


def _as_page(response: Response, tag: str) -> Response:
    response.set_etag(tag, weak=True)
    response.headers["Cache-Control"] = REVALIDATE
    return response
