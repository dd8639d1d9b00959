"""What is listed, published and shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from aggregator.model.documents import Enclosure, Origin
from aggregator.model.entry_id import EntryId
from aggregator.model.polling import Constraint, Outcome

_CURSOR = re.compile(r"-?[0-9]{1,19}")
_MAX_ID = 2**63 - 2  # the one above it is a number of databases, too


@dataclass(frozen=True, slots=True)
class Dating:
    """Why an entry stands where it does.

    Attributes:
        reason: In words.
        text, field, form, sure: Of its `Date`; empty and None where it has none, or that was
            stored before they were kept.
    """

    reason: str
    text: str = ""
    field: str = ""
    form: str = ""
    sure: bool | None = None


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
class ListScope:
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
        private: Where it comes from (addresses, id, what it says of itself) is shown to nobody.
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


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """An entry as the list and the merged feeds show it.

    Attributes:
        id: Place in the list.
        public_id: Absolute URI: the source's own id or a `tag:` URI.
        listed_at: min(published, first seen); decided when the entry was stored.
        dated: False where the publisher gave no usable date.
        changed_at: When what we publish of it last changed; for validators only.
        updated_at: When its text changed, None if it never did.
        also_in: Other sources that have the same story, first come first.
        image: URL of the picture that stands for it.
        origin: The feed that `source` copied it from, None if it is its own.
        content_html: None where the query was not asked for it.
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
    also_in: tuple[SourceName, ...] = ()
    image: str | None = None
    origin: Origin | None = None
    content_html: str | None = None


@dataclass(frozen=True, slots=True)
class ListPage:
    """A part of a list.

    Attributes:
        entries: Newest first.
        next: The list goes on below it; None at its end.
        ended_early: It has too few entries as looking for more took too long; without `next`
            nothing was reached at all.
    """

    entries: tuple[ListedEntry, ...] = ()
    next: Cursor | None = None
    ended_early: bool = False


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
        not_before: End of the pause that the server asked for at the last poll, None for no pause.
        failing_since: Start of the first of the failed polls in a row, None if it is fine.
        moved_to: Where it is polled instead, as it moved for good.
        unconditional: Its server offers no validators: each poll transfers the whole document.
        constraints: All that was weighed for the time of the next poll; what its host wants, too.
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
    not_before: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    gone: bool = False
    error: str | None = None
    note: str | None = None
    moved_to: str | None = None
    unconditional: bool = False
    constraints: tuple[Constraint, ...] = ()
    polls: tuple[PollRecord, ...] = ()


class FeedOrder(StrEnum):
    """How a list of subscriptions is ordered; within one urgency by title as well."""

    URGENCY = "urgency"
    TITLE = "title"


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
        has_former_names: A feed was called something else before.
    """

    version: int
    entries: int
    feeds: int
    unread_feeds: int
    failing: int
    checked_at: datetime | None
    has_former_names: bool = False


@dataclass(frozen=True, slots=True)
class Sidebar:
    """What stands beside the list.

    Attributes:
        categories: By name; those that a subscription is in.
        busiest: Sources with the most entries of the last seven days (UTC), at most twelve.
    """

    categories: tuple[CategoryCount, ...] = ()
    busiest: tuple[tuple[SourceName, int], ...] = ()
