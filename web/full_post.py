"""A post on its page: the text, and all other contents of the page.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

from aggregator.model import ListedEntry
from aggregator.text.post_text import Picture, TextLabels, text_on_page
from web import presentation, source_texts
from web.language import Language
from web.media_texts import PostFile, post_files
from web.presentation import Keywords, Post
from web.relative_time import Clock, machine

_LONGEST_EMOJI = 16  # characters


@dataclass(frozen=True, slots=True)
class DateText:
    """A date in full for a `time` element, `machine` for the attribute `datetime`."""

    machine: str
    text: str


@dataclass(frozen=True, slots=True)
class FullPost:
    """A post with its text.

    Attributes:
        as_listed: The post as lists show it.
        plain_title: The title without markup.
        text: Empty for a post without text.
        site: Host of the publisher's page, empty for a post without link.
        canonical: Web address of the publisher's page, None without one.
        published: None for a post without a date.
        first_seen: Of a post without a date.
        updated: None for a post that was not changed.
        files: The files that do not occur in the text.
    """

    as_listed: Post
    plain_title: str
    text: Markup
    site: str
    canonical: str | None
    published: DateText | None
    first_seen: DateText | None
    updated: DateText | None
    files: Sequence[PostFile]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The post above or below in a list."""

    id: int
    title: str
    lang: str | None


def full_post(entry: ListedEntry, clock: Clock) -> FullPost:
    """Return a post for its page.

    Args:
        entry: With the full text.
    """
    list_post = presentation.post(entry, clock, Keywords())
    canonical = source_texts.web_link(entry.url)
    published_at = entry.published_at if entry.dated else None
    return FullPost(
        as_listed=list_post,
        plain_title=presentation.plain_title(entry, clock.lang),
        text=_text(entry, clock.lang),
        site=source_texts.site_name(canonical),
        canonical=canonical,
        published=_date(published_at, clock),
        first_seen=_date(None if published_at else entry.first_seen_at, clock),
        updated=_date(entry.updated_at if list_post.updated else None, clock),
        files=post_files(entry, clock.lang),
    )


def neighbour(entry: ListedEntry | None, lang: Language) -> Neighbour | None:
    """Return the post above or below for a link; None without one."""
    if entry is None:
        return None
    tag = presentation.text_language(entry.language or entry.source.language, lang)
    return Neighbour(entry.id, presentation.plain_title(entry, lang), tag)


def _date(at: datetime | None, clock: Clock) -> DateText | None:
    return DateText(machine(at), clock.full(at)) if at else None


def _text(entry: ListedEntry, lang: Language) -> Markup:
    """Return the text for the page; the excerpt for an entry without text."""
    if not entry.content_html:
        return escape(entry.summary)
    labels = TextLabels(
        table=lang.gettext("Table"), code=lang.gettext("Code"), formula=lang.gettext("Formula")
    )
    # Sanitised before it was stored.
    html = text_on_page(
        entry.content_html,
        url=entry.url,
        labels=labels,
        picture=lambda picture: str(_picture(picture, lang)),
    )
    return Markup(html)  # noqa: S704


def _picture(picture: Picture, lang: Language) -> Markup:
    """Return the replacement of a picture in a text: a link, as browsers ask no other host.

    An emoji is written as a character.
    """
    alt = picture.alt
    if alt and len(alt) <= _LONGEST_EMOJI and not any(map(str.isalnum, alt)):
        return escape(alt)
    name = lang.gettext("Picture: {text}", text=alt) if alt else lang.gettext("Picture")
    if picture.is_in_link or picture.url is None:
        return Markup('<span class="pic">{}</span>').format(name)
    return Markup('<a class="pic" href="{}" rel="noopener noreferrer">{}</a>').format(
        picture.url, name
    )
