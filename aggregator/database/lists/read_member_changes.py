"""Which lists should have entries, and which have the entries now; modules `write_*` write.

The reasons are looked for in this order:

    exclusion    reasons in the entry itself (copies, rules), then limits among neighbours
    lists        of an entry without exclusion: the whole list, categories, views that match
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from aggregator import rules
from aggregator.database.chunks import chunks
from aggregator.database.lists.read_definitions import Definitions, read_definitions
from aggregator.database.lists.read_limited_entries import limited_exclusions, may_exclude
from aggregator.database.lists.read_member_rows import (
    MemberKey,
    MemberRow,
    member_rows,
    member_rows_between,
)
from aggregator.database.lists.rule_matching import RuleMatcher, StoredSpan
from aggregator.database.schema import WHOLE_LIST_ID, entries
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


@dataclass(frozen=True, slots=True)
class RelistedSpan:
    """Entries that are listed anew because definitions have changed.

    Attributes:
        changed_views: Ids of views with possibly other members than before; entries stay in all
            other views, unless the exclusion of an entry changes.
    """

    span: StoredSpan
    changed_views: frozenset[int]


@dataclass(frozen=True, slots=True)
class MemberChanges:
    """What changes in lists for some entries.

    Attributes:
        row_of: The entries, and neighbours whose exclusion changes, by id.
        exclusions: Why no list has each entry from now on.
        stored: The members of lists among the entries now.
        member_keys: The members from now on.
        concern_all_stories: Lists may show other entries of stories, even if no member changes.
    """

    definitions: Definitions
    row_of: Mapping[int, ListedRow]
    exclusions: Mapping[int, Exclusion | None]
    stored: Mapping[MemberKey, MemberRow]
    member_keys: Set[MemberKey]
    concern_all_stories: bool

    @property
    def excluded_anew(self) -> list[int]:
        """The ids of the entries with another exclusion from now on, or with none any more."""
        return [
            entry_id
            for entry_id, row in self.row_of.items()
            if row.exclusion is not self.exclusions[entry_id]
        ]

    def row_counts(self) -> Counter[int]:
        """Return how many rows change because of each entry; none without a change."""
        keys = self.member_keys ^ self.stored.keys()
        return Counter([*self.excluded_anew, *(key.entry_id for key in keys)])

    def without(self, ids: Set[int]) -> "MemberChanges":
        """Return the changes for the other entries."""
        return replace(
            self,
            row_of={key: row for key, row in self.row_of.items() if key not in ids},
            stored={key: row for key, row in self.stored.items() if key.entry_id not in ids},
            member_keys={key for key in self.member_keys if key.entry_id not in ids},
        )


def listed_rows(connection: Connection, entry_ids: Collection[int]) -> list[ListedRow]:
    """Return stored entries by their ids."""
    return [
        ListedRow(*row)
        for chunk in chunks(sorted(entry_ids))
        for row in connection.execute(_LISTED_ROWS, {"ids": chunk})
    ]


def member_changes(
    connection: Connection,
    rows: Sequence[ListedRow],
    searched: Mapping[int, SearchedEntry],
    relisted: RelistedSpan | None = None,
) -> MemberChanges:
    """Decide which lists should have some entries, and compare the lists with the stored members.

    Args:
        searched: The entries whose texts are at hand, by id.
        relisted: `rows` are all entries of a span, and definitions have changed.
    """
    definitions = read_definitions(connection, {row.feed_id for row in rows})
    span = None if relisted is None else relisted.span
    matcher = RuleMatcher(connection, searched, timezone=definitions.common.timezone, span=span)
    decision = _ListDecision(connection, definitions, matcher)
    exclusions = decision.exclusions(rows)
    row_of = {row.id: row for row in rows}
    row_of |= {row.id: row for row in listed_rows(connection, exclusions.keys() - row_of.keys())}
    stored = _stored_members(connection, definitions, row_of.values())
    listed = {key: row for key, row in row_of.items() if exclusions[key] is None}
    member_keys = decision.members_without_search(listed.values())
    if relisted is None:
        member_keys |= decision.members_of_views(definitions.views, listed)
    else:
        # What lists have had and still have is compared with the changed views alone.
        settled_ids = {key for key, row in listed.items() if row.exclusion is None}
        changed_views = definitions.views.keys() & relisted.changed_views
        other_views = definitions.views.keys() - changed_views
        member_keys |= decision.members_of_views(changed_views, listed)
        member_keys |= decision.members_of_views(other_views, listed.keys() - settled_ids)
        member_keys |= {
            key for key in stored if key.entry_id in settled_ids and key.list_id in other_views
        }
    return MemberChanges(
        definitions,
        row_of,
        exclusions,
        stored,
        member_keys,
        concern_all_stories=relisted is not None,
    )


def view_changes(
    connection: Connection, span: StoredSpan, view_ids: Collection[int], *, max_rows: int
) -> tuple[MemberChanges, int]:
    """Compare the entries of a span with some views; the exclusions of entries stay.

    Args:
        view_ids: Of views with possibly other members than before, and of views outside the file.
        max_rows: Most rows to change.

    Returns:
        The changes for the entries with the highest ids, and the lowest id without a further change
        above.
    """
    definitions = read_definitions(connection, [])
    matcher = RuleMatcher(connection, {}, timezone=definitions.common.timezone)
    matching_keys = {
        MemberKey(view_id, entry_id)
        for view_id in definitions.views.keys() & set(view_ids)
        for entry_id in matcher.ids_in_span(definitions.views[view_id], span)
    }
    rows = member_rows_between(connection, view_ids, span.lowest, span.highest)
    stored = {row.key: row for row in rows}
    changed_ids = sorted((key.entry_id for key in matching_keys ^ stored.keys()), reverse=True)
    lowest = span.lowest if len(changed_ids) <= max_rows else changed_ids[max_rows - 1]
    ids = {entry_id for entry_id in changed_ids if entry_id >= lowest}
    row_of = {row.id: row for row in listed_rows(connection, ids)}
    changes = MemberChanges(
        definitions,
        row_of,
        {row.id: row.exclusion for row in row_of.values()},
        {key: row for key, row in stored.items() if key.entry_id in ids},
        {
            key
            for key in matching_keys
            if key.entry_id in ids and row_of[key.entry_id].exclusion is None
        },
        concern_all_stories=False,
    )
    return changes, lowest


def _stored_members(
    connection: Connection, definitions: Definitions, rows: Iterable[ListedRow]
) -> dict[MemberKey, MemberRow]:
    """Return which lists have stored entries now."""
    stored_rows = [row for row in rows if not row.is_new]
    if not stored_rows:
        return {}
    possible_lists = definitions.possible_lists({row.feed_id for row in stored_rows})
    ids = [row.id for row in stored_rows]
    members = member_rows(connection, possible_lists, ids)
    return {member.key: member for member in members}


@dataclass(frozen=True, slots=True)
class _ListDecision:
    """Decides which lists have entries."""

    connection: Connection
    definitions: Definitions
    matcher: RuleMatcher

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

    def members_without_search(self, rows: Iterable[ListedRow]) -> set[MemberKey]:
        """Return the members of the whole list and of categories among entries to be listed."""
        feeds = self.definitions.feeds
        return {
            MemberKey(list_id, row.id)
            for row in rows
            for list_id in (WHOLE_LIST_ID, *feeds[row.feed_id].categories)
        }

    def members_of_views(
        self, view_ids: Collection[int], entry_ids: Collection[int]
    ) -> set[MemberKey]:
        """Return the members of some views among entries to be listed."""
        rule_of = {view_id: self.definitions.views[view_id] for view_id in view_ids}
        matching_ids = self.matcher.matches(set(rule_of.values()), entry_ids)
        return {
            MemberKey(view_id, entry_id)
            for view_id, rule in rule_of.items()
            for entry_id in matching_ids[rule]
        }
