"""A document as Atom 1.0: the canonical format, the only one that loses nothing.

Sources: RFC 4287 (Atom), RFC 4685 (`replies`), RFC 5005 (pages and archives), WebSub (`hub`).
"""

from datetime import datetime
from xml.etree.ElementTree import Element

from aggregator.model import ListedEntry
from aggregator.publish.document import (
    Document,
    NamedSource,
    authors,
    entry_language,
    entry_updated_at,
    iri,
    language_tag,
    links,
    media_type,
    rfc3339,
    source_of,
    updated_at,
    web_url,
)
from aggregator.publish.markup import ATOM, HISTORY, MEDIA, add, group, serialise

MEDIA_TYPE = "application/atom+xml"


def write(document: Document) -> bytes:
    """Return `document` as an Atom feed document."""
    language = language_tag(document.language)
    feed = Element("feed", _namespaces(document))
    _set_language(feed, language, inherited=None)
    add(feed, "id", document.id)
    add(feed, "title", document.title)
    if document.subtitle:
        add(feed, "subtitle", document.subtitle)
    add(feed, "updated", rfc3339(updated_at(document)))
    add(feed, "link", rel="self", type=MEDIA_TYPE, href=document.self_url)
    add(feed, "link", rel="alternate", type="text/html", href=document.html_url)
    for relation, url in links(document):
        kind = None if relation == "hub" else MEDIA_TYPE
        add(feed, "link", rel=relation, type=kind, href=url)
    if document.archived:
        add(feed, "fh:archive")
    if document.generator:
        add(feed, "generator", document.generator)
    for entry in document.entries:
        _entry(feed, entry, inherited=language)
    return serialise(feed)


def _namespaces(document: Document) -> dict[str, str]:
    """Return the declarations that the document needs: most have no pictures."""
    declared = {"xmlns": ATOM}
    if document.archived:
        declared["xmlns:fh"] = HISTORY
    if any(entry.image for entry in document.entries):
        declared["xmlns:media"] = MEDIA
    return declared


def _entry(feed: Element, entry: ListedEntry, *, inherited: str | None) -> None:
    language = entry_language(entry) or inherited
    element = group(feed, "entry")
    _set_language(element, language, inherited=inherited)
    add(element, "id", entry.public_id)
    _title(element, entry)
    add(element, "published", rfc3339(entry.listed_at))
    add(element, "updated", rfc3339(entry_updated_at(entry)))
    _links(element, entry)
    source = source_of(entry)
    for name in authors(entry) or (source.title,):  # RFC 4287, 4.1.2: at least one
        add(group(element, "author"), "name", name)
    for category in entry.categories:
        add(element, "category", term=category)
    if entry.summary:
        add(element, "summary", entry.summary, type="text")
    _content(element, entry)
    if entry.image:
        add(element, "media:thumbnail", url=iri(entry.image))
    _source(element, source, entry_updated_at(entry), inherited=language)


def _title(element: Element, entry: ListedEntry) -> None:
    if "<" in entry.title_html:  # a tag: in text it would stand as &lt;
        add(element, "title", entry.title_html, type="html")
    else:
        add(element, "title", entry.title, type="text")


def _links(element: Element, entry: ListedEntry) -> None:
    if url := web_url(entry.url):
        add(element, "link", rel="alternate", type="text/html", href=url)
    for enclosure in entry.enclosures:
        length = None if enclosure.length is None else str(enclosure.length)
        add(
            element,
            "link",
            rel="enclosure",
            type=media_type(enclosure),
            length=length,
            href=iri(enclosure.url),
        )
    if url := web_url(entry.comments_url):
        add(element, "link", rel="replies", type="text/html", href=url)


def _content(element: Element, entry: ListedEntry) -> None:
    if entry.content_html:
        add(element, "content", entry.content_html, type="html")
    elif not web_url(entry.url):  # RFC 4287, 4.1.2: an entry has content or an alternate link
        add(element, "content", entry.summary or entry.title, type="text")


def _source(
    element: Element, source: NamedSource, updated_at: datetime, *, inherited: str | None
) -> None:
    """Add the `source`: where the entry was copied from (RFC 4287, 4.2.11).

    Its `updated` is the entry's.  The source's own moves with every new entry: it would change
    the bytes of entries in which nothing changed, of closed archives, and of searches that
    found nothing new.
    """
    child = group(element, "source")
    _set_language(child, source.language, inherited=inherited)
    add(child, "id", source.id)
    add(child, "title", source.title)
    add(child, "updated", rfc3339(updated_at))
    if source.feed_url:
        add(child, "link", rel="self", href=source.feed_url)
    if source.site_url:
        add(child, "link", rel="alternate", type="text/html", href=source.site_url)
    if source.rights:
        add(child, "rights", source.rights)


def _set_language(element: Element, language: str | None, *, inherited: str | None) -> None:
    """Set `xml:lang` where it has to be said; tags are equal in any case (RFC 5646, 2.1.1)."""
    if language is not None and language.lower() != (inherited or "").lower():
        element.set("xml:lang", language)
