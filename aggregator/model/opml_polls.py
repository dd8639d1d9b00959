"""OPML lists of config.yaml, and polls of lists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.model.documents import OpmlOutline, Validators
from aggregator.model.polling import HostPause, NextPoll


@dataclass(frozen=True, slots=True)
class OpmlListHealth:
    """An OPML list and the polls of the list.

    Attributes:
        address: As written in config.yaml, with variables.
        feeds: Number of subscriptions from the list.
        failure: Why the last poll changed nothing, in words; None after a good poll.
        failures: Failed polls in a row; polls that said nothing of the list don't count, as during
            a pause of its host or without a network.
        next_poll_at: None for a list without further polls (410).
    """

    address: str
    feeds: int
    failure: str | None = None
    failures: int = 0
    last_polled_at: datetime | None = None
    last_success_at: datetime | None = None
    next_poll_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueOpmlList:
    """An OPML list with a lease for a poll.

    Attributes:
        address: As written in config.yaml.
        outlines: The feeds in force; None before the first good poll.
        failures: Failed polls in a row so far.
    """

    id: int
    address: str
    validators: Validators
    outlines: tuple[OpmlOutline, ...] | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class OpmlPoll:
    """A poll of an OPML list.

    Attributes:
        address: As written in config.yaml.
        validators: Of a good poll.
        failure: Why the poll changes nothing, in words; None for a good poll.
        outlines: The new feeds; None for the same feeds.
        failures: Failed polls in a row.
        pause: Of the list's host, at the host's request; None for no pause.
        notes: Sentences about omitted outlines.
        is_offline: This machine's network failed, not the server.
    """

    list_id: int
    address: str
    polled_at: datetime
    next_poll: NextPoll
    validators: Validators | None = None
    failure: str | None = None
    outlines: tuple[OpmlOutline, ...] | None = None
    failures: int = 0
    pause: HostPause | None = None
    notes: tuple[str, ...] = ()
    is_offline: bool = False
