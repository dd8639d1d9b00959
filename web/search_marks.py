"""The words of a search in a text: marked, and with the text around them.  Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from markupsafe import Markup, escape

from aggregator.search.predicate import comparable, comparable_part
from aggregator.search.syntax_tree import Phrase
from aggregator.search.word_forms import words
from aggregator.search.word_places import WordPlace, word_places

_PIECE = 1_000  # characters of a long text that are searched at a time
_OVERLAP = 200  # characters, so that a phrase stands within one of the pieces
_BEFORE, _AFTER = 50, 150  # characters around a word


def occurring(text: str, phrases: Sequence[Phrase]) -> list[Phrase]:
    """Return which of the phrases a text has."""
    if not phrases:
        return []
    text_words = comparable([words(text)])
    return [phrase for phrase in phrases if comparable_part(phrase) in text_words]


def marked(text: str, phrases: Sequence[Phrase]) -> Markup:
    """Return `text` escaped, with the words and phrases of a search in `mark` elements."""
    phrases = occurring(text, phrases)  # most texts of a page have nothing to mark
    if not phrases:
        return escape(text)
    places = word_places(text)
    is_marked = [False] * len(places)
    for phrase in phrases:
        for first in _matches(places, phrase):
            is_marked[first : first + len(phrase.words)] = [True] * len(phrase.words)
    parts, end = [], 0
    marks = zip(is_marked, places, strict=True)
    for is_match, group in groupby(marks, key=lambda mark: mark[0]):
        if is_match:
            run = [place for _, place in group]
            start, stop = run[0][1], run[-1][2]
            parts += [escape(text[end:start]), f"<mark>{escape(text[start:stop])}</mark>"]
            end = stop
    return Markup("".join([*parts, escape(text[end:])]))  # noqa: S704


def excerpt_around(text: str, phrases: Sequence[Phrase]) -> str:
    """Return the part of a text around the first of the phrases; empty if the text has none.

    An ellipsis stands where the text goes on.
    """
    for start, end in _pieces(text):
        piece = text[start:end]
        if not occurring(piece, phrases):
            continue
        places = word_places(piece)
        firsts = [first for phrase in phrases for first in _matches(places, phrase)]
        if firsts:
            return _cut_out(text, start + places[min(firsts)][1])
    return ""


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of overlapping pieces of a text, without cutting words in two."""
    for number in range(0, len(text), _PIECE):
        last = number + _PIECE + _OVERLAP
        yield (
            text.rfind(" ", max(0, number - _OVERLAP), number) + 1 or number,
            max(last, text.find(" ", last, last + _OVERLAP)),
        )


def _matches(places: Sequence[WordPlace], phrase: Phrase) -> Iterator[int]:
    """Yield the numbers of the words with which a phrase begins."""
    for first in range(len(places) - len(phrase.words) + 1):
        if places[first][0].startswith(phrase.words[0]):
            window = [word for word, _, _ in places[first : first + len(phrase.words)]]
            if comparable_part(phrase) in comparable([window]):
                yield first


def _cut_out(text: str, place: int) -> str:
    """Return the words around a place."""
    start, end = max(0, place - _BEFORE), min(len(text), place + _AFTER)
    if start and (blank := text.find(" ", start - 1, place)) >= 0:
        start = blank + 1
    if end < len(text) and (blank := text.rfind(" ", place, end + 1)) > place:
        end = blank
    return f"{'…' if start else ''}{text[start:end].strip()}{'…' if end < len(text) else ''}"
