"""JSON as values, within limits.  Pure."""

import json
import re
from typing import Any

_MAX_DEPTH = 50  # arrays and objects within each other; an item of a feed needs five
_MAX_DIGITS = 1000  # Python refuses 4,300
# A string without an end reaches to the end of the text, so that no part is scanned twice.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def json_value(text: str) -> Any:
    """Read JSON; values nested too deeply are null, integers with too many digits are text."""
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError:
        return json.loads(_shallow(text), parse_int=_integer)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _shallow(text: str) -> str:
    """Return JSON with null in place of each array and object below `_MAX_DEPTH` others."""
    parts = []
    depth = position = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in ("[", "{"):
            depth += 1
            if depth == _MAX_DEPTH + 1:
                parts += [text[position : token.start()], "null"]
        elif token[0] in ("]", "}"):
            if depth == _MAX_DEPTH + 1:
                position = token.end()
            depth -= 1
    return "".join((*parts, text[position:]))
