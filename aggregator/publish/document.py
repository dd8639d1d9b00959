"""The contents of a merged feed, and the common decisions of all formats."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from aggregator import urls
from aggregator.model import Enclosure, ListedEntry, Origin, Source
from aggregator.model.times import EPOCH

_NOT_IN_IRIS = re.compile(r'[<>"{}|\\^`]')
# RFC 5646 as narrowed by RFC 4287's schema: what xml:lang may hold.
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")

_WORDS_OF_TITLE = 80  # characters
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:\s*;.*)?", re.ASCII)  # RFC 6838, 4.2


@dataclass(frozen=True, slots=True)
class Document:
    """A merged feed, or a page of a merged feed, before formatting.

    Attributes:
        id: Absolute URI, the same for every format, page and address of the list.
        title, subtitle: Plain text.
        html_url: Absolute address of the list for people.
        self_url: Absolute address of the document in the format of the document.
        next_url: Absolute address of the page with older entries, None on the last page.
        first_url: Absolute address of the first page, None on the first page.
        archived: The document is an archive: its entries are complete (RFC 5005, 4).
        prev_archive_url, next_archive_url: Absolute addresses of the archives before and after.
        current_url: For an archive the absolute address of the document with the newest entries.
        language: Default language of texts, None if unknown.
        hubs: WebSub hubs for changes of `self_url`.
        generator: Name and version of the program.
        icon: Absolute address of a square picture that stands for the list, empty for none.
        logo: The same for a picture of any shape.
        entries: In the order of the list; ids are unique, and `content_html` was read.
    """

    id: str
    title: str
    html_url: str
    self_url: str
    next_url: str | None = None
    first_url: str | None = None
    archived: bool = False
    prev_archive_url: str | None = None
    next_archive_url: str | None = None
    current_url: str | None = None
    subtitle: str = ""
    language: str | None = None
    hubs: tuple[str, ...] = ()
    generator: str = ""
    icon: str = ""
    logo: str = ""
    entries: Sequence[ListedEntry] = ()


def links(document: Document) -> list[tuple[str, str]]:
    """Return relation and address of further documents of the list, and of the hubs.

    Sources: RFC 5005 (paging, archives), WebSub, 4 (`hub`).
    """
    candidates = [
        ("first", document.first_url),
        ("next", document.next_url),
        ("current", document.current_url),
        ("prev-archive", document.prev_archive_url),
        ("next-archive", document.next_archive_url),
        *(("hub", hub) for hub in document.hubs),
    ]
    return [(relation, url) for relation, url in candidates if url is not None]


def updated_at(document: Document) -> datetime:
    """Return the newest date of the document's entries, 1970-01-01 without entries.

    Never the time of writing: a document without changes must have the same bytes.
    """
    dates = (max(entry.listed_at, entry_updated_at(entry)) for entry in document.entries)
    return max(dates, default=EPOCH)


def last_modified_at(entries: Iterable[ListedEntry]) -> datetime | None:
    """Return when any published part of `entries` last changed; None without entries."""
    return max((entry.changed_at for entry in entries), default=None)


def entry_updated_at(entry: ListedEntry) -> datetime:
    """Return when the entry's text last changed; if never, when the entry was listed."""
    return entry.updated_at or entry.listed_at


def rfc3339(at: datetime) -> str:
    """Return `at` as `2026-11-23T14:14:00Z`, sub-seconds dropped."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def web_url(url: str | None) -> str | None:
    """Return `url` as an IRI if a reader can follow it (http, https), else None."""
    return iri(url) if url is not None and urls.is_web(url) else None


def image_url(entry: ListedEntry) -> str | None:
    """Return the address of an entry's picture, None without a picture."""
    return web_url(entry.image)


def enclosures(entry: ListedEntry) -> list[tuple[str, Enclosure]]:
    """Return the enclosures with a web address, each with the address."""
    addressed = ((web_url(enclosure.url), enclosure) for enclosure in entry.enclosures)
    return [(url, enclosure) for url, enclosure in addressed if url is not None]


def iri(url: str) -> str:
    """Return `url` with all characters percent-encoded outside of RFC 3987, 2.2."""
    return _NOT_IN_IRIS.sub(lambda match: quote(match[0], safe=""), url)


def language_tag(language: str | None) -> str | None:
    """Return `language` as a valid tag, None for a malformed tag."""
    tag = (language or "").strip().replace("_", "-")  # en_US, as many publishers write
    return tag if _LANGUAGE.fullmatch(tag) else None


def entry_language(entry: ListedEntry) -> str | None:
    """Return the language tag of the entry, else of the source."""
    return language_tag(entry.language) or language_tag(entry.source.language)


def authors(entry: ListedEntry) -> tuple[str, ...]:
    """Return the entry's authors, else the source's author, else the source's title."""
    names = tuple(name for name in entry.authors if name.strip())
    if not names and entry.origin is None and entry.source.author and entry.source.author.strip():
        return (entry.source.author,)
    return names or (source_of(entry).title,)


def title_of(entry: ListedEntry) -> str:
    """Return the entry's title as plain text, else the start of the excerpt, else the date."""
    if entry.title.strip():
        return entry.title
    start, remainder = first_words(entry.summary.strip())
    if not start:
        return f"{entry.listed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return start.rstrip(" ,;:.–—") + "…" if remainder else start


def first_words(text: str) -> tuple[str, str]:
    """Return the beginning of a text as a title, and the remainder with the space before."""
    if len(text) <= _WORDS_OF_TITLE:
        return text, ""
    start = text[:_WORDS_OF_TITLE]
    start = start.rpartition(" ")[0] or start
    return start, text[len(start) :]


def media_type(enclosure: Enclosure) -> str | None:
    """Return the enclosure's media type, None if malformed (some publishers write `mp3`)."""
    return enclosure.type if _MEDIA_TYPE.fullmatch(enclosure.type or "") else None


@dataclass(frozen=True, slots=True)
class NamedSource:
    """The feed of an entry, for documents.

    Attributes:
        id: Absolute URI.
        feed_url: Without password, None for a local file or a page without a feed.
        site_url: http or https, as `feed_url` is.
    """

    id: str
    title: str
    feed_url: str | None
    site_url: str | None
    rights: str | None
    language: str | None

    @property
    def address(self) -> str:
        """Address of the feed for formats that require an address; a name (`urn:`) without."""
        is_harmless = urls.is_web(self.id) or urls.is_name(self.id)
        return self.feed_url or (self.id if is_harmless else urls.feed_uri(None, self.id))


def source_of(entry: ListedEntry) -> NamedSource:
    """Return the feed of an entry: for an entry of an aggregate the original feed.

    Source: RFC 4287, 4.2.11: copies of an entry keep the original source.
    """
    return _named_source(entry.source) if entry.origin is None else _named_origin(entry.origin)


@lru_cache(maxsize=256)  # a list has more entries than sources
def _named_source(source: Source) -> NamedSource:
    if source.private:
        # As stable as the address, but without a way back to the address.
        name = urls.feed_uri(None, f"private:{source.feed_url}")
        return NamedSource(name, source.title, None, None, None, language_tag(source.language))
    return NamedSource(
        id=urls.feed_uri(source.feed_id, source.feed_url),
        title=source.title,
        feed_url=None if source.is_page else web_url(urls.masked(source.feed_url)),
        site_url=web_url(urls.masked(source.site_url or "")),
        rights=source.rights,
        language=language_tag(source.language),
    )


def _named_origin(origin: Origin) -> NamedSource:
    address = origin.feed_url or origin.id or ""
    # Some readers follow an id as an address, so other schemes (javascript, data) are left out.
    is_harmless = origin.id and (urls.is_web(origin.id) or urls.is_name(origin.id))
    return NamedSource(
        id=urls.feed_uri(origin.id if is_harmless else None, address),
        title=origin.title or urls.host_of(address) or urls.masked(address),
        feed_url=web_url(urls.masked(address)),
        site_url=web_url(urls.masked(origin.site_url or "")),
        rights=origin.rights,
        language=None,
    )
