"""The health feed: episodes as a document, with an entry each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aggregator.merged.addresses import STATUS_PATH, Publication
from aggregator.merged.list_documents import GENERATOR
from aggregator.model import EntryId, ListedEntry, ListKind, ListScope, Source
from aggregator.model.health_episodes import EpisodeEnd, EpisodeKind, SourcedEpisode
from aggregator.publish import Document, Format

MAX_EPISODES = 50


@dataclass(frozen=True, slots=True)
class EpisodeText:
    """What an episode says.

    Attributes:
        title, summary: Plain text.
        html: The whole text, safe.
    """

    title: str
    summary: str
    html: str


def health_document(
    publication: Publication,
    form: Format,
    episodes: Sequence[tuple[SourcedEpisode, EpisodeText]],
    *,
    title: str,
    language: str,
) -> Document:
    """Return the health feed.

    Args:
        episodes: Each with its text; the last change first.
        title: Of the page about the health of feeds.
        language: Of title and texts.
    """
    return Document(
        id=publication.health_id,
        title=f"{publication.title}: {title}",
        html_url=publication.base_url + STATUS_PATH,
        self_url=publication.health_url(form),
        language=language,
        generator=GENERATOR,
        icon=publication.icon,
        logo=publication.logo,
        entries=[_entry(publication, *episode, language) for episode in episodes],
    )


def _entry(
    publication: Publication, sourced: SourcedEpisode, text: EpisodeText, language: str
) -> ListedEntry:
    """Return an episode as an entry; only its end, or a return of the trouble, moves `updated`."""
    episode = sourced.episode
    has_changed = episode.ended_at is not None or episode.changed_at != episode.opened_at
    listed_at = _listed_at(sourced)
    return ListedEntry(
        id=EntryId(EntryId.first_at(listed_at) + episode.id % 2**20),
        public_id=f"{publication.health_id}/{_key(sourced)}",
        source=sourced.source or _program(publication),
        url=_page(publication, sourced),
        title=text.title,
        title_html="",
        summary=text.summary,
        listed_at=listed_at,
        first_seen_at=episode.opened_at,
        changed_at=episode.changed_at,
        updated_at=episode.changed_at if has_changed else None,
        authors=(publication.title,),
        categories=(episode.trouble.kind.value,),
        language=language,
        content_html=text.html,
    )


def _key(sourced: SourcedEpisode) -> str:
    """Return what no other episode has.

    An episode of polls that are not stored is told before there is a row with an id.
    """
    episode = sourced.episode
    if episode.trouble.kind is EpisodeKind.NOT_STORED:
        return f"{episode.trouble.kind}/{int(episode.trouble.began_at.timestamp())}"
    return str(episode.id)


def _listed_at(sourced: SourcedEpisode) -> datetime:
    episode = sourced.episode
    is_outage = episode.trouble.kind is EpisodeKind.NOT_STORED
    return episode.trouble.began_at if is_outage else episode.opened_at


def _page(publication: Publication, sourced: SourcedEpisode) -> str:
    """Return the address of the page of the feed; of the status, where the feed has no page."""
    if sourced.source is None or sourced.episode.end is EpisodeEnd.UNSUBSCRIBED:
        return publication.base_url + STATUS_PATH
    return publication.list_url(ListScope(ListKind.SOURCE, sourced.source.name))


def _program(publication: Publication) -> Source:
    """Return the program itself as a source."""
    return Source(
        id=0,
        name="",
        title=publication.title,
        feed_url=publication.health_url(Format.ATOM),
        site_url=publication.base_url + STATUS_PATH,
        feed_id=publication.health_id,
    )
