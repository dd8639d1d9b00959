"""The language of searches: words, phrases, and filters by name and day.  Pure.

    big whales          both words
    whal*               words that begin with whal
    "big whales"        the words in this order
    -coal               without the word
    source:name         entries of a source; also category:name and author:name, also with a minus
    after:2026-11-01    listed on that day or later; before: listed earlier

Any text is a search: parts that make no sense are left out and reported as hints.  So are parts
beyond a limit: terms beyond `MAX_TERMS`, excluded phrases beyond `MAX_EXCLUDED`, words of a phrase
beyond `MAX_PHRASE`.

Chinese and Japanese are written without spaces.  Each of their characters counts as a word, and
adjacent characters as a phrase, so that a word is found within a longer row of characters.

Texts and searches are compared in one form (`normalized`): the width of letters, the encoding of
marks and invisible characters make no difference.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import groupby
from unicodedata import combining, ucd_3_2_0

from aggregator.search.search_faults import Hint, SearchFault

_TERM = re.compile(
    r'(-?)(?:(source|category|author|before|after):)?(?:"([^"]*)("?)|(\S+))', re.IGNORECASE
)
_OPERATORS = ("source", "category", "author", "before", "after")
_WORD = re.compile(r"\w+")
_WORD_IN_TEXT = re.compile("\\w[\\w\u00ad\u0300-\u036f\u200b\u200d\u2060\ufeff]*")
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
MAX_TERMS = 16
MAX_EXCLUDED = 5  # phrases: each is searched in every entry with the required ones
MAX_PHRASE = 8  # words
_MAX_CJK = 24  # characters of a phrase in Chinese or Japanese: each is a word of the index
_COSTLY = 7  # points, see `FlatSearch.is_costly`
_MIN_PREFIX = 2  # letters; for one letter SQLite reads most of the index

# Default ignorable code points (The Unicode Standard, 5.21).  Two stay where they separate words:
# U+200B before Thai, Lao, Burmese and Khmer letters, U+200C before Arabic ones.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200d-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]+"
    "|\u200b(?![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])"
    "|\u200c(?![\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff])"
)
# Symbols that stand for letters or digits, but are not a part of the word beside them.
_SYMBOL = re.compile(
    "[\u2100\u2101\u2105\u2106\u2116\u2120-\u2122\u213b\u2460-\u24ff\u3200-\u33ff"
    "\U0001f100-\U0001f2ff]"
)
# The class has every character that becomes a combining mark; no word of a language has more than
# 30 of them in a row (UAX #15, 13).
_LONG_MARKS = re.compile("(?:[^\\w\\s]|[\uff9e\uff9f]){31,}")
_MARKS = re.compile("[\u0300-\u036f]+")  # that are not composed with a letter
# Characters of most texts: normalization changes none of them, nor the bounds of words.
_UNCHANGED = (
    "\x00-\xa9\xab\xac\xae-\xb1\xb4\xb6-\xb8\xbb\xbf-\u0131\u0134-\u013e\u0141-\u0148"
    "\u014a-\u017e\u0391-\u03a1\u03a3-\u03ce\u0400-\u0482\u0490-\u04f9\u05be\u05d0-\u05ea"
    "\u060c-\u061b\u061e-\u0652\u0660-\u0674\u0679-\u06d3\u2010\u2013-\u2016\u2018-\u2023"
    "\u2026\u2030\u2039\u203a\u20ac\uac00-\ud7a3\U0001f300-\U0001faff"
)
_IN_INDEX_FORM = re.compile(f"[{_UNCHANGED}]*")
_NORMALIZED = re.compile(
    f"[{_UNCHANGED}\u3001\u3002\u3005-\u3029\u3041-\u3096\u30a1-\u30fa\u30fc\u4e00-\u9fff]*"
)

# Ideographs, kana and the marks between them; rare ones (U+F900, from U+20000) are left out.
_CJK_RANGES = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
_CJK = re.compile(f"[{_CJK_RANGES}]")
_CJK_ROW = re.compile(f"[{_CJK_RANGES}]+")
_CJK_OR_WORD = re.compile(rf"[{_CJK_RANGES}]|[^\W{_CJK_RANGES}]+")
# In UTF-8; few other characters share these.
_CJK_FIRST_BYTES = tuple(bytes([number]) for number in range(0xE3, 0xEA))


class Kind(StrEnum):
    """The property of an entry that a filter compares."""

    SOURCE = "source"
    CATEGORY = "category"
    AUTHOR = "author"


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on the source, category or author of an entry.

    Attributes:
        value: The name, or a part of the name.
        is_required: Entries match one of the required filters of each kind, and none of the
            others.
    """

    kind: Kind
    value: str
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class FlatSearch:
    """A parsed search.

    Attributes:
        required, excluded: Phrases of one or more words with single spaces between; a final `*`
            stands for the rest of the last word.
        filters: Conditions on source, category and author.
        since, until: First day, and the day after the last; None for no bound.
        hints: The parts that are left out.
    """

    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    since: date | None = None
    until: date | None = None
    hints: tuple[Hint, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the search has no positive condition, and so no results."""
        return not (self.required or self.filters or self.since or self.until)

    @property
    def is_costly(self) -> bool:
        """Whether the search may take many times longer than most searches.

        A required word costs one access to the index.  An excluded word is searched in all entries
        with the required words, and without required words in every entry.  Neither authors nor
        beginnings of words have an index.
        """
        excluded_cost = 2 if self.required else _COSTLY
        points = sum(len(spaced_cjk(phrase).split()) for phrase in self.required)
        points += sum(2 for phrase in self.required if phrase.endswith("*"))
        points += sum(excluded_cost * len(spaced_cjk(phrase).split()) for phrase in self.excluded)
        points += sum(_COSTLY if term.kind is Kind.AUTHOR else 1 for term in self.filters)
        return points >= _COSTLY


def index_form(text: str) -> str:
    """Return the form of a text in the full-text index, and of a search for the text.

    The form of a text must never change: entries are removed from the index by form.
    """
    return (
        text if text.isascii() or _IN_INDEX_FORM.fullmatch(text) else spaced_cjk(normalized(text))
    )


def normalized(text: str) -> str:
    """Return `text` without differences that readers do not see or intend.

    Normalization form KC (UAX #15) of Unicode 3.2: no release of Python changes that version, while
    later versions add letters.  Composed accents stay, as SQLite removes accents from texts and
    searches alike; other combining marks go.
    """
    if _NORMALIZED.fullmatch(text):
        return text
    visible = _SYMBOL.sub(r" \g<0> ", _INVISIBLE.sub("", text))
    return _MARKS.sub("", ucd_3_2_0.normalize("NFKC", _LONG_MARKS.sub(_in_order, visible)))


def _in_order(row: re.Match[str]) -> str:
    """Return characters decomposed, with their marks in canonical order (UAX #15, D109).

    `normalize` makes the same of both texts, but sorts unordered marks in quadratic time.
    """
    decomposed = "".join(ucd_3_2_0.normalize("NFKD", character) for character in row[0])
    return "".join(
        "".join(sorted(marks, key=combining))
        for _, marks in groupby(decomposed, key=lambda character: combining(character) > 0)
    )


def spaced_cjk(text: str) -> str:
    """Return `text` with spaces around each Chinese and Japanese character."""
    if text.isascii():
        return text
    data = text.encode()  # a search for bytes is quicker than one by a regular expression
    if not any(first_byte in data for first_byte in _CJK_FIRST_BYTES):
        return text
    return _CJK_ROW.sub(lambda row: f" {' '.join(row[0])} ", text)


def words_of(phrases: Sequence[str]) -> tuple[re.Pattern[str], list[list[str]]]:
    """Return a pattern of the words to compare with phrases, and the words of each phrase.

    The pattern matches words of unchanged texts; `normalized` returns the form to compare.
    """
    phrase_words = [spaced_cjk(phrase).split() for phrase in phrases]
    has_cjk = phrase_words != [phrase.split() for phrase in phrases]
    return (_CJK_OR_WORD if has_cjk else _WORD_IN_TEXT), phrase_words


def parse(text: str) -> FlatSearch:
    """Return the search that `text` means; any text is one."""
    terms = list(_TERM.finditer(text))
    parser = _SearchParser()
    for term in terms[:MAX_TERMS]:
        parser.add(term)
    if len(terms) > MAX_TERMS:
        parser.hint(SearchFault.TOO_MANY_TERMS, terms[MAX_TERMS][0])
    return _with_advice(parser.search(), text)


@dataclass
class _SearchParser:
    """The terms of a search that are parsed so far."""

    required: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)
    days: dict[str, date] = field(default_factory=dict)

    def hint(self, fault: SearchFault, text: str) -> None:
        self.hints.append(Hint(fault, text))

    def search(self) -> FlatSearch:
        return FlatSearch(
            tuple(self.required),
            tuple(self.excluded),
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
        is_required = sign != "-"
        if operator in ("before", "after"):
            if (day := _day(value)) is None:
                self.hint(SearchFault.BAD_DAY, term[0])
            elif is_required:
                self.days[operator] = day
            else:  # not before a day means on that day or later
                self.days["after" if operator == "before" else "before"] = day
        elif (value.lower().rstrip(":") in _OPERATORS and value.endswith(":")) or (
            operator and not value
        ):
            self.hint(SearchFault.NO_VALUE, term[0])
        elif operator:
            self.filters.append(Filter(Kind(operator), value, is_required))
        elif words := _phrase(normalized(value)):
            self._add_words(words, term[0], is_required=is_required)

    def _add_words(self, words: str, term: str, *, is_required: bool) -> None:
        if not is_required and len(self.excluded) == MAX_EXCLUDED:
            if not any(hint.fault is SearchFault.TOO_MANY_EXCLUDED for hint in self.hints):
                self.hint(SearchFault.TOO_MANY_EXCLUDED, term)
            return
        phrase = _beginning(words)
        if phrase != words:
            self.hint(SearchFault.LONG_PHRASE, term)
        (self.required if is_required else self.excluded).append(phrase)


def _beginning(phrase: str) -> str:
    """Return the first words of a phrase, up to `MAX_PHRASE` words and `_MAX_CJK` characters."""
    words: list[str] = []
    cjk_count = 0
    for word in phrase.split()[:MAX_PHRASE]:
        count = len(_CJK.findall(word))
        if cjk_count + count > _MAX_CJK:
            return " ".join([*words, word[: _MAX_CJK - cjk_count]]).rstrip()
        cjk_count += count
        words.append(word)
    return " ".join(words)


def with_sources(text: str, names: Mapping[str, str]) -> str:
    """Return a search with other names of sources.

    Args:
        text: The search.
        names: New names, without blanks, by the names behind `source:` in `text`.
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


def _with_advice(search: FlatSearch, text: str) -> FlatSearch:
    if search.is_empty and search.excluded:
        return replace(search, hints=(*search.hints, Hint(SearchFault.ONLY_EXCLUDED, text.strip())))
    return search


def _day(text: str) -> date | None:
    """Return the first day of "2026", "2026-11" or "2026-11-01", None for another text."""
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return None
