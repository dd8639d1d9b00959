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
from aggregator.reading.prefilter import Skim, skim
from aggregator.text.encodings import in_utf8, plain_utf8


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


def prefilter_here(
    body: bytes, content_type: str, seen_hashes: bytes, *, max_work: int
) -> Skim | None:
    """Cut the known entries out of a document in the event loop, if that takes little time.

    Args:
        content_type: The header's value, "" for none.
        seen_hashes: Of the feed's last document, empty where all entries are new.
        max_work: Bound on the time; see `prefilter.skim`.

    Returns:
        What `read_document` takes as `prefiltered`: None where it has to look itself.
    """
    utf8 = plain_utf8(body, content_type)
    return None if utf8 is None else skim(utf8, seen_hashes, max_work=max_work)


def read_document(
    body: bytes,
    headers: Mapping[str, str],
    url: str,
    seen_hashes: bytes = b"",
    prefiltered: Skim | None = None,
) -> Document:
    """Read what is new in a document: the only way to read one.

    Args:
        headers: Of the response, names in lower case.
        url: Where the document came from.
        seen_hashes: Of the feed's last document, empty to read everything.
        prefiltered: The document without its known entries, if `prefilter_here` cut them out.

    Raises:
        ParseError: It is not a feed; the reason names the feeds that a web page links to.
    """
    if prefiltered is None:
        utf8 = in_utf8(body, headers.get("content-type", ""))
        prefiltered = None if is_json(utf8) else skim(utf8, seen_hashes)
    if prefiltered is None:
        return Document(_whole(body, headers, url))
    if prefiltered.nothing_new:
        return Document(None, prefiltered.memory)
    feed = _new_entries(prefiltered, url)
    if feed is None:
        return Document(_whole(body, headers, url))
    return Document(feed, prefiltered.memory, prefiltered.new)


def _new_entries(prefiltered: Skim, url: str) -> CleanFeed | None:
    """Read what the prefilter left; None if feedparser finds another number of entries there."""
    try:
        feed = parse_cut(prefiltered.rest, url=url)
    except ParseError:
        return None
    return _cleaned(feed, url) if len(feed.entries) == prefiltered.kept else None


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
