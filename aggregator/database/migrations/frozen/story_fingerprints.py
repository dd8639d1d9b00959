"""The keys of stories that revision 0007 makes.  Frozen: this must never be changed."""

import re
import struct
import unicodedata
from collections.abc import Sequence
from zlib import crc32

from aggregator.database.migrations.frozen.canonical_links import canonical, is_web
from aggregator.database.migrations.frozen.character_references import unescape

_MAX_TEXT = 60_000  # characters
_FOLD_STEP = 1000  # characters normalised at once: marks in a row cost the square of their number

_SKETCH_WORDS = 32
_SKETCH = 2
_SKETCH_TOKENS = 48  # between spaces, in which so many words mostly are
_SKETCH_HTML = 1000  # characters in which these mostly are

_CHARACTER = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"  # no spaces there
_WORD = re.compile(rf"[{_CHARACTER}]|[^\W_{_CHARACTER}]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_MARKUP = re.compile(r"<[^>]*>?")  # the last tag may be cut
_TYPOGRAPHIC = re.compile("[’‘“”–—…\u00a0]+")
_ADDRESS = re.compile(r"https?://\S+")


def story_keys(url: str | None, title: str, html: str) -> tuple[int, ...]:
    """Return the keys that an entry is found by, signed 32-bit numbers."""
    keys = []
    link = canonical(url) if url and is_web(url) else ""
    if "/" in link or "?" in link:
        keys.append(crc32(b"l" + link.encode("utf-8", "surrogatepass")))
    title_words = _words_in(_plain(title[:300]))
    if len(title_words) > 1:
        keys.append(crc32(" ".join(("t", *title_words)).encode()))
    keys += _sketch(html)
    return tuple(key - (1 << 31) for key in dict.fromkeys(keys))


def packed(keys: Sequence[int]) -> bytes:
    """Return keys as the column `entries.story_keys` has them."""
    return struct.pack(f"<{len(keys)}i", *keys)


def _folded(text: str) -> str:
    steps = (text[start : start + _FOLD_STEP] for start in range(0, len(text), _FOLD_STEP))
    folded = "".join(unicodedata.normalize("NFKC", step).casefold() for step in steps)
    return folded[:_MAX_TEXT]


def _plain(html: str) -> str:
    return unescape(_MARKUP.sub(" ", html))


def _words_in(text: str) -> list[str]:
    if "://" in text:
        text = _ADDRESS.sub(" ", text)
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return _WORD.findall(_folded(text))


def _first_words(html: str) -> list[str]:
    text = _plain(html)
    beginning = " ".join(text.split(maxsplit=_SKETCH_TOKENS)[:_SKETCH_TOKENS])
    words = _words_in(_TYPOGRAPHIC.sub(" ", beginning))
    return (words if len(words) >= _SKETCH_WORDS else _words_in(text))[:_SKETCH_WORDS]


def _sketch(html: str) -> list[int]:
    """Return the least hashes of the shingles that a text begins with."""
    words = _first_words(html[:_SKETCH_HTML])
    if len(words) < _SKETCH_WORDS and len(html) > _SKETCH_HTML:  # much markup
        words = _first_words(html[: 4 * _SKETCH_HTML])
    if len(words) < 6:
        return []
    hashed = list(map(crc32, " ".join(words).encode("utf-8", "surrogatepass").split(b" ")))
    triples = zip(hashed, hashed[1:], hashed[2:], strict=False)
    mixed = {((a << 2) + (b << 1) + c) * 0x9E3779B1 & 0xFFFFFFFF for a, b, c in triples}
    return sorted(mixed)[:_SKETCH]
