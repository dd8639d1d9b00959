"""A document's bytes -> `ParsedFeed`.  Pure: opens nothing, fetches nothing.

feedparser is the one authority on XML feeds, well-formed or not; JSON Feed has a reader of its
own.  Nothing is cleaned here: what comes out is what the document says.

xml_feed    bytes -> feedparser -> `ParsedFeed`; json_feed the same for JSON
context     which elements count, under feedparser's `parsers`; strict, faster: in less time
texts       which of an entry's texts is its title, its summary, its text
links       its page, its files, its picture, and where relative addresses start
sax_driver  expat behind `limits`
"""

from collections.abc import Mapping
from dataclasses import replace

from aggregator.errors import ParseError
from aggregator.model import ParsedFeed
from aggregator.reading.document_limits import MAX_ENTRIES
from aggregator.reading.parse import json_reader, xml_reader
from aggregator.reading.parse.element_filter import with_short_namespaces
from aggregator.reading.parse.entities import resolved, with_whole_characters
from aggregator.text.encodings import in_utf8

__all__ = ["MAX_ENTRIES", "is_json", "parse", "parse_prefiltered"]

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
    document = in_utf8(body, headers.get("content-type", ""))
    if not document.strip(_BLANK):
        raise ParseError(url, "the answer is empty")
    if is_json(document):
        return _limited(json_reader.parse(document, url=url), document)
    document = with_short_namespaces(document)
    return _limited(xml_reader.parse(resolved(document), url=url), document)


def parse_prefiltered(document: bytes, *, url: str) -> ParsedFeed:
    """Read what is left of a document in well-formed XML after known entries were cut out of it.

    Args:
        document: In UTF-8.

    Raises:
        ParseError: It is not a feed.
    """
    return _limited(xml_reader.parse(with_whole_characters(document), url=url), document)


def is_json(document: bytes) -> bool:
    """Whether a document in UTF-8 is JSON rather than XML."""
    return document[:1024].lstrip(_BLANK)[:1] == b"{"


def _limited(feed: ParsedFeed, document: bytes) -> ParsedFeed:
    return replace(feed, entries=feed.entries[:MAX_ENTRIES], size=len(document))
