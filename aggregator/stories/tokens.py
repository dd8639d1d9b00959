"""The words of texts and titles, for comparison."""

import re
import unicodedata
from collections.abc import Sequence

from aggregator.text.references import unescape

MAX_TEXT = 60_000
"""Characters of the HTML of a text that are compared."""

_FOLD_STEP = 1000  # characters normalised at once: combining marks in a row take quadratic time

_CHARACTER = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
"""Scripts without spaces between words, of which each character is a word."""

_WORD = re.compile(rf"[{_CHARACTER}]|[^\W_{_CHARACTER}]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_MARKUP = re.compile(r"<[^>]*>?")  # the last tag may be cut
_ADDRESS = re.compile(r"https?://\S+")
_QUOTE = re.compile(r"<(/?)blockquote\b[^>]*>")


def folded(text: str) -> str:
    """Return a text in NFKC without case, at most `MAX_TEXT` characters.

    The result is cut, as a ligature may fold into 18 characters.
    """
    steps = (text[start : start + _FOLD_STEP] for start in range(0, len(text), _FOLD_STEP))
    return "".join(unicodedata.normalize("NFKC", step).casefold() for step in steps)[:MAX_TEXT]


def words_of(html: str) -> list[str]:
    """Return the words of a text, folded; addresses are left out."""
    return words_in(plain_text(html))


def plain_text(html: str) -> str:
    """Return HTML without markup and character references."""
    text = _MARKUP.sub(" ", html)
    return unescape(text) if "&" in text else text


def words_in(text: str) -> list[str]:
    """Return the words of a plain text, folded; addresses are left out."""
    if "://" in text:
        text = _ADDRESS.sub(" ", text)
    if text.isascii():  # as most texts are; takes half of the time
        return _ASCII_WORD.findall(text.lower())
    return _WORD.findall(folded(text))


def without_quotes(html: str) -> str:
    """Return HTML without the content of `blockquote` elements, at any depth."""
    unquoted, depth = [], 0
    parts = _QUOTE.split(html)
    for text, closes in zip(parts[::2], [*parts[1::2], ""], strict=True):
        if depth == 0:
            unquoted.append(text)
        depth = max(depth - 1, 0) if closes else depth + 1
    return " ".join(unquoted)


def shingles_of(words: Sequence[str]) -> set[int]:
    """Return the hash of each three words in a row; hashes take a third of the memory of words."""
    return set(map(hash, zip(words, words[1:], words[2:], strict=False)))
