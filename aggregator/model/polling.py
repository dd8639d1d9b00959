"""The state of a feed between two polls, and the outcome of a poll."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.model.documents import PublisherHints, Validators
from aggregator.model.page_selectors import PageSelectors

_NO_VALIDATORS = Validators()
_NO_HINTS = PublisherHints()

BY_INTERVAL = "the interval in config.yaml"
BY_RHYTHM = "the feed's own rhythm"
BECAUSE_NO_VALIDATORS = "the server offers no validators, and nothing was new"
BY_PAUSE = "a pause between two requests"
BECAUSE_PAUSED = "paused in config.yaml"
OUR_REASONS = frozenset({BY_INTERVAL, BY_RHYTHM, BECAUSE_NO_VALIDATORS, BY_PAUSE})
"""Reasons for the time of the next poll that this program chose; no publisher asked for them."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint on the time of a feed's next poll.

    Attributes:
        name, value: As the publisher or config.yaml writes them: `ttl`, `1h30m`.
        until: No poll before this time; None for a constraint without a time.
        reason: In words, for the status page.
    """

    name: str
    value: str
    until: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NextPoll:
    """The time of a feed's next poll, and the reason.

    Attributes:
        at: None for never again.
        reason: In words.
        not_before: End of a pause at the server's request; even `poll --all` respects the pause.
        constraints: Every constraint that was weighed; the reason is from one, unless the feed is
            gone.
    """

    at: datetime | None
    reason: str
    not_before: datetime | None = None
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True)
class Validation:
    """State for the comparison with the next document.

    Attributes:
        validators: Of the last answer; with them the next request is a conditional one.
        body_hash: 16 bytes of the last body that was read to the end, None before the first.
        seen_hashes: The entries of the last body (see `aggregator.model.seen_hashes`); empty: the
            next document is read whole.
    """

    validators: Validators = _NO_VALIDATORS
    body_hash: bytes | None = None
    seen_hashes: bytes = b""


@dataclass(frozen=True, slots=True)
class PermanentRedirect:
    """A permanent redirect that is not followed for good yet.

    Attributes:
        target: The URL in `Location`.
        since: Start of the first poll with this redirect.
        sightings: Polls in a row with this redirect; positive.
    """

    target: str
    since: datetime
    sightings: int


@dataclass(frozen=True, slots=True)
class Relocation:
    """The address of a feed that has left its URL.

    Attributes:
        moved_to: The address where the feed is polled instead of its URL; None: at its URL.
        redirect: A permanent redirect from the present address that is being watched, or None.
    """

    moved_to: str | None = None
    redirect: PermanentRedirect | None = None


@dataclass(frozen=True, slots=True)
class Pacing:
    """The values that decide how often a feed is polled as long as nothing fails.

    Attributes:
        interval: Wait between two polls.
        interval_given: The interval stands in config.yaml, and is obeyed as written; without an
            interval in the file a quiet feed is polled less often.
        hints: Of the last document.
        freshness: Lifetime of the last document (RFC 9111, 4.2.1), None if the server gave none.
        gap: Usual time between two entries, None if unknown.
    """

    interval: timedelta
    interval_given: bool = True
    hints: PublisherHints = _NO_HINTS
    freshness: timedelta | None = None
    gap: timedelta | None = None


@dataclass(frozen=True, slots=True)
class PollHistory:
    """How the polls of a feed went so far.

    Attributes:
        polls: How many were recorded.
        failures: Failed ones in a row, 0 after a success.
        last_success_at: When the feed was read, or had nothing new, the last time.
        last_full_at: When the last 200 came.
        not_before: End of the pause that the server asked for at the last poll, None for no pause.
    """

    polls: int = 0
    failures: int = 0
    last_success_at: datetime | None = None
    last_full_at: datetime | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class KnownHost:
    """The site of a feed's address, with its limits.

    Attributes:
        name: As `aggregator.urls.site_of` returns, "" for a file.
        free_at: No request before this time; None: at once.
        min_delay: Pause between two requests, learned from refusals of the site; None for none.
        is_shared: The site has further feeds, which other processes may poll.
    """

    name: str
    free_at: datetime | None = None
    min_delay: timedelta | None = None
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class HostPause:
    """The limits of a host that one poll has found, for all processes.

    Attributes:
        name: As in `KnownHost`.
        free_at: No request before this time.
        min_delay: Pause between two requests, None if the host asked for none.
        throttled_at: When the host refused a request for coming too soon, None if never.
    """

    name: str
    free_at: datetime
    min_delay: timedelta | None = None
    throttled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Habits:
    """Properties of a feed's documents, learned from document to document.

    Attributes:
        shared_guids: A document had one guid on several entries.
        renamed: Number of polls that gave most entries another guid or link.
        edited: Polls in a row that changed most of the stored entries.
        moving_dates: `updated` is the time of the poll, not of the entries.
        zone: Possible zones of times without a zone: minutes east of UTC at least and at most, and
            the number of polls in agreement; None if unknown.
        dated: A document of a page without a feed had a readable date.
    """

    shared_guids: bool = False
    renamed: int = 0
    edited: int = 0
    moving_dates: bool = False
    zone: tuple[int, int, int] | None = None
    dated: bool = False


@dataclass(frozen=True, slots=True)
class DueFeed:
    """A feed that was leased for a poll, with the state that the last polls left.

    Attributes:
        id: Primary key of the feed's row.
        name, url: As in config.yaml.
        pacing: How often the feed is polled.
        leased_at: By the clock of the database.
        lease_owner: Name of the leasing process.
        host: The site of the feed's address.
        is_paused: The feed is polled now as a person asked for it, and not again.
        distrust_304: Send no validators after eight days of nothing but 304.
        timezone: IANA name, for times without a zone; None to find out.
        habits: How the feed's documents behave.
        request_digest: Of the `FeedRequest` in the config.yaml behind the database.
        selectors: Of a page without a feed; None for a feed.
        first_posts: Posts of the first good poll of a page with these selectors; None before.
    """

    id: int
    name: str
    url: str
    pacing: Pacing
    leased_at: datetime
    lease_owner: str = ""
    host: KnownHost = KnownHost("")
    validation: Validation = Validation()
    relocation: Relocation = Relocation()
    history: PollHistory = PollHistory()
    is_paused: bool = False
    distrust_304: bool = False
    timezone: str | None = None
    habits: Habits = Habits()
    request_digest: str | None = None
    selectors: PageSelectors | None = None
    first_posts: int | None = None

    @property
    def address(self) -> str:
        """The URL to request."""
        return self.relocation.moved_to or self.url


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
    """Places of new entries of a feed with earlier polls: by date, or by arrival."""

    PUBLISHED = "published"
    ARRIVAL = "arrival"
