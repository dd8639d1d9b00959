"""Whether other users can read a file with secrets."""

import re
import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from aggregator import urls
from aggregator.config import config_text, yaml_document
from aggregator.config.feed_requests import is_secret_header
from aggregator.errors import ConfigError

_READABLE_BY_OTHERS = 0o044  # by the group, by everybody
_MAX_PLACES = 3
_VARIABLE = re.compile(r"\$\{[^{}:]*(?::(?!-)[^{}]*)?(?::-([^{}]*))?\}")  # with its default
_PASSWORD = re.compile(r"://[^\s/?#@:]*:[^\s/?#@]+@")
_WEB_USER = re.compile(r"https?://[^\s/?#@:]+@", re.IGNORECASE)
_SCHEME = re.compile(r"\s*[A-Za-z]*\s*")  # `Bearer`, before a variable
_Step = str | int


def remark(path: Path) -> str | None:
    """Return a remark on the secrets in a file that other users can read, None for no secret.

    Secrets are passwords in addresses, and parameters of addresses and headers that are called
    `token`, `key`, `cookie` and the like.  Variables are not secrets, but their defaults may be.
    """
    try:
        if not path.stat().st_mode & _READABLE_BY_OTHERS:
            return None
        text = config_text.read(path)
        values = yaml_document.values(text) or yaml_document.compose(text, path=path)[0].value
    except (OSError, ConfigError):
        return None
    places = islice(_secrets(values, ()), _MAX_PLACES + 1)
    labels = [yaml_document.label(place) for place in places]
    if not labels:
        return None
    and_more = " and more" if len(labels) > _MAX_PLACES else ""
    return (
        f"{path}: others on this machine can read it, and it has secrets "
        f"({', '.join(labels[:_MAX_PLACES])}{and_more}); run chmod 600 {shlex.quote(str(path))}"
    )


def _secrets(value: object, location: tuple[_Step, ...]) -> Iterator[tuple[_Step, ...]]:
    """Yield the locations of secrets."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _secrets(inner, (*location, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _secrets(inner, (*location, index))
    elif isinstance(value, str):
        literal_text = _VARIABLE.sub(r"\1", value)
        if "headers" in location[:-1]:
            is_literal = literal_text == value or not _SCHEME.fullmatch(literal_text)
            if is_literal and is_secret_header(str(location[-1])):
                yield location
        elif _has_secret(literal_text):
            yield location


def _has_secret(text: str) -> bool:
    """Whether an address has a password or token; a user name in a web address may be a token."""
    if _PASSWORD.search(text) or _WEB_USER.match(text):
        return True
    query = text.partition("?")[2]
    return bool(query) and urls.masked(f"?{query}") != f"?{query}"
