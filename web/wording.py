"""Entries and sources in the words and marks of a page.  Pure, but for the markup type."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from aggregator import urls
from aggregator.model import ListedEntry, Source
from web.relative_time import Clock

PAGE_LANGUAGE = "en"
_HUES = 12  # classes c0 to c11 in static/style.css
_MAX_AUTHORS = 3
_TITLE_FROM_SUMMARY = 80
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_TERM = re.compile(r'-?"[^"]*"?|\S+')
_WORD = re.compile(r"\w+")
_MAX_MARKED = 32
# Dates carry seconds at best; an id carries milliseconds.
_SAME_MOMENT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Tile:
    """A source's monogram; `hue` is a class of the style sheet."""

    letter: str
    hue: str


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
    entries: tuple[ListedEntry, ...]


def days(entries: Sequence[ListedEntry], clock: Clock) -> list[Day]:
    """Return entries, newest first, in groups of one day each."""
    grouped = groupby(entries, key=lambda entry: clock.day(entry.listed_at))
    return [Day(day.isoformat(), *clock.heading(day), tuple(some)) for day, some in grouped]


def tile(source: Source) -> Tile:
    """Return the monogram of a source: an initial, and a colour that stays with its name.

    "The" is not an initial, or half of all sources would be a T.
    """
    title = re.sub(r"(?i)^the\s+(?=\w)", "", source.title.strip())
    letter = next((sign for sign in title if sign.isalnum()), "#")
    return Tile(letter.upper()[:1], f"c{zlib.crc32(source.name.encode()) % _HUES}")


def title(entry: ListedEntry) -> Markup:
    """Return an entry's title as inline HTML; the start of its text if it has none.

    `title_html` was sanitised before it was stored, so it is markup; all else is escaped.
    """
    return Markup(entry.title_html) if entry.title else escape(_plain_title(entry))  # noqa: S704


def found_title(entry: ListedEntry, search: str) -> Markup:
    """Return the title as text with the words of a search marked."""
    return marked(entry.title or _plain_title(entry), search)


def summary(entry: ListedEntry) -> str:
    """Return the excerpt, empty where the title says it all already."""
    return "" if not entry.title and _plain_title(entry) == entry.summary else entry.summary


def marked(text: str, search: str) -> Markup:
    """Return `text` escaped, with each word that `search` asks for in a `mark` element."""
    words = _wanted(search)
    if not words:
        return escape(text)
    either = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    parts = re.split(rf"(?i)\b({either})\b", text)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )


def language(tag: str | None) -> str | None:
    """Return a language tag that differs from the page's, None if there is nothing to say."""
    tag = (tag or "").strip().replace("_", "-")
    if not _LANGUAGE.fullmatch(tag) or tag.lower().split("-")[0] == PAGE_LANGUAGE:
        return None
    return tag


def entry_language(entry: ListedEntry) -> str | None:
    """Return the language of an entry, or of its source, where it differs from the page's."""
    return language(entry.language or entry.source.language)


def authors(entry: ListedEntry) -> str:
    """Return the authors in one line; empty if they only repeat the source's name."""
    names = [name for name in entry.authors if name.strip()]
    if [name.casefold() for name in names] == [entry.source.title.casefold()]:
        return ""
    more = ["and others"] if len(names) > _MAX_AUTHORS else []
    return ", ".join(names[:_MAX_AUTHORS] + more)


def is_postdated(entry: ListedEntry) -> bool:
    """Whether the publisher dated the entry after its arrival."""
    return entry.published_at is not None and entry.published_at - entry.listed_at > _SAME_MOMENT


def media(entry: ListedEntry) -> str:
    """Return "Audio" or "Video" for an entry that carries some, else nothing."""
    kinds = {(file.type or "").partition("/")[0].lower() for file in entry.enclosures}
    return "Video" if "video" in kinds else "Audio" if "audio" in kinds else ""


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


def count(number: int, thing: str) -> str:
    """Return "1 post", "1,204 posts"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def rhythm(per_week: float) -> str:
    """Return how often a source posts: "about 4 posts a week"."""
    if per_week <= 0:
        return "nothing in four weeks"
    if per_week < 1:
        return "less than one post a week"
    return f"about {count(round(per_week), 'post')} a week"


def rate(per_week: float) -> str:
    """Return posts a week for a table: "0.3", "21"."""
    return f"{per_week:.1f}" if 0 < per_week < 1 else f"{per_week:,.0f}"


def _plain_title(entry: ListedEntry) -> str:
    text = entry.summary.strip()
    if len(text) <= _TITLE_FROM_SUMMARY:
        return text or "Untitled"
    start = text[:_TITLE_FROM_SUMMARY]
    return (start.rpartition(" ")[0] or start).rstrip(" ,;:.–—") + "…"


def _wanted(search: str) -> set[str]:
    """Return the single words that a search asks for; those it leaves out are not among them."""
    terms = [term for term in _TERM.findall(search) if not term.startswith("-")]
    words = [word for term in terms for word in _WORD.findall(term)]
    return set(words[:_MAX_MARKED])
