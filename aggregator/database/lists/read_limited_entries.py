"""Entries that the limits of their feeds leave out: of a day, an hour, the first poll."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from aggregator import rules
from aggregator.database.columns import UtcDateTime
from aggregator.database.schema import activity, entries
from aggregator.model import IDS_PER_MILLISECOND, EntryId, Exclusion
from aggregator.rules import WHOLE_BACKLOG, Arrival, Limits, Span

_BY_LIMITS = frozenset({Exclusion.PER_DAY, Exclusion.BACKLOG, Exclusion.PER_HOUR})
_MS_A_DAY = 86_400_000
_MAX_UTC_DAYS = 3  # that one day of a zone may touch

_BUSY_DAYS = select(activity.c.feed_id, activity.c.day, activity.c.entries).where(
    activity.c.feed_id.in_(bindparam("feeds", expanding=True)),
    activity.c.day >= bindparam("first"),
    activity.c.day <= bindparam("last"),
    activity.c.entries > bindparam("more_than"),
)
_ARRIVALS = select(entries.c.id, entries.c.first_seen_at, entries.c.exclusion).where(
    entries.c.feed_id == bindparam("feed"),
    entries.c.id >= bindparam("low"),
    entries.c.id < bindparam("high"),
)
_FIRST_ARRIVALS = select(entries.c.id, entries.c.first_seen_at, entries.c.exclusion).where(
    entries.c.feed_id == bindparam("feed")
)
_READ_FIRST = _FIRST_ARRIVALS.where(
    entries.c.id < bindparam("high"),
    entries.c.first_seen_at <= bindparam("read_at", type_=UtcDateTime),
)


def limited_exclusions(
    connection: Connection,
    arrivals: Mapping[int, Sequence[Arrival]],
    limits: Mapping[int, Limits],
) -> dict[int, Exclusion | None]:
    """Return why lists don't have entries, by id; also for neighbours whose reason changes.

    Args:
        arrivals: Stored entries by feed, with the reasons in the entries themselves.
        limits: By feed.
    """
    reasons = {
        arrival.id: arrival.exclusion
        for feed_arrivals in arrivals.values()
        for arrival in feed_arrivals
    }
    days = _BusyDays(connection, limits)
    days.read(arrivals)
    for feed_id, feed_arrivals in arrivals.items():
        feed_limits = limits[feed_id]
        has_backlog = rules.has_backlog(feed_arrivals, feed_limits)
        if has_backlog or feed_id in days.busy_feeds:
            group = _Group(connection, feed_id, feed_limits, feed_arrivals, days)
            reasons |= group.reasons(has_backlog=has_backlog)
    return reasons


def may_exclude(limits: Limits, entries: int) -> bool:
    """Whether a limit may leave out any entry of a feed with so many entries."""
    numbers = [n for n in (limits.per_day, limits.per_hour) if n is not None]
    return limits.backlog != WHOLE_BACKLOG or (bool(numbers) and entries > min(numbers))


def has_busy_day(connection: Connection, feed_id: int, limits: Limits, entry_id: int) -> bool:
    """Whether a limit of a feed may leave out entries of an entry's day."""
    days = _BusyDays(connection, {feed_id: limits})
    days.read_ids([entry_id])
    return feed_id in days.busy_feeds and days.is_busy(
        feed_id, rules.day_span(entry_id, limits.zone)
    )


class _BusyDays:
    """The days on which feeds have more entries than a limit of theirs.

    Attributes:
        busy_feeds: Ids of the feeds that have any.
    """

    def __init__(self, connection: Connection, limits: Mapping[int, Limits]) -> None:
        self._connection = connection
        self._limits: dict[int, int] = {}
        for feed_id, feed_limits in limits.items():
            numbers = [n for n in (feed_limits.per_day, feed_limits.per_hour) if n is not None]
            if numbers:
                self._limits[feed_id] = min(numbers)
        self._counts: dict[int, dict[int, int]] = {}

    @property
    def busy_feeds(self) -> Collection[int]:
        return self._counts.keys()

    def read(self, arrivals: Mapping[int, Sequence[Arrival]]) -> None:
        """Read the days of entries."""
        self.read_ids(
            [arrival.id for feed_id in self._limits for arrival in arrivals.get(feed_id, ())]
        )

    def read_ids(self, ids: Collection[int]) -> None:
        """Read the days of entries with some ids, of all feeds with limits."""
        if not ids or not self._limits:
            return
        values = {
            "feeds": sorted(self._limits),
            "first": _utc_day(min(ids)) - 1,
            "last": _utc_day(max(ids)) + 1,
            "more_than": min(self._limits.values()) // _MAX_UTC_DAYS,
        }
        for feed_id, day, count in self._connection.execute(_BUSY_DAYS, values):
            self._counts.setdefault(feed_id, {})[day] = count

    def is_busy(self, feed_id: int, span: Span) -> bool:
        """Whether a feed may have more entries on a day than its limit."""
        counts = self._counts.get(feed_id, {})
        touched = range(_utc_day(span[0]), _utc_day(span[1] - 1) + 1)
        # A day without a row has few entries, but together they may be too many.
        max_unread = self._limits[feed_id] // _MAX_UTC_DAYS
        return sum(counts.get(day, max_unread) for day in touched) > self._limits[feed_id]


class _Group:
    """Entries of one feed that limits compare with each other."""

    def __init__(
        self,
        connection: Connection,
        feed_id: int,
        limits: Limits,
        arrivals: Sequence[Arrival],
        days: _BusyDays,
    ) -> None:
        self._connection = connection
        self._feed_id = feed_id
        self._limits = limits
        self._days = days
        self._arrivals = {arrival.id: arrival for arrival in arrivals}
        self._neighbours: dict[int, Arrival] = {}
        self._stored: dict[int, Exclusion | None] = {}
        self._read_spans: set[Span] = set()

    def reasons(self, *, has_backlog: bool) -> dict[int, Exclusion | None]:
        """Return the reasons of the entries, and of neighbours whose reason changes.

        Neighbours are read by days, until no reason changes on a day that is not read.  Who comes
        later changes nothing for those before, so entries of the first poll need no others.
        """
        if has_backlog:
            self._read_first_poll()
        new_spans = self._spans(self._arrivals)
        while True:
            for span in new_spans:
                self._read(span)
            if not has_backlog and rules.has_backlog(self._neighbours.values(), self._limits):
                has_backlog = True  # of which these are a part: the reasons need all of it
                self._read_first_poll()
            arrivals = self._neighbours | self._arrivals
            reasons = rules.exclusions(arrivals.values(), self._limits)
            changed_ids = [
                entry_id
                for entry_id in self._neighbours.keys() - self._arrivals.keys()
                if reasons[entry_id] != self._stored[entry_id]
            ]
            self._days.read({self._feed_id: [arrivals[entry_id] for entry_id in changed_ids]})
            new_spans = self._spans(changed_ids)
            if not new_spans:
                return {entry_id: reasons[entry_id] for entry_id in [*self._arrivals, *changed_ids]}

    def _spans(self, ids: Iterable[int]) -> set[Span]:
        """Return the busy days that entries' days and hours touch and that are not read yet."""
        if self._feed_id not in self._days.busy_feeds:
            return set()
        spans: set[Span] = set()
        for entry_id in ids:
            hour = rules.hour_span(entry_id)
            for touched_id in (hour[0], hour[1] - 1):
                spans.add(rules.day_span(touched_id, self._limits.zone))
        return {
            span for span in spans - self._read_spans if self._days.is_busy(self._feed_id, span)
        }

    def _read(self, span: Span) -> None:
        self._read_spans.add(span)
        values = {"feed": self._feed_id, "low": span[0], "high": span[1]}
        self._add_neighbours(self._connection.execute(_ARRIVALS, values))

    def _read_first_poll(self) -> None:
        read_at, values = self._limits.first_read_at, {"feed": self._feed_id}
        if read_at is None:
            self._add_neighbours(self._connection.execute(_FIRST_ARRIVALS, values))
            return
        # No entry stands later than it was seen.
        bounds = {"read_at": read_at, "high": EntryId.first_at(read_at) + IDS_PER_MILLISECOND}
        self._add_neighbours(self._connection.execute(_READ_FIRST, values | bounds))

    def _add_neighbours(self, rows: Iterable[Row[Any]]) -> None:
        for row in rows:
            own_exclusion = None if row.exclusion in _BY_LIMITS else row.exclusion
            self._neighbours[row.id] = Arrival(row.id, row.first_seen_at, own_exclusion)
            self._stored[row.id] = row.exclusion


def _utc_day(entry_id: int) -> int:
    return (entry_id >> 20) // _MS_A_DAY
