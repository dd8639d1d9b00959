"""Characters that are in a file by mistake: invisible or confusable.  Pure.

Web pages, word processors and keyboards insert a no-break space where YAML expects a space, a
full-width colon, typographic quotation marks, a zero width space at the end of an address.

Source: Unicode 15, UAX #44 (general categories), UTS #39 (confusable characters).
"""

import re
import unicodedata
from collections.abc import Iterator

_INVISIBLE = (
    "\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
_DASHES = "\u2010-\u2015\u2022\u2043\u2212\ufe58\ufe63\uff0d"
_COLONS = "\u02d0\u0589\u2236\ua789\ufe13\ufe55\uff1a"
_QUOTES = "\u00ab\u00b4\u00bb\u2018-\u201f\u2032\u2033\u2039\u203a\u301d-\u301f\uff02\uff07"
_FULL_WIDTH = "\uff01-\uff5e"
_INTENDED = {
    **dict.fromkeys("\u02d0\u0589\u2236\ua789\ufe13\ufe55", ":"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2022\u2043\u2212\ufe58\ufe63", "-"),
}
_NAMES = {"\t": "tab", "\ufeff": "byte order mark"}
_IN_LETTERS = frozenset("\u200c\u200d\ufe0e\ufe0f")  # needed in Persian, Indic scripts and emoji
_NEVER_INTENDED = re.compile("[\u00ad\u200b\u2060-\u206f\u202a-\u202e\ufeff\ufff9-\ufffb]")

_IN_QUOTES = re.compile(
    "[\u2018\u201a\u201c\u201e\u00ab\u2039].*[\u2018\u2019\u201c\u201d\u00bb\u203a]"
)

_INVISIBLE_OR_TAB = re.compile(f"[\t{_INVISIBLE}]")
_ANY = re.compile(f"[\t{_INVISIBLE}{_DASHES}{_COLONS}{_QUOTES}{_FULL_WIDTH}]")
_START = r" {0,200}(?:- {1,80}){0,20}"
_IN_STRUCTURE = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_START}-?([\t{_INVISIBLE}])",  # in the indentation, or behind a dash
        rf"{_START}([{_DASHES}])(?=[\s{_INVISIBLE}])",
        rf"{_START}([{_QUOTES}{_FULL_WIDTH}])",
        rf"{_START}[^\s#:'\"\[{{][^#:'\"\[{{]{{0,80}}?:?([{_COLONS}{_INVISIBLE}])",
        rf"{_START}[^#'\"]{{1,80}}?: {{1,80}}([{_QUOTES}{_FULL_WIDTH}{_INVISIBLE}])",
    )
)


def label(character: str) -> str:
    """Return code point and name of a character, such as `U+00A0 (no-break space)`."""
    name = _NAMES.get(character) or unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def complaint(character: str) -> str:
    """Return the reason why a character is wrong, and advice."""
    if character == "\t" or unicodedata.category(character) == "Zs":
        return f"{label(character)} is not a space; remove it, or write a space"
    if _INVISIBLE_OR_TAB.match(character):
        return f"{label(character)} can't be seen; remove it"
    folded = unicodedata.normalize("NFKC", character)
    intended = _INTENDED.get(character, folded if folded.isascii() else "")
    if intended in {"", '"', "'"}:
        return f'{label(character)} is not a quotation mark of YAML; write " or leave it out'
    return f'{label(character)} is not "{intended}"; write "{intended}"'


def invisible(text: str) -> str | None:
    """Return the first invisible character of a text that is not prose, None for none.

    Joiners between the letters of a script that needs joiners do not count.
    """
    if text.isascii() and "\t" not in text:
        return None
    for match in _INVISIBLE_OR_TAB.finditer(text):
        inside = match.start() > 0 and not text[match.start() - 1].isascii()
        if not (match[0] in _IN_LETTERS and inside):
            return match[0]
    return None


def confusable(text: str) -> str | None:
    """Return the first character that is invisible or confusable, None for none."""
    match = None if text.isascii() and "\t" not in text else _ANY.search(text)
    return match[0] if match else None


def stray_in_prose(text: str) -> str | None:
    """Return the first character that is in a title or category by mistake, None for none.

    Such a character is invisible, or a typographic quotation mark around the whole text, which is a
    letter to YAML.
    """
    if text.isascii():
        return None
    match = _NEVER_INTENDED.search(text) or _IN_QUOTES.fullmatch(text)
    return match[0][0] if match else None


def in_structure(line: str) -> tuple[int, str] | None:
    """Return index and text of the first stray character in place of YAML's syntax, or None."""
    return min(_in_structure(line), default=None)


def _in_structure(line: str) -> Iterator[tuple[int, str]]:
    if not line.isascii() or "\t" in line:
        for pattern in _IN_STRUCTURE:
            if match := pattern.match(line):
                yield match.start(1), match[1]
