"""Polls written to the database, with entries, keys and stories."""

from collections.abc import Mapping
from datetime import UTC, datetime

from aggregator.database import Connection
from aggregator.database.entries import write_entries, write_keys
from aggregator.database.feeds import write_leases, write_polls
from aggregator.database.websub import write_unannounced
from aggregator.dedup import KnownEntry, Match, NewEntry
from aggregator.model import HostPause
from aggregator.model.seen_hashes import with_ids
from aggregator.poll.reconcile import ReconciledPoll, reconcile
from aggregator.poll.reports import CompletedPoll, report_of
from aggregator.poll.settings import PollSettings
from aggregator.poll.story_matching import match_stories


def record(
    connection: Connection,
    polls: list[CompletedPoll],
    settings: PollSettings,
    *,
    now: datetime | None = None,
) -> list[write_polls.PollReport | None]:
    """Write polls with entries, validators and stories, all in the same transaction.

    Args:
        polls: At most one of each feed.
        now: When the polls are stored, perhaps long after the end of the polls.  None: now.

    Returns:
        A report for each poll; None for an overtaken poll (see `write_polls.lock_polls`), of which
        only the pauses of hosts are stored.
    """
    checked_at = max(poll.ended_at for poll in polls)
    locked = write_polls.lock_polls(connection, [poll.due for poll in polls], checked_at=checked_at)
    current = [poll for poll in polls if poll.due.id in locked.in_force]
    for poll in polls:
        if poll.due.id not in locked.in_force:
            owner = poll.due.lease_owner
            write_leases.release_leases(connection, owner=owner, feed_ids=[poll.due.id])
    pauses = [pause for poll in polls for pause in poll.pauses]
    reports = _record(locked, current, pauses, settings, now or datetime.now(UTC))
    report_by_feed = {report.feed.id: report for report in reports}
    return [report_by_feed.get(poll.due.id) for poll in polls]


def _record(
    locked: write_polls.LockedPolls,
    polls: list[CompletedPoll],
    pauses: list[HostPause],
    settings: PollSettings,
    now: datetime,
) -> list[write_polls.PollReport]:
    """Write polls in force, and the pauses of all polls; return a report for each poll in force."""
    connection = locked.connection
    reconciled = reconcile(connection, polls, settings)
    new_entries = [entry for poll in reconciled for entry in poll.new_entries]
    entry_ids = write_entries.add_entries(connection, new_entries, now=now)
    versions = [version for poll in reconciled for version in poll.versions]
    write_entries.change_entries(connection, versions, now=now)
    write_keys.add_keys(connection, [key for poll in reconciled for key in poll.keys])
    new_ids: dict[int, dict[bytes, int]] = {}
    for entry, entry_id in zip(new_entries, entry_ids, strict=True):
        new_ids.setdefault(entry.feed_id, {})[entry.new_entry.identity] = entry_id
    reports = [_report(poll, new_ids.get(poll.poll.due.id, {})) for poll in reconciled]
    write_polls.record_polls(locked, reports, pauses)
    match_stories(connection, new_entries, entry_ids)
    if settings.announced:
        changed_feeds = [report.feed.id for report in reports if report.new or report.updated]
        write_unannounced.note_unannounced(connection, changed_feeds, now=now)
    return reports


def _report(reconciled: ReconciledPoll, new_ids: Mapping[bytes, int]) -> write_polls.PollReport:
    """Return the report of a poll with stored entries.

    Args:
        new_ids: Ids of the newly stored entries of the feed, by identity.
    """
    return report_of(
        reconciled.poll,
        new=len(reconciled.new_entries),
        updated=reconciled.updated,
        gap=reconciled.gap,
        habits=reconciled.habits,
        seen_hashes=_seen_hashes(reconciled, new_ids),
    )


def _seen_hashes(reconciled: ReconciledPoll, new_ids: Mapping[bytes, int]) -> bytes:
    """Return the hashes and ids of the entries in the document."""
    success = reconciled.poll.success
    if success is None:
        return b""
    if success.document is None:
        return success.seen_hashes
    if not reconciled.matches and not success.seen_hashes:
        # The document lists nothing: entries of the one before may be listed again.
        return reconciled.poll.due.validation.seen_hashes
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
