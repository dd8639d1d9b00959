"""The values that cross stages: frozen, without behaviour that touches the world.

Pure; imports nothing of ours.  Times are aware UTC and named `..._at`, spans are `timedelta`.
Words are those of the glossary in docs/architecture.md: an RSS item is an *entry* (RFC 4287),
a line in config.yaml a *subscription*, one attempt to bring a feed up to date a *poll*.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import IntEnum, StrEnum

SEQUENCE_BITS = 20
_CURSOR = re.compile(r"-?[0-9]{1,19}")
_MAX_ID = 2**63 - 1


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
    """A whole document, entries in document order, nothing cleaned."""

    head: FeedHead
    entries: tuple[ParsedEntry, ...] = ()


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
        image: Absolute http(s) URL of the picture that stands for the entry.
        origin: Where the feed has the entry from, None if it is its own.
        published_at, updated_at: None where missing, unreadable or a sentinel.
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


@dataclass(frozen=True, slots=True)
class CleanFeed:
    """A whole document after cleaning, entries in document order."""

    head: FeedHead
    entries: tuple[CleanEntry, ...] = ()


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


# ------------------------------------------------------- listing and publishing


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the list, newest first: the id of the last entry of a page."""

    id: int

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor as a link carries it.

        Raises:
            ValueError: `text` is not one that a page of ours could have written.
        """
        if not _CURSOR.fullmatch(text) or not -_MAX_ID <= int(text) <= _MAX_ID:
            raise ValueError(f"not a cursor: {text!r}")
        return cls(int(text))

    def __str__(self) -> str:
        return str(self.id)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which list: everything, one category (its slug), one source (its name) or a search.

    At most one of them is set.  `zone` is where the days begin that a search names.
    """

    category: str | None = None
    source: str | None = None
    search: str | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class SourceName:
    """A feed as a link to its page names it; `title` as in `Source`."""

    name: str
    title: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The feed that an entry came from, as a reader of the list needs it.

    Attributes:
        title: Configured title, else the feed's own, else the name.
        feed_id: Atom id of the feed, None if it has none.
        updated_at: When an entry of the feed was last new or changed; None before that.
    """

    id: int
    name: str
    title: str
    feed_url: str
    site_url: str | None = None
    feed_id: str | None = None
    language: str | None = None
    author: str | None = None
    rights: str | None = None
    category: str | None = None
    category_slug: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An entry as the list and the merged feeds show it.

    Attributes:
        id: Place in the list: `(listed_ms << 20) | sequence`.
        public_id: Absolute URI, the same for ever: the source's own id or a `tag:` URI.
        listed_at: min(published, first seen); decided when the entry was stored.
        dated: False where the publisher gave no usable date.
        changed_at: When what we publish of it last changed; for validators only.
        updated_at: When its text changed, None if it never did.
        also_in: Other sources that have the same story.
        image: URL of the picture that stands for it.
        origin: The feed that `source` copied it from, None if it is its own.
        content_html: None where the query was not asked for it.
    """

    id: int
    public_id: str
    source: Source
    url: str | None
    title: str
    title_html: str
    summary: str
    listed_at: datetime
    first_seen_at: datetime
    changed_at: datetime
    dated: bool = True
    published_at: datetime | None = None
    updated_at: datetime | None = None
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    language: str | None = None
    comments_url: str | None = None
    also_in: tuple[SourceName, ...] = ()
    image: str | None = None
    origin: Origin | None = None
    content_html: str | None = None


@dataclass(frozen=True, slots=True)
class PollRecord:
    """One poll of the past; `duration` from request to stored, `size` in bytes."""

    started_at: datetime
    outcome: Outcome
    status: int | None = None
    size: int = 0
    duration: timedelta = timedelta(0)
    new: int = 0
    updated: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """A subscription and how it is doing.

    Attributes:
        entries: How many entries of it are kept.
        per_week: Entries listed in the last four weeks, divided by four.
        weeks: Entries listed in each of the last weeks of seven days, oldest first.
        next_poll_at: None when it is polled no more (410).
        next_reason: Why then, in words.
        failing_since: Start of the first of the failed polls in a row, None if it is fine.
        moved_to: Where it is polled instead, as it moved for good.
        unconditional: Its server offers no validators: each poll transfers the whole document.
        constraints: All that was weighed for the time of the next poll.
        host: Set where its host wants patience; `next_poll_at` counts with it.
        polls: The last 24, oldest first.
    """

    source: Source
    subtitle: str = ""
    format: str = ""
    interval: timedelta = timedelta(hours=1)
    entries: int = 0
    per_week: float = 0.0
    weeks: tuple[int, ...] = ()
    first_entry_at: datetime | None = None
    last_polled_at: datetime | None = None
    last_success_at: datetime | None = None
    next_poll_at: datetime | None = None
    next_reason: str | None = None
    failures: int = 0
    failing_since: datetime | None = None
    gone: bool = False
    error: str | None = None
    note: str | None = None
    moved_to: str | None = None
    unconditional: bool = False
    constraints: tuple[Constraint, ...] = ()
    host: HostPause | None = None
    polls: tuple[PollRecord, ...] = ()


class FeedOrder(StrEnum):
    """How a list of subscriptions is ordered; within one urgency by title as well."""

    URGENCY = "urgency"
    TITLE = "title"


class Urgency(IntEnum):
    """Which subscriptions a person has to look at first."""

    FAILING = 0
    WAITING = 1
    DEFECT = 2
    GONE = 3
    FINE = 4


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A category with the number of entries kept in it."""

    slug: str
    name: str
    entries: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What every page says of the whole.

    Attributes:
        version: Grows with every change that a page or merged feed could show.
        entries, feeds: How many are kept of subscribed feeds, and how many of those there are.
        failing: Feeds whose last poll failed.
        checked_at: End of the newest poll, None before the first.
    """

    version: int
    entries: int
    feeds: int
    unread_feeds: int
    failing: int
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sidebar:
    """What stands beside the list.

    Attributes:
        categories: By name; those that a subscription is in.
        busiest: Sources with the most entries of the last seven days (UTC), at most twelve.
    """

    categories: tuple[CategoryCount, ...] = ()
    busiest: tuple[tuple[SourceName, int], ...] = ()


def listed_at_of(entry_id: int) -> datetime:
    """Return the time that an entry's id carries, to the millisecond."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=entry_id >> SEQUENCE_BITS)
