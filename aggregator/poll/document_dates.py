"""The dates of a document's entries, beside what its feed's other documents taught.  Pure."""

from dataclasses import replace
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from aggregator import dates, dedup
from aggregator.model import CleanEntry, CleanFeed, Date, DueFeed, Habits

_MANY = 2  # entries that have one and the same date by no chance


def settled(due: DueFeed, document: CleanFeed, *, alone: bool) -> tuple[CleanEntry, ...]:
    """Return the entries with what is known of the feed put into their dates.

    An `updated` that all entries share is the time at which the document was made.

    Args:
        alone: The document has no other entries.
    """
    zone = _zone(due, due.habits)
    shared = alone and _share_one([entry.date for entry in document.entries])
    return tuple(
        _dated(entry, zone, no_updated=shared or due.habits.moving_dates)
        for entry in document.entries
    )


def learned(
    due: DueFeed, document: CleanFeed, changes: dedup.Changes, *, there: int, seen_at: datetime
) -> Habits:
    """Return the feed's habits, with what this document teaches about its dates.

    Args:
        there: How many of its entries are stored.
        seen_at: When it was sent.
    """
    habits = changes.habits
    if changes.redated >= _MANY and 5 * changes.redated >= 4 * there:
        habits = replace(habits, moving_dates=True)
    times = [
        entry.date.at
        for entry, stored in zip(document.entries, changes.listed, strict=True)
        if stored is None and entry.date and entry.date.at
        and not entry.date.zoned and not entry.date.whole_day
    ]  # fmt: skip
    if not times or due.timezone:
        return habits
    since = due.last_success_at if due.body_hash is not None else None
    bounds = dates.narrowed(_bounds(habits), times, seen_at=seen_at, since=since)
    return replace(habits, zone=(bounds.low, bounds.high, bounds.votes) if bounds else None)


def dated_anew(
    due: DueFeed, document: CleanFeed, changes: dedup.Changes, habits: Habits
) -> dedup.Changes:
    """Return the changes with new entries dated by what the document itself taught."""
    if habits == due.habits or not changes.new:
        return changes
    zone = _zone(due, habits)
    read = [
        (entry, settled_entry)
        for entry, stored in zip(document.entries, changes.listed, strict=True)
        if stored is None
        for settled_entry in [_dated(entry, zone, no_updated=habits.moving_dates)]
    ]
    new = tuple(
        one if _is_undated(one.entry) and not _is_undated(was) else replace(one, entry=entry)
        for one, (was, entry) in zip(changes.new, read, strict=True)
    )
    return replace(changes, new=new)


def _is_undated(entry: CleanEntry) -> bool:
    return entry.date is None or entry.date.at is None


def _dated(entry: CleanEntry, zone: tzinfo | int, *, no_updated: bool) -> CleanEntry:
    date = entry.date
    if date is None or date.at is None:
        return entry
    if no_updated and date.field == "updated":
        return replace(entry, published_at=None, date=replace(date, at=None))
    if date.zoned:
        return entry
    date = dates.in_zone(date, zone)
    return replace(entry, published_at=date.at, date=date)


def _share_one(some: list[Date | None]) -> bool:
    times = {date.at if date and date.field == "updated" else None for date in some}
    return len(some) >= _MANY and len(times) == 1 and None not in times


def _zone(due: DueFeed, habits: Habits) -> tzinfo | int:
    return ZoneInfo(due.timezone) if due.timezone else dates.likely_offset(_bounds(habits))


def _bounds(habits: Habits) -> dates.Bounds | None:
    return dates.Bounds(*habits.zone) if habits.zone else None
