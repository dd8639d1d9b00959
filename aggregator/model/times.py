"""Points and spans of time, as values and as text."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def http_date(text: str | None) -> datetime | None:
    """Return the time (UTC) of a header field, None for an unreadable date.

    A date without a zone is in UTC.  Source: RFC 9110, section 5.6.7.
    """
    try:
        at = parsedate_to_datetime(text or "")
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):  # `Expires: 0`, a year of 20 digits
        return None


def span_text(span: timedelta | float, *, units: int = 2) -> str:
    """Return a span as config.yaml has it, in its largest units: "1h30m", "45s", "0.5s".

    Args:
        span: A timedelta, or a number of seconds.
        units: Number of units at most; smaller units are left out.
    """
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if 0 < seconds < 1:
        return f"{seconds:.2g}s"
    remainder, parts = round(seconds), []
    for unit, size in _UNITS:
        count, remainder = divmod(remainder, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:units]) or "0s"
