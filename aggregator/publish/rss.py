"""A document as RSS 2.0, with the elements of Atom, content and Dublin Core that readers know.

Sources: RSS 2.0.11, RSS Advisory Board's Best Practices Profile, RSS content module 1.0.
"""

import html
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree.ElementTree import Element

from aggregator.model import ListedEntry
from aggregator.publish.document import (
    Document,
    authors,
    iri,
    language_tag,
    links,
    media_type,
    source_of,
    updated_at,
    web_url,
)
from aggregator.publish.markup import ATOM, CONTENT, DUBLIN_CORE, MEDIA, add, group, serialise

MEDIA_TYPE = "application/rss+xml"
_NAMESPACES = {"xmlns:atom": ATOM, "xmlns:content": CONTENT, "xmlns:dc": DUBLIN_CORE}
_UNKNOWN_TYPE = "application/octet-stream"


def write(document: Document) -> bytes:
    """Return `document` as an RSS 2.0 document."""
    pictures = any(entry.image for entry in document.entries)
    declared = _NAMESPACES | ({"xmlns:media": MEDIA} if pictures else {})
    rss = Element("rss", {"version": "2.0"} | declared)
    channel = group(rss, "channel")
    add(channel, "title", document.title)
    add(channel, "link", document.html_url)
    add(channel, "description", document.subtitle or document.title)
    if language := language_tag(document.language):
        add(channel, "language", language)
    if document.entries:
        add(channel, "lastBuildDate", _rfc822(updated_at(document)))
    if document.generator:
        add(channel, "generator", document.generator)
    add(channel, "atom:link", rel="self", type=MEDIA_TYPE, href=document.self_url)
    for relation, url in links(document):
        kind = None if relation == "hub" else MEDIA_TYPE
        add(channel, "atom:link", rel=relation, type=kind, href=url)
    for entry in document.entries:
        _item(channel, entry)
    return serialise(rss)


def _item(channel: Element, entry: ListedEntry) -> None:
    item = group(channel, "item")
    url = web_url(entry.url)
    if entry.title:
        add(item, "title", entry.title)
    if url:
        add(item, "link", url)
    _texts(item, entry)
    for name in authors(entry):
        add(item, "dc:creator", name)
    for category in entry.categories:
        add(item, "category", category)
    if comments_url := web_url(entry.comments_url):
        add(item, "comments", comments_url)
    _enclosure(item, entry)
    add(item, "guid", entry.public_id, isPermaLink="false")
    add(item, "pubDate", _rfc822(entry.listed_at))
    # The URL is required: a feed without an address is named by the URI that Atom has for it.
    source = source_of(entry)
    add(item, "source", source.title, url=source.feed_url or source.id)
    if entry.image:
        add(item, "media:thumbnail", url=iri(entry.image))


def _texts(item: Element, entry: ListedEntry) -> None:
    """Add description and content, both read as HTML; an item has a title or a description."""
    description = html.escape(entry.summary, quote=False)
    content = entry.content_html or ""
    if not entry.title and not description:
        description = content or html.escape(
            web_url(entry.url) or source_of(entry).title, quote=False
        )
        content = ""
    if description:
        add(item, "description", description)
    if content:
        add(item, "content:encoded", content)


def _enclosure(item: Element, entry: ListedEntry) -> None:
    for enclosure in entry.enclosures[:1]:  # the profile: readers take one, not always the same
        add(
            item,
            "enclosure",
            url=iri(enclosure.url),
            length=str(enclosure.length or 0),
            type=media_type(enclosure) or _UNKNOWN_TYPE,
        )


def _rfc822(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC), usegmt=True)
