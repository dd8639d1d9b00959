"""Which entries of a feed no list has, and why.  Pure.

Reasons that lie in the entry itself come first (`own_exclusion`).  Of the entries without such a
reason, three limits then leave out some: `per_day`, the backlog, `per_hour`.  Each limit counts the
entries that the limits before have left, in groups: a day, the first poll, an hour.  An entry's
reason follows from these groups alone, so the order in which entries are stored makes no difference
beyond `first_seen_at`.

`as_json` is the form in which the database keeps rules, and by which a changed rule is noticed.
"""

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from aggregator.model import (
    Backlog,
    CommonRules,
    EntryId,
    Exclusion,
    FeedRules,
)

WHOLE_BACKLOG = Backlog()
LATER_BACKLOG = Backlog(newest=10)
"""Default of feeds that are added to a database with feeds."""

Span = tuple[EntryId, EntryId]
"""The lowest id of a day or an hour, and of the next one."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An entry of a feed, as far as limits look at it.

    Attributes:
        id: The entry's place in lists.
        exclusion: The reason in the entry itself (`own_exclusion`), None for none.
    """

    id: int
    first_seen_at: datetime
    exclusion: Exclusion | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one feed.

    Attributes:
        per_day, per_hour: Most entries in lists of a day in `zone`, and of an hour (UTC); None for
            no limit.
        backlog: What lists have of the entries of the first poll.
        first_read_at: The end of the first poll, None while no poll is stored whole: then all
            entries are from the first one.
    """

    per_day: int | None = None
    per_hour: int | None = None
    backlog: Backlog = WHOLE_BACKLOG
    first_read_at: datetime | None = None
    zone: tzinfo = UTC


def backlog_of(common: CommonRules, feed: FeedRules, *, is_initial: bool) -> Backlog:
    """Return the backlog of a feed: its own, else the one of all feeds, else the default.

    Args:
        is_initial: The feed was in the file when the database was made.
    """
    default = WHOLE_BACKLOG if is_initial else LATER_BACKLOG
    return feed.backlog or common.backlog or default


def own_exclusion(
    *, is_subscribed: bool, is_copy: bool, matches_hide: bool, matches_keep: bool
) -> Exclusion | None:
    """Return the reason in an entry itself for which no list has the entry, None for none.

    Args:
        matches_hide: The entry matches `hide` of its feed, or of all feeds.
        matches_keep: The entry matches `keep` of its feed, or the feed has none.
    """
    if not is_subscribed:
        return Exclusion.UNSUBSCRIBED
    if is_copy:
        return Exclusion.COPY
    if matches_hide:
        return Exclusion.HIDE
    return None if matches_keep else Exclusion.KEEP


def exclusions(arrivals: Iterable[Arrival], limits: Limits) -> dict[int, Exclusion | None]:
    """Return for each entry of one feed why no list has the entry, None for an entry in lists.

    Args:
        arrivals: In any order.  The result holds for an entry whose groups are complete: all
            entries of the entry's day; all of the first poll, if the entry is one of these; all of
            the entry's hour; and the groups of each of these.
    """
    arrivals = list(arrivals)
    reasons = {arrival.id: arrival.exclusion for arrival in arrivals}
    for exclusion, ids_beyond in (
        (Exclusion.PER_DAY, beyond_per_day),
        (Exclusion.BACKLOG, beyond_backlog),
        (Exclusion.PER_HOUR, beyond_per_hour),
    ):
        candidates = [arrival for arrival in arrivals if reasons[arrival.id] is None]
        reasons |= dict.fromkeys(ids_beyond(candidates, limits), exclusion)
    return reasons


def beyond_per_day(candidates: Sequence[Arrival], limits: Limits) -> set[int]:
    """Return the ids of all but the first `limits.per_day` candidates of each day."""
    return _over_limit(candidates, limits.per_day, lambda entry_id: _day(entry_id, limits.zone))


def beyond_per_hour(candidates: Sequence[Arrival], limits: Limits) -> set[int]:
    """Return the ids of all but the first `limits.per_hour` candidates of each hour."""
    return _over_limit(candidates, limits.per_hour, _hour)


def beyond_backlog(candidates: Sequence[Arrival], limits: Limits) -> set[int]:
    """Return the ids of candidates of the first poll that the backlog leaves out."""
    backlog = limits.backlog
    if backlog == WHOLE_BACKLOG:
        return set()
    of_first_poll = [arrival for arrival in candidates if is_backlog(arrival, limits)]
    ids = sorted(
        arrival.id
        for arrival in of_first_poll
        if backlog.within is None
        or EntryId(arrival.id).at >= arrival.first_seen_at - backlog.within
    )
    first = 0 if backlog.newest is None else max(len(ids) - backlog.newest, 0)
    return {arrival.id for arrival in of_first_poll} - set(ids[first:])


def has_backlog(arrivals: Iterable[Arrival], limits: Limits) -> bool:
    """Whether the backlog may leave out some of a feed's entries."""
    return limits.backlog != WHOLE_BACKLOG and any(
        is_backlog(arrival, limits) for arrival in arrivals
    )


def is_backlog(arrival: Arrival, limits: Limits) -> bool:
    """Whether an entry is from the first poll of its feed."""
    return limits.first_read_at is None or arrival.first_seen_at <= limits.first_read_at


def day_span(entry_id: int, zone: tzinfo) -> Span:
    """Return the lowest id of an entry's day, and of the day after."""
    day = _day(entry_id, zone)
    begin, end = (
        datetime.combine(first, time(), tzinfo=zone) for first in (day, day + timedelta(days=1))
    )
    return EntryId.first_at(begin.astimezone(UTC)), EntryId.first_at(end.astimezone(UTC))


def hour_span(entry_id: int) -> Span:
    """Return the lowest id of an entry's hour (UTC), and of the hour after."""
    hour = _hour(entry_id)
    return EntryId.first_at(hour), EntryId.first_at(hour + _HOUR)


def as_json(rules: CommonRules | FeedRules) -> str:
    """Return rules in a canonical form: equal for equal rules only."""
    values = {field.name: getattr(rules, field.name) for field in fields(rules)}
    return json.dumps(
        {name: value for name, value in values.items() if value is not None},
        default=_backlog_values,
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )


def feed_rules(text: str) -> FeedRules:
    """Return the rules of a feed from their canonical form."""
    return FeedRules(**_values(text))


def common_rules(text: str) -> CommonRules:
    """Return the rules of all feeds from their canonical form."""
    return CommonRules(**_values(text))


def _over_limit(
    candidates: Sequence[Arrival], limit: int | None, group_of: Callable[[int], Hashable]
) -> set[int]:
    """Return the ids of all but the first candidates of each group.

    First are the entries that were stored first; of entries that were stored together, the newest.
    """
    if limit is None or len(candidates) <= limit:
        return set()
    counts: Counter[Hashable] = Counter()
    ids = set()
    for arrival in sorted(candidates, key=lambda arrival: (arrival.first_seen_at, -arrival.id)):
        group = group_of(arrival.id)
        counts[group] += 1
        if counts[group] > limit:
            ids.add(arrival.id)
    return ids


def _day(entry_id: int, zone: tzinfo) -> date:
    return EntryId(entry_id).at.astimezone(zone).date()


def _hour(entry_id: int) -> datetime:
    return EntryId(entry_id).at.replace(minute=0, second=0, microsecond=0)


def _backlog_values(backlog: Backlog) -> dict[str, float | None]:
    within = backlog.within
    return {
        "newest": backlog.newest,
        "within": None if within is None else within.total_seconds(),
    }


def _values(text: str) -> dict[str, Any]:
    """Return the values of rules from their canonical form, by name."""
    values: dict[str, Any] = json.loads(text)
    if backlog := values.get("backlog"):
        within = backlog["within"]
        span = None if within is None else timedelta(seconds=within)
        values["backlog"] = Backlog(backlog["newest"], span)
    return values
