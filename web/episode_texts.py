"""The texts of episodes in the health feed.  Pure.

A text depends on the stored episode alone, so that the feed has the same bytes until an episode
changes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import escape

from aggregator.merged import EpisodeText
from aggregator.model import FailureKind
from aggregator.model.health_episodes import (
    Episode,
    EpisodeEnd,
    EpisodeKind,
    SourcedEpisode,
    Trouble,
)
from aggregator.urls import feed_addresses
from web.failure_texts import failure_sentence
from web.language import SOURCE, to_translate
from web.relative_time import Clock, every
from web.status_texts import sentence

_TITLES = {
    EpisodeKind.FAILING: to_translate("{feed} cannot be read"),
    EpisodeKind.REMOVED: to_translate("{feed} has been removed by its publisher"),
    EpisodeKind.MOVED: to_translate("{feed} has moved"),
    EpisodeKind.SILENT: to_translate("{feed} has no new posts"),
    EpisodeKind.NOT_STORED: to_translate("Nothing is being saved"),
    EpisodeKind.CONFIG: to_translate("config.yaml has a mistake"),
}
_ENDS = {
    EpisodeEnd.MENDED: to_translate("This ended on {time}; it lasted {span}."),
    EpisodeEnd.UNSUBSCRIBED: to_translate("The feed left config.yaml on {time}."),
    EpisodeEnd.PAUSED: to_translate("The feed has been paused in config.yaml since {time}."),
    EpisodeEnd.SUPERSEDED: to_translate("Another problem has taken the place of this one."),
}
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """A paragraph; `lang` where the text is in another language, `is_line` of a line to write."""

    text: str
    lang: str = ""
    is_line: bool = False

    @property
    def html(self) -> str:
        text = escape(self.text)
        if self.is_line:
            return f"<pre><code>{text}</code></pre>"
        return f'<p lang="{self.lang}">{text}</p>' if self.lang else f"<p>{text}</p>"


def episode_text(sourced: SourcedEpisode, clock: Clock) -> EpisodeText:
    """Return title and text of an episode.

    Args:
        sourced: With what is public; see `disclosure.public_episode`.
        clock: For language and zone; the present moment is not used.
    """
    episode, lang = sourced.episode, clock.lang
    feed = "" if sourced.source is None else sourced.source.title
    title = lang.gettext(_TITLES[episode.trouble.kind], feed=feed)
    if episode.ended_at is not None:
        title = lang.gettext("Over: {title}", title=title)
    paragraphs = [*_end(episode, clock), *_beginning(episode.trouble, clock)]
    summary = lang.gap.join(part.text for part in paragraphs if not part.is_line)
    return EpisodeText(title, summary, "".join(part.html for part in paragraphs))


def _end(episode: Episode, clock: Clock) -> Iterator[_Paragraph]:
    if episode.ended_at is not None and episode.end is not None:
        span = clock.lang.span(episode.ended_at - episode.trouble.began_at)
        yield _Paragraph(
            clock.lang.gettext(_ENDS[episode.end], span=span, time=clock.full(episode.ended_at))
        )


def _beginning(trouble: Trouble, clock: Clock) -> Iterator[_Paragraph]:
    """Yield what is wrong, since when, and what to do."""
    lang, began = clock.lang, clock.full(trouble.began_at)
    match trouble.kind:
        case EpisodeKind.FAILING:
            yield from _failure(trouble, clock)
            yield _Paragraph(lang.gettext("Failing since {time}.", time=began))
            yield from _line_of_named_feed(trouble, clock)
        case EpisodeKind.REMOVED:
            yield _Paragraph(
                lang.gettext(
                    "The publisher removed this feed. It is safe to delete from config.yaml."
                )
            )
        case EpisodeKind.MOVED:
            yield from _move(trouble, clock)
        case EpisodeKind.SILENT:
            yield _Paragraph(lang.gettext("Its last post came on {time}.", time=began))
            if trouble.gap is not None:
                rhythm = every(_rounded(trouble.gap), lang)
                yield _Paragraph(lang.gettext("Usually there is a post {every}.", every=rhythm))
        case EpisodeKind.NOT_STORED:
            yield _Paragraph(
                lang.gettext(
                    "Feeds are due, but nothing is being saved. The scheduler’s log says why: a "
                    "full disk, for example."
                )
            )
            yield _Paragraph(lang.gettext("The last check was saved on {time}.", time=began))
        case EpisodeKind.CONFIG:
            yield _Paragraph(
                lang.gettext(
                    "config.yaml has a mistake and was not loaded; the last valid version is still "
                    "in use."
                )
            )
            if trouble.detail:  # which begins with the name of a file
                yield _Paragraph(f"{trouble.detail}.", SOURCE)


def _failure(trouble: Trouble, clock: Clock) -> Iterator[_Paragraph]:
    failure = trouble.failure
    if failure is not None:
        yield _Paragraph(failure_sentence(failure, clock.lang))
    # Of a page that changed, only the reason names the selector without a match.
    is_unclear = failure is None or failure.kind is FailureKind.PAGE_CHANGED
    if is_unclear and trouble.detail:
        yield _Paragraph(sentence(trouble.detail), SOURCE)


def _line_of_named_feed(trouble: Trouble, clock: Clock) -> Iterator[_Paragraph]:
    failure = trouble.failure
    if failure is not None and failure.named_feed:
        yield from _line(failure.named_feed, clock)


def _move(trouble: Trouble, clock: Clock) -> Iterator[_Paragraph]:
    lang, place = clock.lang, trouble.detail
    if place is None:
        yield _Paragraph(
            lang.gettext("It has another address now, which `aggregator check` names.")
        )
        return
    yield _Paragraph(
        lang.gettext(
            "It has moved to {place}, which is checked instead; change the address in config.yaml.",
            place=place,
        )
    )
    yield from _line(place, clock)


def _line(address: str, clock: Clock) -> Iterator[_Paragraph]:
    """Yield the line of config.yaml with another address, if the address is no secret."""
    if not feed_addresses.is_masked(address):
        yield _Paragraph(clock.lang.gettext("The line of config.yaml:"))
        yield _Paragraph(f"url: {address}", is_line=True)


def _rounded(gap: timedelta) -> timedelta:
    """Return a span in whole days, hours or minutes, whichever says enough."""
    unit = _DAY if gap >= 2 * _DAY else _HOUR if gap >= 2 * _HOUR else timedelta(minutes=1)
    return max(round(gap / unit), 1) * unit
