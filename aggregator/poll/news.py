"""What polls brought, compared with what is stored."""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from statistics import median_low

from aggregator import dates, dedup
from aggregator.database import Connection, store
from aggregator.model import Outcome
from aggregator.poll.reports import Finished, planned
from aggregator.poll.settings import PollSettings

_RHYTHM_OF = 10  # posts


@dataclass(frozen=True, slots=True)
class News:
    """What a poll changes in the database."""

    report: store.PollReport
    placed: list[store.PlacedEntry]
    versions: list[store.NewVersion]


def compare(connection: Connection, polls: list[Finished], settings: PollSettings) -> list[News]:
    """Compare what polls brought with what is stored, all in one look."""
    keys = {
        poll.due.id: dedup.identities(poll.document.entries) if poll.document else []
        for poll in polls
    }
    wanted = {key for candidates in keys.values() for some in candidates for key in some}
    known: dict[int, dict[bytes, dedup.KnownEntry]] = {}
    holders: dict[bytes, set[int]] = {}  # the feeds that use an id
    for entry in store.stored_under(connection, wanted):
        known.setdefault(entry.feed_id, {})[entry.identity] = entry
        if not entry.copied:
            holders.setdefault(entry.identity, set()).add(entry.feed_id)
    read = _read_at_first_hand(connection, polls, settings)
    news = []
    for poll in polls:
        feed_id = poll.due.id
        entries = poll.document.entries if poll.document else ()
        changes = dedup.compare(entries, keys[feed_id], known.get(feed_id, {}))
        placed = _placed(poll, changes, holders, read, settings.authority)
        placed = _worth_keeping(connection, feed_id, placed, settings)
        versions = [
            store.NewVersion(feed_id, change, poll.report.ended_at) for change in changes.changed
        ]
        if placed or poll.due.gap is None:
            poll = planned(poll, _gap(connection, feed_id, placed))
        report = replace(
            poll.report,
            outcome=Outcome.NEW if placed or versions else poll.report.outcome,
            new=len(placed),
            updated=len(versions),
        )
        news.append(News(report, placed, versions))
    return news


def _gap(connection: Connection, feed_id: int, placed: list[store.PlacedEntry]) -> timedelta | None:
    """Return the usual time between two posts of a feed, None where it has one at most.

    The median over the newest ones: two years of silence are one gap, as is a day with ten posts.
    """
    places = [one.listed_at for one in placed]
    places += store.newest_places(connection, feed_id, limit=_RHYTHM_OF)
    newest = sorted(places, reverse=True)[:_RHYTHM_OF]
    gaps = [later - earlier for later, earlier in pairwise(newest)]
    return median_low(gaps) if gaps else None


def _read_at_first_hand(
    connection: Connection, polls: list[Finished], settings: PollSettings
) -> frozenset[str]:
    """Return the names of all feeds that we read or publish; none if no entry is a copy."""
    entries = (entry for poll in polls if poll.document for entry in poll.document.entries)
    if all(entry.origin is None for entry in entries):
        return frozenset()
    ours = [(uri, "") for uri in settings.published]
    feeds = [*store.read_feeds(connection), *ours]
    return frozenset(name for feed in feeds for name in dedup.names(*feed))


def _placed(
    poll: Finished,
    changes: dedup.Changes,
    holders: dict[bytes, set[int]],
    read: frozenset[str],
    authority: str,
) -> list[store.PlacedEntry]:
    """Decide where new entries stand and what they are called, for good."""
    due, now = poll.due, poll.report.ended_at
    listed = dates.places(
        [new.entry.published_at for new in changes.new],
        first_seen_at=now,
        first_poll=due.body_hash is None,
    )
    placed = []
    for new, listed_at in zip(changes.new, listed, strict=True):
        users = holders.setdefault(new.identity, set())
        taken = bool(users - {due.id})
        copied = dedup.is_copy(new, read=read, held=taken)
        public_id = dedup.public_id(
            new,
            feed_url=due.url,
            authority=f"{authority},{now.year}",
            taken=taken and not copied,
        )
        if not copied:
            users.add(due.id)
        placed.append(store.PlacedEntry(due.id, new, listed_at, public_id, now, copied))
    return placed


def _worth_keeping(
    connection: Connection, feed_id: int, placed: list[store.PlacedEntry], settings: PollSettings
) -> list[store.PlacedEntry]:
    """Leave out new entries that retention would delete."""

    def is_young(one: store.PlacedEntry) -> bool:
        return one.first_seen_at - one.listed_at <= settings.keep

    if all(map(is_young, placed)):
        return placed
    wanted = settings.min_entries
    places = [one.listed_at for one in placed]
    places += store.newest_places(connection, feed_id, limit=wanted)
    spared = sorted(places, reverse=True)[:wanted]
    if len(spared) < wanted:
        return placed
    return [one for one in placed if is_young(one) or (spared and one.listed_at >= spared[-1])]
