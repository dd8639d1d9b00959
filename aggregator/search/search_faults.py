"""Mistakes in the text of a search: hints for the search box, errors for config.yaml.  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class SearchFault(StrEnum):
    """A mistake in the text of a search."""

    OPEN_QUOTE = "quote"
    OPEN_BRACKET = "bracket"
    NO_VALUE = "value"
    BAD_DAY = "day"
    BAD_LANGUAGE = "language"
    BAD_MEDIUM = "medium"
    OR_AT_EDGE = "edge"
    UNKNOWN_FIELD = "field"
    SHORT_PREFIX = "prefix"
    AND_WORD = "and"
    NOT_WORD = "not"
    TOO_MANY_TERMS = "terms"
    TOO_MANY_EXCLUDED = "excluded"
    LONG_PHRASE = "phrase"
    TOO_DEEP = "depth"
    # Only the search box tells these.
    OR_IN_LOWER_CASE = "or"
    ONLY_EXCLUDED = "without"
    WHOLE_WORD = "whole"
    UNKNOWN_SOURCE = "source"
    UNKNOWN_CATEGORY = "category"
    # Only config.yaml refuses these; the search box leaves them out without a word.
    CLOSING_BRACKET = "closing"
    BRACKET_IN_WORD = "in word"
    EMPTY_BRACKETS = "empty"
    MISPLACED_STAR = "star"
    NO_WORDS = "words"


_UNKNOWN_NAMES = frozenset({SearchFault.UNKNOWN_SOURCE, SearchFault.UNKNOWN_CATEGORY})
_NEVER_REFUSED = frozenset({SearchFault.OR_IN_LOWER_CASE})
_NEVER_HINTED = frozenset(
    {
        SearchFault.CLOSING_BRACKET,
        SearchFault.BRACKET_IN_WORD,
        SearchFault.EMPTY_BRACKETS,
        SearchFault.MISPLACED_STAR,
        SearchFault.NO_WORDS,
    }
)
_MESSAGES = {
    SearchFault.OPEN_QUOTE: "'\"' is never closed",
    SearchFault.OPEN_BRACKET: '"(" is never closed',
    SearchFault.NO_VALUE: "{text} needs a value directly after the colon",
    SearchFault.BAD_DAY: "{text}: write a day like 2026-11-23, a month like 2026-11, or a year",
    SearchFault.BAD_LANGUAGE: "{text}: write the code of a language, such as de or pt-BR",
    SearchFault.BAD_MEDIUM: "{text}: write audio, video or picture",
    SearchFault.OR_AT_EDGE: "{text} needs a word on both sides",
    SearchFault.UNKNOWN_FIELD: "{text}: did you mean {proposal}? Words with a colon need quotes",
    SearchFault.SHORT_PREFIX: "{text}: at least two letters are needed before *",
    SearchFault.AND_WORD: 'AND is not needed, as all words must occur; write "and" for the word',
    SearchFault.NOT_WORD: 'NOT is written as a minus: -word; write "not" for the word',
    SearchFault.TOO_MANY_TERMS: "a rule has {bound} words and values at most",
    SearchFault.TOO_MANY_EXCLUDED: "a rule has {bound} excluded words at most",
    SearchFault.LONG_PHRASE: "a phrase has {bound} words at most",
    SearchFault.TOO_DEEP: "{bound} brackets at most may stand within each other",
    SearchFault.CLOSING_BRACKET: '")" is never opened',
    SearchFault.BRACKET_IN_WORD: "{text}: a word with brackets needs quotes",
    SearchFault.EMPTY_BRACKETS: "nothing stands between the brackets",
    SearchFault.MISPLACED_STAR: "{text}: * stands at the end of a word only",
    SearchFault.NO_WORDS: "{text} has no letters or digits",
}


@dataclass(frozen=True, slots=True)
class Hint:
    """A mistake at a place in the text of a search.

    Attributes:
        text: The part of the search with the mistake, as typed.
        start: Number of characters before the mistake.
        proposals: What may be meant instead, the likeliest first.
        bound: The number that the search goes beyond, 0 for other mistakes.
    """

    fault: SearchFault
    text: str
    start: int = 0
    proposals: tuple[str, ...] = ()
    bound: int = 0


class RuleError(ValueError):
    """A mistake in a search of config.yaml.

    Attributes:
        column: Place in the text of the search, from 1.
        message: The mistake in one line.
    """

    def __init__(self, column: int, message: str) -> None:
        super().__init__(f"column {column}: {message}")
        self.column = column
        self.message = message


def shown_hints(mistakes: Iterable[Hint]) -> tuple[Hint, ...]:
    """Return the mistakes that the search page names, the first of each kind and text."""
    hints = {
        (hint.fault, hint.text): hint
        for hint in reversed(list(mistakes))
        if hint.fault not in _NEVER_HINTED
    }
    return tuple(sorted(hints.values(), key=lambda hint: hint.start))


def names_unknown(hints: Iterable[Hint]) -> bool:
    """Return whether a search names sources or categories that do not exist."""
    return any(hint.fault in _UNKNOWN_NAMES for hint in hints)


def rule_error(mistakes: Iterable[Hint]) -> RuleError | None:
    """Return the first mistake that config.yaml refuses, None without any."""
    refused = [hint for hint in mistakes if hint.fault not in _NEVER_REFUSED]
    if not refused:
        return None
    first = min(refused, key=lambda hint: hint.start)
    message = _MESSAGES[first.fault].format(
        text=first.text, bound=first.bound, proposal=next(iter(first.proposals), "")
    )
    return RuleError(first.start + 1, message)
