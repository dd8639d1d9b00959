"""What a poll knows of its feed, and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.model.documents import Validators, Wishes

_NO_VALIDATORS = Validators()
_NO_WISHES = Wishes()

BY_INTERVAL = "the interval in config.yaml"
BY_RHYTHM = "the feed's own rhythm"
BY_THRIFT = "the server offers no validators, and nothing was new"
BY_PAUSE = "a pause between two requests"
OUR_REASONS = frozenset({BY_INTERVAL, BY_RHYTHM, BY_THRIFT, BY_PAUSE})
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
        host_free_at: No request to that site before, as other processes know; None: at once.
        failures: Failed polls in a row, 0 after a success.
        polls: How many polls were recorded so far.
        lease_owner: Name of the process that leased it.
        habits: How its documents behave.
        timezone: Of times that name none, as config.yaml has it; None to find out.
        last_success_at: When the feed was read, or had nothing new, the last time.
        not_before: End of the pause that the server asked for at the last poll, None for no pause.
    """

    id: int
    name: str
    url: str
    interval: timedelta
    interval_given: bool = True
    distrust_304: bool = False
    validators: Validators = _NO_VALIDATORS
    body_hash: bytes | None = None
    memory: bytes = b""
    wishes: Wishes = _NO_WISHES
    freshness: timedelta | None = None
    gap: timedelta | None = None
    last_full_at: datetime | None = None
    moved_to: str | None = None
    move: Move | None = None
    host: str = ""
    pace: timedelta | None = None
    host_free_at: datetime | None = None
    failures: int = 0
    polls: int = 0
    lease_owner: str = ""
    habits: Habits = Habits()
    timezone: str | None = None
    last_success_at: datetime | None = None
    not_before: datetime | None = None

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
