"""Lists: which entries, in which order, and what stands around them on a page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from aggregator.model.documents import Enclosure, Origin
from aggregator.model.entry_id import EntryId

_CURSOR = re.compile(r"-?[0-9]{1,19}")
_MAX_ID = 2**63 - 2  # databases can store the number above as well


class Exclusion(StrEnum):
    """Why no list has an entry."""

    UNSUBSCRIBED = "unsubscribed"
    """The feed is not in config.yaml."""
    COPY = "copy"
    """The entry is a copy of another feed's entry."""
    HIDE = "hide"
    KEEP = "keep"
    """The feed has a rule `keep`, which the entry does not match."""
    PER_DAY = "per_day"
    BACKLOG = "backlog"
    PER_HOUR = "per_hour"


HIDDEN = frozenset({Exclusion.HIDE, Exclusion.KEEP, Exclusion.PER_DAY})
"""Why the page and feed of an entry's source, and searches, leave the entry out, too."""


@dataclass(frozen=True, slots=True)
class Dating:
    """The reason for an entry's place in the list.

    Attributes:
        reason: In words.
        text, field, form, is_certain: Fields of the entry's `Date`; empty and None for an entry
            without a date, or stored by a version that did not store them.
    """

    reason: str
    text: str = ""
    field: str = ""
    form: str = ""
    is_certain: bool | None = None


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the list, newest first: the id of the last entry of a page."""

    id: int

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor as a link carries it.

        Raises:
            ValueError: No page of this program has a link with this cursor.
        """
        if not _CURSOR.fullmatch(text) or not -_MAX_ID <= int(text) <= _MAX_ID:
            raise ValueError(f"not a cursor: {text!r}")
        return cls(int(text))

    def __str__(self) -> str:
        return str(self.id)


class ListKind(StrEnum):
    """The kinds of lists."""

    ALL = "all"
    CATEGORY = "category"
    VIEW = "view"
    SOURCE = "source"
    SEARCH = "search"

    @property
    def is_named(self) -> bool:
        """Whether the address of a list of this kind has the key in its path."""
        return self not in {ListKind.ALL, ListKind.SEARCH}

    @property
    def is_merged(self) -> bool:
        """Whether a list of this kind has members of several feeds, and archives of members."""
        return self in {ListKind.ALL, ListKind.CATEGORY, ListKind.VIEW}


@dataclass(frozen=True, slots=True)
class ListScope:
    """The entries of a list.

    Attributes:
        key: Slug of a category, name of a view or source, text of a search; empty for all entries.
        zone: Days in a search begin and end in this zone.
        hidden: With the entries that config.yaml hides; only of a source or a search.
    """

    kind: ListKind = ListKind.ALL
    key: str = ""
    zone: tzinfo = UTC
    hidden: bool = False

    @property
    def search_text(self) -> str:
        """The text of a search; empty for other lists."""
        return self.key if self.kind is ListKind.SEARCH else ""


@dataclass(frozen=True, slots=True)
class SourceName:
    """Name and title of a feed, for a link to the feed's page; attributes as in `Source`."""

    name: str
    title: str
    language: str | None = None
    feed_url: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The feed of an entry, as lists and merged feeds show it.

    Attributes:
        title: Configured title, else the feed's own, else the name.
        feed_id: Atom id of the feed, None without an id.
        updated_at: Time of the last new or changed entry, None without any.
        private: Addresses, id and own texts of the feed are never shown.
        read_here: The feed's entries have pages with their texts.
        is_page: `feed_url` is the address of a page without a feed.
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
    private: bool = False
    read_here: bool = True
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class OtherEntry:
    """An entry of the same story in another feed.

    Attributes:
        read_here: The entry has a page with its text.
    """

    id: int
    url: str | None
    source: SourceName
    read_here: bool


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An entry as the list and the merged feeds show it.

    Attributes:
        id: Place in the list.
        public_id: Absolute URI: the source's own id or a `tag:` URI.
        listed_at: min(published, first seen); decided when the entry was stored.
        dated: False for an entry without a usable date.
        changed_at: Time of the last change of any published value; for validators only.
        updated_at: Time of the last change of the text, None for no change.
        also_in: Other entries of the same story, in the order of arrival.
        image: URL of the lead picture.
        exclusion: The reason why no list has the entry, None for an entry in lists.
        origin: The feed that `source` copied the entry from, None for an entry of `source` itself.
        content_html: None if the query left the content out.
        text_length: Characters of the content, 0 without content; None where the excerpt ends in an
            ellipsis, so that the content has more.
        pictures: Number of pictures in the content of an entry without excerpt, else 0.
    """

    id: EntryId
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
    also_in: tuple[OtherEntry, ...] = ()
    image: str | None = None
    origin: Origin | None = None
    exclusion: Exclusion | None = None
    content_html: str | None = None
    text_length: int | None = None
    pictures: int = 0


@dataclass(frozen=True, slots=True)
class ListPage:
    """A part of a list.

    Attributes:
        entries: Newest first.
        next: Cursor of the next page, None at the end of the list.
        ended_early: The page has too few entries as the search took too long; without `next` the
            search has reached no entry at all.
        total: Number of entries of the whole list, at most the number that was asked for; None if
            unknown.
        unknown_names: Field (`source`, `category`) and value of each name in a search that no
            source or category has.
    """

    entries: tuple[ListedEntry, ...] = ()
    next: Cursor | None = None
    ended_early: bool = False
    total: int | None = None
    unknown_names: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class NamedList:
    """A category or a view of config.yaml.

    Attributes:
        title: Title of the view, or name of the category as written.
        posts: Number of posts in the list, a story counted once.
        description: One line about the view; empty without one.
    """

    scope: ListScope
    title: str
    posts: int
    description: str = ""

    @property
    def is_view(self) -> bool:
        """Whether the list is a view, not a category."""
        return self.scope.kind is ListKind.VIEW


@dataclass(frozen=True, slots=True)
class Overview:
    """Numbers of the whole database, for every page.

    Attributes:
        version: Grows with every change that a page or merged feed may show.
        posts: Number of posts in the whole list, a story counted once.
        feeds: Number of subscribed feeds.
        unpolled_feeds: Number of feeds that were never polled.
        failing: Number of feeds whose last poll failed.
        checked_at: End of the newest poll, None before the first poll.
        has_former_names: A feed had another name before.
        relisted_entries: Number of entries that are listed anew already after a change of
            config.yaml; None if none remain to be.
        has_pictures: Entries have pictures.
        outdated_since: Time of the data, where pages are read from a copy with old data; else None.
    """

    version: int
    posts: int
    feeds: int
    unpolled_feeds: int
    failing: int
    checked_at: datetime | None
    has_former_names: bool = False
    relisted_entries: int | None = None
    has_pictures: bool = False
    outdated_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sidebar:
    """The sidebar of a list.

    Attributes:
        lists: Categories with a subscription, by name; then views in the order of config.yaml.
        busiest: Sources that show the most entries of the last seven days (UTC), at most twelve.
    """

    lists: tuple[NamedList, ...] = ()
    busiest: tuple[tuple[SourceName, int], ...] = ()
