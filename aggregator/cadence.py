"""When to poll a feed next, and why.  Pure: from what the last poll learned to a time.

Sources: RFC 9111, 4.2.1 (freshness lifetime) and 5.1 (Age); RFC 9110, 10.2.3 (Retry-After);
RSS 2.0 `ttl`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import blake2b

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MAX_FRESHNESS = timedelta(days=7)
MAX_PAUSE = timedelta(days=30)
FIRST_PAUSE = timedelta(hours=4)
MAX_DOUBLINGS = 10  # keeps the product inside timedelta's range

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)
_PAUSING = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class NextPoll:
    """The decision: the time, or None for never again, and the reason in words.

    Attributes:
        not_before: End of a pause that the server asked for; even `poll --all` keeps it.
    """

    at: datetime | None
    reason: str
    not_before: datetime | None = None


def after_success(
    started_at: datetime,
    *,
    feed: str,
    interval: timedelta,
    freshness: timedelta | None = None,
    ttl: timedelta | None = None,
) -> NextPoll:
    """Decide after a 200 or 304: the longest of the interval and what the publisher asks for.

    Args:
        started_at: When the request began; the interval counts from here.
        feed: Name of the feed; decides how its polls are spread.
        freshness: Freshness lifetime of the answer; obeyed up to a week.
        ttl: The document's own wish; obeyed up to a day.
    """
    waits = [(interval, "the interval in config.yaml")]
    if freshness is not None:
        waits.append((min(freshness, MAX_FRESHNESS), "the server calls its answer fresh"))
    if ttl is not None:
        waits.append((min(ttl, DAY), "the feed's own ttl"))
    wait, reason = max(waits, key=lambda pair: pair[0])
    return NextPoll(started_at + wait + _spread(feed, wait), reason)


def after_failure(
    started_at: datetime,
    *,
    interval: timedelta,
    failures: int,
    status: int | None = None,
    retry_after: timedelta | None = None,
) -> NextPoll:
    """Decide after a failed poll.

    Args:
        failures: Failed polls in a row, this one included; positive.
        status: HTTP status of the answer, None if there was none.
        retry_after: What the server asked for; obeyed up to 30 days.
    """
    if status == 410:
        return NextPoll(None, "410: the publisher removed this feed")
    doubled = 1 << min(failures - 1, MAX_DOUBLINGS)
    if retry_after is not None:
        pause = min(retry_after, MAX_PAUSE)
        end = started_at + pause
        return NextPoll(
            max(end, started_at + interval), "the server asked for a pause", not_before=end
        )
    if status in _PAUSING:
        end = started_at + max(min(FIRST_PAUSE * doubled, DAY), interval)
        return NextPoll(end, f"{status}: the server wants fewer requests", not_before=end)
    wait = max(min(HOUR * doubled, DAY), interval)
    plural = "" if failures == 1 else "s in a row"
    return NextPoll(started_at + wait, f"backing off after {failures} failure{plural}")


def freshness(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long an answer stays fresh, None if it does not say.

    Args:
        headers: Names in lower case.
    """
    control = headers.get("cache-control", "")
    if "no-cache" in control or "no-store" in control:
        return None
    if match := _MAX_AGE.search(control):
        lifetime = timedelta(seconds=min(int(match[1]), int(MAX_FRESHNESS.total_seconds())))
        age = headers.get("age", "").strip()
        spent = timedelta(seconds=int(age)) if age.isdecimal() and len(age) < 10 else timedelta(0)
        return max(lifetime - spent, timedelta(0))
    expires, date = _http_date(headers.get("expires")), _http_date(headers.get("date"))
    if expires is None or date is None:  # relative to the server's clock, or not at all
        return None
    return min(max(expires - date, timedelta(0)), MAX_FRESHNESS)


def _spread(feed: str, wait: timedelta) -> timedelta:
    """Return 0 to 10 % of `wait`, the same for a feed every time: feeds of one interval drift."""
    share = int.from_bytes(blake2b(feed.encode(), digest_size=2).digest()) / 0xFFFF
    return min(wait * 0.1, HOUR) * share


def _http_date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):  # `Expires: 0` and the like, a year of twenty digits
        return None
    return date.replace(tzinfo=date.tzinfo or UTC) if date else None
