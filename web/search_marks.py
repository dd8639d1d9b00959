"""The words of a search in a text: marked, and with the text around them.  Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from markupsafe import Markup, escape

from aggregator.search.predicate import comparable, comparable_part
from aggregator.search.syntax_tree import Phrase
from aggregator.search.word_forms import words
from aggregator.search.word_places import WordPlace, word_places

_PIECE = 1_000  # characters of a long text that are searched at a time
_OVERLAP = 200  # characters, so that a phrase stands within one of the pieces
_REACH = 20_000  # characters, so that a second hit takes a bounded time
_BEFORE, _AFTER = 50, 150  # characters around a word
_BEFORE_EACH, _AFTER_EACH = 25, 75  # characters around each of two words that are far apart

_Span = tuple[int, int]  # start and end in a text


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

    If that part lacks another phrase of the text, two shorter parts are returned.  An ellipsis
    stands where the text goes on.
    """
    hits = _first_hits(text, phrases)
    if not hits:
        return ""
    first = hits[0][0]
    parts = [_words_around(text, first, _BEFORE, _AFTER)]
    far_hits = [start for start, end in hits if end > parts[0][1]]
    if far_hits:
        parts = [_words_around(text, at, _BEFORE_EACH, _AFTER_EACH) for at in (first, far_hits[0])]
        if parts[1][0] <= parts[0][1]:
            parts = [(parts[0][0], parts[1][1])]
    before, after = "…" if parts[0][0] else "", "…" if parts[-1][1] < len(text) else ""
    return f"{before}{' … '.join(text[start:end].strip() for start, end in parts)}{after}"


def _first_hits(text: str, phrases: Sequence[Phrase]) -> list[_Span]:
    """Return where each of the phrases stands first, in the order of the text.

    Phrases that stand more than `_REACH` behind the first hit are left out, as are those that the
    text does not have.
    """
    hits: dict[Phrase, _Span] = {}
    for start, end in _pieces(text):
        missing = [phrase for phrase in phrases if phrase not in hits]
        if not missing or (hits and start > min(hits.values())[0] + _REACH):
            break
        piece = text[start:end]
        in_piece = occurring(piece, missing)
        places = word_places(piece) if in_piece else []
        for phrase in in_piece:
            for first in islice(_matches(places, phrase), 1):
                last = first + len(phrase.words) - 1
                hits[phrase] = (start + places[first][1], start + places[last][2])
    return sorted(hits.values())


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


def _words_around(text: str, place: int, before: int, after: int) -> _Span:
    """Return the start and end of the words around a place.

    Args:
        before, after: Characters at most.
    """
    start, end = max(0, place - before), min(len(text), place + after)
    if start and (blank := text.find(" ", start - 1, place)) >= 0:
        start = blank + 1
    if end < len(text) and (blank := text.rfind(" ", place, end + 1)) > place:
        end = blank
    return start, end
