"""Entries and sources in the words and marks of a page.  Pure, but for the markup type."""

import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import groupby
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from aggregator import urls
from aggregator.model import CategoryCount, ListedEntry, Source, SourceName
from aggregator.publish import first_words, title_of
from aggregator.search import MAX_EXCLUDED, MAX_TERMS, Fault, Hint, normal, words_of
from aggregator.text.references import unescape
from web.language import Language
from web.last_visit import LastVisit
from web.relative_time import Clock, Moment

_MOST = {Fault.TOO_MANY_TERMS: MAX_TERMS, Fault.TOO_MANY_EXCLUDED: MAX_EXCLUDED}
_HUES = 12  # classes c0 to c11 in static/style.css
_MAX_AUTHORS = 3
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_TAG = re.compile(r"(<[^>]*>)")  # titles were sanitised: no `>` within a tag
_MAX_RUN = 5
_MAX_SHOWN = 400  # characters of a name or a sentence about a feed
_ISOLATES, _ISOLATE, _END = "\u2066\u2067\u2068", "\u2068", "\u2069"
_TURNING = frozenset("R AL AN RLE LRE RLO LRO RLI LRI FSI PDI PDF".split())
_ROW = 90  # letters, at full width and beside the choice of a view
_GAP = 3
_HOUR = timedelta(hours=1)
_SETTLING = timedelta(minutes=10)
# Dates carry seconds at best; an id carries milliseconds.
_SAME_MOMENT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Tile:
    """A source's monogram; `hue` is a class of the style sheet."""

    letter: str
    hue: str


@dataclass(frozen=True, slots=True)
class Post:
    """An entry as the list shows it: every word of it, so that the template only places them.

    Attributes:
        url: None where there is nothing to link to.
        lang: Of the texts, None where it is the page's.
        time: When it was published, or found.
        updated: When its text changed, None if it did not or only at once.
        dated: The day that its publisher claims, empty if there is nothing odd about it.
        media: "Audio", "Video" or nothing.
    """

    id: int
    url: str | None
    title: Markup
    summary: Markup
    lang: str | None
    time: Moment
    source: Source
    tile: Tile
    authors: Markup
    is_new: bool
    updated: Moment | None
    dated: str
    media: str
    also_in: tuple[SourceName, ...]

    @property
    def has_tags(self) -> bool:
        """Whether there is anything to say below the excerpt."""
        return bool(self.updated or self.dated or self.media or self.also_in)


@dataclass(frozen=True, slots=True)
class Run:
    """Posts of one source that follow each other; those in `folded` are shown on demand."""

    shown: tuple[Post, ...]
    folded: tuple[Post, ...] = ()


@dataclass(frozen=True, slots=True)
class Day:
    """The entries of one day.

    Attributes:
        key: The day as ISO 8601.
        name: "Today", "Saturday", "16 November".
        rest: What stands behind the name.
    """

    key: str
    name: str
    rest: str
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class NewPosts:
    """What is new on a page.

    Attributes:
        ids: Of the entries that came since the last visit.
        ends_before: Id of the first entry that did not, where new ones stand above it; else None.
    """

    ids: frozenset[int] = frozenset()
    ends_before: int | None = None


def new_posts(entries: Sequence[ListedEntry], visit: LastVisit) -> NewPosts:
    """Return which of the entries, newest first, are new, and where the line is drawn.

    A late arrival below the line is new as well: newness follows arrival, not position.
    """
    ids = frozenset(entry.id for entry in entries if visit.is_new(entry.first_seen_at))
    known = next((entry.id for entry in entries if entry.id not in ids), None)
    return NewPosts(ids, known if ids and known not in (None, entries[0].id) else None)


def days(
    entries: Sequence[ListedEntry],
    clock: Clock,
    *,
    news: NewPosts | None = None,
    phrases: Sequence[str] = (),
    fold: bool = True,
) -> list[Day]:
    """Return entries, newest first, in groups of one day each, loud sources folded.

    Args:
        phrases: What a search found, to be marked.
    """
    news = news or NewPosts()
    grouped = groupby(entries, key=lambda entry: clock.day(entry.listed_at))
    found = []
    for day, some in grouped:
        runs = []
        for entries_of_run, loud in _runs(tuple(some), news):
            posts = [
                post(each, clock, phrases, is_new=each.id in news.ids) for each in entries_of_run
            ]
            shown = 1 if loud and fold else len(posts)
            runs.append(Run(tuple(posts[:shown]), tuple(posts[shown:])))
        found.append(Day(day.isoformat(), *clock.heading(day), tuple(runs)))
    return found


def _runs(
    entries: Sequence[ListedEntry], news: NewPosts
) -> Iterator[tuple[Sequence[ListedEntry], bool]]:
    """Return entries of one source and one hour, and whether they are too many."""

    def kind(entry: ListedEntry) -> tuple[int, bool]:
        return entry.source.id, entry.id in news.ids  # the line of a visit is never folded away

    for _, some in groupby(entries, key=kind):
        run = tuple(some)
        while run:
            hour = tuple(e for e in run if run[0].listed_at - e.listed_at <= _HOUR)
            run = run[len(hour) :]
            yield hour, len(hour) > _MAX_RUN


def post(
    entry: ListedEntry, clock: Clock, phrases: Sequence[str] = (), *, is_new: bool = False
) -> Post:
    """Return an entry as the list shows it."""
    words = clock.words
    found = words.gettext("found {time}")
    return Post(
        id=entry.id,
        url=entry.url,
        title=title(entry, phrases, words),
        summary=marked(_summary(entry), phrases),
        lang=language(entry.language or entry.source.language, words),
        time=clock.moment(entry.listed_at)
        if entry.dated
        else clock.moment(entry.first_seen_at, found),
        source=entry.source,
        tile=tile(entry.source),
        authors=authors(entry, words),
        is_new=is_new,
        updated=clock.moment(entry.updated_at) if _is_updated(entry) and entry.updated_at else None,
        dated=clock.date_of(entry.published_at)
        if entry.published_at and entry.published_at - entry.listed_at > _SAME_MOMENT
        else "",
        media=media(entry, words),
        also_in=entry.also_in,
    )


def tile(source: Source | SourceName) -> Tile:
    """Return the monogram of a source: an initial, and a colour that stays with its name."""
    return _tile(source.name, source.title)


@lru_cache(maxsize=4096)
def _tile(name: str, title: str) -> Tile:
    # "The" is not an initial, or half of all sources would be a T.
    title = re.sub(r"(?i)^the\s+(?=\w)", "", title.strip())
    letter = next((sign for sign in title if sign.isalnum()), "#")
    return Tile(letter.upper()[:1], f"c{zlib.crc32(name.encode()) % _HUES}")


def title(entry: ListedEntry, phrases: Sequence[str], words: Language) -> Markup:
    """Return an entry's title as inline HTML, with what a search found marked.

    The start of its text if it has no title.  `title_html` was sanitised before it was stored, so
    it is markup; all else is escaped.
    """
    if not entry.title:
        return marked(_plain_title(entry, words), phrases)
    if not phrases:
        return Markup(entry.title_html)  # noqa: S704
    return Markup("").join(
        Markup(part) if number % 2 else marked(unescape(part), phrases)  # noqa: S704
        for number, part in enumerate(_TAG.split(entry.title_html))
    )


def _summary(entry: ListedEntry) -> str:
    """Return the excerpt; of an entry without a title, what the title made of it left over."""
    if entry.title:
        return entry.summary
    start, rest = first_words(entry.summary.strip())
    return f"…{rest}" if start and rest else ""


def marked(text: str, phrases: Sequence[str]) -> Markup:
    """Return `text` escaped, with what a search found in `mark` elements: words, or whole phrases.

    Case and accents don't count, as they don't in the search.
    """
    if not phrases:
        return escape(text)
    pattern, split = _to_mark(tuple(phrases))
    folded = _folded(text)
    if not any(phrase[0].rstrip("*") in folded for phrase in split):
        return escape(text)  # most texts of a page have nothing to mark
    places = list(pattern.finditer(text))
    words = [_folded(place[0]) for place in places]
    found = [False] * len(words)
    for wanted in split:
        for start, word in enumerate(words):
            if word[:1] == wanted[0][:1] and _is(words[start : start + len(wanted)], wanted):
                found[start : start + len(wanted)] = [True] * len(wanted)
    parts, end = [], 0
    for is_found, some in groupby(zip(found, places, strict=True), key=lambda one: one[0]):
        if is_found:
            run = [place for _, place in some]
            start, stop = run[0].start(), run[-1].end()
            parts += [escape(text[end:start]), f"<mark>{escape(text[start:stop])}</mark>"]
            end = stop
    return Markup("".join([*parts, escape(text[end:])]))  # noqa: S704


def _is(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether `words` are those of a phrase; its last one may end with a `*` for any letters."""
    if not wanted[-1].endswith("*"):
        return words == wanted
    is_long_enough = len(words) == len(wanted) and words[:-1] == wanted[:-1]
    return is_long_enough and words[-1].startswith(wanted[-1][:-1])


@lru_cache(maxsize=64)
def _to_mark(phrases: tuple[str, ...]) -> tuple[re.Pattern[str], list[list[str]]]:
    """Return what finds the words of a text to compare with these phrases, and the phrases'."""
    pattern, split = words_of(phrases)
    return pattern, [[_folded(word) for word in phrase] for phrase in split]


def isolated(name: str) -> Markup:
    """Return a name as markup whose direction changes nothing around it.

    Sources: HTML, 4.5.24 (`bdi`), UAX #9, 2.7 (what ends an isolate ends what it left open).
    """
    # A page has a hundred: Markup.format takes four times as long.
    return Markup(f"<bdi>{escape(_without_stray_ends(_shortened(name)))}</bdi>")  # noqa: S704


def isolated_text(name: str) -> str:
    """Return a name for a place that takes no markup; the same if nothing in it runs leftwards.

    Source: UAX #9, 2.4 (explicit directional isolates).
    """
    name = _shortened(name)
    if name.isascii() or not any(map(_turns, name)):
        return name
    return f"{_ISOLATE}{_without_stray_ends(name)}{_END}"


def _shortened(name: str) -> str:
    """Return a name of bounded length: a table has hundreds of them."""
    return name if len(name) <= _MAX_SHOWN else f"{name[:_MAX_SHOWN]}…"


def _turns(character: str) -> bool:
    return unicodedata.bidirectional(character) in _TURNING


def _without_stray_ends(text: str) -> str:
    """Drop the signs that would end an isolate which begins before the text."""
    if _END not in text:
        return text
    kept, depth = [], 0
    for sign in text:
        depth += sign in _ISOLATES
        if sign == _END:
            if not depth:
                continue
            depth -= 1
        kept.append(sign)
    return "".join(kept)


def language(tag: str | None, page: Language) -> str | None:
    """Return a language tag that differs from the page's, None if there is nothing to say."""
    tag = (tag or "").strip().replace("_", "-")
    if not _LANGUAGE.fullmatch(tag) or tag.lower().split("-")[0] == page.tag:
        return None
    return tag


def authors(entry: ListedEntry, words: Language) -> Markup:
    """Return the authors in one line; empty if they only repeat the source's name."""
    names = [name for name in entry.authors if name.strip()]
    if [name.casefold() for name in names] == [entry.source.title.casefold()]:
        return Markup()
    more = [escape(words.gettext("and others"))] if len(names) > _MAX_AUTHORS else []
    shown = [isolated(name) for name in names[:_MAX_AUTHORS]]
    return escape(words.gettext(", ")).join(shown + more)


def _is_updated(entry: ListedEntry) -> bool:
    """Whether the text changed, and not only in the first minutes as typos are mended."""
    return entry.updated_at is not None and entry.updated_at - entry.listed_at > _SETTLING


def media(entry: ListedEntry, words: Language) -> str:
    """Return "Audio" or "Video" for an entry that carries some, else nothing."""
    if not entry.enclosures:
        return ""
    kinds = {(file.type or "").partition("/")[0].lower() for file in entry.enclosures}
    if "video" in kinds:
        return words.gettext("Video")
    return words.gettext("Audio") if "audio" in kinds else ""


def in_one_row(
    categories: Sequence[CategoryCount], current: str | None
) -> tuple[list[CategoryCount], list[CategoryCount]]:
    """Return the categories that a row has room for, the fullest ones, and the others.

    Args:
        categories: In the order in which they are shown.
        current: Slug of the one that is being read, which is in the row.
    """
    room = _ROW - _width("All") - _width(str(sum(each.entries for each in categories)))
    widths = {each.slug: _width(each.name, str(each.entries)) for each in categories}
    if sum(widths.values()) <= room:
        return list(categories), []
    room -= _width("99 more")
    shown: set[str] = set()
    for each in sorted(categories, key=lambda each: (each.slug != current, -each.entries)):
        if widths[each.slug] <= room:
            shown.add(each.slug)
            room -= widths[each.slug]
    return (
        [each for each in categories if each.slug in shown],
        [each for each in categories if each.slug not in shown],
    )


def _width(*texts: str) -> int:
    """Return about how many letters of a row a link with these texts takes, with its gap."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for text in texts for sign in text)
    return sum(map(len, texts)) + wide + _GAP


def site_name(url: str | None) -> str:
    """Return what a link to a source's site is called: its host."""
    return urls.host_of(url or "").removeprefix("www.")


def web_link(url: str | None) -> str | None:
    """Return `url` without password where a browser can follow it, else None."""
    return urls.masked(url) if url and urls.is_web(url) else None


def feed_place(url: str) -> str:
    """Return where a feed comes from, in short: without scheme and password."""
    if not urls.is_web(url):
        return url
    parts = urlsplit(urls.masked(url))
    return f"{parts.netloc}{parts.path}".rstrip("/")


def rhythm(per_week: float, words: Language) -> str:
    """Return how often a source posts: "about 4 posts a week"."""
    if per_week <= 0:
        return words.gettext("nothing in four weeks")
    if per_week < 1:
        return words.gettext("less than one post a week")
    return words.ngettext("about {n} post a week", "about {n} posts a week", round(per_week))


def rate(per_week: float, words: Language) -> str:
    """Return posts a week for a table: "0.3", "21"."""
    return words.number(per_week if per_week < 1 else round(per_week))


def hint(hint: Hint, words: Language) -> str:
    """Return what to do about a part of a search that was not understood."""
    texts = {
        Fault.OPEN_QUOTE: words.gettext("“{text}” has no closing quote; read to the end."),
        Fault.NO_VALUE: words.gettext("“{text}” needs a value right behind the colon."),
        Fault.BAD_DAY: words.gettext("“{text}” is not a day; write one like 2026-11-23."),
        Fault.ONLY_WITHOUT: words.gettext("“{text}” only leaves out; say also what to look for."),
        Fault.TOO_MANY_TERMS: words.gettext(
            "A search has {n} words and names at most; “{text}” and what follows was left out."
        ),
        Fault.TOO_MANY_EXCLUDED: words.gettext(
            "A search excludes {n} words at most; “{text}” was ignored."
        ),
        Fault.LONG_PHRASE: words.gettext(
            "“{text}” is too long for a phrase; only its beginning was looked for."
        ),
    }
    return texts[hint.fault].format(text=hint.text, n=_MOST.get(hint.fault))


def _plain_title(entry: ListedEntry, words: Language) -> str:
    return title_of(entry) if entry.summary.strip() else words.gettext("Untitled")


def _folded(word: str) -> str:
    """Return a word without case and accents."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", normal(word).casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))
