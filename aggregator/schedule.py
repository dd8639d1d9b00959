"""When to poll a feed next, and why.  Pure: from what the last poll learned to a time.

Everybody who has a wish names a time before which the feed is not to be asked; the latest of them
wins.  Nothing is ever early: spans count from the start of the request, and the spread that keeps
feeds from bunching only adds.

Sources: RFC 9111, 4.2.1 (freshness lifetime), 4.3.4 (after a 304) and 5.1 (Age); RFC 9110, 10.2.3
(Retry-After); RSS 2.0 `ttl`, `skipHours`, `skipDays`; RSS 1.0 module Syndication.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from aggregator.model import BY_INTERVAL, BY_RHYTHM, BY_THRIFT, Constraint, Wishes
from aggregator.model.times import http_date, span_text

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MAX_FRESHNESS = timedelta(days=7)
MAX_PAUSE = timedelta(days=30)
FIRST_PAUSE = timedelta(hours=4)
MAX_DOUBLINGS = 10  # keeps the product inside timedelta's range

_NOTHING = timedelta(0)
_NO_WISHES = Wishes()
_RHYTHM_SHARE = 4  # a post is found after a quarter of the usual gap between two
_MAX_SPREAD = 10 * timedelta(minutes=1)
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,10})", re.IGNORECASE)
_UNCACHED = re.compile(r"(?:^|[\s,])no-(?:cache|store)\b", re.IGNORECASE)
_CLOSED = "the feed's own skipHours or skipDays"
_PAUSING = frozenset({429, 503})  # with these a server's pause replaces our own back-off
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@dataclass(frozen=True, slots=True)
class NextPoll:
    """The decision: the time, or None for never again, and the reason in words.

    Attributes:
        not_before: End of a pause that the server asked for; even `poll --all` keeps it.
        constraints: All that was weighed; one of them won, unless the feed is gone.
    """

    at: datetime | None
    reason: str
    not_before: datetime | None = None
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer said about the next poll, and what is known of the feed.

    Attributes:
        freshness: Freshness lifetime of the answer; obeyed up to a week.
        wishes: Of the document; spans in it are obeyed up to a day.
        retry_after: Obeyed up to 30 days.
        gap: Usual time between two posts, None where nobody knows it yet.
        unconditional: A whole document came that was the last one, as the server offers no
            validators.
    """

    freshness: timedelta | None = None
    wishes: Wishes = _NO_WISHES
    retry_after: timedelta | None = None
    gap: timedelta | None = None
    unconditional: bool = False


def after_success(
    started_at: datetime,
    *,
    feed: str,
    interval: timedelta,
    interval_given: bool = True,
    answer: Answer = Answer(),
) -> NextPoll:
    """Decide after a 2xx or 304: the latest of the interval and what the publisher asks for.

    Args:
        started_at: When the request began; aware, UTC.
        feed: Name of the feed; decides how its polls are spread.
        interval_given: It stands in config.yaml, and is obeyed as it is; else a feed that is
            quiet, or says so, or can't be asked conditionally, is asked less often, up to a day.
    """
    found = [
        _asked(name, value, started_at + wait, reason)
        for name, value, wait, reason in _spans(interval, interval_given, answer)
    ]
    winner = _latest(found)
    pause = None if answer.retry_after is None else started_at + min(answer.retry_after, MAX_PAUSE)
    return _decided(
        winner, found, answer.wishes, started_at, not_before=pause, spread=_spread(feed)
    )


def after_failure(
    started_at: datetime,
    *,
    feed: str = "",
    interval: timedelta,
    failures: int,
    status: int | None = None,
    retry_after: timedelta | None = None,
    wishes: Wishes = _NO_WISHES,
) -> NextPoll:
    """Decide after a failed poll.

    A `Retry-After` is a pause of the whole site, and so is a 429 without one.  Any other failure,
    a 503 without a time among them, concerns this feed only.

    Args:
        failures: Failed polls in a row, this one included; positive.
        status: HTTP status of the answer, None if there was none.
        retry_after: What the server asked for; obeyed up to 30 days.
    """
    if status == 410:
        reason = "410: the publisher removed this feed"
        return NextPoll(None, reason, constraints=(Constraint("410", "gone", None, reason),))
    doubled = 1 << min(failures - 1, MAX_DOUBLINGS)
    found = [_asked("interval", span_text(interval), started_at + interval, BY_INTERVAL)]
    pause = None
    if retry_after is not None:
        pause = started_at + min(retry_after, MAX_PAUSE)
        asked = span_text(min(retry_after, MAX_PAUSE))
        found.append(_asked("Retry-After", asked, pause, "the server asked for a pause"))
    elif status == 429:
        wait = min(FIRST_PAUSE * doubled, DAY)
        pause = started_at + wait
        said = "429: the server wants fewer requests"
        found.append(_asked("429", span_text(wait), pause, said))
    if pause is None or status not in _PAUSING:
        wait = min(HOUR * doubled, DAY)
        plural = "" if failures == 1 else "s in a row"
        said = f"backing off after {failures} failure{plural}"
        found.append(_asked("back-off", span_text(wait), started_at + wait, said))
    # The last of equals: what happened now says more than the interval.
    winner = _latest(found[::-1])
    return _decided(winner, found, wishes, started_at, not_before=pause, spread=0.0)


def freshness(headers: Mapping[str, str], *, known: timedelta | None = None) -> timedelta | None:
    """Return how long an answer stays fresh, None if it does not say.

    Args:
        headers: Names in lower case.
        known: Lifetime of the document that a 304 renews; holds where the 304 says nothing itself.
    """
    lifetime = lifetime_of(headers)
    if lifetime is None and not says_freshness(headers):
        lifetime = known
    if lifetime is None:
        return None
    age = headers.get("age", "").strip()
    spent = timedelta(seconds=int(age)) if age.isdecimal() and len(age) < 10 else _NOTHING
    return max(min(lifetime, MAX_FRESHNESS) - spent, _NOTHING)


def says_freshness(headers: Mapping[str, str]) -> bool:
    """Whether an answer says anything about its freshness."""
    return "cache-control" in headers or "expires" in headers


def lifetime_of(headers: Mapping[str, str]) -> timedelta | None:
    """Return the freshness lifetime, whatever the answer's age; None if it does not say."""
    control = headers.get("cache-control", "")
    if _UNCACHED.search(control):
        return None
    if match := _MAX_AGE.search(control):
        return timedelta(seconds=min(int(match[1]), int(MAX_FRESHNESS.total_seconds())))
    expires, date = http_date(headers.get("expires")), http_date(headers.get("date"))
    if expires is None or date is None:  # relative to the server's clock, or not at all
        return None
    return min(max(expires - date, _NOTHING), MAX_FRESHNESS)


def rhythm(gap: timedelta) -> timedelta:
    """Return the wait that fits a feed with so much time between two posts, an hour to a day."""
    return min(max(gap / _RHYTHM_SHARE, HOUR), DAY)


def _asked(name: str, value: str, until: datetime, reason: str) -> tuple[datetime, Constraint]:
    return until, Constraint(name, value, until, reason)


def _spans(
    interval: timedelta, interval_given: bool, answer: Answer
) -> Iterator[tuple[str, str, timedelta, str]]:
    """Yield name, value, wait and reason of every wish that is a span of time."""
    yield "interval", span_text(interval), interval, BY_INTERVAL
    if answer.freshness is not None:
        fresh = min(answer.freshness, MAX_FRESHNESS)
        yield "freshness", span_text(answer.freshness), fresh, "the server calls its answer fresh"
    if answer.retry_after is not None:
        pause = min(answer.retry_after, MAX_PAUSE)
        yield "Retry-After", span_text(answer.retry_after), pause, "the server asked for a pause"
    ttl, period = answer.wishes.ttl, answer.wishes.update_every
    if ttl is not None:
        yield "ttl", span_text(ttl), min(ttl, DAY), "the feed's own ttl"
    if interval_given:
        return
    if period is not None:  # how often it changes, by a default of most programs: not a request
        yield "updatePeriod", span_text(period), min(period, DAY), "the feed's own updatePeriod"
    if answer.gap is not None:
        yield "rhythm", f"a post every {span_text(answer.gap)}", rhythm(answer.gap), BY_RHYTHM
    if answer.unconditional:
        yield "no validators", "the whole document each time", DAY, BY_THRIFT


def _latest(found: Sequence[tuple[datetime, Constraint]]) -> tuple[datetime, Constraint]:
    return max(found, key=lambda one: one[0])


def _decided(
    winner: tuple[datetime, Constraint],
    weighed: Sequence[tuple[datetime, Constraint]],
    wishes: Wishes,
    started_at: datetime,
    *,
    not_before: datetime | None,
    spread: float,
) -> NextPoll:
    """Add the spread, and step over the hours and days that the publisher rules out."""
    asked_at, reason = winner[0], winner[1].reason
    added = min((asked_at - started_at) * 0.1, HOUR) * spread
    at = asked_at + added
    found = [one for _, one in weighed]
    if added:
        found.append(Constraint("spread", f"+{span_text(added)}", None))
    open_at = _opening(at, wishes)
    for name, value in _closures(wishes):
        found.append(Constraint(name, value, open_at if open_at > at else None, _CLOSED))
    if open_at > at:
        at, reason = open_at + _MAX_SPREAD * spread, _CLOSED
    return NextPoll(at, reason, not_before, tuple(found))


def _closures(wishes: Wishes) -> Iterator[tuple[str, str]]:
    if wishes.skip_hours:
        yield "skipHours", " ".join(map(str, wishes.skip_hours))
    if wishes.skip_days:
        yield "skipDays", " ".join(_WEEKDAYS[day] for day in wishes.skip_days)


def _opening(at: datetime, wishes: Wishes) -> datetime:
    """Return the first time from `at` on that is in no hour and on no day to be left out.

    Hours and days are those of GMT (RSS 2.0).  Where nothing is left, nothing was meant.
    """
    hours, days = set(wishes.skip_hours), set(wishes.skip_days)
    if len(hours) == 24 or len(days) == 7:
        return at
    time = at.astimezone(UTC)
    while time.hour in hours or time.weekday() in days:
        time = time.replace(minute=0, second=0, microsecond=0) + HOUR
    return time


def _spread(feed: str) -> float:
    """Return 0 to 1, the same for a feed every time: feeds of one interval drift apart."""
    return int.from_bytes(blake2b(feed.encode(), digest_size=2).digest()) / 0xFFFF
