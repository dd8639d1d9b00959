"""Polls compared with the database: which entries are new, which changed, and in what rhythm.

This module decides and writes nothing; `recording` writes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_low

from aggregator import dates, dedup
from aggregator.database import Connection
from aggregator.database.entries import read_known_entries, write_entries, write_keys
from aggregator.database.feeds import write_subscriptions
from aggregator.model import CleanEntry, CleanFeed, Habits
from aggregator.model.seen_hashes import seen_ids
from aggregator.poll import document_dates
from aggregator.poll.reports import CompletedPoll, PollSuccess
from aggregator.poll.settings import PollSettings
from aggregator.reading.document_limits import MAX_ENTRIES
from aggregator.stories.story_keys import story_keys

_GAP_SAMPLE = 10  # newest posts whose gaps are measured


@dataclass(frozen=True, slots=True)
class ReconciledPoll:
    """A poll and the changes to the database.

    Attributes:
        gap: Usual time between two entries of the feed, None if unknown.
        habits: How the feed's documents behave.
        updated: Number of versions shown to readers as updates.
        matches: One for each entry read from the document; empty without a document.
        new_entries: New entries to be stored, without those past retention.
        versions: New versions of stored entries.
        keys: Further keys of stored entries, and keys found to be ambiguous.
        corrected_dates: Of stored entries that the document dates more exactly.
    """

    poll: CompletedPoll
    gap: timedelta | None
    habits: Habits
    updated: int = 0
    matches: tuple[dedup.Match, ...] = ()
    new_entries: Sequence[write_entries.PlacedEntry] = ()
    versions: Sequence[write_entries.NewVersion] = ()
    keys: Sequence[write_keys.EntryKey] = ()
    corrected_dates: Sequence[write_entries.CorrectedDate] = ()


def reconcile(
    connection: Connection, polls: Sequence[CompletedPoll], settings: PollSettings
) -> list[ReconciledPoll]:
    """Compare polls with the stored entries, which are read for all polls at once."""
    stored = _StoredState.read(connection, polls, settings)
    budget = dedup.BUDGET
    reconciled = []
    for poll, keys in zip(polls, stored.keys, strict=True):
        due, success = poll.due, poll.success
        if success is None or success.document is None:
            gap = due.pacing.gap
            if gap is None:
                gap = _gap(stored.newest_places(due.id))
            reconciled.append(ReconciledPoll(poll, gap, due.habits))
            continue
        unchanged_ids = seen_ids(success.seen_hashes)
        stored_entries = stored.entries_of(due.id, unchanged_ids=unchanged_ids)
        document = _PolledDocument(poll, success, success.document, stored_entries)
        changes, spent = document.changes(connection, keys, budget=budget // 2)
        budget -= spent
        reconciled.append(_reconciled(connection, document, changes, stored, settings))
    return reconciled


@dataclass(frozen=True, slots=True)
class _PolledDocument:
    """The document of a poll, and the stored entries to compare with the document's."""

    poll: CompletedPoll
    success: PollSuccess
    feed: CleanFeed
    stored: dedup.StoredEntries

    def dated_entries(self) -> tuple[CleanEntry, ...]:
        """Return the entries with dates corrected by the habits of the feed."""
        is_complete = not self.stored.unchanged_ids
        return document_dates.with_habits(self.poll.due, self.feed, is_complete=is_complete)

    def corrected_dates(self, matches: Sequence[dedup.Match]) -> list[write_entries.CorrectedDate]:
        """Return the dates of stored entries that the document has more exactly.

        Dates of feeds are exact, so only those of a page are compared.
        """
        if self.poll.due.selectors is None:
            return []
        return document_dates.corrected_dates(self.dated_entries(), matches)

    def changes(
        self, connection: Connection, keys: Sequence[dedup.Keys], *, budget: int
    ) -> tuple[dedup.Changes, int]:
        """Return the changes, and how much of the budget for edits was spent."""
        due = self.poll.due
        changes = dedup.compare(self.dated_entries(), keys, self.stored, due.habits)
        known_count = len(self.stored.unchanged_ids) + changes.known_count
        changes, spent = _with_edits_compared(connection, changes, known_count, budget=budget)
        habits = document_dates.learned_habits(
            due,
            self.feed,
            changes,
            known_count=known_count,
            sent_at=self.success.sent_at or self.poll.ended_at,
        )
        changes = document_dates.redated(due, self.feed, changes, habits)
        return replace(changes, habits=habits), spent


def _reconciled(
    connection: Connection,
    document: _PolledDocument,
    changes: dedup.Changes,
    stored: "_StoredState",
    settings: PollSettings,
) -> ReconciledPoll:
    poll, due = document.poll, document.poll.due
    newest = stored.newest_places(due.id)
    placed_entries = _placed_entries(document, changes.new_entries, stored, settings)
    new_entries = _kept_by_retention(connection, due.id, placed_entries, settings)
    updated = sum(changed_entry.is_update for changed_entry in changes.changed_entries)
    gap = due.pacing.gap
    if new_entries or gap is None:
        gap = _gap([entry.listed_at for entry in new_entries] + newest)
    added_keys = [
        write_keys.EntryKey(due.id, added_key.key, added_key.entry_id)
        for added_key in changes.added_keys
    ]
    ambiguous_keys = [write_keys.EntryKey(due.id, key, None) for key in changes.ambiguous_keys]
    return ReconciledPoll(
        poll,
        gap,
        changes.habits,
        updated,
        changes.matches,
        new_entries,
        [
            write_entries.NewVersion(due.id, changed_entry, poll.ended_at)
            for changed_entry in changes.changed_entries
        ],
        added_keys + ambiguous_keys,
        document.corrected_dates(changes.matches),
    )


def _feeds_with_new_gap(polls: Iterable[CompletedPoll]) -> list[int]:
    """Return the ids of the feeds with a possibly changed gap between posts."""
    return [
        poll.due.id
        for poll in polls  # also first ones: an earlier attempt may be stored in part
        if poll.entry_count or poll.due.pacing.gap is None
    ]


def _gap(places: Sequence[datetime]) -> timedelta | None:
    """Return the usual time between two posts of a feed, None for less than two posts.

    The result is the median over the newest posts: two years of silence count like a pause on a
    day with ten posts.

    Args:
        places: Where the posts stand in the list, in any order.
    """
    newest = sorted(places, reverse=True)[:_GAP_SAMPLE]
    gaps = [later - earlier for later, earlier in pairwise(newest)]
    return median_low(gaps) if gaps else None


@dataclass(frozen=True, slots=True)
class _StoredState:
    """The stored state of the feeds and entries of several polls.

    Attributes:
        keys: The keys of the polled entries, for each poll.
        by_guid: Stored entries by feed id and identity.
        owners: Owners of keys by feed id and short key.
        by_id: The entries named by `owners`.
        holders: Ids of the feeds that have an original entry, by its identity; new entries are
            added when they are placed.
        newest: Places in the list of the newest entries, by feed id.
        first_hand: Known originals, to recognise copies; None if no entry names an origin.
    """

    keys: list[list[dedup.Keys]]
    by_guid: Mapping[int, Mapping[bytes, dedup.KnownEntry]]
    owners: Mapping[int, Mapping[int, dedup.KeyOwner]]
    by_id: Mapping[int, dedup.KnownEntry]
    holders: dict[bytes, set[int]]
    newest: Mapping[int, list[datetime]]
    first_hand: dedup.FirstHand | None

    @classmethod
    def read(
        cls, connection: Connection, polls: Sequence[CompletedPoll], settings: PollSettings
    ) -> "_StoredState":
        keys = [
            [dedup.keys_of(entry) for entry in poll.document.entries] if poll.document else []
            for poll in polls
        ]
        by_guid: dict[int, dict[bytes, dedup.KnownEntry]] = {}
        holders: dict[bytes, set[int]] = {}
        guids = {key.guid for poll_keys in keys for key in poll_keys if key.guid is not None}
        for entry in read_known_entries.known_by_identity(connection, guids):
            by_guid.setdefault(entry.feed_id, {})[entry.identity] = entry
            if not entry.copied:
                holders.setdefault(entry.identity, set()).add(entry.feed_id)
        weak_keys = [
            (poll.due.id, key)
            for poll, poll_keys in zip(polls, keys, strict=True)
            if poll.document  # also of a first poll: an earlier attempt may be stored in part
            for key in _weak_keys(poll, poll.document, poll_keys, by_guid.get(poll.due.id, {}))
        ]
        owners = write_keys.key_owners(connection, weak_keys)
        owner_ids = {
            owner.entry_id
            for feed_owners in owners.values()
            for owner in feed_owners.values()
            if owner.entry_id is not None and not owner.is_deleted
        }
        by_id = {entry.id: entry for entry in read_known_entries.known_by_id(connection, owner_ids)}
        newest = read_known_entries.newest_places(
            connection, _feeds_with_new_gap(polls), limit=_GAP_SAMPLE
        )
        first_hand = _first_hand(connection, polls, keys, settings)
        return cls(keys, by_guid, owners, by_id, holders, newest, first_hand)

    def newest_places(self, feed_id: int) -> list[datetime]:
        return self.newest.get(feed_id, [])

    def entries_of(self, feed_id: int, *, unchanged_ids: set[int]) -> dedup.StoredEntries:
        return dedup.StoredEntries(
            self.by_guid.get(feed_id, {}),
            self.owners.get(feed_id, {}),
            self.by_id,
            unchanged_ids=unchanged_ids,
        )


def _weak_keys(
    poll: CompletedPoll,
    document: CleanFeed,
    keys: Sequence[dedup.Keys],
    by_guid: Mapping[bytes, dedup.KnownEntry],
) -> Iterable[int]:
    """Yield the short keys of entries without a guid to trust for finding the stored entry."""
    habits = poll.due.habits
    guids_are_unique = len({key.guid for key in keys}) == len(keys)
    trusts_guids = not habits.shared_guids and not habits.renamed and guids_are_unique
    for entry, key in zip(document.entries, keys, strict=True):
        if trusts_guids and key.guid in by_guid:
            continue
        yield from key.short_keys()
        yield dedup.short_key(dedup.combined_key(entry))
        if key.guid is not None:
            yield dedup.short_key(key.guid)


def _with_edits_compared(
    connection: Connection, changes: dedup.Changes, known_count: int, *, budget: int
) -> tuple[dedup.Changes, int]:
    """Find out how much of each changed entry changed.

    Args:
        known_count: Number of stored entries in the document.

    Returns:
        The changes, and how much of the budget was spent.
    """
    comparison = dedup.EditComparison(changes, budget=budget)
    while ids := comparison.next_ids():
        comparison.compare(read_known_entries.stored_texts(connection, ids))
    return comparison.result(known_count=known_count), comparison.spent


def _first_hand(
    connection: Connection,
    polls: Sequence[CompletedPoll],
    keys: Sequence[Sequence[dedup.Keys]],
    settings: PollSettings,
) -> dedup.FirstHand | None:
    """Return the known originals, to recognise copies; None if no entry names an origin."""
    copies = [
        (entry.origin, entry_keys)
        for poll, poll_keys in zip(polls, keys, strict=True)
        if poll.document
        for entry, entry_keys in zip(poll.document.entries, poll_keys, strict=True)
        if entry.origin is not None
    ]
    if not copies:
        return None
    first_hand = _known_feeds(connection, settings)
    origin_keys = {
        (feed_id, key)
        for origin, entry_keys in copies
        for feed_id in first_hand.origins(origin)
        for key in entry_keys.short_keys()
    }
    for feed_id, owners in write_keys.key_owners(connection, sorted(origin_keys)).items():
        first_hand.keys.update((feed_id, key) for key, owner in owners.items() if owner.entry_id)
    return first_hand


def _known_feeds(connection: Connection, settings: PollSettings) -> dedup.FirstHand:
    """Return the names of all feeds, ours included, as yet without the keys of entries."""
    feeds = write_subscriptions.read_feeds(connection)
    return dedup.FirstHand(
        own_names=frozenset(
            name for uri in settings.published for name in dedup.feed_names(uri, "")
        ),
        feeds={
            name: feed_id
            for feed_id, published_id, url in feeds
            for name in dedup.believed_names(published_id, url)
        },
        feed_urls={feed_id: url for feed_id, _, url in feeds},
    )


def _placed_entries(
    document: _PolledDocument,
    new_entries: Sequence[dedup.NewEntry],
    stored: _StoredState,
    settings: PollSettings,
) -> list[write_entries.PlacedEntry]:
    """Decide the place in the list and the public id of new entries, both for good."""
    due, now, first_hand = document.poll.due, document.poll.ended_at, stored.first_hand
    places = _placements(document, new_entries, settings)
    placed_entries: list[write_entries.PlacedEntry] = []
    for new_entry, place in zip(new_entries, places, strict=True):
        entry = new_entry.entry
        holders = stored.holders.setdefault(new_entry.identity, set())
        is_copy = first_hand is not None and first_hand.has(
            new_entry, feed_id=due.id, holders=holders
        )
        public_id = dedup.public_id(
            new_entry,
            feed_url=due.url,
            authority=f"{settings.authority},{now.year}",
            is_taken=bool(holders - {due.id}) and not is_copy,
        )
        if not is_copy:
            holders.add(due.id)
            if first_hand is not None:
                first_hand.keys.update((due.id, key) for key in new_entry.keys)
        placed_entries.append(
            write_entries.PlacedEntry(
                due.id,
                new_entry,
                place.at,
                public_id,
                now,
                story_keys(entry.url, entry.title, entry.content_html),
                copied=is_copy,
                reason=place.reason,
            )
        )
    return placed_entries


def _placements(
    document: _PolledDocument, new_entries: Sequence[dedup.NewEntry], settings: PollSettings
) -> list[dates.Placement]:
    published_times = [
        dates.PublishedTime(new_entry.entry.published_at, bool(date and date.whole_day))
        for new_entry in new_entries
        for date in [new_entry.entry.date]
    ]
    return dates.placements(
        published_times,
        first_seen_at=document.poll.ended_at,
        first_poll=document.poll.due.validation.body_hash is None,
        order=settings.order,
        latest=_latest_times(document.success, new_entries),
        keep=settings.keep,
    )


def _latest_times(
    success: PollSuccess, new_entries: Iterable[dedup.NewEntry]
) -> list[datetime | None]:
    """Return a time at which each new entry existed, from sources that do not date the entry."""
    last_modified = dates.read(success.validators.last_modified, None)
    document_at = last_modified.at if last_modified else None
    return [
        min((at for at in (new_entry.entry.updated_at, document_at) if at), default=None)
        for new_entry in new_entries
    ]


def _kept_by_retention(
    connection: Connection,
    feed_id: int,
    placed_entries: list[write_entries.PlacedEntry],
    settings: PollSettings,
) -> list[write_entries.PlacedEntry]:
    """Leave out new entries past retention."""
    placed_entries = _within_max_entries(connection, feed_id, placed_entries, settings.max_entries)

    def is_young(entry: write_entries.PlacedEntry) -> bool:
        return entry.first_seen_at - entry.listed_at <= settings.keep

    if all(map(is_young, placed_entries)):
        return placed_entries
    min_entries = settings.min_entries
    places = [entry.listed_at for entry in placed_entries]
    places += read_known_entries.newest_places(connection, [feed_id], limit=min_entries).get(
        feed_id, []
    )
    spared = sorted(places, reverse=True)[:min_entries]
    if len(spared) < min_entries:
        return placed_entries
    return [
        entry
        for entry in placed_entries
        if is_young(entry) or (spared and entry.listed_at >= spared[-1])
    ]


def _within_max_entries(
    connection: Connection,
    feed_id: int,
    placed_entries: list[write_entries.PlacedEntry],
    max_entries: int,
) -> list[write_entries.PlacedEntry]:
    """Leave out new entries below the newest `max_entries` of the feed.

    Where a document cannot have so many entries, retention deletes the surplus.
    """
    if not placed_entries or max_entries > MAX_ENTRIES:
        return placed_entries
    places = [entry.listed_at for entry in placed_entries]
    places += read_known_entries.newest_places(connection, [feed_id], limit=max_entries).get(
        feed_id, []
    )
    if len(places) <= max_entries:
        return placed_entries
    oldest = sorted(places, reverse=True)[max_entries - 1]
    return [entry for entry in placed_entries if entry.listed_at >= oldest]
