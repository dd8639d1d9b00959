"""Names and values in any direction, isolated from the text around.  Pure.

Sources: UAX #9 (bidirectional algorithm), HTML, 4.5.24 (`bdi`).
"""

import unicodedata
from collections.abc import Callable

from markupsafe import Markup, escape

MAX_LENGTH = 400  # characters of a name or a sentence about a feed
_ISOLATES, _FIRST_STRONG_ISOLATE, _END_OF_ISOLATE = "\u2066\u2067\u2068", "\u2068", "\u2069"
_BIDI_CLASSES = frozenset("R AL AN RLE LRE RLO LRO RLI LRI FSI PDI PDF".split())
_CLASSES_OF_RTL = frozenset("R AL AN EN CS NSM WS".split())  # letters, numbers and their commas


def isolated(name: str, as_markup: Callable[[str], Markup] = escape) -> Markup:
    """Return a name as markup, isolated from the direction of the texts around.

    Args:
        as_markup: Escapes the name, and may mark words.

    Sources: HTML, 4.5.24 (`bdi`), UAX #9, 2.7 (the end of an isolate ends embeddings inside).
    """
    # Not Markup.format, which is slower: a page has a hundred names (docs/cost.md).
    return Markup(f"<bdi>{as_markup(_without_stray_ends(_shortened(name)))}</bdi>")  # noqa: S704


def isolated_text(name: str) -> str:
    """Return a name for a place without markup, isolated if any part runs from right to left.

    Source: UAX #9, 2.4 (explicit directional isolates).
    """
    name = _shortened(name)
    if name.isascii() or not any(map(_turns, name)):
        return name
    return f"{_FIRST_STRONG_ISOLATE}{_without_stray_ends(name)}{_END_OF_ISOLATE}"


def isolated_in_rtl(text: str) -> str:
    """Return a value for a text that runs from right to left, isolated if it may run otherwise.

    Source: UAX #9, 3.3.4 (a sign beside a number or a Latin word takes the direction around).
    """
    if all(unicodedata.bidirectional(character) in _CLASSES_OF_RTL for character in text):
        return text
    return f"{_FIRST_STRONG_ISOLATE}{_without_stray_ends(text)}{_END_OF_ISOLATE}"


def _shortened(name: str) -> str:
    """Return a name of bounded length, as a table has hundreds of names."""
    return name if len(name) <= MAX_LENGTH else f"{name[:MAX_LENGTH]}…"


def _turns(character: str) -> bool:
    return unicodedata.bidirectional(character) in _BIDI_CLASSES


def _without_stray_ends(text: str) -> str:
    """Remove characters that would end an isolate which begins before the text."""
    if _END_OF_ISOLATE not in text:
        return text
    characters, depth = [], 0
    for character in text:
        depth += character in _ISOLATES
        if character == _END_OF_ISOLATE:
            if not depth:
                continue
            depth -= 1
        characters.append(character)
    return "".join(characters)
