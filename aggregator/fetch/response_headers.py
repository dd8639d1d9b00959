"""Meaning of a response's status and headers.  Pure.

Source: RFC 9110 (8.8 validators, 10.2.3 Retry-After, 15 status codes).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from http import HTTPStatus

from aggregator.model import Validators
from aggregator.model.times import http_date, span_text

MAX_RETRY_AFTER = timedelta(days=30)

# Servers refuse requests with headers of 8 KB.  A long validator is left out instead.
_MAX_VALIDATOR = 4096
# Cookies are no list, but nobody reads more of them than their names.
_LIST_FIELDS = frozenset({"cache-control", "link", "content-encoding", "set-cookie"})
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_WHOLE_RANGE = re.compile(r"\s*bytes\s+0-(\d{1,18})/(\d{1,18})\s*$", re.ASCII | re.IGNORECASE)
_CLASSES = {4: "refused", 5: "server error"}


def readable_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the fields of a head by lower-case name.

    The first field of a name counts; fields that are lists are joined.
    """
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1").lower(), _text(value_bytes)
        if name not in headers:
            headers[name] = value
        elif name in _LIST_FIELDS:
            headers[name] += f", {value}"
    return headers


def response_validators(raw: Iterable[tuple[bytes, bytes]], url: str) -> Validators:
    """Return the validators of a response from `url`, None for any that can't be sent back."""
    values: dict[bytes, str | None] = {}
    for name, value in raw:
        values.setdefault(name.lower(), _sendable(value))
    return Validators(url, values.get(b"etag"), values.get(b"last-modified"))


def merged_validators(stored: Validators, received: Validators) -> Validators:
    """Return the validators after a 304: the stored values, where the 304 has no newer ones."""
    return Validators(
        received.url,
        received.etag or stored.etag,
        received.last_modified or stored.last_modified,
    )


def conditional_headers(validators: Validators, url: str) -> dict[str, str]:
    """Return the header fields of a conditional request; none for validators of another URL."""
    if validators.url != url:
        return {}
    pairs = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in pairs.items() if value and is_sendable(value)}


def is_sendable(value: str) -> bool:
    """Whether the bytes sent for `value` are the bytes received (headers are sent as UTF-8)."""
    try:
        return _sendable(value.encode()) == value
    except UnicodeEncodeError:
        return False


def may_be_document(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the body of a response may be a complete document.

    Any success may (RFC 9110, 15.3): some hosts send whole feeds with a 202, proxies with a 203.
    A 204 has no body; a 206 may have only a part.  A 226 (RFC 3229, never requested here) may have
    only new entries, which is enough: a feed may drop old entries at any time.
    """
    if status == 206 and "content-range" in headers:
        match = _WHOLE_RANGE.match(headers["content-range"])
        return match is not None and int(match[1]) + 1 == int(match[2])
    return 200 <= status <= 299 and status != 204


def status_message(status: int, retry_after: timedelta | None = None) -> str:
    """Return a response without a feed in plain words; never the server's own phrase."""
    if status in {204, 205}:
        return "empty answer"
    if not 400 <= status <= 599:
        return f"unexpected answer {status}"
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = _CLASSES[status // 100]
    wait = f", wait {span_text(retry_after)}" if retry_after else ""
    return f"{status} {phrase}{wait}"


def parse_retry_after(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """Return the span of a Retry-After field (RFC 9110, 10.2.3), None without a valid field.

    A date counts relative to the response's Date field: the server's clock may be wrong.

    Args:
        headers: By lower-case name.
        now: Aware, UTC; for a response without a date.

    Returns:
        Zero to `MAX_RETRY_AFTER`.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=int(text)) if len(text) < 9 else MAX_RETRY_AFTER
    else:
        until = http_date(text)
        if until is None:
            return None
        wait = until - (http_date(headers.get("date")) or now)
    return min(max(wait, timedelta(0)), MAX_RETRY_AFTER)


def _text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return _CONTROLS.sub(" ", text)


def _sendable(value: bytes) -> str | None:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    if not text or len(value) > _MAX_VALIDATOR or _CONTROLS.search(text) or text != text.strip():
        return None
    return text
