"""What a search asks for: words, phrases, and the names and days that narrow it.  Pure.

    big whales          both words
    whal*               words that begin so
    "big whales"        these words in this order
    -coal               without this word
    source:name         of a source; also category:name and author:name, also with a minus
    after:2026-11-01    listed on that day or later; before: earlier than it

Anything can be typed: what makes no sense is left out, and said as a hint.  So is what is too
much: terms beyond `MAX_TERMS`, excluded ones beyond `MAX_EXCLUDED`, words of a phrase beyond
`MAX_PHRASE`.

Chinese and Japanese are written without spaces.  Each of their signs counts as a word, and signs in
a row as a phrase; so a word is found within a longer row.

Texts and searches are compared in one form (`normal`): how wide a letter is, how its marks are
encoded, and what is not seen at all makes no difference.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import groupby
from unicodedata import combining, ucd_3_2_0

_TERM = re.compile(
    r'(-?)(?:(source|category|author|before|after):)?(?:"([^"]*)("?)|(\S+))', re.IGNORECASE
)
_OPERATORS = ("source", "category", "author", "before", "after")
_WORD = re.compile(r"\w+")
_WORD_IN_TEXT = re.compile("\\w[\\w\u00ad\u0300-\u036f\u200b\u200d\u2060\ufeff]*")
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
MAX_TERMS = 16
MAX_EXCLUDED = 5  # phrases: each is looked for in everything that the others find
MAX_PHRASE = 8  # words
_MAX_SIGNS = 24  # of a phrase in Chinese or Japanese, where each is a word of the index
_COSTLY = 7  # points, see `Search.is_costly`
_MIN_PREFIX = 2  # letters; with one, SQLite goes through most of the index

# Default ignorable code points (The Unicode Standard, 5.21).  Two are left where they part words:
# U+200B before Thai, Lao, Burmese and Khmer letters, U+200C before Arabic ones.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200d-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]+"
    "|\u200b(?![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])"
    "|\u200c(?![\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff])"
)
# Signs that stand for letters or digits, but are no part of the word beside them.
_SYMBOL = re.compile(
    "[\u2100\u2101\u2105\u2106\u2116\u2120-\u2122\u213b\u2460-\u24ff\u3200-\u33ff"
    "\U0001f100-\U0001f2ff]"
)
# The class has every character that becomes a combining mark; no word of a language has more than
# 30 of them in a row (UAX #15, 13).
_LONG_MARKS = re.compile("(?:[^\\w\\s]|[\uff9e\uff9f]){31,}")
_MARKS = re.compile("[\u0300-\u036f]+")  # that no letter has taken in
# What most texts consist of: none of these is changed, or parts words before and after.
_PLAIN = (
    "\x00-\xa9\xab\xac\xae-\xb1\xb4\xb6-\xb8\xbb\xbf-\u0131\u0134-\u013e\u0141-\u0148"
    "\u014a-\u017e\u0391-\u03a1\u03a3-\u03ce\u0400-\u0482\u0490-\u04f9\u05be\u05d0-\u05ea"
    "\u060c-\u061b\u061e-\u0652\u0660-\u0674\u0679-\u06d3\u2010\u2013-\u2016\u2018-\u2023"
    "\u2026\u2030\u2039\u203a\u20ac\uac00-\ud7a3\U0001f300-\U0001faff"
)
_IS_PLAIN = re.compile(f"[{_PLAIN}]*")
_AS_IT_IS = re.compile(
    f"[{_PLAIN}\u3001\u3002\u3005-\u3029\u3041-\u3096\u30a1-\u30fa\u30fc\u4e00-\u9fff]*"
)

# Ideographs, kana and the marks between them; what is rare (U+F900, U+20000 on) stays as it is.
_SIGNS = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
_SIGN = re.compile(f"[{_SIGNS}]")
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


class SearchFault(StrEnum):
    """What a hint is about."""

    OPEN_QUOTE = "quote"
    NO_VALUE = "value"
    BAD_DAY = "day"
    ONLY_WITHOUT = "without"
    TOO_MANY_TERMS = "terms"
    TOO_MANY_EXCLUDED = "excluded"
    LONG_PHRASE = "phrase"


@dataclass(frozen=True, slots=True)
class Hint:
    """A part of a search that was not understood or is too much, as it was typed."""

    fault: SearchFault
    text: str


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was understood.

    Attributes:
        wanted, unwanted: Phrases of one or more words, single spaces between them; with a `*` at
            the end any word that begins like the last one will do.
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

    @property
    def is_costly(self) -> bool:
        """Whether it may take many times what most searches take.

        A word costs one look into the index; an excluded one is looked for in all that the others
        find, and alone in every entry; nothing has an index of authors, nor of the beginnings of
        words.
        """
        excluded = 2 if self.wanted else _COSTLY
        points = sum(len(spaced(phrase).split()) for phrase in self.wanted)
        points += sum(2 for phrase in self.wanted if phrase.endswith("*"))
        points += sum(excluded * len(spaced(phrase).split()) for phrase in self.unwanted)
        points += sum(_COSTLY if each.kind is Kind.AUTHOR else 1 for each in self.filters)
        return points >= _COSTLY


def index_form(text: str) -> str:
    """Return what the index has of a text, and what is looked for in it.

    The same text has to give the same form for ever: by it an entry is taken out of the index.
    """
    return text if text.isascii() or _IS_PLAIN.fullmatch(text) else spaced(normal(text))


def normal(text: str) -> str:
    """Return `text` without differences that nobody sees or means.

    Normalization form KC (UAX #15) of Unicode 3.2, which no release of Python changes; later ones
    add letters.  Accents stay, but for those that are no part of a letter: SQLite takes off what it
    takes for accents, in texts and searches alike.
    """
    if _AS_IT_IS.fullmatch(text):
        return text
    seen = _SYMBOL.sub(r" \g<0> ", _INVISIBLE.sub("", text))
    return _MARKS.sub("", ucd_3_2_0.normalize("NFKC", _LONG_MARKS.sub(_in_order, seen)))


def _in_order(row: re.Match[str]) -> str:
    """Return characters decomposed, with their marks in canonical order (UAX #15, D109).

    `normalize` makes the same of both, but sorts marks in quadratic time if they are not in order.
    """
    decomposed = "".join(ucd_3_2_0.normalize("NFKD", character) for character in row[0])
    return "".join(
        "".join(sorted(marks, key=combining))
        for _, marks in groupby(decomposed, key=lambda character: combining(character) > 0)
    )


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
    """Return what finds the words of a text to compare with these phrases, and the phrases' own.

    The words of a text are as they stand there, to be marked: `normal` gives their form.
    """
    split = [spaced(phrase).split() for phrase in phrases]
    has_signs = split != [phrase.split() for phrase in phrases]
    return (_SIGN_OR_WORD if has_signs else _WORD_IN_TEXT), split


def parse(text: str) -> Search:
    """Return what `text` asks for; never fails."""
    terms = list(_TERM.finditer(text))
    parser = _SearchParser()
    for term in terms[:MAX_TERMS]:
        parser.add(term)
    if len(terms) > MAX_TERMS:
        parser.hint(SearchFault.TOO_MANY_TERMS, terms[MAX_TERMS][0])
    return _with_advice(parser.search(), text)


@dataclass
class _SearchParser:
    """What was read of a search so far."""

    wanted: list[str] = field(default_factory=list)
    unwanted: list[str] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)
    days: dict[str, date] = field(default_factory=dict)

    def hint(self, fault: SearchFault, text: str) -> None:
        self.hints.append(Hint(fault, text))

    def search(self) -> Search:
        return Search(
            tuple(self.wanted),
            tuple(self.unwanted),
            tuple(self.filters),
            self.days.get("after"),
            self.days.get("before"),
            tuple(self.hints),
        )

    def add(self, term: re.Match[str]) -> None:
        sign, operator, phrase, closed, word = term.groups()
        operator, value = (operator or "").lower(), (word if phrase is None else phrase).strip()
        if phrase is not None and not closed and value:
            self.hint(SearchFault.OPEN_QUOTE, term[0])
        without = sign == "-"
        if operator in ("before", "after"):
            if (day := _day(value)) is None:
                self.hint(SearchFault.BAD_DAY, term[0])
            elif without:  # all but what is before a day is what is on or after it
                self.days["after" if operator == "before" else "before"] = day
            else:
                self.days[operator] = day
        elif (value.lower().rstrip(":") in _OPERATORS and value.endswith(":")) or (
            operator and not value
        ):
            self.hint(SearchFault.NO_VALUE, term[0])
        elif operator:
            self.filters.append(Filter(Kind(operator), value, wanted=not without))
        elif words := _phrase(normal(value)):
            self._add_words(words, term[0], wanted=not without)

    def _add_words(self, words: str, typed: str, *, wanted: bool) -> None:
        if not wanted and len(self.unwanted) == MAX_EXCLUDED:
            if not any(each.fault is SearchFault.TOO_MANY_EXCLUDED for each in self.hints):
                self.hint(SearchFault.TOO_MANY_EXCLUDED, typed)
            return
        compared = _beginning(words)
        if compared != words:
            self.hint(SearchFault.LONG_PHRASE, typed)
        (self.wanted if wanted else self.unwanted).append(compared)


def _beginning(phrase: str) -> str:
    """Return what is looked for of a phrase: its first words, and no more signs than that."""
    words: list[str] = []
    signs = 0
    for word in phrase.split()[:MAX_PHRASE]:
        in_word = len(_SIGN.findall(word))
        if signs + in_word > _MAX_SIGNS:
            return " ".join([*words, word[: _MAX_SIGNS - signs]]).rstrip()
        signs += in_word
        words.append(word)
    return " ".join(words)


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


def _phrase(value: str) -> str:
    words = _WORD.findall(value)
    is_prefix = value.endswith("*") and value[-2:-1] == words[-1][-1:] if words else False
    star = "*" if is_prefix and len(words[-1]) >= _MIN_PREFIX else ""
    return " ".join(words) + star


def _with_advice(search: Search, text: str) -> Search:
    if search.is_empty and search.unwanted:
        return replace(search, hints=(*search.hints, Hint(SearchFault.ONLY_WITHOUT, text.strip())))
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
