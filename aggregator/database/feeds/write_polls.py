"""Outcomes of polls: all changes of a poll, but for entries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, bindparam, case, func, select, update

from aggregator import urls
from aggregator.database.chunks import execute_for_each
from aggregator.database.dialects import upsert
from aggregator.database.feeds import write_names
from aggregator.database.feeds.read_sources import KNOWN_URL
from aggregator.database.feeds.write_hosts import note_pauses
from aggregator.database.feeds.write_leases import lock_leased, release_leases
from aggregator.database.lists import write_relistings
from aggregator.database.lists.write_resolved_names import follow_titles
from aggregator.database.schema import POLLS_KEPT, feeds, polls, state
from aggregator.database.stories import read_stories
from aggregator.model import (
    BECAUSE_PAUSED,
    DueFeed,
    Failure,
    FeedHead,
    Habits,
    HostPause,
    NextPoll,
    Outcome,
    Pacing,
    Relocation,
    Validation,
)


@dataclass(frozen=True, slots=True)
class FeedUpdate:
    """The state that a poll without an error leaves for the next poll.

    Attributes:
        validation: For the comparison with the next document.
        pacing: How often the feed is polled from now on.
        habits: How the feed's documents behave.
        head: The document's head, None if no document was read.
        is_full: A 200 was read; only its validators count from now on.
        posts: Of the document, if it is a page; None for a feed, or if no document was read.
    """

    validation: Validation
    pacing: Pacing
    habits: Habits
    head: FeedHead | None = None
    is_full: bool = False
    posts: int | None = None


@dataclass(frozen=True, slots=True)
class PollFailure:
    """The failure of a poll.

    Attributes:
        reason: In words, for the log.
        count: Failed polls in a row, including this poll; 0 for an uncounted failure.
        cause: For the status page; None if unknown.
    """

    reason: str
    count: int
    cause: Failure | None = None


@dataclass(frozen=True, slots=True)
class PollReport:
    """The outcome of one poll; made once, after the comparison with stored entries.

    Attributes:
        feed: As leased.
        started_at, ended_at: From the start of the request to the end of reading.
        next_poll: Time and reason of the next poll.
        relocation: Where the feed is polled from now on.
        result: The new state of the feed, or the failure.
        status: HTTP status, None without an answer.
        size: Bytes of the answer's body, as received.
        new, updated: Numbers of new entries and of entries with an edit worth telling readers.
    """

    feed: DueFeed
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    next_poll: NextPoll
    relocation: Relocation
    result: FeedUpdate | PollFailure
    status: int | None = None
    size: int = 0
    new: int = 0
    updated: int = 0

    @property
    def error(self) -> str | None:
        """Why the poll failed, None after a success."""
        return self.result.reason if isinstance(self.result, PollFailure) else None

    @property
    def failure(self) -> Failure | None:
        """The cause of a failure, None after a success."""
        return self.result.cause if isinstance(self.result, PollFailure) else None


@dataclass(frozen=True, slots=True)
class LockedPolls:
    """Polls in a transaction with all locks for storing them.

    Attributes:
        in_force: Ids of the feeds whose polls count; the other polls were overtaken.
    """

    connection: Connection
    in_force: frozenset[int]


def lock_polls(
    connection: Connection, due: Sequence[DueFeed], *, checked_at: datetime
) -> LockedPolls:
    """Begin to store the polls of feeds; the first write of a transaction.

    Locks `state`, then the rows of `feeds`; `record_polls` locks `hosts` last.  Every transaction
    with entries, and every move of the schedule, keeps this order: on PostgreSQL two processes
    would otherwise wait for each other's rows.

    Args:
        due: The feeds as leased.
        checked_at: End of the last of these polls.
    """
    connection.execute(update(state).values(checked_at=checked_at))
    return LockedPolls(connection, lock_leased(connection, due))


def record_polls(
    locked: LockedPolls, reports: Sequence[PollReport], pauses: Sequence[HostPause] = ()
) -> list[PollReport]:
    """Write the outcomes of polls, and give the leases back.

    A feed that has left config.yaml meanwhile is not polled again.  A feed without a name in the
    file is called after the title of its first document.

    Args:
        reports: Of polls in force.
        pauses: Of all polls, including overtaken polls: the hosts were asked all the same.

    Returns:
        The reports, with the new names of feeds.
    """
    connection = locked.connection
    new_names = _record_reports(connection, reports) if reports else {}
    note_pauses(connection, pauses)
    return [
        replace(report, feed=replace(report.feed, name=new_names[report.feed.id]))
        if report.feed.id in new_names
        else report
        for report in reports
    ]


def _record_reports(connection: Connection, reports: Sequence[PollReport]) -> dict[int, str]:
    """Write the outcomes of polls; return the new names of feeds by id."""
    rows = connection.execute(_CURRENT, {"feeds": sorted({report.feed.id for report in reports})})
    row_of = {row.id: row for row in rows}
    if any(_is_visible(report, row_of[report.feed.id]) for report in reports):
        note_change(connection)
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for report in reports:
        values = _feed_values(report, row_of[report.feed.id])
        row = {"feed": report.feed.id} | {f"new_{name}": v for name, v in values.items()}
        by_columns.setdefault(tuple(values), []).append(row)
    for columns, changes in by_columns.items():
        execute_for_each(connection, _update_feed(columns), changes)
    _follow_heads(connection, reports, row_of)
    upsert(connection, polls, [_poll_row(report) for report in reports], key=["feed_id", "slot"])
    return write_names.name_by_titles(connection, _newly_titled(reports, row_of))


def _newly_titled(
    reports: Sequence[PollReport], row_of: Mapping[int, Any]
) -> Iterator[write_names.TitledFeed]:
    """Yield the feeds to be called after the titles of their first documents.

    Args:
        row_of: The feeds as stored before, by id.
    """
    for report in reports:
        row, learned = row_of[report.feed.id], report.result
        head = learned.head if isinstance(learned, FeedUpdate) else None
        if head and row.named_by_title and row.subscribed and row.first_read_at is None:
            yield write_names.TitledFeed(row.id, row.name, row.known_url, head.title)


@cache
def _update_feed(columns: tuple[str, ...]) -> Update:
    """Return the statement for these columns of a feed; built once for each set of columns."""
    values: dict[str, ColumnElement[Any]]
    values = {name: bindparam(f"new_{name}", type_=feeds.c[name].type) for name in columns}
    if "last_success_at" not in columns:  # a failure: the first of a series tells since when
        values["failing_since"] = func.coalesce(feeds.c.failing_since, values["failing_since"])
    return update(feeds).where(feeds.c.id == bindparam("feed")).values(values)


def _follow_heads(
    connection: Connection, reports: Sequence[PollReport], row_of: Mapping[int, Any]
) -> None:
    """Have lists follow the titles and sites that documents name: rules and stories use these.

    A feed may name another site in each of its documents, which decides on a story only if another
    entry of the story links to one of these sites.

    Args:
        row_of: The feeds as stored before, by id.
    """
    heads = [
        (row_of[report.feed.id], report.result.head)
        for report in reports
        if isinstance(report.result, FeedUpdate) and report.result.head is not None
    ]
    follow_titles(connection, [(row.title, head.title) for row, head in heads])
    sites_of = {
        row.id: {urls.site_of(row.site_url or ""), urls.site_of(head.site_url or "")}
        for row, head in heads
        if row.first_read_at is not None
    }
    moved_feeds = [feed_id for feed_id, sites in sites_of.items() if len(sites) > 1]
    linked_sites = read_stories.linked_sites(connection, moved_feeds)
    affected_feeds = [
        feed_id for feed_id in moved_feeds if sites_of[feed_id] & linked_sites.get(feed_id, set())
    ]
    if affected_feeds:
        write_relistings.relist_feeds(connection, dict.fromkeys(affected_feeds, ()))


def _is_visible(report: PollReport, row: Any) -> bool:
    """Return whether a poll changes anything for readers: entries, habits, or the feed's head.

    Args:
        row: The head as stored.
    """
    if report.new or report.updated:
        return True
    learned = report.result
    if isinstance(learned, PollFailure):
        return False
    if learned.habits != report.feed.habits:
        return True
    head = {} if learned.head is None else _head_values(learned.head)
    return any(row._mapping[key] != value for key, value in head.items())


def _feed_values(report: PollReport, row: Any) -> dict[str, Any]:
    """Return the columns of the feed's row that a poll changes.

    Args:
        row: The feed as stored.
    """
    next_poll, redirect = report.next_poll, report.relocation.redirect
    is_gone = report.outcome is Outcome.GONE
    values: dict[str, Any] = {
        "polls": report.feed.history.polls + 1,
        "last_polled_at": report.started_at,
        "next_poll_at": next_poll.at if row.subscribed and not row.paused else None,
        "next_reason": BECAUSE_PAUSED if row.paused and not is_gone else next_poll.reason,
        "not_before": next_poll.not_before,
        "lease_owner": None,
        "lease_until": None,
        "error": report.error,
        "failure": report.failure,
        "gone": is_gone,
        "plan": next_poll.constraints,
        "moved_to": report.relocation.moved_to,
        "moving_to": redirect.target if redirect else None,
        "moving_since": redirect.since if redirect else None,
        "moving_seen": redirect.sightings if redirect else None,
    }
    if report.relocation.moved_to != report.feed.relocation.moved_to:
        values["host"] = urls.site_of(report.relocation.moved_to or report.feed.url)
    if isinstance(report.result, PollFailure):
        return values | {"failures": report.result.count, "failing_since": report.started_at}
    if report.result.head is not None and row.first_read_at is None:
        values["first_read_at"] = report.ended_at
    return values | _success_values(report, report.result)


def _success_values(report: PollReport, learned: FeedUpdate) -> dict[str, Any]:
    validation, stored = learned.validation, report.feed.validation
    values: dict[str, Any] = {
        "failures": 0,
        "last_success_at": report.ended_at,
        "failing_since": None,
        "freshness": learned.pacing.freshness,
        "gap": learned.pacing.gap,
        "validators_url": validation.validators.url,
        "etag": validation.validators.etag,
        "last_modified": validation.validators.last_modified,
    }
    if learned.is_full:
        values["last_full_at"] = report.started_at
    if (validation.body_hash, validation.seen_hashes) != (stored.body_hash, stored.seen_hashes):
        values |= {"body_hash": validation.body_hash, "seen_hashes": validation.seen_hashes}
    if learned.head is not None:
        values |= _head_values(learned.head)
    if learned.habits != report.feed.habits:
        values["habits"] = learned.habits
    if learned.posts is not None and report.feed.first_posts is None:
        values["first_posts"] = learned.posts
    return values


def _head_values(head: FeedHead) -> dict[str, Any]:
    return {
        "title": head.title,
        "subtitle": head.subtitle,
        "site_url": head.site_url,
        "feed_id": head.feed_id,
        "language": head.language,
        "author": head.author,
        "rights": head.rights,
        "format": head.format,
        "note": head.note,
        "ttl": head.hints.ttl,
        "update_every": head.hints.update_every,
        "skip_hours": head.hints.skip_hours,
        "skip_days": head.hints.skip_days,
    }


_CURRENT = select(
    feeds.c.id,
    feeds.c.name,
    KNOWN_URL.label("known_url"),
    feeds.c.named_by_title,
    feeds.c.subscribed,
    feeds.c.paused,
    feeds.c.first_read_at,
    *(feeds.c[key] for key in _head_values(FeedHead())),
).where(feeds.c.id.in_(bindparam("feeds", expanding=True)))


def _poll_row(report: PollReport) -> dict[str, Any]:
    return {
        "feed_id": report.feed.id,
        "slot": report.feed.history.polls % POLLS_KEPT,
        "started_at": report.started_at,
        "outcome": report.outcome.value,
        "status": report.status,
        "size": report.size,
        "seconds": (report.ended_at - report.started_at).total_seconds(),
        "new": report.new,
        "updated": report.updated,
        "error": report.error,
    }


def note_change(connection: Connection) -> None:
    """Increase the version, after a change to a page or a merged feed."""
    connection.execute(update(state).values(version=state.c.version + 1))


def take_over(connection: Connection, *, owner: str, now: datetime) -> None:
    """Begin with a database in place of another one, while the program runs.

    Leases of `owner` in a copy are as old as the copy.  The version goes beyond every version of
    the former database: pages and clients know responses by version.
    """
    release_leases(connection, owner=owner)
    seconds = int(now.timestamp())
    highest = case((state.c.version < seconds, seconds), else_=state.c.version)
    connection.execute(update(state).values(version=highest + 1))
