"""A document's bytes -> `ParsedFeed`.  Pure: opens nothing, fetches nothing.

feedparser is the one authority on XML feeds, well-formed or not; JSON Feed has a reader of its own.
Nothing is cleaned here: a `ParsedFeed` has the document's own content.

xml_reader        bytes -> feedparser -> `ParsedFeed`; json_reader the same for JSON
context           which elements count, under feedparser's `parsers`; element_scopes has the rules
strict_parser     the same answers in less time; feedparser_speed decides whether to use it
text_choice       which of an entry's texts is the title, the summary, the full text
link_choice       page, files, picture, and the base of relative addresses
date_choice       which of an entry's dates count
entities          references and DOCTYPEs beyond XML's own
sax_driver        expat behind an element_filter
"""

from collections.abc import Mapping
from dataclasses import replace

from aggregator.errors import ParseError
from aggregator.model import FailureKind, ParsedFeed
from aggregator.reading.document_limits import MAX_ENTRIES
from aggregator.reading.parse import json_reader, xml_reader
from aggregator.reading.parse.element_filter import with_short_namespaces
from aggregator.reading.parse.entities import with_resolved_references, with_whole_characters
from aggregator.text.encodings import in_utf8

__all__ = ["MAX_ENTRIES", "is_json", "parse", "parse_prefiltered"]

_BLANK = b"\xef\xbb\xbf \t\r\n"


def parse(body: bytes, *, headers: Mapping[str, str], url: str) -> ParsedFeed:
    """Read a document.

    Args:
        body: Without content coding; the character encoding is decided here.
        headers: Of the response, names in lower case; Content-Type may name the encoding.
        url: Source of the document; relative references resolve against the URL.

    Raises:
        ParseError: Not a feed.
    """
    document = in_utf8(body, headers.get("content-type", ""))
    if not document.strip(_BLANK):
        raise ParseError(url, "the answer is empty", FailureKind.EMPTY)
    if is_json(document):
        return _limited(json_reader.parse(document, url=url), document)
    document = with_short_namespaces(document)
    return _limited(xml_reader.parse(with_resolved_references(document), url=url), document)


def parse_prefiltered(document: bytes, *, url: str) -> ParsedFeed:
    """Read a document whose known entries were cut out.

    Args:
        document: Well-formed XML in UTF-8.

    Raises:
        ParseError: Not a feed.
    """
    return _limited(xml_reader.parse(with_whole_characters(document), url=url), document)


def is_json(document: bytes) -> bool:
    """Whether a document in UTF-8 is JSON rather than XML."""
    return document[:1024].lstrip(_BLANK)[:1] == b"{"


def _limited(feed: ParsedFeed, document: bytes) -> ParsedFeed:
    return replace(feed, entries=feed.entries[:MAX_ENTRIES], size=len(document))
