"""The health feed: an entry for each episode of a feed or of the program."""

from datetime import datetime

from aggregator import merged
from aggregator.database import Connection
from aggregator.database.episodes import read_episodes
from aggregator.episode_rules import OUTAGE_SHOWN_AFTER
from aggregator.merged.health_document import MAX_EPISODES
from aggregator.model.health_episodes import Episode, EpisodeKind, SourcedEpisode, Trouble
from aggregator.publish import Document, Format
from web.disclosure import public_episode
from web.episode_texts import episode_text
from web.language import language
from web.relative_time import Clock
from web.site import site


def outage_since(connection: Connection, now: datetime) -> datetime | None:
    """Return the time of the last stored poll during an outage long enough to tell; else None."""
    halted_since = read_episodes.halted_since(connection, now=now)
    if halted_since is None or now - halted_since < OUTAGE_SHOWN_AFTER:
        return None
    return halted_since


def document(
    connection: Connection, form: Format, *, now: datetime, outage: datetime | None
) -> Document:
    """Return the health feed.

    Args:
        outage: Of `outage_since`; told though no episode can be stored.
    """
    config, lang = site().config, language(site().config.language)
    clock = Clock(now, site().zone, config.timezone, lang)
    episodes = read_episodes.newest(connection, limit=MAX_EPISODES)
    if outage is not None and not any(map(_is_open_outage, episodes)):
        episodes.insert(0, _outage(outage))
    public_episodes = map(public_episode, episodes)
    return merged.health_document(
        site().publication,
        form,
        [(sourced, episode_text(sourced, clock)) for sourced in public_episodes],
        title=lang.gettext("Feed status"),
        language=lang.tag,
    )


def _is_open_outage(sourced: SourcedEpisode) -> bool:
    episode = sourced.episode
    return episode.trouble.kind is EpisodeKind.NOT_STORED and episode.ended_at is None


def _outage(since: datetime) -> SourcedEpisode:
    """Return the episode that the scheduler will store when storing is possible again."""
    trouble = Trouble(EpisodeKind.NOT_STORED, since)
    shown_at = since + OUTAGE_SHOWN_AFTER
    return SourcedEpisode(Episode(0, 0, trouble, opened_at=shown_at, changed_at=shown_at))
