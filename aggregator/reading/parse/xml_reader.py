"""RSS 0.9x to 2.0, RSS 1.0 (RDF) and Atom 0.3 and 1.0, through feedparser.

feedparser gets UTF-8 in a `BytesIO` (feedparser may open a `str` as a file or URL).  feedparser's
own conversion and both HTML passes are not run: they are half of the cost, and the sanitiser lets
executable markup through.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from html import escape
from io import BytesIO
from types import FunctionType
from typing import Any
from xml.parsers import expat
from xml.sax import SAXParseException

import feedparser

from aggregator.errors import ParseError
from aggregator.model import (
    FailureKind,
    FeedHead,
    Origin,
    ParsedEntry,
    ParsedFeed,
    PublisherHints,
    document_defects,
)
from aggregator.reading.document_limits import MAX_BROKEN
from aggregator.reading.parse import feedparser_speed, link_choice, text_choice
from aggregator.reading.parse.date_choice import date_field
from aggregator.reading.parse.parsers import LooseInContext
from aggregator.text.hypertext import from_plain, unwrapped
from aggregator.urls import is_web, joined


def _keep_utf8(_headers: Any, data: bytes, result: Any) -> bytes:
    """Replace feedparser's conversion to UTF-8, already done by `aggregator.text.encodings`."""
    result["encoding"] = "utf-8"
    return data


# A copy of feedparser's own function with our parsers: `feedparser.parse` itself is unchanged.
_read = FunctionType(
    feedparser.api.parse.__code__,
    vars(feedparser.api)
    | {
        "StrictFeedParser": feedparser_speed.strict_parser(),
        "LooseFeedParser": LooseInContext,
        "convert_to_utf8": _keep_utf8,
        # Another driver for the same parser, with the same events in fewer pieces.
        "PREFERRED_XML_PARSERS": ["aggregator.reading.parse.sax_driver"],
    },
    argdefs=feedparser.api.parse.__defaults__,
)

_FORMATS = {
    "rss090": "RSS 0.90",
    "rss091n": "RSS 0.91",
    "rss091u": "RSS 0.91",
    "rss092": "RSS 0.92",
    "rss093": "RSS 0.93",
    "rss094": "RSS 0.94",
    "rss10": "RSS 1.0",
    "rss20": "RSS 2.0",
    "rss": "RSS",
    "atom01": "Atom 0.1",
    "atom02": "Atom 0.2",
    "atom03": "Atom 0.3",
    "atom10": "Atom 1.0",
    "atom": "Atom",
    "cdf": "CDF",
}
_PLAIN_TEXT = "text/plain"
_HTML = "text/html"
# A pattern with a literal beginning is much faster to search for.
_BASE = re.compile(rb"base(?<!\wbase)\s*=")
_HTML_PAGE = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_FEED = re.compile(rb"<(?:[a-z0-9]{1,20}:)?(?:rss|rdf|feed|channel|item|entry)\b", re.IGNORECASE)
_SITEMAP = re.compile(rb"<(?:[a-z0-9]{1,20}:)?(?:urlset|sitemapindex)\b")
_ENTRY_START = re.compile(rb"<(?:[a-z]{1,20}:)?(?:item|entry)[\s>]", re.IGNORECASE)
_ENTRY_END = re.compile(rb"</(?:[a-z]{1,20}:)?(?:item|entry)\s{0,9}>", re.IGNORECASE)
_ROOT_END = re.compile(rb"</(?:[a-z]{1,20}:)?(?:rss|channel|feed|rdf)\s{0,9}>", re.IGNORECASE)
_MAX_TTL_DIGITS = 6
_SKIP_HOURS = re.compile(rb"<skipHours\s*>(.{1,2000}?)</skipHours", re.IGNORECASE | re.DOTALL)
_SKIP_DAYS = re.compile(rb"<skipDays\s*>(.{1,2000}?)</skipDays", re.IGNORECASE | re.DOTALL)
_SKIPPED = re.compile(rb">\s*(\d{1,2}|[A-Za-z]{3,9})\s*<")
_DAYS = "mon tue wed thu fri sat sun".split()
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
# feedparser's exceptions on unexpected documents: a broken name of an encoding, GeoRSS without
# numbers, half an element of Media RSS.
_FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def parse(document: bytes, *, url: str) -> ParsedFeed:
    """Read an XML document in UTF-8; errors as `aggregator.reading.parse.parse`."""
    if not _FEED.search(document):
        raise _rejection(document, url)  # feedparser takes long to fail
    if len(document) > MAX_BROKEN and not _is_well_formed(document):
        document = document[:MAX_BROKEN].decode("utf-8", "ignore").encode()
    # Without a base for the document feedparser lets an entry's xml:base leak into later entries;
    # with a base feedparser joins URLs at every element, which is slow.
    headers = {"content-location": url} if _BASE.search(document) else {}
    try:
        result = _result(document, headers)
    except _FAULTS as error:
        raise ParseError(url, "a defect in the document breaks the parser") from error
    version = result.get("version") or ""
    if not version and not result.entries:
        raise _rejection(document, url)
    head = _head(result, version, url, document)
    atom = version.startswith("atom")
    entry_context = link_choice.EntryContext(
        url, url if atom else joined(url, head.site_url or ""), head.language, atom
    )
    entries = tuple(_entry(entry, entry_context) for entry in result.entries)
    feed = ParsedFeed(head, entries)
    return feed if head.note is None else _without_half(feed, document)


def _result(document: bytes, headers: Mapping[str, str]) -> Any:
    return _read(
        BytesIO(document),
        response_headers=headers,
        sanitize_html=False,
        resolve_relative_uris=False,
    )


def _is_well_formed(document: bytes) -> bool:
    try:
        expat.ParserCreate().Parse(document, True)
    except (expat.ExpatError, ValueError):
        return False
    return True


def _without_half(feed: ParsedFeed, document: bytes) -> ParsedFeed:
    """Leave out the last entry if the document breaks off within the entry.

    feedparser reads such an entry as far as possible; the next version would look edited, or new
    where the id was cut off.
    """
    begun, ended = _last(_ENTRY_START, document), _last(_ENTRY_END, document)
    if _ROOT_END.search(document, max(begun, ended)):
        return feed
    has_half = begun > ended
    note = document_defects.CUT_WITHIN_ENTRY if has_half else document_defects.CUT_SHORT
    head = replace(feed.head, note=note)
    return ParsedFeed(head, feed.entries[:-1] if has_half else feed.entries, cut_short=True)


def _last(pattern: re.Pattern[bytes], document: bytes) -> int:
    """Return the end of the last match, 0 if there is none."""
    return max((match.end() for match in pattern.finditer(document)), default=0)


def _rejection(body: bytes, url: str) -> ParseError:
    """Return the error of a document that is not a feed."""
    start = body[:2048]
    if _HTML_PAGE.search(start):
        return ParseError(url, "not a feed but a web page (HTML)", FailureKind.WEB_PAGE)
    if _SITEMAP.search(start):
        reason = "not a feed but a sitemap; to read it, write `select: sitemap`"
        return ParseError(url, reason, FailureKind.NOT_A_FEED)
    reason = "not a feed: XML of another kind" if start.lstrip()[:1] == b"<" else "not a feed"
    return ParseError(url, reason, FailureKind.NOT_A_FEED)


def _head(result: Any, version: str, url: str, body: bytes) -> FeedHead:
    feed, atom = result.feed, version.startswith("atom")
    subtitles = text_choice.SUBTITLES if atom else text_choice.SUBTITLES_OF_RSS
    language = _text(feed, "language") or None
    return FeedHead(
        title=_short_html(text_choice.feed_text(feed, text_choice.FEED_TITLES, atom=atom)),
        subtitle=_short_html(text_choice.feed_text(feed, subtitles, atom=atom)),
        site_url=link_choice.page(feed, base=url, language=language, by_text=not atom)
        or _site_named_by_id(feed, url),
        feed_id=_text(feed, "id") or None,
        language=language,
        author=next(iter(_authors(feed)), None),
        rights=_short_html(text_choice.feed_text(feed, text_choice.RIGHTS, atom=atom)) or None,
        format=_FORMATS.get(version, version),
        note=_note(result),
        hints=_publisher_hints(feed, body),
    )


def _site_named_by_id(feed: Any, url: str) -> str | None:
    """Return a feed's id if a web address other than the feed's own, else None."""
    feed_id = _text(feed, "id")
    own_urls = {url, *(link_choice.address(link, url) for link in link_choice.linked(feed, "self"))}
    return feed_id if is_web(feed_id) and feed_id not in own_urls else None


def _note(result: Any) -> str | None:
    """Return the error that feedparser read past, None for a sound document."""
    error = result.get("bozo_exception")
    if not result.bozo or not isinstance(error, SAXParseException):
        return None
    return document_defects.not_well_formed(error.getLineNumber() or 1, error.getMessage())


def _publisher_hints(feed: Any, body: bytes) -> PublisherHints:
    """Return when the publisher wants the feed to be polled."""
    hours: tuple[int, ...] = ()
    days: tuple[int, ...] = ()
    if "skiphours" in feed:  # feedparser keeps the last hour only
        numbers = (int(text) for text in _texts_in(body, _SKIP_HOURS) if text.isdigit())
        hours = tuple(sorted({number % 24 for number in numbers if number <= 24}))
    if "skipdays" in feed:
        names = (text.decode().lower()[:3] for text in _texts_in(body, _SKIP_DAYS))
        days = tuple(sorted({_DAYS.index(name) for name in names if name in _DAYS}))
    return PublisherHints(_ttl(_text(feed, "ttl")), _period(feed), hours, days)


def _texts_in(body: bytes, block: re.Pattern[bytes]) -> list[bytes]:
    """Return the texts of the elements within the element that `block` matches."""
    match = block.search(body)
    return _SKIPPED.findall(match[1]) if match else []


def _period(feed: Any) -> timedelta | None:
    period = _PERIODS.get(_text(feed, "sy_updateperiod").lower())
    frequency = _text(feed, "sy_updatefrequency") or "1"
    if period is None or not frequency.isdecimal() or len(frequency) > _MAX_TTL_DIGITS:
        return None
    return period / max(int(frequency), 1)


def _ttl(text: str) -> timedelta | None:
    if not text.isdecimal() or len(text) > _MAX_TTL_DIGITS or not int(text):
        return None
    return timedelta(minutes=int(text))


def _comments_url(entry: Any, base: str) -> str | None:
    comments = _text(entry, "comments")
    return joined(base, comments) if comments else None


def _entry(entry: Any, entry_context: link_choice.EntryContext) -> ParsedEntry:
    atom = entry_context.atom
    details = [dict(detail) for detail in dict.get(entry, "content") or ()]
    by_element = text_choice.by_element(details)
    title = text_choice.title_text(by_element, atom=atom)
    content = text_choice.full_text(by_element, atom=atom)
    summary = text_choice.short_text(by_element, atom=atom, only=not content)
    language = content.get("language") or summary.get("language") or title.get("language")
    elsewhere = [detail for detail in details if "src" in detail]
    link = link_choice.page_of_entry(entry, elsewhere, language, entry_context)
    own_base = content.get("base") or summary.get("base") or title.get("base") or ""
    base = link_choice.base_of_entry(own_base, link, entry_context)
    published, published_at = date_field(entry, "published")
    updated, updated_at = date_field(entry, "updated")
    if published is None and updated is None:
        published, published_at = date_field(entry, "created")
    return ParsedEntry(
        guid=_text(entry, "id") or None,
        link=link,
        title=title.get("value") or "",
        title_type=title.get("type") or _HTML,
        summary=_html(summary),
        content=_html(content) or ("" if summary else _described_pictures(entry, details)),
        base=base,
        authors=_authors(entry) or _source_authors(entry),
        categories=_categories(entry),
        enclosures=link_choice.enclosures(entry, base=base, elsewhere=elsewhere),
        language=language,
        comments_url=_comments_url(entry, base),
        image=link_choice.picture(entry),
        origin=_origin(entry, entry_context),
        published=published,
        published_at=published_at,
        updated=updated,
        updated_at=updated_at,
    )


def _described_pictures(entry: Any, details: Iterable[text_choice.Detail]) -> str:
    """Return the pictures of an entry without any text, as HTML.

    The description of a picture (Media RSS, media:description) is the `alt`.
    """
    described = text_choice.descriptions(details)
    pictures = (
        (escape(media["url"]), escape(described[media["url"]]["value"]))
        for media in dict.get(entry, "media_content") or ()
        if link_choice.is_picture(media) and media.get("url") in described
    )
    return "\n".join(f'<p><img src="{url}" alt="{alt}"></p>' for url, alt in pictures)


def _text(values: Any, key: str) -> str:
    """Return a field, stripped; "" where the field is absent or, as happens, not text."""
    # Not `values.get`, by which feedparser answers with other fields in place of an absent one.
    value = dict.get(values, key)
    return value.strip() if isinstance(value, str) else ""


def _short_html(detail: Mapping[str, Any]) -> str:
    """Return a title or another short text as HTML, without paragraphs."""
    value = detail.get("value") or ""
    return escape(unwrapped(value), quote=False) if detail.get("type") == _PLAIN_TEXT else value


def _html(detail: Mapping[str, Any]) -> str:
    value = detail.get("value") or ""
    return from_plain(value) if detail.get("type") == _PLAIN_TEXT else value


def _authors(values: Any) -> tuple[str, ...]:
    people = dict.get(values, "authors") or ()
    names = (_person(person.get("name") or "", person.get("email") or "") for person in people)
    unique = tuple(dict.fromkeys(name for name in names if name))
    author = _text(values, "author")
    return unique or ((author,) if author else ())


def _person(name: str, email: str) -> str:
    """Return a name without the remains of an address in a long top-level domain.

    Of `desk@harbour.website (Bo)` feedparser makes the address `desk@harbour.webs` and the name
    `ite (Bo`.
    """
    if email and "(" in name and ")" not in name:
        name = name.rpartition("(")[2]
    elif email and name.endswith(">"):
        name = name.rpartition("<")[0]
    return name.strip() or email


def _categories(entry: Any) -> tuple[str, ...]:
    tags = dict.get(entry, "tags") or ()
    terms = (tag.get("label") or tag.get("term") or "" for tag in tags)
    return tuple(dict.fromkeys(term for term in terms if term))


def _source_authors(entry: Any) -> tuple[str, ...]:
    source = dict.get(entry, "source")
    return _authors(source) if isinstance(source, dict) else ()


def _origin(entry: Any, entry_context: link_choice.EntryContext) -> Origin | None:
    source = dict.get(entry, "source")
    if not source or not isinstance(source, dict):
        return None
    source_id = _text(source, "id") or _text(source, "href")  # href: the url of RSS
    url, atom = entry_context.url, entry_context.atom
    own_url = next(
        (link_choice.address(link, url) for link in link_choice.linked(source, "self")), None
    )
    title = text_choice.feed_text(source, text_choice.FEED_TITLES, atom=atom)
    return Origin(
        title=_short_html(title) if title else _text(source, "title"),
        id=source_id or None,
        feed_url=own_url or (source_id if is_web(source_id) else None),
        site_url=link_choice.page(source, base=url, language=None, by_text=not atom),
        rights=_short_html(text_choice.feed_text(source, text_choice.RIGHTS, atom=atom)) or None,
    )
