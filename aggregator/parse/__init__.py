"""A document's bytes -> `ParsedFeed`.  Pure: opens nothing, fetches nothing.

feedparser is the one authority on XML feeds, well-formed or not; JSON Feed has a reader of its
own.  Nothing is cleaned here: what comes out is what the document says.
"""

from collections.abc import Mapping

from aggregator.errors import ParseError
from aggregator.model import ParsedFeed
from aggregator.parse import json_feed, xml_feed

MAX_ENTRIES = 5000
"""Entries of one document that are read; those after them are left out."""

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
    if body.lstrip(_BLANK)[:1] == b"{":
        feed = json_feed.parse(body, url=url)
    else:
        feed = xml_feed.parse(body, headers=headers, url=url)
    if len(feed.entries) <= MAX_ENTRIES:
        return feed
    return ParsedFeed(feed.head, feed.entries[:MAX_ENTRIES])
