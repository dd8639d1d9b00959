"""A post on its page: the text, and all other contents of the page.  Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

from aggregator.model import ListedEntry, StoredPicture
from aggregator.pictures.picture_choice import address_hash
from aggregator.pictures.picture_files import FOR_POST
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
        files: The files to offer beside the text.
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


@dataclass(frozen=True, slots=True)
class PostPictures:
    """The stored pictures of a post.

    Attributes:
        by_address: By the hashes of their addresses.
        lead: None for a post without a picture that leads it.
        path_of: Returns the address of a file on this site.
    """

    by_address: Mapping[bytes, StoredPicture]
    lead: StoredPicture | None
    path_of: Callable[[str], str]

    def element(self, picture: StoredPicture, alt: str = "") -> Markup:
        """Return a picture as HTML."""
        return Markup('<img src="{}" width="{}" height="{}" alt="{}" loading="lazy">').format(
            self.path_of(picture.key + FOR_POST), picture.width, picture.height, alt
        )


def full_post(entry: ListedEntry, clock: Clock, pictures: PostPictures) -> FullPost:
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
        text=_text(entry, clock.lang, pictures),
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


def _text(entry: ListedEntry, lang: Language, pictures: PostPictures) -> Markup:
    """Return the text for the page; the excerpt for an entry without text.

    A picture that leads the post and is not in the text stands above it.
    """
    text, shown_pictures = escape(entry.summary), set()

    def stand_in(picture: Picture) -> str:
        if _is_emoji(picture.alt):
            return str(escape(picture.alt))
        stored = pictures.by_address.get(address_hash(picture.address))
        if stored is None:
            return str(_link(picture, lang))
        shown_pictures.add(stored)
        return str(pictures.element(stored, picture.alt))

    if entry.content_html:
        text = text_of_page(entry.content_html, entry.url, lang, stand_in)
    if pictures.lead is None or pictures.lead in shown_pictures:
        return text
    return Markup("<p>{}</p>").format(pictures.element(pictures.lead)) + text


def text_of_page(
    html: str,
    url: str | None,
    lang: Language,
    picture: Callable[[Picture], str] | None = None,
    *,
    level: int = 1,
) -> Markup:
    """Return a text as a part of the page.

    Args:
        html: Sanitised.
        url: Address of the text.
        picture: Returns what stands for a picture; without the function it is a link.
        level: Of the heading above the text.
    """
    labels = TextLabels(
        table=lang.gettext("Table"), code=lang.gettext("Code"), formula=lang.gettext("Formula")
    )
    link = picture or (lambda picture: str(_link(picture, lang)))
    text = text_on_page(html, url=url, labels=labels, picture=link, level=level)
    return Markup(text)  # noqa: S704


def _is_emoji(alt: str) -> bool:
    return 0 < len(alt) <= _LONGEST_EMOJI and not any(map(str.isalnum, alt))


def _link(picture: Picture, lang: Language) -> Markup:
    """Return what stands for a picture that is not stored: no reader's browser asks other hosts."""
    alt = picture.alt
    name = lang.gettext("Picture: {text}", text=alt) if alt else lang.gettext("Picture")
    if picture.is_in_link or picture.url is None:
        return Markup('<span class="pic">{}</span>').format(name)
    return Markup('<a class="pic" href="{}" rel="noopener noreferrer">{}</a>').format(
        picture.url, name
    )
