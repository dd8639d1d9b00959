"""A document as JSON Feed 1.1.

Keys are in the order of the specification; unknown values are left out.

Source: https://www.jsonfeed.org/version/1.1/
"""

import json
import re

from aggregator.model import Enclosure, ListedEntry
from aggregator.publish.document import (
    Document,
    NamedSource,
    authors,
    enclosures,
    entry_language,
    image_url,
    language_tag,
    media_type,
    rfc3339,
    source_of,
    web_url,
)
from aggregator.publish.xml_writer import legal_utf8

MEDIA_TYPE = "application/feed+json"
_VERSION = "https://jsonfeed.org/version/1.1"
_UNKNOWN_TYPE = "application/octet-stream"

# A control character in JSON.
_CONTROL = re.compile(r"\\(?:u00|b|f)")
# Never part of a string in a JSON document, where quotes are escaped.
_EMPTY_CONTENT = b'"content_html":""'

# Characters to escape in a string without further control characters.
_ESCAPES = ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\t", b"\\t"))

_Object = dict[str, object]


def write(document: Document) -> bytes:
    """Return `document` as a JSON Feed.

    The json module would spend most of the time on full texts, so full texts are quoted here and
    inserted into the document.
    """
    feed = _members(
        version=_VERSION,
        title=document.title,
        home_page_url=document.html_url,
        feed_url=document.self_url,
        description=document.subtitle or None,
        next_url=document.next_url,
        icon=document.icon or None,
        language=language_tag(document.language),
        hubs=[{"type": "WebSub", "url": hub} for hub in document.hubs] or None,
        items=[_item(entry) for entry in document.entries],
    )
    texts = [entry.content_html for entry in document.entries if entry.content_html]
    start, *remaining_parts = _json(feed).split(_EMPTY_CONTENT)
    parts = [start]
    for html, following in zip(texts, remaining_parts, strict=True):
        parts += (b'"content_html":"', _quoted(html), b'"', following)
    return b"".join(parts)


def _item(entry: ListedEntry) -> _Object:
    return _members(
        id=entry.public_id,
        url=web_url(entry.url),
        title=entry.title or None,
        content_html="" if entry.content_html else None,  # see _EMPTY_CONTENT
        content_text=None if entry.content_html else entry.summary or entry.title,
        summary=entry.summary or None,
        image=image_url(entry),
        date_published=rfc3339(entry.listed_at),
        date_modified=rfc3339(entry.updated_at) if entry.updated_at else None,
        authors=[{"name": name} for name in authors(entry)] or None,
        tags=list(entry.categories) or None,
        language=entry_language(entry),
        attachments=[_attachment(url, enclosure) for url, enclosure in enclosures(entry)] or None,
        _source=_source(source_of(entry)),
    )


def _attachment(url: str, enclosure: Enclosure) -> _Object:
    return _members(
        url=url,
        mime_type=media_type(enclosure) or _UNKNOWN_TYPE,
        size_in_bytes=enclosure.length,
        duration_in_seconds=enclosure.duration,
    )


def _source(source: NamedSource) -> _Object:
    return _members(title=source.title, url=source.site_url, feed_url=source.feed_url, id=source.id)


def _members(**members: object) -> _Object:
    """Return the members except None, in the same order."""
    return {key: value for key, value in members.items() if value is not None}


_dumped = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _json(value: object) -> bytes:
    text = _dumped(value)
    try:
        data = text.encode()
        is_legal = "\ufffe" not in text and "\uffff" not in text and not _CONTROL.search(text)
    except UnicodeEncodeError:  # a lone surrogate
        is_legal = False
    return data if is_legal else _dumped(_legal(value)).encode()


def _quoted(text: str) -> bytes:
    """Return a long text for the inside of a JSON string (RFC 8259, 7)."""
    data = legal_utf8(text)
    for character, escaped in _ESCAPES:
        if character in data:
            data = data.replace(character, escaped)
    return data


def _legal(value: object) -> object:
    """Return `value` without characters that are illegal in XML, for the same text in all formats.

    As this takes as long as encoding, `_json` only calls it for text with such characters.
    """
    if isinstance(value, str):
        return legal_utf8(value).decode()
    if isinstance(value, list):
        return [_legal(item) for item in value]
    if isinstance(value, dict):
        return {key: _legal(member) for key, member in value.items()}
    return value
