"""Entries and sources as values for templates: texts, markup, groups.  Pure."""

import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache, partial
from itertools import groupby

from markupsafe import Markup, escape

from aggregator.model import (
    HIDDEN,
    ListedEntry,
    ListScope,
    NamedList,
    OtherEntry,
    Source,
    SourceName,
    StoredPicture,
)
from aggregator.publish import first_words, title_of
from aggregator.search.syntax_tree import Phrase, TextField
from aggregator.text.references import unescape
from web import source_texts
from web.bidi_text import isolated
from web.language import Language
from web.language_tags import written_language
from web.last_visit import LastVisit
from web.list_pictures import ListPicture, list_picture
from web.media_texts import MediaNote, media_notes
from web.relative_time import Clock, Moment
from web.search_marks import marked, occurring

_HUES = 12  # classes c0 to c11 in static/style.css
_MAX_AUTHORS = 3
_MAX_TAGS = 3  # of those that a search asks for
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_TAG = re.compile(r"(<[^>]*>)")  # titles were sanitised: no `>` within a tag
_MAX_RUN = 5
_ROW = 90  # characters, at full width and beside the choice of a view
_MAX_ROW = 16  # categories and views; more never fit
_GAP = 3
_MARKUP = 600  # characters of HTML that add nothing to read to an excerpt
_HOUR = timedelta(hours=1)
_SETTLING = timedelta(minutes=10)
# Dates carry seconds at best; an id carries milliseconds.
_SAME_MOMENT = timedelta(minutes=1)

NO_PICTURES: Mapping[int, StoredPicture] = {}


@dataclass(frozen=True, slots=True)
class Tile:
    """A source's monogram; `hue` is a class of the style sheet."""

    letter: str
    hue: str


@dataclass(frozen=True, slots=True)
class Post:
    """An entry with all texts for the list, so that the template only places them.

    Attributes:
        url: None for an entry without link.
        lang: Language of the texts, None for the language of the page.
        time: When the entry was published, or first seen if undated.
        updated: When the text changed, None if never or only in the first minutes.
        dated: Day of a publication date in the future, else empty.
        media: What the entry has besides words.
        has_page: The entry has a page of its own, to be read here.
        has_more: The text of the entry goes beyond the excerpt.
        comments_url: Web address of the comments, None if unknown.
        matching_tags: The entry's own categories that a search asks for.
        hidden_by: The key of config.yaml that hides the entry, else empty.
        picture: None for a post without one.
    """

    id: int
    url: str | None
    title: Markup
    summary: Markup
    lang: str | None
    time: Moment
    source: Source
    authors: Markup
    is_new: bool
    updated: Moment | None
    dated: str
    media: Sequence[MediaNote]
    has_page: bool
    has_more: bool
    comments_url: str | None
    matching_tags: Markup
    hidden_by: str
    also_in: tuple[OtherEntry, ...]
    picture: ListPicture | None

    @property
    def has_tags(self) -> bool:
        """Whether the entry has tags below the excerpt."""
        tags = (self.updated, self.dated, self.media, self.matching_tags, self.hidden_by)
        return any(tags) or bool(self.also_in or self.comments_url)


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive posts of one source; the page shows the ones in `folded` on demand."""

    posts: tuple[Post, ...]
    folded: tuple[Post, ...] = ()


@dataclass(frozen=True, slots=True)
class Day:
    """The entries of one day.

    Attributes:
        key: The day as ISO 8601.
        name: "Today", "Saturday", "16 November".
        detail: The other part of the date, behind the name.
    """

    key: str
    name: str
    detail: str
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """The categories and views beside "All".

    Attributes:
        lists: A short row has all lists in the order of the page; any other row begins with the
            list of the page, followed by the largest lists.
        is_short: The row fits at full width, by an estimate.
    """

    lists: tuple[NamedList, ...]
    is_short: bool


@dataclass(frozen=True, slots=True)
class NewPosts:
    """The new entries of a page.

    Attributes:
        ids: Of the entries since the last visit.
        ends_before: Id of the first known entry below new ones; None without such an entry.
    """

    ids: frozenset[int] = frozenset()
    ends_before: int | None = None


@dataclass(frozen=True, slots=True)
class Keywords:
    """The words and phrases of a search, to be marked.

    Attributes:
        phrases: As `tree_facts.keywords` returns them.
        excerpts: By the id of an entry, a part of the full text to show instead of the excerpt.
    """

    phrases: tuple[Phrase, ...] = ()
    excerpts: Mapping[int, str] = field(default_factory=dict)

    @property
    def in_text(self) -> list[Phrase]:
        """The phrases that are searched in all texts."""
        return self._of(TextField.ANY)

    @property
    def in_title(self) -> list[Phrase]:
        """The phrases that are searched in titles."""
        return self._of(TextField.ANY, TextField.TITLE)

    @property
    def in_authors(self) -> list[Phrase]:
        """The phrases that are searched in names of authors."""
        return self._of(TextField.AUTHOR)

    @property
    def in_tags(self) -> list[Phrase]:
        """The phrases that are searched in the entry's own categories."""
        return self._of(TextField.TAG)

    def _of(self, *fields: TextField) -> list[Phrase]:
        return [phrase for phrase in self.phrases if phrase.field in fields]

    def missing_in(self, entry: ListedEntry) -> list[Phrase]:
        """Return the phrases that only the full text may have; none if the excerpt has any."""
        if occurring(summary(entry), self.in_text):
            return []
        in_title = occurring(entry.title, self.in_text)
        return [phrase for phrase in self.in_text if phrase not in in_title]


def new_posts(entries: Sequence[ListedEntry], visit: LastVisit) -> NewPosts:
    """Return which entries, newest first, are new, and the place of the line below new ones.

    A late arrival below the line is new as well: an entry is new by its arrival, not its position.
    A hidden entry is no news.
    """
    arrived = [entry for entry in entries if visit.is_new(entry.first_seen_at)]
    ids = frozenset(entry.id for entry in arrived if entry.exclusion not in HIDDEN)
    arrived_ids = {entry.id for entry in arrived}
    known_id = next((entry.id for entry in entries if entry.id not in arrived_ids), None)
    has_line = ids and known_id not in (None, entries[0].id)
    return NewPosts(ids, known_id if has_line else None)


def days(
    entries: Sequence[ListedEntry],
    clock: Clock,
    *,
    news: NewPosts | None = None,
    keywords: Keywords | None = None,
    pictures: Mapping[int, StoredPicture] = NO_PICTURES,
    fold: bool = True,
    headed: bool = True,
) -> list[Day]:
    """Return entries, newest first, in groups by day.

    Args:
        keywords: Words and phrases of a search, to be marked.
        pictures: By the id of an entry.
        fold: Show only the first post of a source with many posts within an hour.
        headed: The page shows the days as headings.
    """
    news, keywords = news or NewPosts(), keywords or Keywords()
    groups = []
    for day, entries_of_day in groupby(entries, key=lambda entry: clock.day(entry.listed_at)):
        runs = []
        for entries_of_run, is_long in _runs(tuple(entries_of_day), news):
            posts = [
                post(
                    entry,
                    clock,
                    keywords,
                    pictures.get(entry.id),
                    is_new=entry.id in news.ids,
                    below=day if headed else None,
                )
                for entry in entries_of_run
            ]
            unfolded = 1 if is_long and fold else len(posts)
            runs.append(Run(tuple(posts[:unfolded]), tuple(posts[unfolded:])))
        groups.append(Day(day.isoformat(), *clock.heading(day), tuple(runs)))
    return groups


def _runs(
    entries: Sequence[ListedEntry], news: NewPosts
) -> Iterator[tuple[Sequence[ListedEntry], bool]]:
    """Yield consecutive entries of one source and one hour, and whether they are many."""

    def kind(entry: ListedEntry) -> tuple[int, bool]:
        return entry.source.id, entry.id in news.ids  # the line of new posts is never folded

    for _, group in groupby(entries, key=kind):
        run = tuple(group)
        while run:
            hour = tuple(e for e in run if run[0].listed_at - e.listed_at <= _HOUR)
            run = run[len(hour) :]
            yield hour, len(hour) > _MAX_RUN


def post(
    entry: ListedEntry,
    clock: Clock,
    keywords: Keywords,
    picture: StoredPicture | None = None,
    *,
    is_new: bool = False,
    below: date | None = None,
) -> Post:
    """Return an entry for the list.

    Args:
        below: Day of the heading above the entry; None for a list without headings.
    """
    lang = clock.lang
    return Post(
        id=entry.id,
        url=entry.url,
        title=title(entry, keywords.in_title, lang),
        summary=marked(keywords.excerpts.get(entry.id) or summary(entry), keywords.in_text),
        lang=text_language(entry.language or entry.source.language, lang),
        time=_time(entry, clock, below),
        source=entry.source,
        authors=authors(entry, keywords.in_authors, lang),
        is_new=is_new,
        updated=clock.moment(entry.updated_at) if _is_updated(entry) and entry.updated_at else None,
        dated=clock.date_of(entry.published_at)
        if entry.published_at and entry.published_at - entry.listed_at > _SAME_MOMENT
        else "",
        media=media_notes(entry, lang),
        has_page=entry.source.read_here and entry.exclusion not in HIDDEN,
        has_more=has_more(entry),
        comments_url=source_texts.web_link(entry.comments_url),
        matching_tags=matching_tags(entry, keywords.in_tags, lang),
        hidden_by=entry.exclusion if entry.exclusion in HIDDEN else "",
        also_in=entry.also_in,
        picture=list_picture(picture, summary(entry)) if picture else None,
    )


def _time(entry: ListedEntry, clock: Clock, below: date | None) -> Moment:
    """Return when an entry was published, or first seen if undated."""
    at, say = entry.listed_at, ""
    if not entry.dated:
        at, say = entry.first_seen_at, clock.lang.gettext("first seen {time} (no date given)")
    return clock.moment(at, say) if below is None else clock.moment_below(below, at, say)


def tile(source: Source | SourceName) -> Tile:
    """Return the monogram of a source: an initial, and a colour by its name."""
    return _tile(source.name, source.title)


@lru_cache(maxsize=4096)
def _tile(name: str, title: str) -> Tile:
    # Without "The", or half of all sources would have a T.
    title = re.sub(r"(?i)^the\s+(?=\w)", "", title.strip())
    letter = next((character for character in title if character.isalnum()), "#")
    return Tile(letter.upper()[:1], f"c{zlib.crc32(name.encode()) % _HUES}")


def title(entry: ListedEntry, phrases: Sequence[Phrase], lang: Language) -> Markup:
    """Return an entry's title as inline HTML, with the words of a search marked.

    An entry without title gets the beginning of its text.  `title_html` was sanitised before it was
    stored, so it is markup; all other texts are escaped.
    """
    if not entry.title:
        return marked(plain_title(entry, lang), phrases)
    if not phrases:
        return Markup(entry.title_html)  # noqa: S704
    return Markup("").join(
        Markup(part) if number % 2 else marked(unescape(part), phrases)  # noqa: S704
        for number, part in enumerate(_TAG.split(entry.title_html))
    )


def summary(entry: ListedEntry) -> str:
    """Return the excerpt; for an entry without title the part that is not in the made title."""
    if entry.title:
        return entry.summary
    start, remainder = first_words(entry.summary.strip())
    return f"…{remainder}" if start and remainder else ""


def text_language(tag: str | None, page: Language) -> str | None:
    """Return the language tag of a text, None if malformed or written as the page is."""
    tag = (tag or "").strip().replace("_", "-")
    if not _LANGUAGE.fullmatch(tag) or written_language(tag) == written_language(page.tag):
        return None
    return tag


def authors(entry: ListedEntry, phrases: Sequence[Phrase], lang: Language) -> Markup:
    """Return the authors in one line, with the words of a search marked.

    Authors whom the search asks for come first.  Empty if the only author is the source, unless the
    search asks for the author.
    """
    names = [name for name in entry.authors if name.strip()]
    matches = [name for name in names if occurring(name, phrases)]
    if not matches and [name.casefold() for name in names] == [entry.source.title.casefold()]:
        return Markup()
    if not set(matches) <= set(names[:_MAX_AUTHORS]):
        names = list(dict.fromkeys([*matches, *names]))
    parts = [isolated(name, partial(marked, phrases=phrases)) for name in names[:_MAX_AUTHORS]]
    if len(names) > _MAX_AUTHORS:
        parts.append(escape(lang.gettext("and others")))
    return escape(lang.gettext(", ")).join(parts)


def matching_tags(entry: ListedEntry, phrases: Sequence[Phrase], lang: Language) -> Markup:
    """Return the entry's own categories that a search asks for, with the words marked."""
    tags = [tag for tag in entry.categories if occurring(tag, phrases)] if phrases else []
    parts = [isolated(tag, partial(marked, phrases=phrases)) for tag in tags[:_MAX_TAGS]]
    return escape(lang.gettext(", ")).join(parts)


def _is_updated(entry: ListedEntry) -> bool:
    """Whether the text changed after the first minutes, when authors mend typos."""
    return entry.updated_at is not None and entry.updated_at - entry.listed_at > _SETTLING


def has_more(entry: ListedEntry) -> bool:
    """Whether an entry's text goes beyond the excerpt.

    Markup takes about as much room as words, and addresses take more.
    """
    if entry.text_length is None:
        return True
    return entry.text_length > 2 * len(entry.summary) + _MARKUP


def category_row(
    lists: Sequence[NamedList], current: ListScope, *, has_counts: bool = True
) -> CategoryRow:
    """Return the row of categories and views, which the style sheet ends where the room ends.

    Args:
        lists: In the order of the page.
        current: The list of the page, which the style sheet moves to the front.
        has_counts: The row shows the posts of each list, and begins with the longest lists.
    """
    if not has_counts:
        lists = [replace(named_list, posts=0) for named_list in lists]
    room = _ROW - _width("All") - _width(str(sum(named_list.posts for named_list in lists)))
    widths = (
        _width(named_list.title, str(named_list.posts)) + named_list.is_view for named_list in lists
    )
    if sum(widths) <= room:
        return CategoryRow(tuple(lists), is_short=True)

    def rank(named_list: NamedList) -> tuple[bool, int]:
        return named_list.scope != current, -named_list.posts

    return CategoryRow(tuple(sorted(lists, key=rank)[:_MAX_ROW]), is_short=False)


def _width(*texts: str) -> int:
    """Return the approximate width of a link with its gap, in characters of a row."""
    wide_characters = sum(
        unicodedata.east_asian_width(character) in "WF" for text in texts for character in text
    )
    return sum(map(len, texts)) + wide_characters + _GAP


def plain_title(entry: ListedEntry, lang: Language) -> str:
    """Return an entry's title as text, else the beginning of its text, else "Untitled"."""
    if entry.title:
        return entry.title
    return title_of(entry) if entry.summary.strip() else lang.gettext("Untitled")
