"""Polls stored, with everything that they brought."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from aggregator.database import Connection
from aggregator.database.entries import write_entries, write_keys
from aggregator.database.feeds import write_hosts, write_leases, write_polls
from aggregator.database.websub import write_unannounced
from aggregator.dedup import KnownEntry, Match, NewEntry
from aggregator.model.seen_hashes import with_ids
from aggregator.poll.reconcile import ReconciledPoll, reconcile
from aggregator.poll.reports import Finished
from aggregator.poll.settings import PollSettings
from aggregator.poll.story_matching import match_stories


def record(
    connection: Connection,
    polls: list[Finished],
    settings: PollSettings,
    *,
    now: datetime | None = None,
) -> list[write_polls.PollReport | None]:
    """Write polls with all that they brought; entries and validators in one transaction.

    Args:
        polls: At most one of each feed.
        now: When the polls are stored, which may be long after they ended.  None: now.

    Returns:
        A report for each poll; None for a poll that was overtaken (`leases_in_force`), of which
        only what it showed about the hosts is stored.
    """
    write_polls.note_check(connection, max(poll.report.ended_at for poll in polls))
    in_force = write_leases.leases_in_force(connection, [poll.due for poll in polls])
    current = [poll for poll in polls if poll.due.id in in_force]
    overtaken = [poll for poll in polls if poll.due.id not in in_force]
    write_hosts.note_pauses(
        connection, [pause for poll in overtaken for pause in poll.report.pauses]
    )
    for poll in overtaken:
        write_leases.release_leases(connection, owner=poll.due.lease_owner, feed_ids=[poll.due.id])
    reports = _record(connection, current, settings, now or datetime.now(UTC))
    report_of = {report.feed_id: report for report in reports}
    return [report_of.get(poll.due.id) for poll in polls]


def _record(
    connection: Connection, polls: list[Finished], settings: PollSettings, now: datetime
) -> list[write_polls.PollReport]:
    reconciled = reconcile(connection, polls, settings)
    new_entries = [entry for poll in reconciled for entry in poll.new_entries]
    entry_ids = write_entries.add_entries(connection, new_entries, now=now)
    versions = [version for poll in reconciled for version in poll.versions]
    write_entries.change_entries(connection, versions, now=now)
    write_keys.add_keys(connection, [key for poll in reconciled for key in poll.keys])
    new_ids: dict[int, dict[bytes, int]] = {}
    for entry, entry_id in zip(new_entries, entry_ids, strict=True):
        new_ids.setdefault(entry.feed_id, {})[entry.new_entry.identity] = entry_id
    reports = [_with_seen_hashes(poll, new_ids.get(poll.poll.due.id, {})) for poll in reconciled]
    write_polls.record_polls(connection, reports)
    match_stories(connection, new_entries, entry_ids)
    if settings.announced:
        changed_feeds = [report.feed_id for report in reports if report.new or report.updated]
        write_unannounced.note_unannounced(connection, changed_feeds, now=now)
    return reports


def _with_seen_hashes(
    reconciled: ReconciledPoll, new_ids: Mapping[bytes, int]
) -> write_polls.PollReport:
    """Return the report of a poll with the hashes and ids of the entries that the document lists.

    Args:
        new_ids: Ids of the entries of this feed that were stored now, by identity.
    """
    poll, report = reconciled.poll, reconciled.report
    if poll.document is None:
        return report
    if not reconciled.matches and not report.memory:
        # The document lists nothing: entries of the one before may be listed again.
        return replace(report, memory=poll.due.memory)
    ids = [_stored_id(match, new_ids) for match in reconciled.matches]
    return replace(report, memory=with_ids(report.memory, poll.places, ids))


def _stored_id(match: Match, new_ids: Mapping[bytes, int]) -> int | None:
    """Return the id under which an entry is stored; None for an entry that is not."""
    match match:
        case KnownEntry():
            return match.id
        case NewEntry():
            return new_ids.get(match.identity)
        case None:
            return None
