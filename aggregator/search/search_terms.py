"""A value of a search, with or without a field before it, as a test of entries.  Pure."""

import re
from datetime import date
from itertools import accumulate

from aggregator.search.search_faults import SearchFault
from aggregator.search.search_lexer import Field, in_ascii
from aggregator.search.syntax_tree import (
    DayTest,
    LanguageTest,
    LinkTest,
    MediaTest,
    Medium,
    NameField,
    NameTest,
    Phrase,
    Test,
    TextField,
)
from aggregator.search.word_forms import words

_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{1,8})*", re.ASCII)
_MEDIA = {medium.value: medium for medium in Medium}
_MIN_PREFIX = 2  # letters; for one letter SQLite reads most of the index
_LETTER = "x"
_CHARACTERS_A_WORD = 3  # of scripts without spaces: each character is a word of the index

Interpretation = tuple[Test | None, SearchFault | None]
"""The test that a value means, None for a value without meaning; and what is wrong with it."""


def test_of(value: str, field: Field | None, max_words: int) -> Interpretation:
    """Return the test that a value with letters or digits means.

    Args:
        field: The field that the value is a value of; None for words and phrases.
        max_words: Words of a phrase that are compared.
    """
    match field:
        case None:
            return _phrase(value, TextField.ANY, max_words)
        case Field.TITLE | Field.TAG | Field.AUTHOR:
            return _phrase(value, TextField(field), max_words)
        case Field.SOURCE | Field.CATEGORY:
            return NameTest(NameField(field), value), None
        case Field.LINK:
            return LinkTest(value), None
        case Field.AFTER | Field.BEFORE:
            day = _day(in_ascii(value))
            if day is None:
                return None, SearchFault.BAD_DAY
            return DayTest(day, is_before=field is Field.BEFORE), None
        case Field.LANGUAGE:
            tag = in_ascii(value).lower().replace("_", "-")
            if not _LANGUAGE.fullmatch(tag):
                return None, SearchFault.BAD_LANGUAGE
            return LanguageTest(tag), None
        case Field.MEDIUM:
            medium = _MEDIA.get(in_ascii(value).lower())
            return (MediaTest(medium), None) if medium else (None, SearchFault.BAD_MEDIUM)


def _phrase(value: str, field: TextField, max_words: int) -> Interpretation:
    text = in_ascii(value)
    stem = text.rstrip("*")
    typed_words = words(value[: len(stem)])
    if not typed_words:
        return None, SearchFault.NO_WORDS
    is_prefix, fault = False, None
    if stem != text:
        is_prefix, fault = _prefix(stem, typed_words)
    elif "*" in stem:
        fault = SearchFault.MISPLACED_STAR
    phrase_words = _beginning(typed_words, max_words)
    if len(phrase_words) < len(typed_words):
        is_prefix, fault = False, SearchFault.LONG_PHRASE
    return Phrase(tuple(phrase_words), is_prefix, field), fault


def _prefix(stem: str, stem_words: list[str]) -> tuple[bool, SearchFault | None]:
    """Return whether the last word of a text before `*` is a prefix, and what is wrong with it."""
    ends_in_word = len(words(stem + _LETTER)) == len(stem_words)
    is_long = len(stem_words[-1]) >= _MIN_PREFIX
    fault: SearchFault | None
    if "*" in stem:
        fault = SearchFault.MISPLACED_STAR
    elif ends_in_word:
        fault = None if is_long else SearchFault.SHORT_PREFIX
    else:  # words of scripts without spaces are found within longer rows anyway
        fault = None if _is_character(stem_words[-1]) else SearchFault.MISPLACED_STAR
    return ends_in_word and is_long, fault


def _beginning(phrase: list[str], max_words: int) -> list[str]:
    """Return the first words of a phrase, three characters of scripts without spaces for each."""
    sizes = accumulate(1 if _is_character(word) else _CHARACTERS_A_WORD for word in phrase)
    return [
        word
        for word, size in zip(phrase, sizes, strict=True)
        if size <= max_words * _CHARACTERS_A_WORD
    ]


def _is_character(word: str) -> bool:
    """Return whether a word is a character of a script without spaces."""
    return len(words(2 * word)) > 1


def _day(text: str) -> date | None:
    """Return the first day of "2026", "2026-11" or "2026-11-01", None for another text."""
    match = _DAY.fullmatch(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return None
