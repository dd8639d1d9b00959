"""The feeds that a web page advertises.  Pure.

Tags are read by the rules of the HTML Standard, but only `link`, `a` and `base`, and only the
attributes needed here.  Any page takes time in proportion to its length and hardly any memory.

Sources: the autodiscovery convention, `<link rel="alternate" type="application/rss+xml" href>`;
HTML Standard, 13.2.5 (tokenization).
"""

import re
from collections.abc import Iterator, Mapping

from aggregator import urls
from aggregator.errors import ParseError
from aggregator.model import OpmlOutline
from aggregator.text import references
from aggregator.text.encodings import declared_in_html, decoded
from aggregator.urls import feed_addresses

MAX_FEEDS = 50
"""Feeds read of one page."""

_TYPES = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"}
)
_MAX_PAGE = 1_000_000
_MAX_SHOWN = 300  # characters of an address
_RAW = ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
_TAG = re.compile(rf"<(?:(!--)|(link|a|base|{'|'.join(_RAW)})(?=[\s/>]))", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"[\s/]*+(?:(>)|([^\s/>=]?[^\s/>=]*+)"
    r"(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|(?![\"'])([^\s>]*+)))?+)"
)
_READ_ATTRIBUTES = frozenset({"rel", "type", "href", "title"})
_RAW_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW}
_COMMENT_END = re.compile(r"--!?>")
_COMMENTS = re.compile("comment", re.IGNORECASE)


def advertised_feeds(page: bytes, url: str, *, content_type: str = "") -> list[OpmlOutline]:
    """Return the feeds named by an HTML page, in the page's order, at most `MAX_FEEDS`.

    Feeds of comments come last, as subscribers rarely want them.

    Args:
        url: Address of the page; relative addresses resolve against the URL, or the page's `base`.
        content_type: Of the response, "" for none; may name the encoding.
    """
    page = page[:_MAX_PAGE]
    text = decoded(page, content_type=content_type, declared=declared_in_html(page))
    base: str | None = None
    feeds: dict[str, OpmlOutline] = {}
    candidates: list[tuple[str, str]] = []
    for tag, attributes in _tags(text):
        if tag == "base":
            base = base or attributes.get("href")
        elif _is_feed(attributes) and len(candidates) < MAX_FEEDS:
            candidates.append((attributes["href"], attributes.get("title", "")))
    start = urls.joined(url, base) if base else url
    for href, title in candidates:
        target = feed_addresses.web_url_of_reader_scheme(href) or urls.absolute(href, start)
        if target and urls.is_web(target):
            feeds.setdefault(target, OpmlOutline(url=target, title=title or None))
    return sorted(feeds.values(), key=is_about_comments)


def is_about_comments(feed: OpmlOutline) -> bool:
    """Whether a feed has comments, not posts, by the address or title."""
    return bool(_COMMENTS.search(f"{feed.url} {feed.title or ''}"))


def error_with_feed(error: ParseError, url: str) -> ParseError:
    """Return the error of a page that is not a feed, with the masked address of the page's feed.

    A long address is left out: whoever masks the secrets of variables needs whole addresses.
    """
    feed_url = urls.masked(url)
    if len(feed_url) > _MAX_SHOWN:
        reason = f"{error.reason}; the address of the feed in it is too long to show"
        return ParseError(error.feed_url, reason, error.kind, service=error.service)
    reason = f"{error.reason}; it names {feed_url}"
    return ParseError(error.feed_url, reason, error.kind, feed_url, error.service)


def _is_feed(attributes: Mapping[str, str]) -> bool:
    media_type = attributes.get("type", "").partition(";")[0].strip().lower()
    is_alternate = "alternate" in attributes.get("rel", "").lower().split()
    return is_alternate and media_type in _TYPES and bool(attributes.get("href"))


def _tags(text: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the name and the read attributes of each `link`, `a` and `base`.

    Comments, scripts and the like are skipped.  A tag, a comment or a script without an end reaches
    to the end of the page.
    """
    position = 0
    while tag := _TAG.search(text, position):
        if tag[1]:
            end = _COMMENT_END.search(text, tag.end())
        else:
            attributes, position = _attributes(text, tag.end())
            if position < 0:
                return
            name = tag[2].lower()
            if name not in _RAW_ENDS:
                yield name, attributes
                continue
            end = _RAW_ENDS[name].search(text, position)
        if end is None:
            return
        position = end.end()


def _attributes(text: str, position: int) -> tuple[dict[str, str], int]:
    """Return the read attributes of a tag, and the end of the tag; -1 for a tag without an end.

    Of two attributes with the same name the first counts.
    """
    attributes: dict[str, str] = {}
    while part := _ATTRIBUTE.match(text, position):
        if part[1]:
            return attributes, part.end()
        if part.end() == position:  # the end of the page, or a value without closing quotation mark
            break
        position = part.end()
        name = part[2].lower()
        if name in _READ_ATTRIBUTES and name not in attributes:
            value = next((value for value in part.groups()[2:] if value is not None), "")
            attributes[name] = references.attribute_value(value).strip()
    return attributes, -1
