"""Paths of `select` into JSON: the part of JSONPath (RFC 9535) that needs no expressions.

A path names children, indexes, slices, `*` and, once, descendants.  Filters and functions are
refused: the functions have regular expressions, and what they leave out a search of config.yaml can
leave out.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, cast

from jsonpath import JSONPath, JSONPathEnvironment
from jsonpath.exceptions import JSONPathError, JSONPathRecursionError
from jsonpath.segments import JSONPathRecursiveDescentSegment
from jsonpath.selectors import IndexSelector, NameSelector, SliceSelector, WildcardSelector

_MAX_LENGTH = 500  # characters of a path; the parser of jsonpath recurses
_SELECTORS = (IndexSelector, NameSelector, SliceSelector, WildcardSelector)
_PLAIN_KEY = re.compile(r"[^.\[\]*$@?'\"]+")
_ENVIRONMENT = JSONPathEnvironment(strict=True)


class PathError(ValueError):
    """A text that is not such a path; `str()` says what to write."""


def path(text: str) -> JSONPath:
    """Return the path of a text, in a part relative to the item: `title`, `author.name`, `$.title`.

    Raises:
        PathError: The text is not a path, or one that is not supported.
    """
    if len(text) > _MAX_LENGTH:
        raise PathError("is too long for a JSONPath")
    try:
        compiled = _ENVIRONMENT.compile(_absolute(text.strip()))
    except (JSONPathError, RecursionError, ValueError, IndexError):
        message = f"{text} is not a JSONPath; write one such as $.posts[*], or author.name"
        raise PathError(message) from None
    segments = cast("JSONPath", compiled).segments
    if not all(isinstance(part, _SELECTORS) for segment in segments for part in segment.selectors):
        raise PathError(
            f"{text} has a filter, which is not supported; "
            "select all posts, and leave some out by `hide` or `keep`"
        )
    if sum(isinstance(segment, JSONPathRecursiveDescentSegment) for segment in segments) > 1:
        raise PathError(f"{text} has .. more than once; name the keys of one of them")
    return cast("JSONPath", compiled)


def _absolute(text: str) -> str:
    """Return a path from `$`: of a plain key, of a path that begins with `@`, or without either."""
    if text.startswith("$"):
        return text
    if text.startswith("@"):
        return f"${text[1:]}"
    if _PLAIN_KEY.fullmatch(text):
        return f"$[{json.dumps(text)}]"
    return f"${text}" if text.startswith("[") else f"$.{text}"


def values(compiled: JSONPath, data: Any, *, limit: int) -> Iterator[Any]:
    """Yield the first values at a path, in document order.

    Raises:
        RecursionError: `..` meets arrays and objects too deep within each other.
    """
    if not isinstance(data, dict | list):
        return  # jsonpath would read a text as a document
    try:
        for match in islice(compiled.finditer(data), limit):
            yield match.obj
    except JSONPathRecursionError as error:
        raise RecursionError from error
