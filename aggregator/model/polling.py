"""From config.yaml to the database: what is subscribed to, fetched, read and polled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# ---------------------------------------------------------------- subscribing


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


@dataclass(frozen=True, slots=True)
class OpmlOutline:
    """One subscription as an OPML document writes it (OPML 2.0, `type="rss"`)."""

    url: str
    title: str | None = None
    category: str | None = None
    html_url: str | None = None


# ------------------------------------------------------------------- fetching


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
    """A usable answer to one conditional GET: 200 with a body, or 304 without.

    Attributes:
        status: 200 or 304.
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


# -------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that belongs to an entry; `length` in bytes, None where unknown or absurd."""

    url: str
    type: str | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """An entry as the document says it: nothing cleaned, nothing trusted.

    Attributes:
        guid: Atom id or RSS guid, None if absent or blank.
        link: Absolute if it could be made so.
        title_type: Media type of `title`: `text/plain`, `text/html`, `application/xhtml+xml`.
        summary, content: HTML, also where the document said plain text.
        base: URL that relative references in this entry resolve against.
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
    published: str | None = None
    published_at: datetime | None = None
    updated: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
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
        wishes: When the publisher wants to be asked.
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
    wishes: Wishes = Wishes()


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A whole document, entries in document order, nothing cleaned.

    Attributes:
        cut_short: It ends too early: the entry that it broke off in is left out, and the next
            answer may be another, whatever the server says.
    """

    head: FeedHead
    entries: tuple[ParsedEntry, ...] = ()
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class Date:
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
class CleanEntry:
    """An entry that is safe to store, list and publish.

    Attributes:
        guid: As published, None if absent.  Opaque: never shown as markup, never followed.
        url: Absolute http(s) or mailto link, None if the entry has none that is usable.
        title: Plain text, one line; empty if the entry has no title.
        title_html: The title as inline HTML from the allow list.
        summary: Plain-text excerpt, about 220 characters.
        content_html: Sanitised HTML with absolute URLs; empty if the entry has none.
        content_hash: 16 bytes over title and content; changes when the text does.
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
    published_at: datetime | None = None
    updated_at: datetime | None = None
    date: Date | None = None


@dataclass(frozen=True, slots=True)
class CleanFeed:
    """A whole document after cleaning, entries in document order; `cut_short` as before."""

    head: FeedHead
    entries: tuple[CleanEntry, ...] = ()
    cut_short: bool = False


# -------------------------------------------------------------------- polling


BY_INTERVAL = "the interval in config.yaml"
BY_RHYTHM = "the feed's own rhythm"
BY_THRIFT = "the server offers no validators, and nothing was new"
OUR_REASONS = frozenset({BY_INTERVAL, BY_RHYTHM, BY_THRIFT})
"""Reasons for the time of the next poll that are our choice, and nobody else's wish."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One of those that have a say in when a feed is polled next.

    Attributes:
        name, value: In the words of whoever asks: `ttl`, `1h30m`.
        until: No poll before this time, None where it asks for no time of its own.
        reason: The same in words, where it is what decided.
    """

    name: str
    value: str
    until: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A permanent redirect that was seen, but not often and long enough yet to be followed."""

    to: str
    since: datetime
    seen: int


@dataclass(frozen=True, slots=True)
class Habits:
    """What a feed's documents taught about how it behaves.

    Attributes:
        shared_guids: A document had one guid on several entries.
        renamed: Polls that gave most entries another guid or link.
        edited: Polls in a row that changed most of the entries that were there.
        moving_dates: `updated` is the time of the poll, not of the entries.
        zone: What times without a zone leave possible: minutes east of UTC at least and at most,
            and how many polls agree; None if nothing is known.
    """

    shared_guids: bool = False
    renamed: int = 0
    edited: int = 0
    moving_dates: bool = False
    zone: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class DueFeed:
    """A feed that was leased for a poll, with what the last polls taught us.

    Attributes:
        body_hash: 16 bytes of the last body that was read to the end, None if none was.
        memory: Which entries that body had; empty: the next one is read whole.
        wishes: Of the last document.
        freshness: Lifetime of the last document, None if the server gave none.
        gap: Usual time between two posts, None where that is not known.
        last_full_at: When the last 200 came.
        moved_to: Where it is asked instead of `url`, as it moved for good; None: at `url`.
        move: A permanent redirect from there that is being watched.
        host: The site whose budget its requests count for, "" for a file.
        pace: Pause between two requests that the site has taught us, None for none.
        failures: Failed polls in a row, 0 after a success.
        polls: How many polls were recorded so far.
        habits: How its documents behave.
        timezone: Of times that name none, as config.yaml has it; None to find out.
        last_success_at: When the feed was read, or had nothing new, the last time.
    """

    id: int
    name: str
    url: str
    interval: timedelta
    interval_given: bool = True
    distrust_304: bool = False
    validators: Validators = Validators()
    body_hash: bytes | None = None
    memory: bytes = b""
    wishes: Wishes = Wishes()
    freshness: timedelta | None = None
    gap: timedelta | None = None
    last_full_at: datetime | None = None
    moved_to: str | None = None
    move: Move | None = None
    host: str = ""
    pace: timedelta | None = None
    failures: int = 0
    polls: int = 0
    habits: Habits = Habits()
    timezone: str | None = None
    last_success_at: datetime | None = None

    @property
    def address(self) -> str:
        """Where it is asked."""
        return self.moved_to or self.url


@dataclass(frozen=True, slots=True)
class HostPause:
    """A host that wants patience.

    Attributes:
        name: Of the site, as `aggregator.urls.site_of` gives it.
        free_at: No request before this time.
        pace: Pause between two requests, None if it asked for none.
        learned_at: When it refused a request for coming too soon, None if it never did.
    """

    name: str
    free_at: datetime
    pace: timedelta | None = None
    learned_at: datetime | None = None


class Outcome(StrEnum):
    """How a poll ended, as the strip on the status page shows it."""

    NEW = "new"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    POSTPONED = "postponed"
    """The server asked for a pause (429, 503, Retry-After)."""
    GONE = "gone"
    """410: polled no more."""


class Order(StrEnum):
    """Where new entries of a feed that is known stand: when they say, or when they came."""

    PUBLISHED = "published"
    ARRIVAL = "arrival"
