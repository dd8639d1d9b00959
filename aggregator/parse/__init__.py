"""A document's bytes -> `ParsedFeed`.  Pure: opens nothing, fetches nothing.

feedparser is the one authority on XML feeds, well-formed or not; JSON Feed has a reader of its
own.  Nothing is cleaned here: what comes out is what the document says.
"""

from collections.abc import Mapping
from dataclasses import replace

from aggregator.errors import ParseError
from aggregator.model import ParsedFeed
from aggregator.parse import json_feed, xml_feed
from aggregator.parse.limits import MAX_ENTRIES

__all__ = ["MAX_ENTRIES", "UTF8", "in_utf8", "parse"]

UTF8 = {"content-type": "application/xml; charset=utf-8"}
"""Headers to parse a document with that `in_utf8` has converted."""

_BLANK = b"\xef\xbb\xbf \t\r\n"


def parse(body: bytes, *, headers: Mapping[str, str], url: str) -> ParsedFeed:
    """Read a document.

    Args:
        body: As decoded from its content coding; its character encoding is decided here.
        headers: Of the answer, names in lower case; Content-Type may name the encoding.
        url: Where it came from; relative references resolve against it.

    Raises:
        ParseError: It is not a feed.
    """
    if not body.strip(_BLANK):
        raise ParseError(url, "the answer is empty")
    if _is_json(body):
        feed = json_feed.parse(body, url=url)
    else:
        feed = xml_feed.parse(_trimmed(body), headers=headers, url=url)
    return replace(feed, entries=feed.entries[:MAX_ENTRIES])


def in_utf8(body: bytes, *, headers: Mapping[str, str]) -> bytes | None:
    """Return an XML document in UTF-8, None where it is none or its encoding can't be told.

    Parsed with the headers `UTF8` it says what the original says.
    """
    return None if _is_json(body) else xml_feed.in_utf8(_trimmed(body), headers=headers)


def _is_json(body: bytes) -> bool:
    return body[:1024].lstrip(_BLANK)[:1] == b"{"


def _trimmed(body: bytes) -> bytes:
    """Return a document without white space before its declaration, which XML does not allow."""
    start = body.lstrip(b" \t\r\n")
    return start if start.startswith(b"<?xml") else body
