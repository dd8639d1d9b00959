"""Character references of HTML, read as browsers read them.  Pure.

`html.unescape` raises ValueError on a reference with more digits than Python converts, so one title
could cost a feed all of its entries; `unescape` replaces `html.unescape` everywhere.

The attribute value `?a=1&region=eu` has no reference, though `&reg` alone would be one: a name
without `;` before `=`, a letter or a digit is text in an attribute.

Source: HTML Standard, 13.2.5.72 to 13.2.5.80 (character references).
"""

import html
import re
import sys
from html.entities import html5

_REFERENCE = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[A-Za-z][A-Za-z0-9]{0,31};?)")
_LONGEST = 6  # characters of the longest name that may lack its `;`
_BARE = frozenset(name for name in html5 if not name.endswith(";"))

_MAX_DIGITS = 8  # no character has so many, decimal or hexadecimal
_MANY_DIGITS = re.compile(rf"&#([0-9]{{{_MAX_DIGITS},}}|[xX][0-9a-fA-F]{{{_MAX_DIGITS},}})")
_REPLACEMENT = 0xFFFD


def unescape(escaped: str) -> str:
    """Return the text of some HTML without tags, with characters in place of references.

    A reference to a number without a character becomes U+FFFD, with any number of digits.
    """
    if "&" not in escaped:
        return escaped
    try:
        return html.unescape(escaped)
    except ValueError:
        return html.unescape(_MANY_DIGITS.sub(lambda long: f"&#{code_point(long[1])}", escaped))


def attribute_value(value: str) -> str:
    """Return the value of an attribute from the source between the quotation marks."""
    return _REFERENCE.sub(lambda match: _character(match, value), value)


def code_point(digits: str) -> int:
    """Return the number of the referenced character, U+FFFD for a number without a character.

    Args:
        digits: Decimal, or hexadecimal behind an `x` or `X`; of any length.
    """
    base = 16 if digits[:1] in ("x", "X") else 10
    significant = (digits[1:] if base == 16 else digits).lstrip("0") or "0"
    if len(significant) > _MAX_DIGITS:
        return _REPLACEMENT
    number = int(significant, base)
    is_character = number <= sys.maxunicode and not 0xD800 <= number <= 0xDFFF
    return number if is_character else _REPLACEMENT


def _character(match: re.Match[str], value: str) -> str:
    reference = match[0]
    if reference[1] == "#":
        return unescape(reference)
    name = reference[1:]
    if name in html5 and name.endswith(";"):
        return html5[name]
    bare = next((name[:n] for n in range(_LONGEST, 1, -1) if name[:n] in _BARE), None)
    if bare is None:
        return reference
    after = value[match.start() + 1 + len(bare) : match.start() + 2 + len(bare)]
    if after == "=" or (after.isascii() and after.isalnum()):
        return reference
    return html5[bare] + name[len(bare) :]
