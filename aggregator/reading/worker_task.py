"""Bytes -> `CleanFeed`: the stages that run in a worker process, as one task.  Pure.

A module of its own, so that a worker process loads the parser and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aggregator import urls, walls
from aggregator.errors import ParseError
from aggregator.model import CleanFeed, FailureKind, PageProposal, PageReading, ParsedFeed
from aggregator.reading.autodiscovery import advertised_feeds, error_with_feed
from aggregator.reading.clean import clean
from aggregator.reading.parse import feedparser_speed, is_json, parse, parse_prefiltered
from aggregator.reading.parse.feedparser_speed import slow_warning as slow_warning
from aggregator.reading.prefilter import PrefilteredDocument, without_known_entries
from aggregator.text.encodings import in_utf8, plain_utf8

_EXPECTED: dict[str, str] = {
    FailureKind.WEB_PAGE: "a feed",
    FailureKind.NOT_A_FEED: "a feed",
    FailureKind.PAGE_CHANGED: "the page",
}


@dataclass(frozen=True, slots=True)
class ReadingResult:
    """The new content of a document.

    Attributes:
        feed: The head, and the entries that the feed's last document lacked, or all entries; None
            if the document has nothing new.
        seen_hashes: To compare the feed's next document with; empty where all of the next document
            has to be read.
        new_positions: Of the feed's entries among all entries of the document; empty if the feed
            has them all.
    """

    feed: CleanFeed | None
    seen_hashes: bytes = b""
    new_positions: tuple[int, ...] = ()


def prefilter_here(
    body: bytes, content_type: str, seen_hashes: bytes, *, max_work: int
) -> PrefilteredDocument | None:
    """Cut the known entries out of a document in the event loop, if that takes little time.

    Args:
        content_type: The header's value, "" for none.
        seen_hashes: Of the feed's last document, empty where all entries are new.
        max_work: Bound on the time; see `prefilter.without_known_entries`.

    Returns:
        The argument `prefiltered` of `read_document`; None where a worker has to prefilter.
    """
    utf8 = plain_utf8(body, content_type)
    return None if utf8 is None else without_known_entries(utf8, seen_hashes, max_work=max_work)


def read_document(
    body: bytes,
    headers: Mapping[str, str],
    url: str,
    seen_hashes: bytes = b"",
    prefiltered: PrefilteredDocument | None = None,
) -> ReadingResult:
    """Read the new entries of a document: the task of a worker, and the only way to read one.

    feedparser is sped up in the process that calls this (`parse.feedparser_speed`).

    Args:
        headers: Of the response, names in lower case.
        url: Where the document came from; see `urls.base_without_secrets`.
        seen_hashes: Of the feed's last document, empty to read everything.
        prefiltered: The document without its known entries, where `prefilter_here` cut them out.

    Raises:
        ParseError: It is not a feed; the reason names the feeds that a web page links to.
    """
    feedparser_speed.speed_up()
    if prefiltered is None:
        utf8 = in_utf8(body, headers.get("content-type", ""))
        prefiltered = None if is_json(utf8) else without_known_entries(utf8, seen_hashes)
    if prefiltered is None:
        return ReadingResult(_whole_feed(body, headers, url))
    if prefiltered.nothing_new:
        return ReadingResult(None, prefiltered.seen_hashes)
    feed = _new_entries(prefiltered, url)
    if feed is None:
        return ReadingResult(_whole_feed(body, headers, url))
    return ReadingResult(feed, prefiltered.seen_hashes, prefiltered.new_positions)


def read_page(
    body: bytes, headers: Mapping[str, str], url: str, page: PageReading
) -> ReadingResult:
    """Read a document without a feed: the task of a worker, and the only way to read one.

    Args:
        headers, url: As of `read_document`.

    Raises:
        ParseError: The document does not have the posts that its selectors promise.
    """
    # Loaded only by processes that read such documents.
    from aggregator.reading.pages.page_reader import parse_page

    try:
        return ReadingResult(_cleaned(parse_page(body, headers, url, page), url))
    except ParseError as error:
        raise _with_wall(error, walls.Answer(200, headers, url, body)) from None


def propose_selectors(
    body: bytes, headers: Mapping[str, str], url: str, sent_at: datetime
) -> tuple[PageProposal, ...]:
    """Return selectors for a page without a feed, the best first; none for a page without posts.

    Args:
        headers, url: As of `read_document`.
        sent_at: When the page was sent.
    """
    # Loaded only by processes that read such documents.
    from aggregator.reading.pages.page_reader import parse_page
    from aggregator.reading.pages.proposal import proposals

    content_type = headers.get("content-type", "")
    return tuple(
        PageProposal(selectors, _cleaned(parse_page(body, headers, url, page), url))
        for selectors in proposals(body, content_type=content_type, url=url)
        for page in [PageReading(selectors, sent_at)]
    )


def _new_entries(prefiltered: PrefilteredDocument, url: str) -> CleanFeed | None:
    """Read a prefiltered document; None if feedparser finds another number of entries there."""
    try:
        feed = parse_prefiltered(prefiltered.document, url=url)
    except ParseError:
        return None
    return _cleaned(feed, url) if len(feed.entries) == len(prefiltered.new_positions) else None


def _whole_feed(body: bytes, headers: Mapping[str, str], url: str) -> CleanFeed:
    try:
        return _cleaned(parse(body, headers=headers, url=url), url)
    except ParseError as parse_error:
        error = _with_wall(parse_error, walls.Answer(200, headers, url, body))
        content_type = headers.get("content-type", "")
        page_url = url.replace(urls.BLANKED, urls.MASK)  # addresses of feeds are shown masked
        advertised = advertised_feeds(body, url=page_url, content_type=content_type)
        feed_urls = [feed.url for feed in advertised if feed.url != page_url]
        if feed_urls:
            error = error_with_feed(error, feed_urls[0])
        raise error from None


def _with_wall(error: ParseError, answer: walls.Answer) -> ParseError:
    """Return the error of another document than expected, with the wall that the document is."""
    expected = _EXPECTED.get(error.kind)
    wall = walls.wall_of(answer) if expected else None
    if wall is None:
        return error
    reason = f"not {expected} but {walls.reason_of(wall)}"
    return ParseError(error.feed_url, reason, wall.kind, service=wall.service)


def _cleaned(feed: ParsedFeed, url: str) -> CleanFeed:
    return clean(feed, url=url)
