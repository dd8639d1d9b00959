"""What polls brought, compared with what is stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median_low

from aggregator import dates, dedup
from aggregator.database import Connection
from aggregator.database.entries import write_entries, write_keys
from aggregator.database.feeds import write_hosts, write_leases, write_polls, write_subscriptions
from aggregator.database.websub import write_unannounced
from aggregator.model import CleanEntry, Outcome
from aggregator.model.seen_hashes import seen_ids, with_ids
from aggregator.poll import document_dates
from aggregator.poll.hour_ranks import ranked
from aggregator.poll.reports import Finished, planned
from aggregator.poll.settings import PollSettings
from aggregator.poll.story_matching import match_stories
from aggregator.reading.prefilter import MAX_ENTRIES
from aggregator.stories import similarity

_RHYTHM_OF = 10  # posts


@dataclass(frozen=True, slots=True)
class News:
    """What a poll changes in the database.

    Attributes:
        keys: More names of entries that are there, and names that say nothing any more.
        listed: For each entry that was read the id it is stored under, 0 for none; None for the
            next one of `placed`, which gets its id when it is stored.
    """

    poll: Finished
    report: write_polls.PollReport
    placed: Sequence[write_entries.PlacedEntry] = ()
    versions: Sequence[write_entries.NewVersion] = ()
    keys: Sequence[tuple[int, int, int | None]] = ()
    listed: tuple[int | None, ...] = ()


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
        now: When they are stored, not seen: the database may have been locked since.  None: now.

    Returns:
        A report for each poll; None for one that was overtaken (`store.leases_in_force`), of which
        only what it taught of the sites is stored.
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
    report_of = {one.feed_id: one for one in _record(connection, current, settings, now)}
    return [report_of.get(poll.due.id) for poll in polls]


def _record(
    connection: Connection, polls: list[Finished], settings: PollSettings, now: datetime | None
) -> list[write_polls.PollReport]:
    found = compare(connection, polls, settings)
    placed = [entry for one in found for entry in one.placed]
    now = now or datetime.now(UTC)
    ids = write_entries.add_entries(connection, placed, now=now)
    versions = [entry for one in found for entry in one.versions]
    write_entries.change_entries(connection, versions, now=now)
    write_keys.add_keys(connection, [key for one in found for key in one.keys])
    left = iter(ids)
    reports = [
        one.report if one.poll.document is None else replace(one.report, memory=_memory(one, left))
        for one in found
    ]
    write_polls.record_polls(connection, reports)
    match_stories(connection, placed, ids)
    if settings.announced:
        changed = [one.feed_id for one in reports if one.new or one.updated]
        write_unannounced.note_unannounced(connection, changed, now=now)
    return reports


def compare(connection: Connection, polls: list[Finished], settings: PollSettings) -> list[News]:
    """Compare what polls brought with what is stored, all in one look."""
    asked = _Asked.of(connection, polls)
    newest = write_entries.newest_places(connection, _in_rhythm(polls), limit=_RHYTHM_OF)
    first_hand = _first_hand(connection, polls, asked.keys, settings)
    budget = dedup.BUDGET
    news = []
    for poll, keys in zip(polls, asked.keys, strict=True):
        if poll.document is None:
            if poll.due.gap is None:
                poll = planned(poll, _gap(newest.get(poll.due.id, [])))
            news.append(News(poll, poll.report))
            continue
        due = poll.due
        memory = asked.memory(due.id, listed=seen_ids(poll.report.memory))
        entries = document_dates.settled(due, poll.document, alone=not memory.listed)
        changes = dedup.compare(entries, keys, memory, due.habits)
        there = len(memory.listed) + sum(bool(entry_id) for entry_id in changes.listed)
        changes, spent = _weighed(connection, changes, there, budget=budget // 2)
        budget -= spent
        seen_at = poll.sent_at or poll.report.ended_at
        habits = document_dates.learned(due, poll.document, changes, there=there, seen_at=seen_at)
        changes = document_dates.dated_anew(due, poll.document, changes, habits)
        placed = _placed(poll, changes, asked.holders, first_hand, settings)
        kept = _worth_keeping(connection, due.id, placed, settings)
        versions = [
            write_entries.NewVersion(due.id, change, poll.report.ended_at)
            for change in changes.changed
        ]
        told = sum(one.change.is_told for one in versions)
        if kept or due.gap is None:
            places = [one.listed_at for one in kept] + newest.get(due.id, [])
            poll = planned(poll, _gap(places))
        report = replace(
            poll.report,
            outcome=Outcome.NEW if kept or told else poll.report.outcome,
            new=len(kept),
            updated=told,
            habits=habits if habits != due.habits else None,
        )
        names = [*changes.renamed, *((key, None) for key in changes.shared)]
        keys_there = [(due.id, key, entry) for key, entry in names]
        listed = _without(changes.listed, placed, kept)
        known = newest.get(due.id, [])
        kept = ranked(connection, kept, known, are_all=len(known) < _RHYTHM_OF)
        news.append(News(poll, report, kept, versions, keys_there, listed))
    return news


def _in_rhythm(polls: list[Finished]) -> list[int]:
    """Return the feeds whose rhythm may be another one now."""
    return [
        poll.due.id for poll in polls if poll.due.polls and (poll.entries or poll.due.gap is None)
    ]


def _gap(places: list[datetime]) -> timedelta | None:
    """Return the usual time between two posts of a feed, None where it has one at most.

    The median over the newest ones: two years of silence are one gap, as is a day with ten posts.
    """
    newest = sorted(places, reverse=True)[:_RHYTHM_OF]
    gaps = [later - earlier for later, earlier in pairwise(newest)]
    return median_low(gaps) if gaps else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the database says about the entries of some documents.

    Attributes:
        keys: For each poll those of its entries.
        holders: By identity the feeds that have an entry under it at first hand.
    """

    keys: list[list[dedup.Keys]]
    by_guid: dict[int, dict[bytes, dedup.KnownEntry]]
    owners: dict[int, dict[int, dedup.Owner]]
    by_id: dict[int, dedup.KnownEntry]
    holders: dict[bytes, set[int]]

    @classmethod
    def of(cls, connection: Connection, polls: list[Finished]) -> "_Asked":
        keys = [
            [dedup.keys_of(entry) for entry in poll.document.entries] if poll.document else []
            for poll in polls
        ]
        by_guid: dict[int, dict[bytes, dedup.KnownEntry]] = {}
        holders: dict[bytes, set[int]] = {}
        guids = {one.guid for some in keys for one in some if one.guid is not None}
        for entry in write_entries.stored_under(connection, guids):
            by_guid.setdefault(entry.feed_id, {})[entry.identity] = entry
            if not entry.copied:
                holders.setdefault(entry.identity, set()).add(entry.feed_id)
        wanted = [
            (poll.due.id, number)
            for poll, some in zip(polls, keys, strict=True)
            if poll.due.polls and poll.document
            for number in _unanswered(poll, some, by_guid.get(poll.due.id, {}))
        ]
        owners = write_keys.key_owners(connection, wanted)
        ids = {
            owner.entry_id
            for some_owners in owners.values()
            for owner in some_owners.values()
            if owner.entry_id is not None and not owner.gone
        }
        by_id = {entry.id: entry for entry in write_entries.known_by_id(connection, ids)}
        return cls(keys, by_guid, owners, by_id, holders)

    def memory(self, feed_id: int, *, listed: set[int]) -> dedup.Memory:
        return dedup.Memory(
            self.by_guid.get(feed_id, {}), self.owners.get(feed_id, {}), self.by_id, listed
        )


def _unanswered(
    poll: Finished, keys: list[dedup.Keys], by_guid: dict[bytes, dedup.KnownEntry]
) -> Iterable[int]:
    """Yield the numbers of keys to look for, of entries that their guid does not find."""
    entries: tuple[CleanEntry, ...] = poll.document.entries if poll.document else ()
    guids_tell = not poll.due.habits.shared_guids and not poll.due.habits.renamed
    repeated = len({key.guid for key in keys}) < len(keys)
    for entry, key in zip(entries, keys, strict=True):
        if key.guid in by_guid and guids_tell and not repeated:
            continue
        yield from key.numbers()
        yield dedup.number(dedup.key_of_all(entry))
        if key.guid is not None:
            yield dedup.number(key.guid)


def _weighed(
    connection: Connection, changes: dedup.Changes, there: int, *, budget: int
) -> tuple[dedup.Changes, int]:
    """Find out how much changed entries changed; `there` of the document's are stored.

    Returns:
        The changes, and how much of the budget that took.
    """
    comparison = dedup.Comparison(changes, budget=budget)
    while ids := comparison.wanted():
        comparison.take(write_entries.stored_texts(connection, ids))
    return comparison.result(listed=there), comparison.spent


def _without(
    listed: tuple[int | None, ...],
    placed: list[write_entries.PlacedEntry],
    kept: list[write_entries.PlacedEntry],
) -> tuple[int | None, ...]:
    """Return `listed` with 0 for new entries that are not to be kept."""
    if len(kept) == len(placed):
        return listed
    wanted = {id(one) for one in kept}
    upcoming = iter(placed)
    return tuple(
        (None if id(next(upcoming)) in wanted else 0) if entry_id is None else entry_id
        for entry_id in listed
    )


def _memory(one: News, new_ids: Iterable[int]) -> bytes:
    """Return what to remember of a document, now that all its entries have ids."""
    if not one.listed and not one.report.memory:
        return one.poll.due.memory  # it lists nothing: what was listed may be so again
    upcoming = iter(new_ids)
    ids = [next(upcoming) if entry_id is None else entry_id for entry_id in one.listed]
    return with_ids(one.report.memory, one.poll.places, ids)


def _first_hand(
    connection: Connection,
    polls: list[Finished],
    keys: list[list[dedup.Keys]],
    settings: PollSettings,
) -> dedup.FirstHand | None:
    """Return what tells copies from other entries; None if no entry says that it is a copy."""
    copies = [
        (entry.origin, of_entry)
        for poll, of_poll in zip(polls, keys, strict=True)
        if poll.document
        for entry, of_entry in zip(poll.document.entries, of_poll, strict=True)
        if entry.origin is not None
    ]
    if not copies:
        return None
    feeds = write_subscriptions.read_feeds(connection)
    first_hand = dedup.FirstHand(
        ours=frozenset(name for uri in settings.published for name in dedup.names(uri, "")),
        feeds={
            name: key for key, feed_id, url in feeds for name in dedup.believed_names(feed_id, url)
        },
        addresses={key: url for key, _, url in feeds},
    )
    wanted = {
        (feed, number)
        for origin, of_entry in copies
        for feed in first_hand.origins(origin)
        for number in of_entry.numbers()
    }
    for feed, owners in write_keys.key_owners(connection, sorted(wanted)).items():
        first_hand.keys.update((feed, key) for key, owner in owners.items() if owner.entry_id)
    return first_hand


def _placed(
    poll: Finished,
    changes: dedup.Changes,
    holders: dict[bytes, set[int]],
    first_hand: dedup.FirstHand | None,
    settings: PollSettings,
) -> list[write_entries.PlacedEntry]:
    """Decide where new entries stand and what they are called, for good."""
    due, now = poll.due, poll.report.ended_at
    listed = dates.places(
        [
            (new.entry.published_at, bool(new.entry.date and new.entry.date.whole_day))
            for new in changes.new
        ],
        first_seen_at=now,
        first_poll=due.body_hash is None,
        order=settings.order,
        latest=_latest(poll, changes),
        keep=settings.keep,
    )
    placed = []
    for new, place in zip(changes.new, listed, strict=True):
        users = holders.setdefault(new.identity, set())
        taken = bool(users - {due.id})
        copied = first_hand is not None and first_hand.has(new, feed=due.id, holders=users)
        public_id = dedup.public_id(
            new,
            feed_url=due.url,
            authority=f"{settings.authority},{now.year}",
            taken=taken and not copied,
        )
        if not copied:
            users.add(due.id)
            if first_hand is not None:
                first_hand.keys.update((due.id, key) for key in new.keys)
        keys = similarity.keys(new.entry.url, new.entry.title, new.entry.content_html)
        placed.append(
            write_entries.PlacedEntry(
                due.id, new, place.at, public_id, now, keys, copied=copied, reason=place.reason
            )
        )
    return placed


def _latest(poll: Finished, changes: dedup.Changes) -> list[datetime | None]:
    """Return when each new entry was there at the latest, by all that does not date it."""
    validators = poll.report.validators
    last_modified = dates.read(validators.last_modified, None) if validators else None
    document_at = last_modified.at if last_modified else None
    return [
        min((at for at in (new.entry.updated_at, document_at) if at), default=None)
        for new in changes.new
    ]


def _worth_keeping(
    connection: Connection,
    feed_id: int,
    placed: list[write_entries.PlacedEntry],
    settings: PollSettings,
) -> list[write_entries.PlacedEntry]:
    """Leave out new entries that retention would delete."""
    placed = _within_most(connection, feed_id, placed, settings.max_entries)

    def is_young(one: write_entries.PlacedEntry) -> bool:
        return one.first_seen_at - one.listed_at <= settings.keep

    if all(map(is_young, placed)):
        return placed
    wanted = settings.min_entries
    places = [one.listed_at for one in placed]
    places += write_entries.newest_places(connection, [feed_id], limit=wanted).get(feed_id, [])
    spared = sorted(places, reverse=True)[:wanted]
    if len(spared) < wanted:
        return placed
    return [one for one in placed if is_young(one) or (spared and one.listed_at >= spared[-1])]


def _within_most(
    connection: Connection, feed_id: int, placed: list[write_entries.PlacedEntry], most: int
) -> list[write_entries.PlacedEntry]:
    """Leave out new entries that are older than the newest `most` of their feed.

    Where a document can't have so many, retention deletes what is too much.
    """
    if not placed or most > MAX_ENTRIES:
        return placed
    places = [one.listed_at for one in placed]
    places += write_entries.newest_places(connection, [feed_id], limit=most).get(feed_id, [])
    if len(places) <= most:
        return placed
    oldest = sorted(places, reverse=True)[most - 1]
    return [one for one in placed if one.listed_at >= oldest]
