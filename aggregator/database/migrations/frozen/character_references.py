"""Character references of HTML as revisions read them.  Frozen: this must never be changed.

`html.unescape` raises ValueError on a reference with more digits than Python turns into a number.

Source: HTML Standard, 13.2.5.72 to 13.2.5.80 (character references).
"""

import html
import re
import sys

_MAX_DIGITS = 8  # no character has so many, decimal or hexadecimal
_MANY_DIGITS = re.compile(rf"&#([0-9]{{{_MAX_DIGITS},}}|[xX][0-9a-fA-F]{{{_MAX_DIGITS},}})")
_REPLACEMENT = 0xFFFD


def unescape(written: str) -> str:
    """Return a text without character references, from how it is written in HTML."""
    if "&#" in written:
        written = _MANY_DIGITS.sub(lambda long: f"&#{_code_point(long[1])}", written)
    return html.unescape(written) if "&" in written else written


def _code_point(digits: str) -> int:
    base = 16 if digits[:1] in ("x", "X") else 10
    significant = (digits[1:] if base == 16 else digits).lstrip("0") or "0"
    if len(significant) > _MAX_DIGITS:
        return _REPLACEMENT
    number = int(significant, base)
    is_character = number <= sys.maxunicode and not 0xD800 <= number <= 0xDFFF
    return number if is_character else _REPLACEMENT
