"""Bytes -> `CleanFeed`: the stages that run in a worker process, as one step.  Pure.

A module of its own, so that a worker process loads the parser and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.errors import ParseError
from aggregator.model import CleanFeed, ParsedFeed
from aggregator.reading.autodiscovery import advertised_feeds, reason_with_feed
from aggregator.reading.clean import clean
from aggregator.reading.parse import is_json, parse, parse_cut
from aggregator.reading.prefilter import skim
from aggregator.text.encodings import in_utf8


@dataclass(frozen=True, slots=True)
class Document:
    """What reading a document brought.

    Attributes:
        feed: Its head and those of its entries that the last document did not have, or all of
            them; None if it says nothing that the last one did not.
        memory: For the next document of the feed; empty where that has to be read whole.
        new: The places of the feed's entries among all of the document; empty if it has them all.
    """

    feed: CleanFeed | None
    memory: bytes = b""
    new: tuple[int, ...] = ()


def read_document(
    body: bytes, headers: Mapping[str, str], url: str, memory: bytes = b""
) -> Document:
    """Read what is new in a document.

    Args:
        headers: Of the answer, names in lower case.
        url: Where it came from.
        memory: Of the feed's last document, empty to read everything.

    Raises:
        ParseError: It is not a feed; a web page that names one is quoted.
    """
    utf8 = in_utf8(body, headers.get("content-type", ""))
    cut = None if is_json(utf8) else skim(utf8, memory)
    if cut is not None and cut.nothing_new:
        return Document(None, cut.memory)
    feed = read_rest(cut.rest, url, kept=cut.kept) if cut is not None else None
    if cut is None or feed is None:
        return Document(_whole(body, headers, url))
    return Document(feed, cut.memory, cut.new)


def read_rest(rest: bytes, url: str, *, kept: int) -> CleanFeed | None:
    """Read what a skim left of a document.

    Args:
        kept: Entries that should be in it.

    Returns:
        None if feedparser does not find just those: the document has to be read whole.
    """
    try:
        feed = parse_cut(rest, url=url)
    except ParseError:
        return None
    return _cleaned(feed, url) if len(feed.entries) == kept else None


def _whole(body: bytes, headers: Mapping[str, str], url: str) -> CleanFeed:
    try:
        return _cleaned(parse(body, headers=headers, url=url), url)
    except ParseError as error:
        content_type = headers.get("content-type", "")
        advertised = advertised_feeds(body, url=url, content_type=content_type)
        others = [feed.url for feed in advertised if feed.url != url]
        if not others:
            raise
        raise ParseError(url, reason_with_feed(error.reason, others[0])) from None


def _cleaned(feed: ParsedFeed, url: str) -> CleanFeed:
    return clean(feed, url=url)
