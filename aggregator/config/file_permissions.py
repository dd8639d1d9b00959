"""Whether a file with secrets in it is one that others can read."""

import re
import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from aggregator import urls
from aggregator.config import file, yaml_document
from aggregator.errors import ConfigError

_OTHERS = 0o044  # the group, everybody
_MOST_NAMED = 3
_ELSEWHERE = re.compile(r"\$\{[^{}:]*(?::(?!-)[^{}]*)?(?::-([^{}]*))?\}")  # all but the default
_PASSWORD = re.compile(r"://[^\s/?#@:]*:[^\s/?#@]+@")
_WEB_USER = re.compile(r"https?://[^\s/?#@:]+@", re.IGNORECASE)
_SCHEME = re.compile(r"\s*[A-Za-z]*\s*")  # `Bearer`, before a token that stands elsewhere
_Step = str | int


def remark(path: Path) -> str | None:
    """Say which secrets stand in the file that others than its owner may read; None for none.

    These are passwords in addresses, parameters of addresses that are called `token`, `key` and
    the like, and values of headers.  What stands in the environment or another file is not here.
    """
    try:
        if not path.stat().st_mode & _OTHERS:
            return None
        text = file.read(path)
        values = yaml_document.values(text) or yaml_document.compose(text, path=path)[0].value
    except (OSError, ConfigError):
        return None
    places = islice(_secrets(values, ()), _MOST_NAMED + 1)
    named = [yaml_document.label(place) for place in places]
    if not named:
        return None
    more = " and more" if len(named) > _MOST_NAMED else ""
    return (
        f"{path}: others on this machine can read it, and it has secrets "
        f"({', '.join(named[:_MOST_NAMED])}{more}); run chmod 600 {shlex.quote(str(path))}"
    )


def _secrets(value: object, location: tuple[_Step, ...]) -> Iterator[tuple[_Step, ...]]:
    """Yield where secrets stand."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _secrets(inner, (*location, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _secrets(inner, (*location, index))
    elif isinstance(value, str):
        here = _ELSEWHERE.sub(r"\1", value)
        if "headers" in location[:-1]:
            if here == value or not _SCHEME.fullmatch(here):
                yield location
        elif _has_secret(here):
            yield location


def _has_secret(text: str) -> bool:
    """Whether an address has a password or token; on the web, a user alone may be one."""
    if _PASSWORD.search(text) or _WEB_USER.match(text):
        return True
    query = text.partition("?")[2]
    return bool(query) and urls.masked(f"?{query}") != f"?{query}"
