"""Character references in attribute values, read as browsers read them.  Pure.

In `?a=1&region=eu` stands no reference, though `&reg` alone would be one: a name without `;` that
is followed by `=`, a letter or a digit is text.  `html.unescape` knows the rule for text alone.

Source: HTML Standard, 13.2.5.73 (named character reference state).
"""

import html
import re
from html.entities import html5

_REFERENCE = re.compile(r"&(?:#[0-9]{1,32};?|#[xX][0-9a-fA-F]{1,32};?|[A-Za-z][A-Za-z0-9]{0,31};?)")
_LONGEST = 6  # characters of the longest name that may lack its `;`
_BARE = frozenset(name for name in html5 if not name.endswith(";"))


def in_attribute(written: str) -> str:
    """Return the value of an attribute, from how it is written between its quotation marks."""
    return _REFERENCE.sub(lambda match: _character(match, written), written)


def _character(match: re.Match[str], written: str) -> str:
    reference = match[0]
    if reference[1] == "#":
        return html.unescape(reference)
    name = reference[1:]
    if name in html5 and name.endswith(";"):
        return html5[name]
    bare = next((name[:n] for n in range(_LONGEST, 1, -1) if name[:n] in _BARE), None)
    if bare is None:
        return reference
    after = written[match.start() + 1 + len(bare) : match.start() + 2 + len(bare)]
    if after == "=" or (after.isascii() and after.isalnum()):
        return reference
    return html5[bare] + name[len(bare) :]
