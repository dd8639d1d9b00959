"""The recent entries of each list, and the entries left out by each rule.  Pure."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from aggregator import rules
from aggregator.model import HIDDEN, Exclusion, ListKind
from aggregator.plan.list_settings import (
    ALL_FEEDS,
    ConfiguredFeed,
    ListKey,
    ListSettings,
    RuleKey,
)
from aggregator.plan.rule_searches import RuleSearch
from aggregator.rules import Arrival

Matches = Mapping[RuleSearch, AbstractSet[int]]
"""The ids of recent entries that match each search."""


class RecentEntry(NamedTuple):
    """A stored entry.

    Attributes:
        is_copy: The feed copied the entry from another feed.
        story_id: None for an entry in no story.
    """

    id: int
    feed_id: int
    first_seen_at: datetime
    is_copy: bool = False
    story_id: int | None = None


@dataclass(frozen=True, slots=True)
class ExampleEntry:
    """An entry that a plan names.

    Attributes:
        feed: Name of the feed in the former config.yaml.
        title: The beginning of the excerpt for an entry without a title.
        url: None for an entry without a link.
    """

    id: int
    feed: str
    title: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """The effect of a rule or limit on recent entries.

    Attributes:
        posts: Number of entries that the rule is about.
        ids: Of the entries that lists lack by the rule.
    """

    posts: int = 0
    ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ListContent:
    """The recent entries of a list.

    Attributes:
        shown_ids: Ids of the entries that the list shows: of a story, one.
        hidden: Number of entries that the list lacks by `hide`, `keep` or `per_day`.
    """

    shown_ids: frozenset[int] = frozenset()
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Contents:
    """The recent entries of all lists, and the effects of all rules."""

    lists: Mapping[ListKey, ListContent] = field(default_factory=dict)
    rules: Mapping[RuleKey, RuleEffect] = field(default_factory=dict)


def searches(settings: ListSettings) -> set[RuleSearch]:
    """Return the searches whose matches `contents` needs."""
    views = {settings.search(view.search) for view in settings.views}
    return views | {
        search for key in settings.rules if (search := _search_of(settings, key)) is not None
    }


def _search_of(settings: ListSettings, key: RuleKey) -> RuleSearch | None:
    """Return the search of a rule; None for a limit, and for a feed without entries."""
    kind, feed_id = key
    if kind not in {Exclusion.HIDE, Exclusion.KEEP} or feed_id < ALL_FEEDS:
        return None
    text = settings.rules.get(key)
    return None if text is None else settings.search(text, feed_id)


def contents(
    settings: ListSettings, entries: Iterable[RecentEntry], matches: Matches, *, since: int
) -> Contents:
    """Return the recent entries of all lists, and the effects of all rules.

    Args:
        entries: Of all feeds, from at least a day before `since`: limits count whole days.
        since: The lowest id of the entries to return.
    """
    by_feed: dict[int, list[RecentEntry]] = {}
    for entry in entries:
        by_feed.setdefault(entry.feed_id, []).append(entry)
    decisions = [
        _decision(settings, feed, by_feed.get(feed.id, ()), matches, since)
        for feed in settings.feeds
    ]
    return Contents(_contents(settings, decisions, matches), _effects(settings, decisions))


@dataclass(frozen=True, slots=True)
class _Decision:
    """The recent entries of a feed, with the reasons for which no list has them.

    Attributes:
        hidden_by: The ids that `hide` of all feeds, and of this feed, match.
    """

    feed: ConfiguredFeed
    entries: Sequence[RecentEntry]
    reasons: Mapping[int, Exclusion | None]
    hidden_by: Mapping[int, AbstractSet[int]]


def _decision(
    settings: ListSettings,
    feed: ConfiguredFeed,
    entries: Sequence[RecentEntry],
    matches: Matches,
    since: int,
) -> _Decision:
    """Return the recent entries of one feed, with the reasons."""

    def matching_ids(key: RuleKey) -> AbstractSet[int] | None:
        search = _search_of(settings, key)
        return None if search is None else matches[search]

    by_all = matching_ids((Exclusion.HIDE, ALL_FEEDS)) or frozenset()
    by_feed = matching_ids((Exclusion.HIDE, feed.id)) or frozenset()
    keep_ids = matching_ids((Exclusion.KEEP, feed.id))
    arrivals = [
        Arrival(
            entry.id,
            entry.first_seen_at,
            rules.own_exclusion(
                is_subscribed=True,
                is_copy=entry.is_copy,
                matches_hide=entry.id in by_all or entry.id in by_feed,
                matches_keep=keep_ids is None or entry.id in keep_ids,
            ),
        )
        for entry in entries
    ]
    reasons = rules.exclusions(arrivals, settings.limits(feed))
    recent_entries = [entry for entry in entries if entry.id >= since]
    return _Decision(feed, recent_entries, reasons, {ALL_FEEDS: by_all, feed.id: by_feed})


def _effects(settings: ListSettings, decisions: Sequence[_Decision]) -> dict[RuleKey, RuleEffect]:
    """Return the effect of each rule, and of the default backlog."""
    left_out: dict[RuleKey, set[int]] = {key: set() for key in settings.rules}
    posts: dict[int, int] = {ALL_FEEDS: 0}
    for decision in decisions:
        feed_id = decision.feed.id
        posts[feed_id] = sum(not entry.is_copy for entry in decision.entries)
        posts[ALL_FEEDS] += posts[feed_id]
        for entry in decision.entries:
            for key in _rules_against(settings, decision, entry):
                left_out.setdefault(key, set()).add(entry.id)
    return {key: RuleEffect(posts[key[1]], frozenset(ids)) for key, ids in left_out.items()}


def _rules_against(
    settings: ListSettings, decision: _Decision, entry: RecentEntry
) -> Iterable[RuleKey]:
    """Yield the rules by which no list has an entry; several may hide one entry."""
    reason = decision.reasons[entry.id]
    match reason:
        case None | Exclusion.COPY | Exclusion.UNSUBSCRIBED:
            return
        case Exclusion.HIDE:
            yield from (
                (reason, feed_id) for feed_id, ids in decision.hidden_by.items() if entry.id in ids
            )
        case _:
            own_key = (reason, decision.feed.id)
            yield own_key if own_key in settings.rules else (reason, ALL_FEEDS)


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Recent entries, by how lists treat them.

    Attributes:
        ids_alone: Ids of entries that lists show whatever else lists have.
        in_stories: Entries of which lists show one of each story, by id.
        hidden: Ids of entries that lists lack by `hide`, `keep` or `per_day`.
    """

    ids_alone: set[int] = field(default_factory=set)
    in_stories: dict[int, RecentEntry] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)

    def add(self, decision: _Decision, *, has_stories: bool) -> None:
        """Add the entries of a feed."""
        for entry in decision.entries:
            reason = decision.reasons[entry.id]
            if reason in HIDDEN:
                self.hidden.add(entry.id)
            elif reason is None and has_stories and entry.story_id is not None:
                self.in_stories[entry.id] = entry
            elif reason is None:
                self.ids_alone.add(entry.id)

    def content(self) -> ListContent:
        """Return the content of a list that may have all of these entries."""
        first_ids = _first_of_stories(self.in_stories.values())
        return ListContent(frozenset(self.ids_alone | first_ids), len(self.hidden))

    def content_of(self, ids: AbstractSet[int]) -> ListContent:
        """Return the content of a list that may have the entries with these ids."""
        members = [self.in_stories[entry_id] for entry_id in ids & self.in_stories.keys()]
        return ListContent(
            frozenset(ids & self.ids_alone | _first_of_stories(members)), len(ids & self.hidden)
        )


def _contents(
    settings: ListSettings, decisions: Sequence[_Decision], matches: Matches
) -> dict[ListKey, ListContent]:
    """Return the recent entries of each list."""
    whole_list = _Sorted()
    categories: dict[str, _Sorted] = {}
    for decision in decisions:
        has_stories = settings.shows_stories and decision.feed.subscription.stories
        whole_list.add(decision, has_stories=has_stories)
        for slug in settings.names.categories[decision.feed.id]:
            categories.setdefault(slug, _Sorted()).add(decision, has_stories=has_stories)
    result = {}
    for (kind, key), definition in settings.lists.items():
        match kind:
            case ListKind.CATEGORY:
                content = categories[key].content()
            case ListKind.VIEW:
                ids = matches[settings.search(definition.search)]
                content = whole_list.content_of(ids)
            case _:
                content = whole_list.content()
        result[(kind, key)] = content
    return result


def _first_of_stories(members: Iterable[RecentEntry]) -> set[int]:
    """Return the ids of the entries that arrived first, one for each story."""
    first_entries: dict[int | None, RecentEntry] = {}
    for entry in members:
        first = first_entries.setdefault(entry.story_id, entry)
        if (entry.first_seen_at, entry.id) < (first.first_seen_at, first.id):
            first_entries[entry.story_id] = entry
    return {entry.id for entry in first_entries.values()}
