"""How one poll went, in the shapes that the database and whoever asked for it want."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from aggregator import schedule, urls
from aggregator.database.feeds import write_polls
from aggregator.errors import FeedError, FetchError
from aggregator.fetch import parse_retry_after
from aggregator.model import CleanFeed, Constraint, DueFeed, Fetched, Move, Outcome, Validators
from aggregator.model.times import http_date, span_text
from aggregator.reading.worker_task import Document

SIGHTINGS = 3
WATCHED_FOR = timedelta(days=1)
"""A permanent redirect that was seen so often and so long is where the feed is from then on."""

MAX_FAILURES_THERE = 3
"""After so many failures at an address that a feed moved to, its old one is asked again."""

STALE_AFTER = timedelta(days=8)
"""So long nothing but 304, and a feed that `distrust_304` is set for is asked unconditionally."""

OFFLINE_PAUSE = timedelta(minutes=5)
"""Until a feed is tried again after a poll that this machine's network failed."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """How one poll went, for whoever asked for it."""

    feed: str
    url: str
    outcome: Outcome
    status: int | None
    new: int
    updated: int
    error: str | None
    next_poll_at: datetime | None


@dataclass(frozen=True, slots=True)
class Finished:
    """A poll that is over, but for storing it.

    Attributes:
        document: None where none was read, or nothing was new in it.
        answer: What a good answer said about the next poll; None after a failure.
        places: Those of its entries among all of the document; empty where it has them all.
        sent_at: By the server's clock, if it says so, else by ours.
    """

    due: DueFeed
    report: write_polls.PollReport
    document: CleanFeed | None = None
    answer: schedule.Answer | None = None
    places: tuple[int, ...] = ()
    sent_at: datetime | None = None

    @property
    def entries(self) -> int:
        return len(self.document.entries) if self.document else 0


def succeeded(
    due: DueFeed,
    started_at: datetime,
    fetched: Fetched,
    document: Document | None = None,
    body_hash: bytes | None = None,
) -> Finished:
    """Report a 2xx or 304; with `document`, if it was read."""
    feed = document.feed if document else None
    # A document that broke off is asked for again, and read again, as a whole.
    is_half = feed is not None and feed.cut_short
    validators = Validators() if is_half else fetched.validators
    lifetime = schedule.lifetime_of(fetched.headers)
    if fetched.status == 304 and not schedule.says_freshness(fetched.headers):
        lifetime = due.freshness
    answer = schedule.Answer(
        freshness=schedule.freshness(fetched.headers, known=lifetime),
        wishes=feed.head.wishes if feed else due.wishes,
        retry_after=parse_retry_after(fetched.headers, now=started_at),
        gap=due.gap if urls.is_web(due.url) else None,
        unconditional=(
            fetched.status != 304
            and document is None
            and urls.is_web(due.address)
            and not (validators.etag or validators.last_modified)
        ),
    )
    upcoming = _upcoming(due, started_at, answer)
    report = write_polls.PollReport(
        feed_id=due.id,
        number=due.polls,
        started_at=started_at,
        ended_at=datetime.now(UTC),
        outcome=Outcome.UNCHANGED,
        next_poll_at=upcoming.at,
        next_reason=upcoming.reason,
        not_before=upcoming.not_before,
        constraints=upcoming.constraints,
        status=fetched.status,
        size=fetched.size,
        head=feed.head if feed else None,
        validators=validators,
        body_hash=None if is_half else body_hash,
        memory=document.memory if document else b"",
        freshness=lifetime,
        gap=due.gap,
        full=fetched.status != 304,
        **_moves(due, fetched.moved_to, started_at),
    )
    places = document.new if document else ()
    sent_at = _sent_at(fetched) if feed else None
    return Finished(due, report, feed, answer, places, sent_at)


def _sent_at(fetched: Fetched) -> datetime | None:
    return http_date(fetched.headers.get("date"))


def planned(poll: Finished, gap: timedelta | None) -> Finished:
    """Return a good poll with the time of the next one, now that the feed's rhythm is another."""
    if poll.answer is None or gap == poll.report.gap:
        return poll
    answer = replace(poll.answer, gap=gap if urls.is_web(poll.due.url) else None)
    upcoming = _upcoming(poll.due, poll.report.started_at, answer)
    report = replace(
        poll.report,
        gap=gap,
        next_poll_at=upcoming.at,
        next_reason=upcoming.reason,
        not_before=upcoming.not_before,
        constraints=upcoming.constraints,
    )
    return replace(poll, report=report)


def _upcoming(due: DueFeed, started_at: datetime, answer: schedule.Answer) -> schedule.NextPoll:
    return schedule.after_success(
        started_at,
        feed=due.name,
        interval=due.interval,
        interval_given=due.interval_given,
        answer=answer,
    )


def failed(
    due: DueFeed,
    started_at: datetime,
    error: FeedError,
    *,
    size: int = 0,
    status: int | None = None,
) -> Finished:
    """Report a poll that brought nothing."""
    retry_after, redirected = None, False
    if isinstance(error, FetchError):
        status, retry_after, size = error.status, error.retry_after, error.size
        redirected = error.redirected
    failures = due.failures + 1
    upcoming = schedule.after_failure(
        started_at,
        feed=due.name,
        interval=due.interval,
        failures=failures,
        status=None if redirected and status == 410 else status,  # the feed itself is not gone
        retry_after=retry_after,
        wishes=due.wishes,
    )
    outcome = Outcome.FAILED
    if upcoming.at is None:
        outcome = Outcome.GONE
    elif upcoming.not_before is not None:
        outcome = Outcome.POSTPONED
    back = outcome is Outcome.FAILED and failures >= MAX_FAILURES_THERE
    moved_to = None if back else due.moved_to
    report = write_polls.PollReport(
        feed_id=due.id,
        number=due.polls,
        started_at=started_at,
        ended_at=datetime.now(UTC),
        outcome=outcome,
        paused=retry_after is not None,
        next_poll_at=upcoming.at,
        next_reason=upcoming.reason,
        not_before=upcoming.not_before,
        constraints=upcoming.constraints,
        status=status,
        size=size,
        error=error.reason,
        failures=failures,
        moved_to=moved_to,
        move=due.move,
        host=urls.site_of(due.url) if moved_to != due.moved_to else None,
    )
    return Finished(due, report)


def while_offline(poll: Finished) -> Finished:
    """Report a failed poll that says nothing about its feed: this machine had no network.

    Nobody was asked, so the feed is tried again soon, no failure is counted, and a feed whose
    server asked for a pause before is not taken for one that fails.
    """
    wait = min(poll.due.interval, OFFLINE_PAUSE)
    at, reason = poll.report.started_at + wait, "this machine seems to be offline"
    report = replace(
        poll.report,
        next_poll_at=at,
        next_reason=reason,
        constraints=(Constraint("offline", span_text(wait), at, reason),),
        failures=poll.due.failures,
        not_before=poll.due.not_before,
        moved_to=poll.due.moved_to,
        host=None,
    )
    return replace(poll, report=report)


class _Moves(TypedDict):
    moved_to: str | None
    move: Move | None
    host: str | None


def _moves(due: DueFeed, seen: str | None, at: datetime) -> _Moves:
    """Count a permanent redirect that was seen, or that was not seen any more."""
    if seen is None or seen == due.address:
        return _Moves(moved_to=due.moved_to, move=None, host=None)
    if due.move is None or due.move.to != seen:
        return _Moves(moved_to=due.moved_to, move=Move(seen, at, 1), host=None)
    move = replace(due.move, seen=due.move.seen + 1)
    if move.seen < SIGHTINGS or at - move.since < WATCHED_FOR:
        return _Moves(moved_to=due.moved_to, move=move, host=None)
    return _Moves(moved_to=seen, move=None, host=urls.site_of(seen))


def result_of(due: DueFeed, report: write_polls.PollReport) -> PollResult:
    """Return what whoever asked for the poll wants to know."""
    return PollResult(
        feed=due.name,
        url=urls.masked(due.address),
        outcome=report.outcome,
        status=report.status,
        new=report.new,
        updated=report.updated,
        error=report.error,
        next_poll_at=report.next_poll_at,
    )
