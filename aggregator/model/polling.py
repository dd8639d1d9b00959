"""What a poll knows of its feed, and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.model.documents import PublisherHints, Validators

_NO_VALIDATORS = Validators()
_NO_HINTS = PublisherHints()

BY_INTERVAL = "the interval in config.yaml"
BY_RHYTHM = "the feed's own rhythm"
BECAUSE_NO_VALIDATORS = "the server offers no validators, and nothing was new"
BY_PAUSE = "a pause between two requests"
OUR_REASONS = frozenset({BY_INTERVAL, BY_RHYTHM, BECAUSE_NO_VALIDATORS, BY_PAUSE})
"""Reasons for the time of the next poll that this program chose; no publisher asked for them."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One of the constraints that decide when a feed is polled next.

    Attributes:
        name, value: As the publisher or config.yaml writes them: `ttl`, `1h30m`.
        until: No poll before this time; None where the constraint names no time of its own.
        reason: The constraint in words, for the one that decides.
    """

    name: str
    value: str
    until: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NextPoll:
    """When a feed is polled next, and why.

    Attributes:
        at: None for never again.
        reason: In words.
        not_before: End of a pause that the server asked for; even `poll --all` respects it.
        constraints: Every constraint that was weighed; one of them decided, unless the feed is
            gone.
    """

    at: datetime | None
    reason: str
    not_before: datetime | None = None
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True)
class Validation:
    """What the next document of a feed is compared with.

    Attributes:
        validators: Of the last answer; they make the next request a conditional one.
        body_hash: 16 bytes of the last body that was read to the end, None before the first.
        seen_hashes: Which entries that body had (see `aggregator.reading.prefilter`); empty: the
            next document is read whole.
    """

    validators: Validators = _NO_VALIDATORS
    body_hash: bytes | None = None
    seen_hashes: bytes = b""


@dataclass(frozen=True, slots=True)
class PermanentRedirect:
    """A permanent redirect that a feed answers with, before it is followed for good.

    Attributes:
        target: The address it leads to.
        since: When it was seen first.
        sightings: Polls in a row that saw it; positive.
    """

    target: str
    since: datetime
    sightings: int


@dataclass(frozen=True, slots=True)
class Relocation:
    """Where a feed is polled instead of at its URL.

    Attributes:
        moved_to: The address that the feed moved to for good; None: it is polled at its URL.
        redirect: A permanent redirect from the present address that is being watched, or None.
    """

    moved_to: str | None = None
    redirect: PermanentRedirect | None = None


@dataclass(frozen=True, slots=True)
class Pacing:
    """What decides how often a feed is polled as long as nothing fails.

    Attributes:
        interval: Wait between two polls.
        interval_given: The interval stands in config.yaml, and is obeyed as it is; without that a
            quiet feed is polled less often.
        hints: Of the last document.
        freshness: Lifetime of the last document (RFC 9111, 4.2.1), None if the server gave none.
        gap: Usual time between two entries, None where it is not known.
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
    """The site whose limits the requests of a feed count for, and what it asked for.

    Attributes:
        name: As `aggregator.urls.site_of` gives it, "" for a file.
        free_at: No request before this time; None: at once.
        min_delay: Pause between two requests that the site taught us, None for none.
        is_shared: Other feeds are polled there, too, maybe by other processes.
    """

    name: str
    free_at: datetime | None = None
    min_delay: timedelta | None = None
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class HostPause:
    """What one poll makes known of a host: when it may be asked again, and how often.

    Attributes:
        name: As in `KnownHost`.
        free_at: No request before this time.
        min_delay: Pause between two requests, None if the host asked for none.
        throttled_at: When the host refused a request for coming too soon, None if it never did.
    """

    name: str
    free_at: datetime
    min_delay: timedelta | None = None
    throttled_at: datetime | None = None


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
    """A feed that was leased for a poll, with what the last polls left for this one.

    Attributes:
        id: Primary key of the feed's row.
        name, url: As config.yaml has them.
        pacing: How often it is polled.
        lease_owner: Name of the process that leased it.
        host: The site that its address belongs to.
        distrust_304: Ask unconditionally after eight days of nothing but 304.
        timezone: IANA name, for times that name no zone; None to find out.
        habits: How its documents behave.
    """

    id: int
    name: str
    url: str
    pacing: Pacing
    lease_owner: str = ""
    host: KnownHost = KnownHost("")
    validation: Validation = Validation()
    relocation: Relocation = Relocation()
    history: PollHistory = PollHistory()
    distrust_304: bool = False
    timezone: str | None = None
    habits: Habits = Habits()

    @property
    def address(self) -> str:
        """The URL that is requested."""
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
    """Where new entries of a feed that is known stand: when they say, or when they came."""

    PUBLISHED = "published"
    ARRIVAL = "arrival"
