"""A document as RSS 2.0, with the well-known elements of Atom, content and Dublin Core.

Sources: RSS 2.0.11, RSS Advisory Board's Best Practices Profile, RSS content module 1.0.
"""

import html
import re
from datetime import UTC, datetime
from email.utils import format_datetime

from aggregator.model import ListedEntry
from aggregator.publish.document import (
    Document,
    authors,
    enclosures,
    image_url,
    language_tag,
    links,
    media_type,
    source_of,
    updated_at,
    web_url,
)
from aggregator.publish.xml_writer import (
    ATOM,
    CONTENT,
    DUBLIN_CORE,
    ITUNES,
    MEDIA,
    XmlWriter,
    legal_utf8,
)
from aggregator.text.references import unescape

MEDIA_TYPE = "application/rss+xml"
_NAMESPACES: dict[str, str | None] = {
    "xmlns:atom": ATOM,
    "xmlns:content": CONTENT,
    "xmlns:dc": DUBLIN_CORE,
}
_MARKUP = re.compile(r"<[A-Za-z/!?]")  # begins a tag or comment (HTML, 13.2.5.6)
_IMAGE = re.compile(r"\.(?:png|jpg|gif)$")
_UNKNOWN_TYPE = "application/octet-stream"


def write(document: Document) -> bytes:
    """Return `document` as an RSS 2.0 document."""
    pictures = any(image_url(entry) for entry in document.entries)
    declared: dict[str, str | None] = _NAMESPACES | ({"xmlns:media": MEDIA} if pictures else {})
    if any(file.duration for entry in document.entries for file in entry.enclosures[:1]):
        declared["xmlns:itunes"] = ITUNES
    out = XmlWriter()
    out.open("rss", {"version": "2.0"} | declared)
    out.open("channel")
    out.add("title", _title(document.title))
    out.add("link", document.html_url)
    out.add("description", html.escape(document.subtitle or document.title, quote=False))
    if language := language_tag(document.language):
        out.add("language", language)
    _image(out, document)
    if document.entries:
        out.add("lastBuildDate", _rfc822(updated_at(document)))
    if document.generator:
        out.add("generator", document.generator)
    out.add("atom:link", rel="self", type=MEDIA_TYPE, href=document.self_url)
    for relation, url in links(document):
        kind = None if relation == "hub" else MEDIA_TYPE
        out.add("atom:link", rel=relation, type=kind, href=url)
    for entry in document.entries:
        _item(out, entry)
    out.close("channel")
    out.close("rss")
    return out.document()


def _image(out: XmlWriter, document: Document) -> None:
    """Add the logo, or else the icon, in a format that RSS 2.0 names."""
    url = next(filter(_IMAGE.search, (document.logo, document.icon)), None)
    if url:
        out.open("image")
        out.add("url", url)
        out.add("title", _title(document.title))
        out.add("link", document.html_url)
        out.close("image")


def _item(out: XmlWriter, entry: ListedEntry) -> None:
    out.open("item")
    url = web_url(entry.url)
    if entry.title:
        out.add("title", _title(entry.title))
    if url:
        out.add("link", url)
    _texts(out, entry)
    for name in authors(entry):
        out.add("dc:creator", name)
    for category in entry.categories:
        out.add("category", category)
    if comments_url := web_url(entry.comments_url):
        out.add("comments", comments_url)
    _enclosure(out, entry)
    out.add("guid", entry.public_id, isPermaLink="false")
    out.add("pubDate", _rfc822(entry.listed_at))
    source = source_of(entry)
    out.add("source", source.title, url=source.address)  # the URL is required
    if image := image_url(entry):
        out.add("media:thumbnail", url=image)
    out.close("item")


def _title(text: str) -> str:
    """Return plain text as a title with the same meaning as text and as HTML.

    RSS does not define whether a title is text or HTML.  Most titles mean the same in both, and are
    written unchanged; titles with markup or references (`<script>`, `&lt;`) are written as HTML.

    Source: RSS 2.0.11 (elements of item), RSS Advisory Board's profile (title).
    """
    text = legal_utf8(text).decode()  # before the test: removed characters could leave markup
    if unescape(text) == text and not _MARKUP.search(text):
        return text
    return html.escape(text, quote=False)


def _texts(out: XmlWriter, entry: ListedEntry) -> None:
    """Add description and content, both read as HTML; an item has a title or a description."""
    description = html.escape(entry.summary, quote=False)
    content = entry.content_html or ""
    if not entry.title and not description:
        description = content or html.escape(
            web_url(entry.url) or source_of(entry).title, quote=False
        )
        content = ""
    if description:
        out.add("description", description)
    if content:
        out.add_html("content:encoded", content)


def _enclosure(out: XmlWriter, entry: ListedEntry) -> None:
    for url, enclosure in enclosures(entry)[:1]:  # the profile: readers take one of them
        out.add(
            "enclosure",
            url=url,
            length=str(enclosure.length or 0),
            type=media_type(enclosure) or _UNKNOWN_TYPE,
        )
        if enclosure.duration:
            out.add("itunes:duration", str(enclosure.duration))


def _rfc822(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC), usegmt=True)
