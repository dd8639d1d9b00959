"""What a merged feed says, whatever its format, and the decisions that all formats share."""

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
    """One merged feed, or one page of it, in no format yet.

    Attributes:
        id: Absolute URI, the same for every format, page and address of this list.
        title, subtitle: Plain text.
        html_url: Absolute address of the list for people.
        self_url: Absolute address of this document in the format it will be written in.
        next_url: Absolute address of the page with older entries, None on the last one.
        first_url: Absolute address of the first page, None on that page.
        archived: These are the entries of a time that is over, or a part of them (RFC 5005, 4).
        prev_archive_url, next_archive_url: Absolute addresses of the archives of the time before
            and after.
        current_url: Absolute address of the document with the newest entries, for an archive.
        language: Of the texts that say nothing else, None if it is not known.
        hubs: WebSub hubs that announce changes of `self_url`.
        generator: Name and version of the program.
        entries: In the order of the list; their ids are unique and `content_html` was read.
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
    entries: Sequence[ListedEntry] = ()


def links(document: Document) -> list[tuple[str, str]]:
    """Return relation and address of the other documents of the same list, and of its hubs.

    Sources: RFC 5005 (paging, archives), WebSub, 4 (`hub`).
    """
    found = [
        ("first", document.first_url),
        ("next", document.next_url),
        ("current", document.current_url),
        ("prev-archive", document.prev_archive_url),
        ("next-archive", document.next_archive_url),
        *(("hub", hub) for hub in document.hubs),
    ]
    return [(relation, url) for relation, url in found if url is not None]


def updated_at(document: Document) -> datetime:
    """Return the newest date of the document's entries, 1970-01-01 if it has none.

    Never the time of writing: a document in which nothing changed must stay the same.
    """
    dates = (max(entry.listed_at, entry_updated_at(entry)) for entry in document.entries)
    return max(dates, default=EPOCH)


def last_modified_at(entries: Iterable[ListedEntry]) -> datetime | None:
    """Return when what we publish of `entries` last changed, for Last-Modified; None if empty."""
    return max((entry.changed_at for entry in entries), default=None)


def entry_updated_at(entry: ListedEntry) -> datetime:
    """Return when the entry's text last changed; when it was listed, if it never did."""
    return entry.updated_at or entry.listed_at


def rfc3339(at: datetime) -> str:
    """Return `at` as `2026-11-23T14:14:00Z`, sub-seconds dropped."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def web_url(url: str | None) -> str | None:
    """Return `url` as an IRI if a reader can follow it (http, https), else None."""
    return iri(url) if url is not None and urls.is_web(url) else None


def image_url(entry: ListedEntry) -> str | None:
    """Return the address of the picture that stands for an entry, None if it has none."""
    return web_url(entry.image)


def enclosures(entry: ListedEntry) -> list[tuple[str, Enclosure]]:
    """Return the files of an entry that a reader can follow, each with its address."""
    addressed = ((web_url(enclosure.url), enclosure) for enclosure in entry.enclosures)
    return [(url, enclosure) for url, enclosure in addressed if url is not None]


def iri(url: str) -> str:
    """Return `url` with the characters encoded that no IRI may hold (RFC 3987, 2.2)."""
    return _NOT_IN_IRIS.sub(lambda found: quote(found[0], safe=""), url)


def language_tag(language: str | None) -> str | None:
    """Return `language` as a tag that the formats allow, None if it is not one."""
    tag = (language or "").strip().replace("_", "-")  # en_US, as many publishers write
    return tag if _LANGUAGE.fullmatch(tag) else None


def entry_language(entry: ListedEntry) -> str | None:
    """Return the language tag of the entry, else that of its source."""
    return language_tag(entry.language) or language_tag(entry.source.language)


def authors(entry: ListedEntry) -> tuple[str, ...]:
    """Return the entry's authors, else its source's, else the source's title; at least one."""
    names = tuple(name for name in entry.authors if name.strip())
    if not names and entry.origin is None and entry.source.author and entry.source.author.strip():
        return (entry.source.author,)
    return names or (source_of(entry).title,)


def title_of(entry: ListedEntry) -> str:
    """Return the entry's title as plain text, else the start of its excerpt, else its date."""
    if entry.title.strip():
        return entry.title
    start, rest = first_words(entry.summary.strip())
    if not start:
        return f"{entry.listed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return start.rstrip(" ,;:.–—") + "…" if rest else start


def first_words(text: str) -> tuple[str, str]:
    """Return what of a text makes a title, and the rest with the space before it."""
    if len(text) <= _WORDS_OF_TITLE:
        return text, ""
    start = text[:_WORDS_OF_TITLE]
    start = start.rpartition(" ")[0] or start
    return start, text[len(start) :]


def media_type(enclosure: Enclosure) -> str | None:
    """Return the enclosure's type, None where it is not one (`mp3`, as some publishers write)."""
    return enclosure.type if _MEDIA_TYPE.fullmatch(enclosure.type or "") else None


@dataclass(frozen=True, slots=True)
class NamedSource:
    """The feed that an entry is from, as documents say it.

    Attributes:
        id: Absolute URI.
        feed_url: Without password, None for a local file.
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
        """What stands where a format requires the feed's address: a name where it has none."""
        is_harmless = urls.is_web(self.id) or urls.is_name(self.id)
        return self.feed_url or (self.id if is_harmless else urls.feed_uri(None, self.id))


def source_of(entry: ListedEntry) -> NamedSource:
    """Return where an entry is from: the first source, where ours has it from another one.

    Source: RFC 4287, 4.2.11: who copies an entry keeps the source that it came with.
    """
    return _named(entry.source) if entry.origin is None else _named_origin(entry.origin)


@lru_cache(maxsize=256)  # a list has more entries than sources
def _named(source: Source) -> NamedSource:
    if source.private:
        # Stable like the address, which nobody gets back from it.
        name = urls.feed_uri(None, f"private:{source.feed_url}")
        return NamedSource(name, source.title, None, None, None, language_tag(source.language))
    return NamedSource(
        id=urls.feed_uri(source.feed_id, source.feed_url),
        title=source.title,
        feed_url=web_url(urls.masked(source.feed_url)),
        site_url=web_url(urls.masked(source.site_url or "")),
        rights=source.rights,
        language=language_tag(source.language),
    )


def _named_origin(origin: Origin) -> NamedSource:
    address = origin.feed_url or origin.id or ""
    # An id of any other scheme (javascript, data) is a text that some readers take for an address.
    is_harmless = origin.id and (urls.is_web(origin.id) or urls.is_name(origin.id))
    return NamedSource(
        id=urls.feed_uri(origin.id if is_harmless else None, address),
        title=origin.title or urls.host_of(address) or urls.masked(address),
        feed_url=web_url(urls.masked(address)),
        site_url=web_url(urls.masked(origin.site_url or "")),
        rights=origin.rights,
        language=None,
    )
