"""Headers of requests in config.yaml -> values.  Pure.

The values are secret: no message repeats a value, nor a name with the look of a misplaced value.

Source: RFC 9110, 5.1 (names), 5.5 (values), 7.6.1 (headers of a connection).
"""

import re

from aggregator.config.option_readers import InKeysError, one_value

MAX_HEADERS = 50
"""Most headers of one request."""

MAX_VALUE = 4096
"""Characters of a value; servers refuse requests with headers of 8 KB."""

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]*")
_OWN_NAMES = frozenset(
    "host connection keep-alive te trailer transfer-encoding upgrade expect http2-settings "
    "accept-encoding a-im range date".split()
)
_OWN_BEGINNINGS = ("if-", "content-", "proxy-")
_NOT_A_NAME = (
    "has a name that is not one of a header: write letters, digits and - alone, "
    "then a colon, a space and the value"
)


def header_fields(value: object) -> tuple[tuple[str, str], ...]:
    """Read headers: a mapping from names to values.

    Raises:
        InKeysError: Single headers can't be sent.
        ValueError: The value is not a mapping, or has a name impossible for headers.
    """
    if value in (None, ""):
        return ()
    if not isinstance(value, dict):
        raise ValueError("must be followed by indented headers, one `Name: value` a line")  # noqa: TRY004
    if len(value) > MAX_HEADERS:
        raise ValueError(f"has {len(value):,} headers; write at most {MAX_HEADERS}")
    names = [str(name) for name in value]
    if not all(map(_NAME.fullmatch, names)):
        raise ValueError(_NOT_A_NAME)
    name_messages = _name_messages(names)
    messages: dict[str | int, str] = dict(name_messages.items())
    fields = []
    for name, text in zip(names, value.values(), strict=True):
        try:
            fields.append((name, header_value(one_value(text))))
        except ValueError as error:
            messages.setdefault(name, str(error))
    if messages:
        raise InKeysError(messages, of_keys=frozenset(name_messages))
    return tuple(fields)


def header_value(text: str) -> str:
    """Read the value of a header: visible ASCII characters and spaces."""
    words = text.strip(" ")
    if not words:
        raise ValueError("empty; write a value, or remove the line")
    if len(words) > MAX_VALUE:
        raise ValueError(f"is {len(words):,} characters long; write at most {MAX_VALUE:,}")
    if not _VALUE.fullmatch(words):
        character = next(sign for sign in words if not _VALUE.fullmatch(sign))
        raise ValueError(f"has a character that no header may have (U+{ord(character):04X})")
    return words


def _name_messages(names: list[str]) -> dict[str, str]:
    """Return the mistakes in names of headers, by name."""
    messages: dict[str, str] = {}
    first_names: dict[str, str] = {}
    for name in names:
        lower = name.lower()
        first = first_names.setdefault(lower, name)
        if lower == "user-agent":
            messages[name] = "has a key of its own; write user_agent beside headers"
        elif lower in _OWN_NAMES or lower.startswith(_OWN_BEGINNINGS):
            messages[name] = "is a header that only the program itself can set; remove it"
        elif first != name:
            messages[name] = f"is the same header as {first}; remove one"
    return messages
