"""When to poll a feed next, and why.  Pure: from what the last poll learned to a time.

Each constraint names a time before which the feed is not to be polled; the latest time wins.  No
poll is ever early: spans count from the start of the request, and the spread that keeps feeds from
bunching only adds.

Sources: RFC 9111, 4.2.1 (freshness lifetime), 4.3.4 (after a 304) and 5.1 (Age); RFC 9110, 10.2.3
(Retry-After); RSS 2.0 `ttl`, `skipHours`, `skipDays`; RSS 1.0 module Syndication.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from aggregator.model import (
    BECAUSE_NO_VALIDATORS,
    BY_INTERVAL,
    BY_RHYTHM,
    Constraint,
    NextPoll,
    Pacing,
    PublisherHints,
)
from aggregator.model.times import http_date, span_text

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MAX_FRESHNESS = timedelta(days=7)
MAX_PAUSE = timedelta(days=30)
FIRST_PAUSE = timedelta(hours=4)
MAX_DOUBLINGS = 10  # keeps the product inside timedelta's range

_ZERO = timedelta(0)
_RHYTHM_SHARE = 4  # a post is found after a quarter of the usual gap between two
_MAX_SPREAD = 10 * timedelta(minutes=1)
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)
_UNCACHED = re.compile(r"(?:^|[\s,])no-(?:cache|store)\b", re.IGNORECASE)
_CLOSED = "the feed's own skipHours or skipDays"
_PAUSING = frozenset({429, 503})  # with these a server's pause replaces our own back-off
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@dataclass(frozen=True, slots=True)
class PollResponse:
    """Constraints of a response without an error on the next poll.

    Attributes:
        freshness: Remaining freshness lifetime, None if the server gave none; obeyed up to a week.
        retry_after: Obeyed up to 30 days.
        unconditional: The whole last document came again, as the server offers no validators.
    """

    freshness: timedelta | None = None
    retry_after: timedelta | None = None
    unconditional: bool = False


def after_success(
    started_at: datetime,
    *,
    feed: str,
    pacing: Pacing,
    response: PollResponse = PollResponse(),
) -> NextPoll:
    """Decide after a 2xx or 304: the latest of the interval and the publisher's requests.

    Args:
        started_at: When the request began; aware, UTC.
        feed: Name of the feed; decides the spread of its polls.
        pacing: As after the poll.  Spans in its hints are obeyed up to a day.
    """
    constraints = [
        Constraint(name, value, started_at + wait, reason)
        for name, value, wait, reason in _spans(pacing, response)
    ]
    retry_after = response.retry_after
    pause = None if retry_after is None else started_at + min(retry_after, MAX_PAUSE)
    return _decide(constraints, pacing.hints, started_at, not_before=pause, spread=_spread_of(feed))


def after_failure(
    started_at: datetime,
    *,
    pacing: Pacing,
    failures: int,
    status: int | None = None,
    retry_after: timedelta | None = None,
) -> NextPoll:
    """Decide after a failed poll.

    A `Retry-After` is a pause of the whole site, and so is a 429 without one.  Any other failure,
    including a 503 without a time, concerns this feed only.

    Args:
        started_at: When the request began; aware, UTC.
        failures: Failed polls in a row, including this poll; positive.
        status: HTTP status of the answer, None without an answer.
        retry_after: From the server; obeyed up to 30 days.
    """
    if status == 410:
        reason = "410: the publisher removed this feed"
        return NextPoll(None, reason, constraints=(Constraint("410", "gone", None, reason),))
    interval = pacing.interval
    doubled = 1 << min(failures - 1, MAX_DOUBLINGS)
    constraints = [Constraint("interval", span_text(interval), started_at + interval, BY_INTERVAL)]
    pause = None
    if retry_after is not None:
        wait = min(retry_after, MAX_PAUSE)
        pause = started_at + wait
        reason = "the server asked for a pause"
        constraints.append(Constraint("Retry-After", span_text(wait), pause, reason))
    elif status == 429:
        wait = min(FIRST_PAUSE * doubled, DAY)
        pause = started_at + wait
        reason = "429: the server asked for fewer requests"
        constraints.append(Constraint("429", span_text(wait), pause, reason))
    if pause is None or status not in _PAUSING:
        wait = min(HOUR * doubled, DAY)
        plural = "" if failures == 1 else "s"
        reason = f"asked less often after {failures} failure{plural}"
        constraints.append(Constraint("back-off", span_text(wait), started_at + wait, reason))
    # Of equal times the last one: what happened now says more than the interval.
    return _decide(
        constraints, pacing.hints, started_at, not_before=pause, spread=0.0, last_wins=True
    )


def freshness(
    headers: Mapping[str, str], *, stored_lifetime: timedelta | None = None
) -> timedelta | None:
    """Return how long a response stays fresh from now on (RFC 9111, 4.2), None if it does not say.

    Args:
        headers: Names in lower case.
        stored_lifetime: Of the document that a 304 renews; holds where the 304 names none itself.
    """
    lifetime = lifetime_of(headers)
    if lifetime is None and not says_freshness(headers):
        lifetime = stored_lifetime
    if lifetime is None:
        return None
    age = headers.get("age", "").strip()
    spent = timedelta(seconds=int(age)) if age.isdecimal() and len(age) < 10 else _ZERO
    return max(min(lifetime, MAX_FRESHNESS) - spent, _ZERO)


def says_freshness(headers: Mapping[str, str]) -> bool:
    """Return whether a response says anything about its freshness."""
    return "cache-control" in headers or "expires" in headers


def lifetime_of(headers: Mapping[str, str]) -> timedelta | None:
    """Return the freshness lifetime (RFC 9111, 4.2.1), whatever the age; None: unknown."""
    control = headers.get("cache-control", "")
    if _UNCACHED.search(control):
        return None
    if match := _MAX_AGE.search(control):
        return timedelta(seconds=min(int(match[1]), int(MAX_FRESHNESS.total_seconds())))
    expires, date = http_date(headers.get("expires")), http_date(headers.get("date"))
    if expires is None or date is None:  # relative to the server's clock, or not at all
        return None
    return min(max(expires - date, _ZERO), MAX_FRESHNESS)


def rhythm(gap: timedelta) -> timedelta:
    """Return the wait that fits a feed with so much time between two posts, an hour to a day."""
    return min(max(gap / _RHYTHM_SHARE, HOUR), DAY)


def _spans(pacing: Pacing, response: PollResponse) -> Iterator[tuple[str, str, timedelta, str]]:
    """Yield name, value, wait and reason of every constraint that is a span of time."""
    yield "interval", span_text(pacing.interval), pacing.interval, BY_INTERVAL
    if response.freshness is not None:
        wait = min(response.freshness, MAX_FRESHNESS)
        yield "freshness", span_text(response.freshness), wait, "the server calls its answer fresh"
    if response.retry_after is not None:
        wait = min(response.retry_after, MAX_PAUSE)
        yield "Retry-After", span_text(response.retry_after), wait, "the server asked for a pause"
    ttl, period = pacing.hints.ttl, pacing.hints.update_every
    if ttl is not None:
        yield "ttl", span_text(ttl), min(ttl, DAY), "the feed's own ttl"
    if pacing.interval_given:
        return
    if period is not None:  # how often it changes, by a default of most programs: not a request
        yield "updatePeriod", span_text(period), min(period, DAY), "the feed's own updatePeriod"
    if pacing.gap is not None:
        yield "rhythm", f"a post every {span_text(pacing.gap)}", rhythm(pacing.gap), BY_RHYTHM
    if response.unconditional:
        yield "no validators", "the whole document each time", DAY, BECAUSE_NO_VALIDATORS


def _decide(
    constraints: Sequence[Constraint],
    hints: PublisherHints,
    started_at: datetime,
    *,
    not_before: datetime | None,
    spread: float,
    last_wins: bool = False,
) -> NextPoll:
    """Take the latest time, add the spread, and step over excluded hours and days.

    Args:
        constraints: Those with a time; not empty.
        spread: 0 to 1: the share of the largest spread.
        last_wins: Of constraints with the same time the last one is the reason, not the first.
    """
    ordered = constraints[::-1] if last_wins else constraints
    latest = max(ordered, key=lambda constraint: constraint.until or started_at)
    at, reason = latest.until or started_at, latest.reason
    added_span = min((at - started_at) * 0.1, HOUR) * spread
    at += added_span
    weighed = list(constraints)
    if added_span:
        weighed.append(Constraint("spread", f"+{span_text(added_span)}", None))
    open_at = _opening(at, hints)
    for name, value in _closures(hints):
        weighed.append(Constraint(name, value, open_at if open_at > at else None, _CLOSED))
    if open_at > at:
        at, reason = open_at + _MAX_SPREAD * spread, _CLOSED
    return NextPoll(at, reason, not_before, tuple(weighed))


def _closures(hints: PublisherHints) -> Iterator[tuple[str, str]]:
    if hints.skip_hours:
        yield "skipHours", " ".join(map(str, hints.skip_hours))
    if hints.skip_days:
        yield "skipDays", " ".join(_WEEKDAYS[day] for day in hints.skip_days)


def _opening(at: datetime, hints: PublisherHints) -> datetime:
    """Return the first time from `at` on outside of the hours and days to be left out.

    Hours and days are those of GMT (RSS 2.0).  Hours and days without any time left are ignored.
    """
    hours, days = set(hints.skip_hours), set(hints.skip_days)
    if len(hours) == 24 or len(days) == 7:
        return at
    time = at.astimezone(UTC)
    while time.hour in hours or time.weekday() in days:
        time = time.replace(minute=0, second=0, microsecond=0) + HOUR
    return time


def _spread_of(feed: str) -> float:
    """Return 0 to 1, the same for a feed every time: feeds of one interval drift apart."""
    return int.from_bytes(blake2b(feed.encode(), digest_size=2).digest()) / 0xFFFF
