"""Health of subscriptions: past polls, failures, the next poll."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.model.listing import Source
from aggregator.model.page_selectors import PageSelectors
from aggregator.model.poll_failures import Failure
from aggregator.model.polling import Constraint, Outcome


@dataclass(frozen=True, slots=True)
class PollRecord:
    """One poll of the past; `duration` from the request to storage, `size` in bytes."""

    started_at: datetime
    outcome: Outcome
    status: int | None = None
    size: int = 0
    duration: timedelta = timedelta(0)
    new_entries: int = 0
    updated_entries: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """A subscription and its health.

    Attributes:
        categories: Names of the feed's categories by slug, in the order of config.yaml.
        entries: Number of stored entries.
        hidden: Number of entries that config.yaml hides (`model.HIDDEN`).
        per_week: Entries listed a week, by the last four weeks or the shorter time since the oldest
            entry; None below three entries in that time, but 0 without any in four weeks.
        weeks: Entries listed in each of the last weeks of seven days, oldest first.
        next_poll_at: None for a feed that is paused, or polled no more (410).
        next_reason: The reason for the time of the next poll, in words.
        not_before: End of the pause that the server asked for at the last poll, None for no pause.
        failing_since: Start of the first of the last failed polls, None if the last poll succeeded.
        is_gone: The server answered 410.
        failure: Why the last poll failed, None if it succeeded or for a poll before revision 0028.
        is_paused: config.yaml has `paused: true` for the feed.
        opml_list: Address, as in config.yaml, of the OPML list with the feed.
        moved_to: The address that is polled instead, after a permanent redirect.
        unconditional: The server offers no validators: each poll transfers the whole document.
        by_proxy: The feed is requested by a proxy.
        selectors, first_posts: Of a page without a feed; see `DueFeed`.
        constraints: All constraints on the time of the next poll, those of the host included.
        polls: The last 24 polls, oldest first.
    """

    source: Source
    subtitle: str = ""
    format: str = ""
    interval: timedelta = timedelta(hours=1)
    categories: Mapping[str, str] = field(default_factory=dict, hash=False)
    entries: int = 0
    hidden: int = 0
    per_week: float | None = None
    weeks: tuple[int, ...] = ()
    first_entry_at: datetime | None = None
    last_entry_at: datetime | None = None
    last_polled_at: datetime | None = None
    last_success_at: datetime | None = None
    next_poll_at: datetime | None = None
    next_reason: str | None = None
    not_before: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    is_gone: bool = False
    is_paused: bool = False
    error: str | None = None
    failure: Failure | None = None
    note: str | None = None
    opml_list: str | None = None
    moved_to: str | None = None
    unconditional: bool = False
    by_proxy: bool = False
    selectors: PageSelectors | None = None
    first_posts: int | None = None
    constraints: tuple[Constraint, ...] = ()
    polls: tuple[PollRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceCategory:
    """A category with the subscriptions that are shown below it.

    Attributes:
        slug: None for the subscriptions without category.
        feeds: Number of these subscriptions.
    """

    slug: str | None
    title: str
    feeds: int


class FeedOrder(StrEnum):
    """The order of a list of subscriptions; feeds of one urgency are ordered by title."""

    URGENCY = "urgency"
    TITLE = "title"
    CATEGORY = "category"
    """By the category that is shown beside a feed, feeds without category last; then by title."""
