"""JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1), read tolerantly.

Strings are taken as text wherever the specification has text; a value of another type than
specified is left out, and never fails the document.
"""

import re
from datetime import UTC, datetime
from html import escape
from typing import Any

from aggregator.errors import ParseError
from aggregator.model import Enclosure, FailureKind, FeedHead, Origin, ParsedEntry, ParsedFeed
from aggregator.reading.parse.entities import joined_halves
from aggregator.reading.parse.link_choice import MAX_SECONDS
from aggregator.text.hypertext import from_plain, is_blank
from aggregator.text.json_values import json_value
from aggregator.urls import is_web, joined

_VERSION = "jsonfeed.org/version/"
_NUMBER = re.compile(r"/([0-9]{1,3}(?:\.[0-9]{1,3})?)/?$")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def parse(body: bytes, *, url: str) -> ParsedFeed:
    """Read a JSON Feed in UTF-8; errors as `aggregator.reading.parse.parse`."""
    try:
        document = json_value(body.decode())
    except (ValueError, RecursionError) as error:
        raise ParseError(
            url, "not a feed: JSON that can't be read", FailureKind.NOT_A_FEED
        ) from error
    if not isinstance(document, dict) or _VERSION not in _text(document, "version"):
        raise ParseError(url, "not a feed but JSON of another kind", FailureKind.NOT_A_FEED)
    items = document.get("items")
    entries = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    language = _text(document, "language") or None
    head = FeedHead(
        title=escape(_text(document, "title"), quote=False),
        subtitle=escape(_text(document, "description"), quote=False),
        site_url=_link(document, "home_page_url", url),
        language=language,
        author=next(iter(_authors(document)), None),
        format=_format(_text(document, "version")),
    )
    return ParsedFeed(head, tuple(_entry(item, url, language) for item in entries))


def _format(version: str) -> str:
    number = _NUMBER.search(version)
    if number is None:
        return "JSON Feed"
    return f"JSON Feed {'1.0' if number[1] == '1' else number[1]}"


def _entry(item: dict[str, Any], url: str, language: str | None) -> ParsedEntry:
    published, updated = _text(item, "date_published"), _text(item, "date_modified")
    html = joined_halves(_text(item, "content_html"))
    guid = _identifier(item.get("id"))
    link = _page(item, guid, url)
    return ParsedEntry(
        guid=guid,
        link=link,
        title=_text(item, "title"),
        title_type="text/plain",
        summary=from_plain(_text(item, "summary")),
        content=from_plain(_text(item, "content_text")) if is_blank(html) else html,
        base=link or url,
        authors=_authors(item),
        categories=_strings(item.get("tags")),
        enclosures=_attachments(item.get("attachments")),
        language=_text(item, "language") or language,
        image=_link(item, "image", url) or _link(item, "banner_image", url),
        origin=_origin(item.get("_source")),
        published=published or None,
        published_at=_date(published),
        updated=updated or None,
        updated_at=_date(updated),
    )


def _text(values: dict[str, Any], key: str) -> str:
    value = values.get(key)
    # Half of an escaped surrogate pair is not a character: neither stored nor encoded.
    return _SURROGATE.sub("\ufffd", value).strip() if isinstance(value, str) else ""


def _identifier(value: Any) -> str | None:
    """Return an item's id; numbers are ids, too (JSON Feed 1.1: "coerce to string")."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip() or None


def _link(values: dict[str, Any], key: str, url: str) -> str | None:
    text = _text(values, key)
    return joined(url, text) if text else None


def _page(item: dict[str, Any], guid: str | None, url: str) -> str | None:
    """Return the address of an item's page: the first web address of `url`, `external_url`, `id`.

    Ideally an id is the full URL of the resource described by the item (1.1, items).
    """
    links = [link for key in ("url", "external_url") if (link := _link(item, key, url))]
    return next((link for link in (*links, guid) if link and is_web(link)), (*links, None)[0])


def _origin(value: Any) -> Origin | None:
    """Return the source of an item, an extension of our own feeds (1.1, Extensions)."""
    if not isinstance(value, dict):
        return None
    return Origin(
        title=escape(_text(value, "title"), quote=False),
        id=_text(value, "id") or _text(value, "feed_url") or None,
        feed_url=_text(value, "feed_url") or None,
        site_url=_text(value, "url") or None,
    )


def _strings(value: Any) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else []
    return tuple(dict.fromkeys(text for text in texts if isinstance(text, str) and text.strip()))


def _authors(values: dict[str, Any]) -> tuple[str, ...]:
    authors = values.get("authors")  # 1.1; `author` is 1.0
    people = authors if isinstance(authors, list) else [values.get("author")]
    names = (_text(person, "name") for person in people if isinstance(person, dict))
    return tuple(dict.fromkeys(name for name in names if name))


def _attachments(value: Any) -> tuple[Enclosure, ...]:
    attachments = value if isinstance(value, list) else []
    return tuple(
        Enclosure(
            url=_text(attachment, "url"),
            type=_text(attachment, "mime_type") or None,
            length=_whole(attachment.get("size_in_bytes")),
            duration=_whole(attachment.get("duration_in_seconds"), below=MAX_SECONDS),
        )
        for attachment in attachments
        if isinstance(attachment, dict) and _text(attachment, "url")
    )


def _whole(value: Any, *, below: int = 10**15) -> int | None:
    """Return a positive number without fraction, None for any other value and absurd numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) or None if 0 < value < below else None


def _date(text: str) -> datetime | None:
    """Read RFC 3339; a time without a zone is taken as UTC."""
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except OverflowError:
        return None
