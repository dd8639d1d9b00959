"""The dates of a document's entries, read with the habits of the feed.  Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from aggregator import dates, dedup
from aggregator.database.entries import write_entries
from aggregator.model import CleanEntry, CleanFeed, Date, DueFeed, Habits

_MIN_COINCIDENCES = 2  # entries whose dates have something in common that is not by chance


def with_habits(due: DueFeed, document: CleanFeed, *, is_complete: bool) -> tuple[CleanEntry, ...]:
    """Return the entries of a document with dates corrected by the habits of the feed.

    An `updated` shared by all entries is the time at which the document was made, not a date.

    Args:
        is_complete: The prefilter cut no entries out of the document.
    """
    zone = _zone(due, due.habits)
    is_shared = is_complete and _is_shared([entry.date for entry in document.entries])
    return tuple(
        _dated(entry, zone, ignore_updated=is_shared or due.habits.moving_dates)
        for entry in document.entries
    )


def corrected_dates(
    entries: Sequence[CleanEntry], matches: Sequence[dedup.Match]
) -> list[write_entries.CorrectedDate]:
    """Return the dates of stored entries that a document has more exactly.

    Args:
        entries: Of the document, as `with_habits` returns.
        matches: One for each entry.
    """
    corrections = []
    for entry, match in zip(entries, matches, strict=True):
        if not isinstance(match, dedup.KnownEntry) or match.precision is None:
            continue
        date = entry.date
        if match.published_at is None or date is None or date.at is None or not date.precision:
            continue
        dated = dates.corrected(match.published_at, match.precision, date.at, date.precision)
        if dated != (match.published_at, match.precision):
            corrections.append(write_entries.CorrectedDate(match.id, *dated))
    return corrections


def learned_habits(
    due: DueFeed,
    document: CleanFeed,
    changes: dedup.Changes,
    *,
    known_count: int,
    sent_at: datetime,
) -> Habits:
    """Return the feed's habits, including those of the dates in this document.

    Args:
        known_count: Number of stored entries in the document.
        sent_at: When the document was sent.
    """
    habits = changes.habits
    if due.selectors is not None and any(e.date and e.date.at for e in document.entries):
        habits = replace(habits, dated=True)
    if changes.redated >= _MIN_COINCIDENCES and 5 * changes.redated >= 4 * known_count:
        habits = replace(habits, moving_dates=True)
    times = [
        entry.date.at
        for entry, match in zip(document.entries, changes.matches, strict=True)
        if isinstance(match, dedup.NewEntry) and entry.date and entry.date.at
        and not entry.date.zoned and not entry.date.whole_day
    ]  # fmt: skip
    if not times or due.timezone:
        return habits
    since = due.history.last_success_at if due.validation.body_hash is not None else None
    bounds = dates.narrow_bounds(_bounds(habits), times, seen_at=sent_at, since=since)
    return replace(habits, zone=(bounds.low, bounds.high, bounds.votes) if bounds else None)


def redated(
    due: DueFeed, document: CleanFeed, changes: dedup.Changes, habits: Habits
) -> dedup.Changes:
    """Return the changes with new entries dated by the habits found in the same document."""
    if habits == due.habits or not changes.new_entries:
        return changes
    zone = _zone(due, habits)

    def with_date(new_entry: dedup.NewEntry, entry: CleanEntry) -> dedup.NewEntry:
        if _is_undated(new_entry.entry) and not _is_undated(entry):
            return new_entry  # the date is that of the document
        dated = _dated(entry, zone, ignore_updated=habits.moving_dates)
        return replace(new_entry, entry=dated)

    matches = tuple(
        with_date(match, entry) if isinstance(match, dedup.NewEntry) else match
        for entry, match in zip(document.entries, changes.matches, strict=True)
    )
    return replace(changes, matches=matches)


def _is_undated(entry: CleanEntry) -> bool:
    return entry.date is None or entry.date.at is None


def _dated(entry: CleanEntry, zone: tzinfo | int, *, ignore_updated: bool) -> CleanEntry:
    date = entry.date
    if date is None or date.at is None:
        return entry
    if ignore_updated and date.field == "updated":
        return replace(entry, published_at=None, date=replace(date, at=None))
    if date.zoned:
        return entry
    date = dates.in_zone(date, zone)
    return replace(entry, published_at=date.at, date=date)


def _is_shared(entry_dates: Sequence[Date | None]) -> bool:
    """Whether all entries have the same `updated`."""
    times = {date.at if date and date.field == "updated" else None for date in entry_dates}
    return len(entry_dates) >= _MIN_COINCIDENCES and len(times) == 1 and None not in times


def _zone(due: DueFeed, habits: Habits) -> tzinfo | int:
    return ZoneInfo(due.timezone) if due.timezone else dates.likely_offset(_bounds(habits))


def _bounds(habits: Habits) -> dates.Bounds | None:
    return dates.Bounds(*habits.zone) if habits.zone else None
