"""Polls written to the database, with entries, keys and stories.

Polls are compared with the stored entries before the first write of a transaction, so that others
may write meanwhile.  A long document is stored in several transactions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from aggregator.database import Connection, database_time
from aggregator.database.entries import write_entries, write_keys
from aggregator.database.feeds import write_leases, write_polls
from aggregator.database.notifications import write_notifications
from aggregator.database.pictures import write_choices
from aggregator.database.websub import write_unannounced
from aggregator.dedup import KnownEntry, Match, NewEntry
from aggregator.model.seen_hashes import with_ids
from aggregator.poll.reconcile import ReconciledPoll, reconcile
from aggregator.poll.reports import CompletedPoll, report_of
from aggregator.poll.settings import PollSettings
from aggregator.poll.story_matching import match_stories, postpone_matching

PART_SIZE = 500
"""Entries that one transaction adds or changes at most; nobody else can write meanwhile."""


@dataclass(frozen=True, slots=True)
class PartlyStoredPoll:
    """A reconciled poll, and how much of it is stored.

    New entries are stored from the last one to the first: of several at the same place in the list,
    those that are stored later stand higher.

    Attributes:
        new_ids: Ids of the stored ones of `reconciled.new_entries`, in the order of the entries.
        version_count: How many of `reconciled.versions` are stored.
    """

    reconciled: ReconciledPoll
    new_ids: tuple[int, ...] = ()
    version_count: int = 0

    @property
    def feed_id(self) -> int:
        return self.reconciled.poll.due.id

    @property
    def is_first_poll(self) -> bool:
        """Whether the feed was never read before, so that its entries are a backlog."""
        return self.reconciled.poll.due.validation.body_hash is None

    @property
    def is_stored(self) -> bool:
        """Whether all entries are stored."""
        new_entries, versions = self.next_part(1)
        return not new_entries and not versions

    def visible_ids_since(self, former: "PartlyStoredPoll") -> list[int]:
        """Return the ids of the entries stored since `former` that are new or tell an update."""
        new_count = len(self.new_ids) - len(former.new_ids)
        versions = self.reconciled.versions[former.version_count : self.version_count]
        updated_entries = (v.changed_entry for v in versions if v.changed_entry.is_update)
        return [*self.new_ids[:new_count], *(entry.id for entry in updated_entries)]

    def next_part(
        self, size: int
    ) -> tuple[Sequence[write_entries.PlacedEntry], Sequence[write_entries.NewVersion]]:
        """Return up to `size` entries and versions to store next."""
        end = len(self.reconciled.new_entries) - len(self.new_ids)
        new_entries = self.reconciled.new_entries[max(end - size, 0) : end]
        versions = self.reconciled.versions[self.version_count :][: size - len(new_entries)]
        return new_entries, versions


@dataclass(frozen=True, slots=True)
class Recording:
    """Polls that are being stored.

    Attributes:
        polls: At most one of each feed.
        partly_stored: The polls that are not overtaken; None before the first transaction.
        reports: A report for each poll, None for an overtaken poll (see `write_polls.lock_polls`),
            of which only the pauses of hosts are stored.  None until all polls are stored.
    """

    polls: tuple[CompletedPoll, ...]
    partly_stored: tuple[PartlyStoredPoll, ...] | None = None
    reports: tuple[write_polls.PollReport | None, ...] | None = None


def record(
    connection: Connection,
    polls: Sequence[CompletedPoll],
    settings: PollSettings,
    *,
    now: datetime | None = None,
) -> tuple[write_polls.PollReport | None, ...]:
    """Write polls with entries, validators and stories, all in the same transaction.

    Args:
        polls: At most one of each feed.
        now: When the polls are stored, perhaps long after the end of the polls.  None: now.

    Returns:
        See `Recording.reports`.
    """
    recording = Recording(tuple(polls))
    while recording.reports is None:
        recording = record_part(connection, recording, settings, now=now)
    return recording.reports


def record_part(
    connection: Connection,
    recording: Recording,
    settings: PollSettings,
    *,
    now: datetime | None = None,
) -> Recording:
    """Write the next `PART_SIZE` entries of polls, which is all of most recordings.

    The validators come with the last part.  Where that is never written, the next poll brings the
    document again and finds the stored entries.

    Args:
        connection: In a transaction of `DatabaseWriter.transact_after_reading`: what is read here
            before the first write is still true then.
        now: When the polls are stored, perhaps long after the end of the polls.  None: now.
    """
    now = now or database_time(connection)
    if recording.partly_stored is None:
        locked, unfinished = _begin(connection, recording.polls, settings)
    else:
        locked, unfinished = _continue(connection, recording.partly_stored)
    partly_stored, new_entries, entry_ids = _store_part(connection, unfinished, settings, now)
    if not all(poll.is_stored for poll in partly_stored):
        postpone_matching(connection, new_entries, entry_ids)
        write_polls.note_change(connection)
        _note_news(connection, unfinished, partly_stored, settings, now)
        return replace(recording, partly_stored=tuple(partly_stored))
    reports = _write_reports(locked, recording, partly_stored)
    match_stories(connection, new_entries, entry_ids, now=now)
    _note_news(connection, unfinished, partly_stored, settings, now)
    report_by_feed = {report.feed.id: report for report in reports}
    all_reports = tuple(report_by_feed.get(poll.due.id) for poll in recording.polls)
    return replace(recording, reports=all_reports)


def _write_reports(
    locked: write_polls.LockedPolls, recording: Recording, polls: Sequence[PartlyStoredPoll]
) -> list[write_polls.PollReport]:
    """Write keys, corrected dates and outcomes of polls, after the last of their entries."""
    keys = [key for poll in polls for key in poll.reconciled.keys]
    write_keys.add_keys(locked.connection, keys)
    corrected_dates = [date for poll in polls for date in poll.reconciled.corrected_dates]
    if corrected_dates:
        write_entries.correct_dates(locked.connection, corrected_dates)
        write_polls.note_change(locked.connection)
    reports = [_report(poll) for poll in polls]
    pauses = [pause for poll in recording.polls for pause in poll.pauses]
    return write_polls.record_polls(locked, reports, pauses)


def _begin(
    connection: Connection, polls: Sequence[CompletedPoll], settings: PollSettings
) -> tuple[write_polls.LockedPolls, list[PartlyStoredPoll]]:
    """Compare polls with the stored entries, then lock what the polls change."""
    reconciled = reconcile(connection, polls, settings)
    locked = _lock(connection, polls)
    current = [poll for poll in polls if poll.due.id in locked.in_force]
    if len(current) < len(polls):  # the entries of an overtaken poll decide nothing
        reconciled = reconcile(connection, current, settings)
    return locked, [PartlyStoredPoll(poll) for poll in reconciled]


def _continue(
    connection: Connection, partly_stored: Sequence[PartlyStoredPoll]
) -> tuple[write_polls.LockedPolls, list[PartlyStoredPoll]]:
    """Lock what polls change; leave out the polls that were overtaken since the last part."""
    locked = _lock(connection, [poll.reconciled.poll for poll in partly_stored])
    return locked, [poll for poll in partly_stored if poll.feed_id in locked.in_force]


def _lock(connection: Connection, polls: Sequence[CompletedPoll]) -> write_polls.LockedPolls:
    """Lock what polls change, and give back the leases of overtaken polls."""
    checked_at = max(poll.ended_at for poll in polls)
    locked = write_polls.lock_polls(connection, [poll.due for poll in polls], checked_at=checked_at)
    for poll in polls:
        if poll.due.id not in locked.in_force:
            owner = poll.due.lease_owner
            write_leases.release_leases(connection, owner=owner, feed_ids=[poll.due.id])
    return locked


def _store_part(
    connection: Connection,
    unfinished: Sequence[PartlyStoredPoll],
    settings: PollSettings,
    now: datetime,
) -> tuple[list[PartlyStoredPoll], list[write_entries.PlacedEntry], list[int]]:
    """Add and change up to `PART_SIZE` entries.

    Returns:
        The polls with the part counted as stored; the added entries and their ids.
    """
    room = PART_SIZE
    parts = []
    for poll in unfinished:
        new_entries, versions = poll.next_part(room)
        room -= len(new_entries) + len(versions)
        parts.append((poll, new_entries, versions))
    placed_entries = [entry for _, new_entries, _ in parts for entry in new_entries]
    entry_ids = write_entries.add_entries(connection, placed_entries, now=now)
    versions_to_store = [version for _, _, versions in parts for version in versions]
    write_entries.change_entries(connection, versions_to_store, now=now)
    if settings.pictures is not None:
        changed_ids = [version.changed_entry.id for version in versions_to_store]
        write_choices.note_entries(connection, [*entry_ids, *changed_ids])
    next_ids = iter(entry_ids)
    stored = [
        replace(
            poll,
            new_ids=(*islice(next_ids, len(new_entries)), *poll.new_ids),
            version_count=poll.version_count + len(versions),
        )
        for poll, new_entries, versions in parts
    ]
    return stored, placed_entries, entry_ids


def _note_unannounced(
    connection: Connection,
    before: Sequence[PartlyStoredPoll],
    after: Sequence[PartlyStoredPoll],
    settings: PollSettings,
    now: datetime,
) -> None:
    """Note the lists with entries of a part that readers can see by now, if any are announced."""
    if settings.announced:
        changed_ids = [
            entry_id
            for former, stored in zip(before, after, strict=True)
            for entry_id in stored.visible_ids_since(former)
        ]
        write_unannounced.note_changed_entries(connection, changed_ids, now=now)


def _note_news(
    connection: Connection,
    before: Sequence[PartlyStoredPoll],
    after: Sequence[PartlyStoredPoll],
    settings: PollSettings,
    now: datetime,
) -> None:
    """Note what of a part is to be announced to hubs, and told to targets."""
    _note_unannounced(connection, before, after, settings, now)
    if settings.notified:
        new_ids = [
            entry_id
            for former, stored in zip(before, after, strict=True)
            if not stored.is_first_poll
            for entry_id in stored.new_ids[: len(stored.new_ids) - len(former.new_ids)]
        ]
        write_notifications.queue_entries(connection, new_ids, now=now)


def _report(stored: PartlyStoredPoll) -> write_polls.PollReport:
    """Return the report of a poll whose entries are all stored."""
    reconciled = stored.reconciled
    return report_of(
        reconciled.poll,
        new=len(reconciled.new_entries),
        updated=reconciled.updated,
        gap=reconciled.gap,
        habits=reconciled.habits,
        seen_hashes=_seen_hashes(stored),
    )


def _seen_hashes(stored: PartlyStoredPoll) -> bytes:
    """Return the hashes and ids of the entries in the document."""
    reconciled = stored.reconciled
    success = reconciled.poll.success
    if success is None:
        return b""
    if success.document is None:
        return success.seen_hashes
    if not reconciled.matches and not success.seen_hashes:
        # The document lists nothing: entries of the one before may be listed again.
        return reconciled.poll.due.validation.seen_hashes
    new_ids = {
        entry.new_entry.identity: entry_id
        for entry, entry_id in zip(reconciled.new_entries, stored.new_ids, strict=True)
    }
    ids = [_stored_id(match, new_ids) for match in reconciled.matches]
    return with_ids(success.seen_hashes, success.positions, ids)


def _stored_id(match: Match, new_ids: Mapping[bytes, int]) -> int | None:
    """Return the id under which an entry is stored; None for an entry without a stored one."""
    match match:
        case KnownEntry():
            return match.id
        case NewEntry():
            return new_ids.get(match.identity)
        case None:
            return None
