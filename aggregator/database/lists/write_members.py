"""The members of lists: one routine decides and writes which lists have an entry.

Whatever happens to entries, `list_entries` is called with them: they are new or changed, their feed
left config.yaml or has another category, a rule or a view has changed.  It writes differences only.

    exclusion    reasons in the entry itself (copies, rules), then limits among neighbours
    lists        of an entry without exclusion: the whole list, categories, views that match
    members      rows that are too many go, missing rows come, archives stay as they were closed
    stories      each list shows one member of a story
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from aggregator import rules
from aggregator.database.chunks import chunks
from aggregator.database.columns import ExclusionText
from aggregator.database.lists import write_member_rows, write_relistings
from aggregator.database.lists.read_definitions import Definitions, read_definitions
from aggregator.database.lists.read_limited_entries import (
    has_busy_day,
    limited_exclusions,
    may_exclude,
)
from aggregator.database.lists.rule_matching import RuleMatcher, StoredSpan
from aggregator.database.lists.write_member_rows import MemberKey, MemberRow
from aggregator.database.schema import WHOLE_LIST_ID, entries
from aggregator.database.stories.write_representatives import choose_representatives
from aggregator.model import Exclusion
from aggregator.rules import Arrival
from aggregator.search.predicate import SearchedEntry

_LISTED_ROWS = select(
    entries.c.id,
    entries.c.feed_id,
    entries.c.copied,
    entries.c.first_seen_at,
    entries.c.exclusion,
    entries.c.story_id,
).where(entries.c.id.in_(bindparam("ids", expanding=True)))
_SET_EXCLUSION = (
    update(entries)
    .where(entries.c.id == bindparam("entry"))
    .values(exclusion=bindparam("reason", type_=ExclusionText))
)


@dataclass(frozen=True, slots=True)
class ListedRow:
    """A stored entry, as far as lists look at it.

    Attributes:
        exclusion: As stored.
        is_new: The entry is not in any list yet.
    """

    id: int
    feed_id: int
    copied: bool
    first_seen_at: datetime
    exclusion: Exclusion | None = None
    story_id: int | None = None
    is_new: bool = False


def list_entries(
    connection: Connection,
    entry_ids: Collection[int],
    *,
    now: datetime,
    searched: Mapping[int, SearchedEntry] | None = None,
) -> None:
    """Decide and write which lists have some stored entries.

    Args:
        searched: The entries whose texts are at hand, by id.
    """
    list_rows(connection, listed_rows(connection, entry_ids), now=now, searched=searched or {})


def list_changed_entries(
    connection: Connection,
    changed: Mapping[int, SearchedEntry],
    updated_ids: Collection[int],
    *,
    now: datetime,
) -> None:
    """Decide again which lists have changed entries, as rules may match other texts now.

    Args:
        changed: The new versions by id.
        updated_ids: Of the entries that archives show as changed, in the week of the change.
    """
    definitions = read_definitions(connection, {entry.feed_id for entry in changed.values()})
    if definitions.has_rules:
        list_entries(connection, changed.keys(), now=now, searched=changed)
    rows = [
        row._replace(archived_at=definitions.archived_at(row.list_id, row.entry_id, now))
        for row in write_member_rows.member_rows(
            connection, definitions.possible_lists(definitions.feeds), updated_ids
        )
    ]
    write_member_rows.change_members(connection, rows)
    write_member_rows.forget_withdrawn(
        connection, write_member_rows.withdrawn_rows(connection, updated_ids)
    )


def listed_rows(connection: Connection, entry_ids: Collection[int]) -> list[ListedRow]:
    """Return stored entries by their ids."""
    return [
        ListedRow(*row)
        for chunk in chunks(sorted(entry_ids))
        for row in connection.execute(_LISTED_ROWS, {"ids": chunk})
    ]


def list_rows(
    connection: Connection,
    rows: Sequence[ListedRow],
    *,
    now: datetime,
    searched: Mapping[int, SearchedEntry],
    span: StoredSpan | None = None,
) -> bool:
    """Decide and write which lists have the entries of `rows`; return whether anything changed.

    Args:
        searched: The entries whose texts are at hand, by id.
        span: `rows` are all entries of the span, and definitions have changed: the representatives
            of stories are chosen again, too.
    """
    if not rows:
        return False
    definitions = read_definitions(connection, {row.feed_id for row in rows})
    matcher = RuleMatcher(connection, searched, timezone=definitions.common.timezone, span=span)
    listing = _EntryListing(connection, definitions, matcher, now)
    exclusions = listing.exclusions(rows)
    row_of = {row.id: row for row in rows}
    neighbour_ids = exclusions.keys() - row_of.keys()
    row_of |= {row.id: row for row in listed_rows(connection, neighbour_ids)}
    has_exclusions = _write_exclusions(connection, row_of, exclusions)
    changed_ids = listing.write_members(row_of, exclusions)
    relisted_ids = changed_ids if span is None else row_of
    story_ids = {
        story_id for entry_id in relisted_ids if (story_id := row_of[entry_id].story_id) is not None
    }
    has_stories = choose_representatives(connection, story_ids, now=now)
    return has_exclusions or bool(changed_ids) or has_stories


def forget_members(connection: Connection, feed_id: int, doomed: Sequence[int]) -> None:
    """Remove entries that are about to be deleted from all lists and archives.

    The limits of a day leave the remaining entries of the day in place of the deleted ones, so
    these are listed anew.

    Args:
        doomed: Ids of the entries of the feed with the lowest ids.
    """
    if not doomed:
        return
    definitions = read_definitions(connection, [feed_id])
    write_member_rows.delete_members(connection, definitions.possible_lists([feed_id]), doomed)
    limits = definitions.feeds[feed_id].limits
    if has_busy_day(connection, feed_id, limits, max(doomed)):
        last_day = rules.day_of(max(doomed), limits.zone)
        write_relistings.relist_below(connection, feed_id, last_day[1])


@dataclass(frozen=True, slots=True)
class _EntryListing:
    """Entries being listed in one transaction."""

    connection: Connection
    definitions: Definitions
    matcher: RuleMatcher
    now: datetime

    def exclusions(self, rows: Sequence[ListedRow]) -> dict[int, Exclusion | None]:
        """Return why no list has each entry, also for neighbours whose reason changes."""
        own_exclusions = self._own_exclusions(rows)
        arrivals: dict[int, list[Arrival]] = {}
        for row in rows:
            arrival = Arrival(row.id, row.first_seen_at, own_exclusions[row.id])
            arrivals.setdefault(row.feed_id, []).append(arrival)
        feeds = self.definitions.feeds
        subscribed = {
            feed_id: group for feed_id, group in arrivals.items() if feeds[feed_id].is_subscribed
        }
        limited = {
            feed_id: group
            for feed_id, group in subscribed.items()
            if may_exclude(feeds[feed_id].limits, feeds[feed_id].entries)
        }
        limits = {feed_id: feeds[feed_id].limits for feed_id in limited}
        return own_exclusions | limited_exclusions(self.connection, limited, limits)

    def _own_exclusions(self, rows: Sequence[ListedRow]) -> dict[int, Exclusion | None]:
        """Return the reasons in the entries themselves."""
        feeds, ids_by_rule = self.definitions.feeds, dict[str, list[int]]()
        for row in rows:
            feed = feeds[row.feed_id]
            if feed.is_subscribed and not row.copied:
                for rule in (self.definitions.common.hide, feed.rules.hide, feed.rules.keep):
                    if rule is not None:
                        ids_by_rule.setdefault(rule, []).append(row.id)
        matching_ids = {
            rule: self.matcher.matches([rule], ids)[rule] for rule, ids in ids_by_rule.items()
        }

        def is_match(rule: str | None, entry_id: int) -> bool:
            return rule is not None and entry_id in matching_ids.get(rule, ())

        return {
            row.id: rules.own_exclusion(
                is_subscribed=feeds[row.feed_id].is_subscribed,
                is_copy=row.copied,
                matches_hide=is_match(self.definitions.common.hide, row.id)
                or is_match(feeds[row.feed_id].rules.hide, row.id),
                matches_keep=feeds[row.feed_id].rules.keep is None
                or is_match(feeds[row.feed_id].rules.keep, row.id),
            )
            for row in rows
        }

    def write_members(
        self, row_of: Mapping[int, ListedRow], exclusions: Mapping[int, Exclusion | None]
    ) -> set[int]:
        """Store which lists have the entries; return the ids of entries with other lists."""
        member_keys = self._member_keys(row_of, exclusions)
        stored_ids = [row.id for row in row_of.values() if not row.is_new]
        possible_lists = self.definitions.possible_lists({row.feed_id for row in row_of.values()})
        stored_rows = (
            write_member_rows.member_rows(self.connection, possible_lists, stored_ids)
            if stored_ids
            else []
        )
        stored = {row.key: row for row in stored_rows}
        self._remove([row for key, row in stored.items() if key not in member_keys])
        added_keys = member_keys - stored.keys()
        self._add(row_of, sorted(added_keys))
        return {key.entry_id for key in added_keys} | {
            key.entry_id for key in stored.keys() - member_keys
        }

    def _member_keys(
        self, row_of: Mapping[int, ListedRow], exclusions: Mapping[int, Exclusion | None]
    ) -> set[MemberKey]:
        """Return the members that lists should have among the entries."""
        ids = [entry_id for entry_id in row_of if exclusions[entry_id] is None]
        member_keys = {MemberKey(WHOLE_LIST_ID, entry_id) for entry_id in ids}
        for entry_id in ids:
            categories = self.definitions.feeds[row_of[entry_id].feed_id].categories
            member_keys.update(MemberKey(list_id, entry_id) for list_id in categories)
        views = self.definitions.views
        matching_ids = self.matcher.matches(set(views.values()), ids)
        for list_id, rule in views.items():
            member_keys.update(MemberKey(list_id, entry_id) for entry_id in matching_ids[rule])
        return member_keys

    def _remove(self, rows: Sequence[MemberRow]) -> None:
        """Remove members; closed archives keep them."""
        definitions = self.definitions
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

    def _add(self, row_of: Mapping[int, ListedRow], keys: Sequence[MemberKey]) -> None:
        """Add members; what a closed archive has kept takes its place there again.

        An entry of a story is not a representative until one is chosen.
        """
        former_ids = {key.entry_id for key in keys if not row_of[key.entry_id].is_new}
        withdrawn = (
            write_member_rows.withdrawn_rows(self.connection, former_ids) if former_ids else {}
        )
        rows = []
        returning = []
        for key in keys:
            is_shown = row_of[key.entry_id].story_id is None
            if key in withdrawn and is_shown:
                archived_at = withdrawn[key]
                returning.append(key)
            else:
                archived_at = self.definitions.archived_at(*key, self.now)
            rows.append(MemberRow(*key, is_shown, archived_at))
        write_member_rows.add_members(self.connection, rows)
        write_member_rows.forget_withdrawn(self.connection, returning)
        began_at = self.definitions.began_at
        list_ids = {key.list_id for key in keys if began_at.get(key.list_id) is None}
        write_member_rows.note_beginning(self.connection, list_ids, self.now)


def _write_exclusions(
    connection: Connection,
    row_of: Mapping[int, ListedRow],
    exclusions: Mapping[int, Exclusion | None],
) -> bool:
    """Store reasons where they changed; return whether any did."""
    changes = [
        {"entry": entry_id, "reason": exclusion}
        for entry_id, exclusion in exclusions.items()
        if row_of[entry_id].exclusion is not exclusion
    ]
    if changes:
        connection.execute(_SET_EXCLUSION, changes)
    return bool(changes)
