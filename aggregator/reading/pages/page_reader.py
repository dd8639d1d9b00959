"""A document without a feed -> `ParsedFeed`: the only way to read one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from aggregator import dates
from aggregator.links import without_tracking
from aggregator.model import (
    Date,
    PageKind,
    PageReading,
    ParsedEntry,
    ParsedFeed,
)
from aggregator.reading.pages.page_contract import (
    check_contract,
    check_dates,
    incomplete_note,
    page_changed,
)
from aggregator.reading.pages.page_dates import page_date
from aggregator.reading.pages.page_items import PageDocument, PageItem, UnfitDocumentError
from aggregator.reading.pages.sitemap_items import read_sitemap


def parse_page(
    body: bytes, headers: Mapping[str, str], url: str, reading: PageReading
) -> ParsedFeed:
    """Read the posts of a document by the selectors of config.yaml.

    Args:
        headers: Of the response, names in lower case.
        url: Where the document came from; relative addresses resolve against the URL.

    Raises:
        ParseError: The selectors do not find the expected posts.
    """
    try:
        document = _document(body, headers.get("content-type", ""), url, reading)
    except UnfitDocumentError as error:
        raise page_changed(str(error), reading, url=url) from error
    check_contract(document.items, reading, url=url)
    head = replace(document.head, note=incomplete_note(document.items))
    order = dates.is_month_first(text for item in document.items for text in item.dates)
    entries = tuple(
        _entry(item, page_date(item.dates, reading.sent_at, head.language, month_first=order))
        for item in _posts(document.items)
    )
    check_dates(entries, reading, url=url)
    return ParsedFeed(head, entries, size=document.size)


def _document(body: bytes, content_type: str, url: str, reading: PageReading) -> PageDocument:
    """Read the items of a document of any kind."""
    # Each kind needs a library that workers for the other kinds do not load.
    selectors = reading.selectors
    match selectors.kind:
        case PageKind.HTML:
            from aggregator.reading.pages.html_items import read_html

            return read_html(body, content_type=content_type, url=url, selectors=selectors)
        case PageKind.JSON:
            from aggregator.reading.pages.json_items import read_json

            return read_json(body, content_type=content_type, url=url, selectors=selectors)
        case PageKind.SITEMAP:
            return read_sitemap(body, content_type=content_type, url=url)


def _posts(items: Iterable[PageItem]) -> Iterator[PageItem]:
    """Yield the whole items with a new link each: a link is the identity of a post."""
    known_links = set()
    for item in items:
        if item.is_whole and item.link not in known_links:
            known_links.add(item.link)
            yield item


def _entry(item: PageItem, date: Date | None) -> ParsedEntry:
    return ParsedEntry(
        guid=without_tracking(item.link or ""),
        link=item.link,
        title=item.title,
        summary=item.excerpt,
        base=item.base,
        authors=(item.author,) if item.author else (),
        image=item.image,
        updated=item.updated,
        date=date,
    )
