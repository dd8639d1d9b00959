"""The keys for finding entries of the same story.

Only entries with a common key are compared: of the link, of the title, or of a few shingles from
the beginning of the text.

Sources: A. Broder, On the resemblance and containment of documents, 1997 (bottom-k sketches).
"""

import re
from zlib import crc32

from aggregator import links, urls
from aggregator.stories.tokens import plain_text, words_in, words_of

_SKETCH_WORDS = 32  # of the beginning: more find no more copies, and cost every new entry
_SKETCH_SIZE = 2
_SKETCH_TOKENS = 48  # between spaces, in which so many words mostly are
_SKETCH_HTML = 1000  # characters in which these mostly are
_TYPOGRAPHIC = re.compile("[’‘“”–—…\u00a0]+")  # not words; without them most texts are ASCII


def story_keys(url: str | None, title: str, html: str) -> tuple[int, ...]:
    """Return the keys of an entry, signed 32-bit numbers.

    Entries with a common key may be the same story; entries of the same story nearly always have a
    common key.
    """
    keys = []
    link = article_link(url)
    if link:
        keys.append(crc32(b"l" + link.encode("utf-8", "surrogatepass")))
    title_words = words_of(title[:300])
    if len(title_words) > 1:
        keys.append(crc32(" ".join(("t", *title_words)).encode()))
    keys += _sketch(html)
    return tuple(key - (1 << 31) for key in dict.fromkeys(keys))


def article_link(url: str | None) -> str:
    """Return a canonical link; "" without a link, or for the front page of a site."""
    link = links.canonical(url) if url and urls.is_web(url) else ""
    return link if "/" in link or "?" in link else ""


def _first_words(html: str) -> list[str]:
    """Return the first `_SKETCH_WORDS` words of a text, from as little of the text as possible."""
    text = plain_text(html)
    beginning = " ".join(text.split(maxsplit=_SKETCH_TOKENS)[:_SKETCH_TOKENS])
    if not beginning.isascii():
        beginning = _TYPOGRAPHIC.sub(" ", beginning)
    words = words_in(beginning)
    return (words if len(words) >= _SKETCH_WORDS else words_in(text))[:_SKETCH_WORDS]


def _sketch(html: str) -> list[int]:
    """Return the lowest hashes of the shingles at the beginning of a text."""
    words = _first_words(html[:_SKETCH_HTML])
    if len(words) < _SKETCH_WORDS and len(html) > _SKETCH_HTML:  # much markup
        words = _first_words(html[: 4 * _SKETCH_HTML])
    if len(words) < 6:
        return []
    hashed = list(map(crc32, " ".join(words).encode("utf-8", "surrogatepass").split(b" ")))
    shingles = zip(hashed, hashed[1:], hashed[2:], strict=False)
    # Shifted, as the order of words counts; multiplied, so that the lowest hashes are random ones.
    mixed = {
        ((first << 2) + (second << 1) + third) * 0x9E3779B1 & 0xFFFFFFFF
        for first, second, third in shingles
    }
    return sorted(mixed)[:_SKETCH_SIZE]
