"""Subscriptions, answers, and what was read in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from aggregator.model.listing_rules import NO_RULES, FeedRules
from aggregator.model.page_selectors import PageSelectors
from aggregator.model.picture_values import PictureMode

# --- subscribing


@dataclass(frozen=True, slots=True)
class Subscription:
    """One feed that config.yaml asks for.

    Attributes:
        name: Stable key and slug, unique in the file.
        url: An http(s) URL or a path relative to config.yaml.
        written_url: The URL as written, with variables; None for a URL without variables.
        title: The title in the file, None for the feed's own title.
        categories: The categories as written, without two of the same page; the first is shown.
        interval: Wait between two polls.
        name_given: The file has the name; False for a name made from title or host.
        named_by_title: The file has neither name nor title: from the first good poll on, the feed
            has a name made from the title of its document.
        interval_given: The file has the interval, for this feed or for all feeds.
        distrust_304: Request unconditionally after eight days of nothing but 304.
        timezone: IANA name of the zone of dates without a zone, None to infer the zone.
        private: The address is never shown; the feed has a title.
        stories: Lists may show an entry of another feed instead of this feed's, and vice versa:
            neither the feed nor one of its categories has stories off.
        rules: Which of the entries lists have.
        paused: The feed is not polled; its entries stay in lists.
        read_here: The feed's entries have pages with their texts.
        pictures: Which pictures of its entries are fetched and shown.
        request_digest: Of the feed's `FeedRequest`.
        opml_list: Address, as written, of the OPML list with the feed; None for a feed of a file.
        by_proxy: The feed is requested by a proxy.
        selectors: Of a page without a feed; None for a feed.
    """

    name: str
    url: str
    title: str | None = None
    categories: tuple[str, ...] = ()
    interval: timedelta = timedelta(hours=1)
    name_given: bool = False
    named_by_title: bool = False
    interval_given: bool = False
    distrust_304: bool = False
    timezone: str | None = None
    private: bool = False
    stories: bool = True
    rules: FeedRules = NO_RULES
    paused: bool = False
    read_here: bool = True
    pictures: PictureMode = PictureMode.OFF
    written_url: str | None = None
    request_digest: str | None = None
    opml_list: str | None = None
    by_proxy: bool = False
    selectors: PageSelectors | None = None

    @property
    def known_url(self) -> str:
        """The URL by which the feed is known: stays when the value of a variable changes."""
        return self.written_url or self.url


@dataclass(frozen=True, slots=True)
class OpmlOutline:
    """One subscription of an OPML document (OPML 2.0, `type="rss"`); `categories` in order."""

    url: str
    title: str | None = None
    categories: tuple[str, ...] = ()
    html_url: str | None = None


# --- fetching


@dataclass(frozen=True, slots=True)
class Validators:
    """ETag and Last-Modified as received, byte for byte (RFC 9110, 8.8).

    Attributes:
        url: The URL that sent the validators; the only one that gets them back.
        etag: The header's value with quotes and `W/`, None without the header.
        last_modified: The header's value, never re-formatted, None without the header.
    """

    url: str | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A usable response to one conditional GET: 2xx with a body, or 304 without.

    Attributes:
        status: 200 to 299, or 304.
        url: The URL of the response, after redirects.
        moved_to: The new address if every redirect was a 301 or 308, else None.
        headers: Header fields of the response, names in lower case.
        body: Decoded content; empty for a 304.
        validators: Validators to store and to send with the next request, whatever the status.
        size: Bytes of the body on the wire.
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
        length: Size in bytes, None where unknown or absurd.
        duration: Duration of sound or video in seconds, None where unknown.
    """

    url: str
    type: str | None = None
    length: int | None = None
    # Not in `repr`, which hashes of stored entries are made of (dedup).
    duration: int | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Origin:
    """The feed that an entry was copied from, according to the feed with the copy.

    Attributes:
        id: Atom id or another URI that names the feed; None if unknown.
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
    """An entry of a document before cleaning: no value is safe.

    Attributes:
        guid: Atom id or RSS guid, None if absent or blank.
        link: Absolute if the link could be resolved.
        title_type: Media type of `title`: `text/plain`, `text/html`, `application/xhtml+xml`.
        summary, content: HTML, also of plain text in the document.
        base: URL that relative references in this entry resolve against.
        image: Address of the entry's lead picture.
        origin: The feed that the entry was copied from, None for an entry of the feed itself.
        published, updated: Dates as written, None if absent.
        published_at, updated_at: Times that the parser read, None for unreadable dates.
        date: The date of an entry whose reader knows more than the text, in place of `published`.
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
    date: Date | None = None


@dataclass(frozen=True, slots=True)
class PublisherHints:
    """Hints of a publisher on when to poll the feed.

    Attributes:
        ttl: RSS `ttl`, a wait between two polls.
        update_every: `sy:updatePeriod` divided by `sy:updateFrequency`.
        skip_hours: RSS `skipHours`: hours without polls, 0 to 23 in GMT.
        skip_days: RSS `skipDays`: days without polls, Monday is 0.
    """

    ttl: timedelta | None = None
    update_every: timedelta | None = None
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedHead:
    """The properties of the feed itself in a document.

    Attributes:
        feed_id: Atom id, None for RSS.
        format: Format of the document: `Atom 1.0`, `RSS 2.0`, `JSON Feed 1.1` ...
        note: A defect that reading repaired, in words for the status page; None for no defect.
        hints: Hints of the publisher on when to poll.
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
        cut_short: The document ends too early: the entry at its end is left out, and the next
            response may be longer even if the server claims that nothing has changed.
        size: Bytes of the document in UTF-8.
    """

    head: FeedHead
    entries: tuple[ParsedEntry, ...] = ()
    cut_short: bool = False
    size: int = 0


class _QuicklyPickled:
    """A value that is pickled as its fields in order, for speed: workers return many entries."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]]

    def __reduce__(self) -> tuple[type[_QuicklyPickled], tuple[Any, ...]]:
        return type(self), tuple([getattr(self, name) for name in self.__match_args__])


@dataclass(frozen=True, slots=True)
class Date(_QuicklyPickled):
    """A published date, and its interpretation.

    Attributes:
        text: The date as written in the document.
        field: `published` or `updated`.
        at: The time in UTC, of a date without a zone as if in UTC; None for an unreadable or
            impossible date.
        form: The form of the date in words.
        is_certain: The text can be read in one way only.
        zoned: The date has a zone, or a zone was inferred.
        whole_day: The date has no time of day, or midnight.
        precision: The time meant is at most this far from `at`; None for a date that no later one
            corrects.
    """

    text: str
    field: str
    at: datetime | None
    form: str
    is_certain: bool = True
    zoned: bool = True
    whole_day: bool = False
    precision: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CleanEntry(_QuicklyPickled):
    """An entry that is safe to store, list and publish.

    Attributes:
        guid: The guid as published, None if absent.  Opaque: never markup, never requested.
        url: Absolute http(s) or mailto link, None for an entry without a usable link.
        title: Plain text, one line; empty for an entry without a title.
        title_html: The title as inline HTML from the allow list.
        summary: Plain-text excerpt, about 220 characters.
        content_html: Sanitised HTML with absolute URLs; empty for an entry without content.
        content_hash: 16 bytes, a hash of title and content.
        image: Absolute http(s) URL of the entry's lead picture.
        origin: The feed that the entry was copied from, None for an entry of the feed itself.
        published_at, updated_at: None if missing, unreadable or a sentinel.
        date: The date from which `published_at` was read.
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
    """A document after cleaning, entries in document order; `cut_short` as in `ParsedFeed`."""

    head: FeedHead
    entries: tuple[CleanEntry, ...] = ()
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class PageProposal:
    """Selectors for a page without a feed that no person has written, and the posts they give."""

    selectors: PageSelectors
    feed: CleanFeed
