"""Episodes: spans in which a feed, or the whole program, needs the operator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.model.listing import Source
from aggregator.model.poll_failures import Failure

WHOLE_PROGRAM = 0
"""In place of the id of a feed in an episode of the whole program."""


class EpisodeKind(StrEnum):
    """What an episode is about; stored, so a value never changes its meaning."""

    FAILING = "failing"
    """Polls of the feed fail; the failure says why."""
    REMOVED = "gone"
    """The server answered 410: the feed is polled no more."""
    MOVED = "moved"
    """The feed has another address for good."""
    SILENT = "silent"
    """The feed has no new posts for much longer than usual."""
    NOT_STORED = "not-stored"
    """Feeds were due, and no poll was stored: a full disk, a lock, silent workers."""
    CONFIG = "config"
    """config.yaml has a mistake, so the version before stays in use."""


class EpisodeEnd(StrEnum):
    """Why an episode ended; stored."""

    MENDED = "mended"
    UNSUBSCRIBED = "unsubscribed"
    """The feed left config.yaml."""
    PAUSED = "paused"
    """config.yaml pauses the feed."""
    SUPERSEDED = "superseded"
    """Another episode of the feed takes over."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The cause and the beginning of an episode.

    Attributes:
        feed_id: Of the feed, or `WHOLE_PROGRAM`.
        began_at: The first failed poll, the last new post, the last stored poll; with an unknown
            beginning, when the program noticed.
        failure: Of a failing feed, at the beginning of the episode; None if unknown.
        detail: The new address of a moved feed, the mistake in config.yaml, or the reason of a
            failure in words; may have secrets.
        gap: Usual time between two posts of a silent feed.
    """

    kind: EpisodeKind
    began_at: datetime
    feed_id: int = WHOLE_PROGRAM
    failure: Failure | None = None
    detail: str | None = None
    gap: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """A trouble and its end, as stored.

    Attributes:
        id: Never used twice.
        position: Grows with every change of any episode: to open, to end and to open again give an
            episode the highest position.
        opened_at: When the program noticed.
        changed_at: When the episode opened, ended or opened again.
        ended_at: None for an open episode.
    """

    id: int
    position: int
    trouble: Trouble
    opened_at: datetime
    changed_at: datetime
    ended_at: datetime | None = None
    end: EpisodeEnd | None = None


@dataclass(frozen=True, slots=True)
class SourcedEpisode:
    """An episode with its feed as a source; None for an episode of the whole program."""

    episode: Episode
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class FeedState:
    """The state of a feed, as far as episodes depend on it.

    Attributes:
        is_listed: An OPML list has the feed, so config.yaml has no address to change.
        error: Why the last poll failed, in words.
        gap: Usual time between two posts, None if unknown.
        last_change_at: When the last new or changed post came in.
    """

    feed_id: int
    is_subscribed: bool = True
    is_paused: bool = False
    is_gone: bool = False
    is_listed: bool = False
    failures: int = 0
    failing_since: datetime | None = None
    failure: Failure | None = None
    error: str | None = None
    moved_to: str | None = None
    last_success_at: datetime | None = None
    last_change_at: datetime | None = None
    gap: timedelta | None = None


@dataclass(frozen=True, slots=True)
class EndedEpisode:
    """The end of an open episode."""

    episode_id: int
    ended_at: datetime
    end: EpisodeEnd


@dataclass(frozen=True, slots=True)
class EpisodeChanges:
    """Changes of the stored episodes.

    Attributes:
        ended: Ends of open episodes; written first, as a feed has one open episode of a kind.
        reopened: Ids of ended episodes to be open again.
        opened: Troubles without an episode yet.
        passed: Past troubles without an episode, with the time of the end.
    """

    ended: tuple[EndedEpisode, ...] = ()
    reopened: tuple[int, ...] = ()
    opened: tuple[Trouble, ...] = ()
    passed: tuple[tuple[Trouble, datetime], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ended or self.reopened or self.opened or self.passed)

    @classmethod
    def combined(cls, parts: Iterable[EpisodeChanges]) -> EpisodeChanges:
        """Return the changes of all parts, in the order of the parts."""
        changes = [part for part in parts if part]
        return cls(
            tuple(ending for part in changes for ending in part.ended),
            tuple(episode_id for part in changes for episode_id in part.reopened),
            tuple(trouble for part in changes for trouble in part.opened),
            tuple(outage for part in changes for outage in part.passed),
        )
