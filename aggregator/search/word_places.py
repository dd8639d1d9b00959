"""Where the words of a text stand in the text.  Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from unicodedata import category

from aggregator.search.word_forms import tokens_in, words

_MAX_CLUSTER = 3  # characters of a cluster that are looked at
_ASCII_WORD = re.compile("[A-Za-z0-9]+")

WordPlace = tuple[str, int, int]
"""A word as `word_forms.words` returns it, and its start and end in the text."""


def word_places(text: str) -> list[WordPlace]:
    """Return the words of a text in order, with their places.

    The words are those of `word_forms.words`, but for rare signs; two words of one character have
    the same place.
    """
    if text.isascii():
        return [(match[0].lower(), *match.span()) for match in _ASCII_WORD.finditer(text)]
    return [place for start, end in _rows(text) for place in _places_in_row(text[start:end], start)]


def _rows(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each row of letters, digits and marks; symbols by themselves."""
    start = None
    for place, character in enumerate(text):
        kind = category(character)
        if kind[0] in "LMN" or (kind == "Cf" and start is not None):
            start = place if start is None else start
            continue
        if start is not None:
            yield start, place
            start = None
        if kind == "So":
            yield place, place + 1
    if start is not None:
        yield start, len(text)


def _places_in_row(row: str, start: int) -> list[WordPlace]:
    row_words = words(row)
    if len(row_words) > 1:
        tokens = tokens_in(row)
        if len(tokens) == len(row_words) and all(map(_is_form, tokens, row_words)):
            ends = list(accumulate(map(len, tokens), initial=start))
            return list(zip(row_words, ends, ends[1:], strict=False))
        places = [
            (word, start + first, start + end)
            for first, end in _clusters(row)
            for word in words(row[first:end])
        ]
        if [word for word, _, _ in places] == row_words:
            return places
    return [(word, start, start + len(row)) for word in row_words]


def _clusters(row: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each word, and of each character of scripts without spaces."""
    start = 0
    for place in range(1, len(row)):
        if _has_two_words(row[max(start, place - _MAX_CLUSTER) : place + 1]):
            yield start, place
            start = place
    yield start, len(row)


def _is_form(token: str, word: str) -> bool:
    """Whether a part of a row is a word; False where marks or invisible characters are folded."""
    return token == word or (token.isalnum() and words(token) == [word])


@lru_cache(maxsize=8_192)  # folding a few characters takes longer than finding them
def _has_two_words(characters: str) -> bool:
    return len(words(characters)) > 1
