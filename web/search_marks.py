"""The words of a search in a text, marked.  Pure."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

from markupsafe import Markup, escape

from aggregator.search import normalized, words_of


def marked(text: str, phrases: Sequence[str]) -> Markup:
    """Return `text` escaped, with the words and phrases of a search in `mark` elements.

    Case and accents are ignored, as in the search.
    """
    if not phrases:
        return escape(text)
    pattern, split = _to_mark(tuple(phrases))
    folded = _folded(text)
    if not any(phrase[0].rstrip("*") in folded for phrase in split):
        return escape(text)  # most texts of a page have nothing to mark
    places = list(pattern.finditer(text))
    words = [_folded(place[0]) for place in places]
    is_marked = [False] * len(words)
    for phrase in split:
        for start, word in enumerate(words):
            end = start + len(phrase)
            if word[:1] == phrase[0][:1] and _matches(words[start:end], phrase):
                is_marked[start:end] = [True] * len(phrase)
    parts, end = [], 0
    marks = zip(is_marked, places, strict=True)
    for is_match, group in groupby(marks, key=lambda mark: mark[0]):
        if is_match:
            run = [place for _, place in group]
            start, stop = run[0].start(), run[-1].end()
            parts += [escape(text[end:start]), f"<mark>{escape(text[start:stop])}</mark>"]
            end = stop
    return Markup("".join([*parts, escape(text[end:])]))  # noqa: S704


def _matches(words: Sequence[str], phrase: Sequence[str]) -> bool:
    """Whether `words` are the words of a phrase, the last of which may end with `*`."""
    if not phrase[-1].endswith("*"):
        return words == phrase
    is_long_enough = len(words) == len(phrase) and words[:-1] == phrase[:-1]
    return is_long_enough and words[-1].startswith(phrase[-1][:-1])


@lru_cache(maxsize=64)
def _to_mark(phrases: tuple[str, ...]) -> tuple[re.Pattern[str], list[list[str]]]:
    """Return the pattern of words to compare with the phrases, and the words of the phrases."""
    pattern, split = words_of(phrases)
    return pattern, [[_folded(word) for word in phrase] for phrase in split]


def _folded(word: str) -> str:
    """Return a word without case and accents."""
    if word.isascii():
        return word.lower()
    parts = unicodedata.normalize("NFKD", normalized(word).casefold())
    return "".join(character for character in parts if not unicodedata.combining(character))
