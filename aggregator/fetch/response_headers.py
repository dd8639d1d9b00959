"""What status and headers of an answer say.  Pure.

Source: RFC 9110 (8.8 validators, 10.2.3 Retry-After, 15 status codes).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from aggregator.model import Validators

MAX_RETRY_AFTER = timedelta(days=30)

# Servers refuse requests with headers of 8 KB; better unconditional than never again.
_MAX_VALIDATOR = 4096
_LISTS = frozenset({"cache-control", "link", "content-encoding"})
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_WHOLE_RANGE = re.compile(r"\s*bytes\s+0-(\d{1,18})/(\d{1,18})\s*$", re.ASCII | re.IGNORECASE)
_CLASSES = {4: "refused", 5: "server error"}


def readable_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name.

    Of a repeated one the first counts, except where it is a list by nature: then all do.
    """
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1").lower(), _text(value_bytes)
        if name not in headers:
            headers[name] = value
        elif name in _LISTS:
            headers[name] += f", {value}"
    return headers


def validators_of(raw: Iterable[tuple[bytes, bytes]], url: str) -> Validators:
    """Return the validators that came with an answer, None for those that can't be sent back."""
    found: dict[bytes, str | None] = {}
    for name, value in raw:
        found.setdefault(name.lower(), _sendable(value))
    return Validators(url, found.get(b"etag"), found.get(b"last-modified"))


def merged(stored: Validators, brought: Validators) -> Validators:
    """Return validators after a 304: the stored ones, replaced by those that it brought."""
    return Validators(
        brought.url,
        brought.etag or stored.etag,
        brought.last_modified or stored.last_modified,
    )


def conditions(validators: Validators, url: str) -> dict[str, str]:
    """Return the headers that make a request for `url` conditional, none for another's."""
    if validators.url != url:
        return {}
    pairs = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in pairs.items() if value and is_sendable(value)}


def is_sendable(value: str) -> bool:
    """Whether `value` leaves as the bytes that it came as (headers are written as UTF-8)."""
    try:
        return _sendable(value.encode()) == value
    except UnicodeEncodeError:
        return False


def may_bring_feed(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the body of an answer may be all of a document.

    Any success may (RFC 9110, 15.3): some hosts send whole feeds with a 202, proxies with a 203.
    A 204 has no body, and a 206 perhaps only a part.  A 226 may have nothing but what is new (RFC
    3229, which nobody here asks for): what a feed lacks is not missed.
    """
    if status == 206 and "content-range" in headers:
        match = _WHOLE_RANGE.match(headers["content-range"])
        return match is not None and int(match[1]) + 1 == int(match[2])
    return 200 <= status <= 299 and status != 204


def words_of(status: int, retry_after: timedelta | None = None) -> str:
    """Return what an answer without a feed means; never the server's own phrase."""
    if status in {204, 205}:
        return "empty answer"
    if not 400 <= status <= 599:
        return f"unexpected answer {status}"
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = _CLASSES[status // 100]
    wait = f", wait {_span_words(retry_after)}" if retry_after else ""
    return f"{status} {phrase}{wait}"


def retry_after_of(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """Return how long to stay away, None where the answer does not say so.

    A date is taken relative to the answer's own: the server's clock may be wrong.

    Args:
        headers: By lower-case name.
        now: Aware, UTC; for an answer without a date.

    Returns:
        Zero to `MAX_RETRY_AFTER`.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        wait = timedelta(seconds=int(text)) if len(text) < 9 else MAX_RETRY_AFTER
    else:
        until = _date(text)
        if until is None:
            return None
        wait = until - (_date(headers.get("date", "")) or now)
    return min(max(wait, timedelta(0)), MAX_RETRY_AFTER)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _span_words(span: timedelta) -> str:
    total = span.total_seconds()
    for unit, size, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if total < size * most:
            return f"{round(total / size)} {unit}"
    return f"{round(total / 86_400)} d"


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
