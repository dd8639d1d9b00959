"""The members of lists: one routine decides and writes which lists have an entry.

Whatever happens to entries, `write_changes` writes what follows: they are new or changed, their
feed left config.yaml or has another category, a rule or a view has changed.  It writes differences
only.

    changes      which lists should have the entries, and which have them (`read_member_changes`)
    members      rows that are too many go, missing rows come, archives stay as they were closed
    stories      each list shows one member of a story
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, update

from aggregator import rules
from aggregator.database.chunks import execute_for_each
from aggregator.database.columns import ExclusionText
from aggregator.database.lists import read_member_rows, write_member_rows, write_relistings
from aggregator.database.lists.read_definitions import read_definitions
from aggregator.database.lists.read_limited_entries import has_busy_day
from aggregator.database.lists.read_member_changes import (
    ListedRow,
    MemberChanges,
    listed_rows,
    member_changes,
)
from aggregator.database.lists.read_member_rows import MemberKey, MemberRow
from aggregator.database.schema import entries
from aggregator.database.stories.write_representatives import choose_representatives
from aggregator.search.predicate import SearchedEntry

_SET_EXCLUSION = (
    update(entries)
    .where(entries.c.id == bindparam("entry"))
    .values(exclusion=bindparam("reason", type_=ExclusionText))
)


def list_changed_entries(
    connection: Connection,
    changed: Mapping[int, SearchedEntry],
    updated_ids: Collection[int],
    *,
    now: datetime,
) -> None:
    """Decide again which lists have changed entries, and which entries of their stories are shown.

    Rules may match other texts now, and links may lead to other sites.

    Args:
        changed: The new versions by id.
        updated_ids: Of the entries that archives show as changed, in the week of the change.
    """
    definitions = read_definitions(connection, {entry.feed_id for entry in changed.values()})
    rows = listed_rows(connection, changed.keys())
    if definitions.has_rules:
        list_rows(connection, rows, now=now, searched=changed)
    story_ids = {row.story_id for row in rows if row.story_id is not None}
    choose_representatives(connection, story_ids, now=now)
    members = [
        member._replace(archived_at=definitions.archived_at(member.list_id, member.entry_id, now))
        for member in read_member_rows.member_rows(
            connection, definitions.possible_lists(definitions.feeds), updated_ids
        )
    ]
    write_member_rows.change_members(connection, members)
    write_member_rows.forget_withdrawn(
        connection, read_member_rows.withdrawn_rows(connection, updated_ids)
    )


def list_rows(
    connection: Connection,
    rows: Sequence[ListedRow],
    *,
    now: datetime,
    searched: Mapping[int, SearchedEntry],
) -> None:
    """Decide and write which lists have some entries.

    Args:
        searched: The entries whose texts are at hand, by id.
    """
    if rows:
        write_changes(connection, member_changes(connection, rows, searched), now=now)


def write_changes(connection: Connection, changes: MemberChanges, *, now: datetime) -> bool:
    """Write exclusions, members and representatives; return whether anything changed."""
    has_exclusions = _write_exclusions(connection, changes)
    changed_ids = _MemberWriter(connection, changes, now).write()
    decided_ids = changes.row_of if changes.concern_all_stories else changed_ids
    story_ids = {
        story_id
        for entry_id in decided_ids
        if (story_id := changes.row_of[entry_id].story_id) is not None
    }
    has_representatives = choose_representatives(connection, story_ids, now=now)
    return has_exclusions or bool(changed_ids) or has_representatives


def forget_members(connection: Connection, feed_id: int, doomed: Sequence[int]) -> None:
    """Remove entries that are about to be deleted from all lists and archives.

    Limits leave the remaining entries of a day or hour in place of the deleted ones, so these are
    listed anew.  In some zones the hour reaches into the next day.

    Args:
        doomed: Ids of the entries of the feed with the lowest ids.
    """
    if not doomed:
        return
    definitions = read_definitions(connection, [feed_id])
    write_member_rows.delete_members(connection, definitions.possible_lists([feed_id]), doomed)
    limits = definitions.feeds[feed_id].limits
    last_id = max(doomed)
    if has_busy_day(connection, feed_id, limits, last_id):
        _, next_day = rules.day_span(last_id, limits.zone)
        _, next_hour = rules.hour_span(last_id)
        write_relistings.relist_below(connection, feed_id, max(next_day, next_hour))


@dataclass(frozen=True, slots=True)
class _MemberWriter:
    """Writes the members of lists, so that no closed archive changes."""

    connection: Connection
    changes: MemberChanges
    now: datetime

    def write(self) -> set[int]:
        """Store which lists have the entries; return the ids of entries with other lists."""
        stored, member_keys = self.changes.stored, self.changes.member_keys
        removed_keys, added_keys = stored.keys() - member_keys, member_keys - stored.keys()
        self._remove([stored[key] for key in removed_keys])
        self._add(sorted(added_keys))
        return {key.entry_id for key in added_keys | removed_keys}

    def _remove(self, rows: Sequence[MemberRow]) -> None:
        """Remove members; closed archives keep them."""
        definitions = self.changes.definitions
        withdrawing = {
            row.key: row.archived_at
            for row in rows
            if row.is_representative or not definitions.shows_stories
            if definitions.is_in_closed_archive(
                row.list_id, row.entry_id, row.archived_at, self.now
            )
        }
        write_member_rows.remove_members(self.connection, [row.key for row in rows])
        write_member_rows.withdraw(self.connection, withdrawing)

    def _add(self, keys: Sequence[MemberKey]) -> None:
        """Add members; what a closed archive has kept takes its place there again.

        An entry of a story is not a representative until one is chosen.
        """
        row_of, definitions = self.changes.row_of, self.changes.definitions
        former_ids = {key.entry_id for key in keys if not row_of[key.entry_id].is_new}
        withdrawn = (
            read_member_rows.withdrawn_rows(self.connection, former_ids) if former_ids else {}
        )
        rows = []
        returning = []
        for key in keys:
            is_shown = row_of[key.entry_id].story_id is None
            if key in withdrawn and is_shown:
                archived_at = withdrawn[key]
                returning.append(key)
            else:
                archived_at = definitions.archived_at(*key, self.now)
            rows.append(MemberRow(*key, is_shown, archived_at))
        write_member_rows.add_members(self.connection, rows)
        write_member_rows.forget_withdrawn(self.connection, returning)
        list_ids = {key.list_id for key in keys if definitions.began_at.get(key.list_id) is None}
        write_member_rows.note_beginning(self.connection, list_ids, self.now)


def _write_exclusions(connection: Connection, changes: MemberChanges) -> bool:
    """Store reasons where they changed; return whether any did."""
    rows = [
        {"entry": entry_id, "reason": changes.exclusions[entry_id]}
        for entry_id in changes.excluded_anew
    ]
    if rows:
        execute_for_each(connection, _SET_EXCLUSION, rows)
    return bool(rows)
