"""Subscriptions, answers, and what was read in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

# --- subscribing


@dataclass(frozen=True, slots=True)
class Subscription:
    """One feed that config.yaml asks for.

    Attributes:
        name: Stable key and slug, unique in the file.
        url: As written: an http(s) URL, or a path relative to config.yaml.
        title: The title given in the file, None to use the feed's own.
        category: As written, None for none.
        interval: Wait between two polls.
        name_given: The name stands in the file; it was not made from title or host.
        timezone: IANA name; of the feed's times that name no zone, None to find out.
        interval_given: The interval stands in the file, for this feed or for all.
        distrust_304: Ask unconditionally after eight days of nothing but 304.
        private: Its address is shown to nobody; it has a title then.
        stories: Its entries may be left out for those of other feeds, and they for its own.
    """

    name: str
    url: str
    title: str | None = None
    category: str | None = None
    interval: timedelta = timedelta(hours=1)
    name_given: bool = False
    interval_given: bool = False
    distrust_304: bool = False
    timezone: str | None = None
    private: bool = False
    stories: bool = True


@dataclass(frozen=True, slots=True)
class OpmlOutline:
    """One subscription as an OPML document writes it (OPML 2.0, `type="rss"`)."""

    url: str
    title: str | None = None
    category: str | None = None
    html_url: str | None = None


# --- fetching


@dataclass(frozen=True, slots=True)
class Validators:
    """ETag and Last-Modified as received, byte for byte (RFC 9110, 8.8).

    Attributes:
        url: The URL that sent them; they are sent back to no other.
        etag: The header's value with quotes and `W/`, None if there was none.
        last_modified: The header's value, never re-formatted, None if there was none.
    """

    url: str | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A usable answer to one conditional GET: 2xx with a body, or 304 without.

    Attributes:
        status: 200 to 299, or 304.
        url: Where the answer came from, after redirects.
        moved_to: The new address when every hop was a 301 or 308, else None.
        headers: Of the answer, names in lower case.
        body: Decoded content; empty for a 304.
        validators: To store and to send next time, whatever the status.
        size: Bytes of the body as they came over the wire.
    """

    status: int
    url: str
    moved_to: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    validators: Validators = Validators()
    size: int = 0


# --- reading


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that belongs to an entry.

    Attributes:
        length: In bytes, None where unknown or absurd.
        duration: Of sound or video, in seconds; None where unknown.
    """

    url: str
    type: str | None = None
    length: int | None = None
    # Not in `repr`: hashes of stored entries are made of it (dedup).
    duration: int | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Origin:
    """The feed that an entry was copied from, by the words of the feed that has the copy.

    Attributes:
        id: Atom id, or whatever URI names it; None if it has none.
        feed_url, site_url: Absolute http(s) URLs, None where unknown.

    Source: RFC 4287, 4.2.11 (`atom:source`); RSS 2.0 (`source`).
    """

    title: str = ""
    id: str | None = None
    feed_url: str | None = None
    site_url: str | None = None
    rights: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """An entry as the document says it: nothing cleaned, nothing trusted.

    Attributes:
        guid: Atom id or RSS guid, None if absent or blank.
        link: Absolute if it could be made so.
        title_type: Media type of `title`: `text/plain`, `text/html`, `application/xhtml+xml`.
        summary, content: HTML, also where the document said plain text.
        base: URL that relative references in this entry resolve against.
        image: Address of the picture that stands for the entry.
        origin: Where the feed has the entry from, None if it is its own.
        published, updated: Dates as written, None if absent.
        published_at, updated_at: How the parser read them, None if it could not.
    """

    guid: str | None = None
    link: str | None = None
    title: str = ""
    title_type: str = "text/html"
    summary: str = ""
    content: str = ""
    base: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    language: str | None = None
    comments_url: str | None = None
    image: str | None = None
    origin: Origin | None = None
    published: str | None = None
    published_at: datetime | None = None
    updated: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PublisherHints:
    """When the publisher wants to be asked, as the document says it.

    Attributes:
        ttl: RSS `ttl`, a wait between two polls.
        update_every: `sy:updatePeriod` divided by `sy:updateFrequency`.
        skip_hours: RSS `skipHours`, 0 to 23 in GMT; no polls in them.
        skip_days: RSS `skipDays`, Monday is 0.
    """

    ttl: timedelta | None = None
    update_every: timedelta | None = None
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedHead:
    """What a document says about the feed itself.

    Attributes:
        feed_id: Atom id, None for RSS.
        format: What kind of document it was: `Atom 1.0`, `RSS 2.0`, `JSON Feed 1.1` ...
        note: A defect that was read over, in words for the status page; None for none.
        hints: When the publisher wants to be polled.
    """

    title: str = ""
    subtitle: str = ""
    site_url: str | None = None
    feed_id: str | None = None
    language: str | None = None
    author: str | None = None
    rights: str | None = None
    format: str = ""
    note: str | None = None
    hints: PublisherHints = PublisherHints()


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A whole document, entries in document order, nothing cleaned.

    Attributes:
        cut_short: It ends too early: the entry that it broke off in is left out, and the next
            answer may be another, whatever the server says.
        size: Bytes of the document in UTF-8.
    """

    head: FeedHead
    entries: tuple[ParsedEntry, ...] = ()
    cut_short: bool = False
    size: int = 0


class _Flat:
    """Pickled as its values in order, in less time: entries come from other processes."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]]

    def __reduce__(self) -> tuple[type[_Flat], tuple[Any, ...]]:
        return type(self), tuple([getattr(self, name) for name in self.__match_args__])


@dataclass(frozen=True, slots=True)
class Date(_Flat):
    """A date as it was published, and how it was read.

    Attributes:
        text: As it stands in the document.
        field: Where: `published` or `updated`.
        at: UTC; None if it can't be read, or nobody can mean it.  Without a zone as if in UTC.
        form: How it was read, in words.
        sure: It can be read in one way only.
        zoned: It names its zone, or another one was found for it.
        whole_day: It names a day and no time, or midnight.
    """

    text: str
    field: str
    at: datetime | None
    form: str
    sure: bool = True
    zoned: bool = True
    whole_day: bool = False


@dataclass(frozen=True, slots=True)
class CleanEntry(_Flat):
    """An entry that is safe to store, list and publish.

    Attributes:
        guid: As published, None if absent.  Opaque: never shown as markup, never followed.
        url: Absolute http(s) or mailto link, None if the entry has none that is usable.
        title: Plain text, one line; empty if the entry has no title.
        title_html: The title as inline HTML from the allow list.
        summary: Plain-text excerpt, about 220 characters.
        content_html: Sanitised HTML with absolute URLs; empty if the entry has none.
        content_hash: 16 bytes over title and content; changes when the text does.
        image: Absolute http(s) URL of the picture that stands for the entry.
        origin: Where the feed has the entry from, None if it is its own.
        published_at, updated_at: None where missing, unreadable or a sentinel.
        date: What `published_at` was read from.
    """

    guid: str | None
    url: str | None
    title: str
    title_html: str
    summary: str
    content_html: str
    content_hash: bytes
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    language: str | None = None
    comments_url: str | None = None
    image: str | None = None
    origin: Origin | None = None
    published_at: datetime | None = None
    updated_at: datetime | None = None
    date: Date | None = None


@dataclass(frozen=True, slots=True)
class CleanFeed:
    """A whole document after cleaning, entries in document order; `cut_short` as before."""

    head: FeedHead
    entries: tuple[CleanEntry, ...] = ()
    cut_short: bool = False
