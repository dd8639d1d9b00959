"""When an episode opens, ends, and opens again: one rule for feeds, one for the program.  Pure.

    FeedState + stored episodes of the feed -> EpisodeChanges

docs/operating.md has the rules for people.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from aggregator.model import FailureKind
from aggregator.model.health_episodes import (
    EndedEpisode,
    Episode,
    EpisodeChanges,
    EpisodeEnd,
    EpisodeKind,
    FeedState,
    Trouble,
)

MIN_FAILURES = 3
"""Failed polls in a row before a feed has an episode."""

MIN_FAILING = timedelta(hours=24)
"""How long failures that often pass by themselves last before a feed has an episode."""

SILENT_GAPS = 3
MIN_SILENT = timedelta(days=14)

REOPENED_WITHIN = timedelta(hours=24)
"""A trouble back sooner after the end of an episode continues the episode."""

REMEMBERED = timedelta(days=7)
"""How long after its end an episode may matter: a failure returns, and lasts a day once more."""

OUTAGE_SHOWN_AFTER = timedelta(minutes=20)
"""How long no poll was stored before documents say so; `OutageWatch` has noticed by then."""

PASSING_FAILURES = frozenset(
    {
        FailureKind.THROTTLED,
        FailureKind.MAINTENANCE,
        FailureKind.SERVER_ERROR,
        FailureKind.HTTP_ERROR,
        FailureKind.TIMEOUT,
        FailureKind.UNKNOWN_HOST,
        FailureKind.NO_NAME_SERVER,
        FailureKind.REFUSED,
        FailureKind.UNREACHABLE,
        FailureKind.PROXY,
        FailureKind.TLS,
        FailureKind.EMPTY,
        FailureKind.BROKEN,
        FailureKind.UNREADABLE,
        FailureKind.MAINTENANCE,
    }
)
"""Failures that often pass by themselves.  All further kinds (a wall, a web page, an expired
certificate, a changed page) are told after `MIN_FAILURES` polls, however soon."""


def feed_changes(state: FeedState, episodes: Sequence[Episode], now: datetime) -> EpisodeChanges:
    """Return the changes of the episodes of a feed.

    Args:
        episodes: Of the feed: the open episodes, and episodes with an end within `REMEMBERED`.
    """
    ended: list[EndedEpisode] = []
    open_episodes: list[Episode] = []
    for episode in episodes:
        if episode.ended_at is not None:
            continue
        if (ending := _ending(state, episode, now)) is None:
            open_episodes.append(episode)
        else:
            ended.append(ending)
    open_kinds = {episode.trouble.kind for episode in open_episodes}
    troubles = [trouble for trouble in _troubles(state, now) if trouble.kind not in open_kinds]
    ended_before = [episode for episode in episodes if episode.ended_at is not None]
    reopened: list[int] = []
    opened: list[Trouble] = []
    for trouble in troubles:
        former = [past.id for past in ended_before if _continues(trouble, past, now)]
        if former:
            reopened.append(max(former))
        else:
            opened.append(trouble)
    return EpisodeChanges(tuple(ended), tuple(reopened), tuple(opened))


def config_changes(
    problem: str | None, episodes: Sequence[Episode], now: datetime
) -> EpisodeChanges:
    """Return the changes of the episodes about config.yaml.

    Args:
        problem: The first mistake, None while the file is in use.
        episodes: Of this kind, as for `feed_changes`.
    """
    open_episodes = [episode for episode in episodes if episode.ended_at is None]
    if problem is None:
        return _mended(open_episodes, now)
    if open_episodes:
        return EpisodeChanges()
    trouble = Trouble(EpisodeKind.CONFIG, now, detail=problem)
    former = [episode.id for episode in episodes if _continues(trouble, episode, now)]
    if former:
        return EpisodeChanges(reopened=(max(former),))
    return EpisodeChanges(opened=(trouble,))


def outage_changes(
    stored_until: datetime | None, episodes: Sequence[Episode], now: datetime, *, is_over: bool
) -> EpisodeChanges:
    """Return the changes of the episodes about polls not stored.

    Args:
        stored_until: The last stored poll before an outage, None without an outage.
        episodes: Of this kind, as for `feed_changes`.
        is_over: Polls are stored again.
    """
    open_episodes = [episode for episode in episodes if episode.ended_at is None]
    if is_over and open_episodes:
        return _mended(open_episodes, now)
    if stored_until is None or open_episodes:
        return EpisodeChanges()
    trouble = Trouble(EpisodeKind.NOT_STORED, stored_until)
    if not is_over:
        return EpisodeChanges(opened=(trouble,))
    # Of two processes with the same outage, one has written the episode already.
    is_written = any(past.ended_at and past.ended_at > stored_until for past in episodes)
    return EpisodeChanges() if is_written else EpisodeChanges(passed=((trouble, now),))


def _mended(episodes: Sequence[Episode], now: datetime) -> EpisodeChanges:
    return EpisodeChanges(
        tuple(EndedEpisode(episode.id, now, EpisodeEnd.MENDED) for episode in episodes)
    )


def _troubles(state: FeedState, now: datetime) -> Iterator[Trouble]:
    """Yield the troubles of a feed, none of a feed out of config.yaml or paused."""
    if not state.is_subscribed or state.is_paused:
        return
    if state.is_gone:
        yield Trouble(EpisodeKind.REMOVED, state.failing_since or now, state.feed_id)
        return
    if (since := _failing_since(state, now)) is not None:
        yield Trouble(EpisodeKind.FAILING, since, state.feed_id, state.failure, state.error)
    if state.moved_to is not None and not state.is_listed:
        yield Trouble(EpisodeKind.MOVED, now, state.feed_id, detail=state.moved_to)
    if (since := _silent_since(state, now)) is not None:
        yield Trouble(EpisodeKind.SILENT, since, state.feed_id, gap=state.gap)


def _failing_since(state: FeedState, now: datetime) -> datetime | None:
    """Return since when a feed fails, None if not long enough."""
    since = state.failing_since
    if since is None or state.failures < MIN_FAILURES:
        return None
    passes = state.failure is None or state.failure.kind in PASSING_FAILURES
    return None if passes and now - since < MIN_FAILING else since


def _silent_since(state: FeedState, now: datetime) -> datetime | None:
    """Return when the last post of a silent feed came; None for failing or lively feeds."""
    since = state.last_change_at
    if since is None or state.gap is None or state.failures:
        return None
    return since if now - since > max(SILENT_GAPS * state.gap, MIN_SILENT) else None


def _ending(state: FeedState, episode: Episode, now: datetime) -> EndedEpisode | None:
    """Return the end of an open episode, None while the episode goes on."""
    if not state.is_subscribed:
        return EndedEpisode(episode.id, now, EpisodeEnd.UNSUBSCRIBED)
    if state.is_paused:
        return EndedEpisode(episode.id, now, EpisodeEnd.PAUSED)
    trouble = episode.trouble
    mended_at: datetime | None = None
    match trouble.kind:
        case EpisodeKind.FAILING | EpisodeKind.REMOVED:
            # Only a good poll mends: of an address that was changed nothing is known yet.
            if not state.failures and not state.is_gone:
                mended_at = state.last_success_at
        case EpisodeKind.SILENT:
            mended_at = state.last_change_at
        case EpisodeKind.MOVED if state.moved_to is None:
            mended_at = now
    if mended_at is not None and mended_at > trouble.began_at:
        return EndedEpisode(episode.id, mended_at, EpisodeEnd.MENDED)
    is_other_place = trouble.kind is EpisodeKind.MOVED and state.moved_to != trouble.detail
    if is_other_place or (state.is_gone and trouble.kind is not EpisodeKind.REMOVED):
        return EndedEpisode(episode.id, now, EpisodeEnd.SUPERSEDED)
    return None


def _continues(trouble: Trouble, episode: Episode, now: datetime) -> bool:
    """Whether a trouble is the return of an episode with an end a short time ago."""
    former = episode.trouble
    if episode.ended_at is None or former.kind is not trouble.kind:
        return False
    match trouble.kind:
        case EpisodeKind.SILENT:  # until another post
            return former.began_at == trouble.began_at
        case EpisodeKind.MOVED:
            return former.detail == trouble.detail and now - episode.ended_at < REOPENED_WITHIN
        case EpisodeKind.FAILING:
            return trouble.began_at - episode.ended_at < REOPENED_WITHIN
    return now - episode.ended_at < REOPENED_WITHIN
