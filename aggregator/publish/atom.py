"""A document as Atom 1.0: the canonical format, the only format without loss.

Sources: RFC 4287 (Atom), RFC 4685 (`replies`), RFC 5005 (pages and archives), WebSub (`hub`).
"""

from datetime import datetime

from aggregator.model import ListedEntry
from aggregator.publish.document import (
    Document,
    NamedSource,
    authors,
    enclosures,
    entry_language,
    entry_updated_at,
    image_url,
    language_tag,
    links,
    media_type,
    rfc3339,
    source_of,
    title_of,
    updated_at,
    web_url,
)
from aggregator.publish.xml_writer import ATOM, HISTORY, ITUNES, MEDIA, XmlWriter

MEDIA_TYPE = "application/atom+xml"


def write(document: Document) -> bytes:
    """Return `document` as an Atom feed document."""
    language = language_tag(document.language)
    out = XmlWriter()
    out.open("feed", _namespaces(document) | _language(language, inherited=None))
    out.add("id", document.id)
    out.add("title", document.title)
    if document.subtitle:
        out.add("subtitle", document.subtitle)
    if document.icon:
        out.add("icon", document.icon)
    if document.logo:
        out.add("logo", document.logo)
    out.add("updated", rfc3339(updated_at(document)))
    out.add("link", rel="self", type=MEDIA_TYPE, href=document.self_url)
    out.add("link", rel="alternate", type="text/html", href=document.html_url)
    for relation, url in links(document):
        kind = None if relation == "hub" else MEDIA_TYPE
        out.add("link", rel=relation, type=kind, href=url)
    if document.archived:
        out.add("fh:archive")
    if document.generator:
        out.add("generator", document.generator)
    for entry in document.entries:
        _entry(out, entry, inherited=language)
    out.close("feed")
    return out.document()


def _namespaces(document: Document) -> dict[str, str | None]:
    """Return the namespaces of the elements in the document; most have no pictures."""
    declared: dict[str, str | None] = {"xmlns": ATOM}
    if document.archived:
        declared["xmlns:fh"] = HISTORY
    if any(image_url(entry) for entry in document.entries):
        declared["xmlns:media"] = MEDIA
    if any(map(_duration, document.entries)):
        declared["xmlns:itunes"] = ITUNES
    return declared


def _entry(out: XmlWriter, entry: ListedEntry, *, inherited: str | None) -> None:
    language = entry_language(entry) or inherited
    out.open("entry", _language(language, inherited=inherited))
    out.add("id", entry.public_id)
    _title(out, entry)
    out.add("published", rfc3339(entry.listed_at))
    out.add("updated", rfc3339(entry_updated_at(entry)))
    _links(out, entry)
    source = source_of(entry)
    for name in authors(entry):  # RFC 4287, 4.1.2: at least one
        out.open("author")
        out.add("name", name)
        out.close("author")
    for category in entry.categories:
        out.add("category", term=category)
    if entry.summary:
        out.add("summary", entry.summary, type="text")
    _content(out, entry)
    if image := image_url(entry):
        out.add("media:thumbnail", url=image)
    if duration := _duration(entry):
        out.add("itunes:duration", str(duration))
    _source(out, source, entry_updated_at(entry), inherited=language)
    out.close("entry")


def _duration(entry: ListedEntry) -> int | None:
    """Return the length in seconds of the first recording of known length, else None."""
    return next((file.duration for file in entry.enclosures if file.duration), None)


def _title(out: XmlWriter, entry: ListedEntry) -> None:
    if "<" in entry.title_html:  # a tag: in text a `<` is &lt;
        out.add("title", entry.title_html, type="html")
    else:
        out.add("title", title_of(entry), type="text")  # not empty: readers show nothing else


def _links(out: XmlWriter, entry: ListedEntry) -> None:
    if url := web_url(entry.url):
        out.add("link", rel="alternate", type="text/html", href=url)
    for address, enclosure in enclosures(entry):
        length = None if enclosure.length is None else str(enclosure.length)
        out.add(
            "link",
            rel="enclosure",
            type=media_type(enclosure),
            length=length,
            href=address,
        )
    if url := web_url(entry.comments_url):
        out.add("link", rel="replies", type="text/html", href=url)


def _content(out: XmlWriter, entry: ListedEntry) -> None:
    if entry.content_html:
        out.add_html("content", entry.content_html, type="html")
    elif not web_url(entry.url):  # RFC 4287, 4.1.2: an entry has content or an alternate link
        out.add("content", entry.summary or entry.title, type="text")


def _source(
    out: XmlWriter, source: NamedSource, updated_at: datetime, *, inherited: str | None
) -> None:
    """Add the `source`: the feed of the entry (RFC 4287, 4.2.11).

    The `updated` of the source is the entry's.  The feed's own `updated` changes with every new
    entry, and would change the bytes of other entries, of closed archives, and of searches without
    new results.
    """
    out.open("source", _language(source.language, inherited=inherited))
    out.add("id", source.id)
    out.add("title", source.title)
    out.add("updated", rfc3339(updated_at))
    if source.feed_url:
        out.add("link", rel="self", href=source.feed_url)
    if source.site_url:
        out.add("link", rel="alternate", type="text/html", href=source.site_url)
    if source.rights:
        out.add("rights", source.rights)
    out.close("source")


def _language(language: str | None, *, inherited: str | None) -> dict[str, str | None]:
    """Return `xml:lang` unless inherited; tags are case-insensitive (RFC 5646, 2.1.1)."""
    if language is None or language.lower() == (inherited or "").lower():
        return {}
    return {"xml:lang": language}
