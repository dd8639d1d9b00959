"""What a search asks for: words, phrases, and the names and days that narrow it.  Pure.

    big whales          both words
    "big whales"        these words in this order
    -coal               without this word
    source:name         of a source; also category:name and author:name, also with a minus
    after:2026-11-01    listed on that day or later; before: earlier than it

Anything can be typed: what makes no sense is left out, and said as a hint.

Chinese and Japanese are written without spaces.  Each of their signs counts as a word, and signs in
a row as a phrase; so a word is found within a longer row.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

_TERM = re.compile(
    r'(-?)(?:(source|category|author|before|after):)?(?:"([^"]*)("?)|(\S+))', re.IGNORECASE
)
_OPERATORS = ("source", "category", "author", "before", "after")
_WORD = re.compile(r"\w+")
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_MAX_TERMS = 16

# Ideographs, kana and the marks between them; what is rare (U+F900, U+20000 on) stays as it is.
_SIGNS = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
_ROW = re.compile(f"[{_SIGNS}]+")
_SIGN_OR_WORD = re.compile(rf"[{_SIGNS}]|[^\W{_SIGNS}]+")
_LEADS = tuple(bytes([lead]) for lead in range(0xE3, 0xEA))  # of all of them in UTF-8, and of few


class Kind(StrEnum):
    """What a filter looks at."""

    SOURCE = "source"
    CATEGORY = "category"
    AUTHOR = "author"


@dataclass(frozen=True, slots=True)
class Filter:
    """Entries of a source, category or author whose name is or contains `value`.

    Filters of one kind are alternatives; those that are not `wanted` all have to fail.
    """

    kind: Kind
    value: str
    wanted: bool = True


class Fault(StrEnum):
    """What a hint is about."""

    OPEN_QUOTE = "quote"
    NO_VALUE = "value"
    BAD_DAY = "day"
    ONLY_WITHOUT = "without"


@dataclass(frozen=True, slots=True)
class Hint:
    """A part of a search that was not understood, as it was typed."""

    fault: Fault
    text: str


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was understood.

    Attributes:
        wanted, unwanted: Phrases of one or more words, single spaces between them.
        since, until: Days; `until` itself is not in it.
    """

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    since: date | None = None
    until: date | None = None
    hints: tuple[Hint, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing, so that nothing is found."""
        return not (self.wanted or self.filters or self.since or self.until)


def spaced(text: str) -> str:
    """Return `text` with its Chinese and Japanese signs as words of their own.

    Nearly all texts have none; to see that costs 15 us for 5,000 characters, and ASCII nothing.
    """
    if text.isascii():
        return text
    data = text.encode()
    if not any(lead in data for lead in _LEADS):
        return text
    return _ROW.sub(lambda row: f" {' '.join(row[0])} ", text)


def words_of(phrases: Sequence[str]) -> tuple[re.Pattern[str], list[list[str]]]:
    """Return what finds the words of a text to compare with these phrases, and the phrases' own."""
    split = [spaced(phrase).split() for phrase in phrases]
    return (_WORD if split == [phrase.split() for phrase in phrases] else _SIGN_OR_WORD), split


def parse(text: str) -> Search:
    """Return what `text` asks for; never fails."""
    wanted: list[str] = []
    unwanted: list[str] = []
    filters: list[Filter] = []
    hints: list[Hint] = []
    days: dict[str, date] = {}
    for found in list(_TERM.finditer(text))[:_MAX_TERMS]:
        sign, operator, phrase, closed, word = found.groups()
        operator, value = (operator or "").lower(), (word if phrase is None else phrase).strip()
        if phrase is not None and not closed and value:
            hints.append(Hint(Fault.OPEN_QUOTE, found[0]))
        without = sign == "-"
        if operator in ("before", "after"):
            if (day := _day(value)) is None:
                hints.append(Hint(Fault.BAD_DAY, found[0]))
            elif without:  # all but what is before a day is what is on or after it
                days["after" if operator == "before" else "before"] = day
            else:
                days[operator] = day
        elif (value.lower().rstrip(":") in _OPERATORS and value.endswith(":")) or (
            operator and not value
        ):
            hints.append(Hint(Fault.NO_VALUE, found[0]))
        elif operator:
            filters.append(Filter(Kind(operator), value, wanted=not without))
        elif words := " ".join(_WORD.findall(value)):
            (unwanted if without else wanted).append(words)
    search = Search(
        tuple(wanted),
        tuple(unwanted),
        tuple(filters),
        days.get("after"),
        days.get("before"),
        tuple(hints),
    )
    return _with_advice(search, text)


def with_sources(text: str, names: Mapping[str, str]) -> str:
    """Return a search in which sources have other names.

    Args:
        names: New ones by those that stand in `text` behind `source:`; without blanks.
    """

    def renamed(term: re.Match[str]) -> str:
        sign, operator, phrase, _, word = term.groups()
        value = (word if phrase is None else phrase).strip()
        if (operator or "").lower() != Kind.SOURCE or value not in names:
            return term[0]
        return f"{sign}source:{names[value]}"

    return _TERM.sub(renamed, text)


def _with_advice(search: Search, text: str) -> Search:
    if search.is_empty and search.unwanted:
        return replace(search, hints=(*search.hints, Hint(Fault.ONLY_WITHOUT, text.strip())))
    return search


def _day(text: str) -> date | None:
    """Return a day from "2026", "2026-11" or "2026-11-01": the first one of what is named."""
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return None
