"""The outcome of one poll, as values for the database and for the caller of the poll."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aggregator import schedule, urls
from aggregator.database.feeds.write_polls import FeedUpdate, PollFailure, PollReport
from aggregator.errors import FeedError, FetchError
from aggregator.fetch import parse_retry_after
from aggregator.model import (
    CleanFeed,
    Constraint,
    DueFeed,
    Failure,
    FailureKind,
    Fetched,
    Habits,
    HostPause,
    NextPoll,
    Outcome,
    Pacing,
    PermanentRedirect,
    Relocation,
    Validation,
    Validators,
)
from aggregator.model.times import http_date, span_text
from aggregator.poll.network_health import OFFLINE_PAUSE
from aggregator.reading.worker_task import ReadingResult

MIN_SIGHTINGS = 3
MIN_WATCH = timedelta(days=1)
"""A permanent redirect that was seen so often and for so long is followed for good."""

MAX_FAILURES_AFTER_MOVE = 3
"""After so many failures at an address that a feed moved to, its own URL is polled again."""

_OFFLINE = "this machine seems to be offline"

STALE_AFTER = timedelta(days=8)
"""After so long with nothing but 304, a feed with `distrust_304` is requested unconditionally."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """The outcome of one poll, for the caller of the poll.

    Attributes:
        feed: Name of the feed.
        url: The requested address, without a password.
        status: HTTP status, None without an answer.
        new, updated: Numbers of new entries and of entries with an edit worth telling readers.
        error: Why the poll failed, None after a success.
        next_poll_at: None for never again.
        is_offline: This machine's network failed, not the server.
    """

    feed: str
    url: str
    outcome: Outcome
    status: int | None
    new: int
    updated: int
    error: str | None
    next_poll_at: datetime | None
    is_offline: bool = False


@dataclass(frozen=True, slots=True)
class PollSuccess:
    """The outcome of a 2xx or 304, before the comparison with stored entries.

    Attributes:
        validators: To send with the next request.
        pacing: Of the feed, including this answer's freshness and hints.
        response: This answer's constraints on the next poll.
        document: None if no document was read, or if the document had nothing new.
        positions: Of the document's entries among all entries of the body; empty for all.
        body_hash: 16 bytes, of a body that was read to the end; None: the stored hash stays.
        seen_hashes: The entries of the body; new entries have no ids yet.
        sent_at: From the header `Date`, None without one.
        is_full: A 2xx, not a 304.
    """

    validators: Validators
    pacing: Pacing
    response: schedule.PollResponse
    document: CleanFeed | None = None
    positions: tuple[int, ...] = ()
    body_hash: bytes | None = None
    seen_hashes: bytes = b""
    sent_at: datetime | None = None
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class FailedPoll:
    """A failed poll, and the consequences.

    Attributes:
        pause: From the server's `Retry-After`, None without one.
    """

    outcome: Outcome
    failure: PollFailure
    next_poll: NextPoll
    pause: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CompletedPoll:
    """A poll before its outcome is stored.

    Attributes:
        status: HTTP status, None without an answer.
        size: Bytes of the answer's body, as received.
        relocation: Where the feed is polled from now on.
        pauses: Of hosts, for other processes and for those after a restart.
    """

    due: DueFeed
    started_at: datetime
    ended_at: datetime
    relocation: Relocation
    result: PollSuccess | FailedPoll
    status: int | None = None
    size: int = 0
    pauses: tuple[HostPause, ...] = ()

    @property
    def success(self) -> PollSuccess | None:
        """The outcome of a good answer, None after a failure."""
        return self.result if isinstance(self.result, PollSuccess) else None

    @property
    def document(self) -> CleanFeed | None:
        """The new part of the feed's document, None if nothing is new."""
        return self.result.document if isinstance(self.result, PollSuccess) else None

    @property
    def entry_count(self) -> int:
        """Number of entries to compare with stored entries."""
        return len(self.document.entries) if self.document else 0


def success_of(
    due: DueFeed,
    started_at: datetime,
    fetched: Fetched,
    document: ReadingResult | None = None,
    body_hash: bytes | None = None,
) -> PollSuccess:
    """Return the outcome of a 2xx or 304.

    Args:
        started_at: When the request began.
        document, body_hash: Of the answer's body, None for a body that was not read.
    """
    feed = document.feed if document else None
    # A document that broke off is requested again, and read again, as a whole.
    is_half = feed is not None and feed.cut_short
    validators = Validators() if is_half else fetched.validators
    lifetime = schedule.lifetime_of(fetched.headers)
    if fetched.status == 304 and not schedule.says_freshness(fetched.headers):
        lifetime = due.pacing.freshness
    hints = feed.head.hints if feed else due.pacing.hints
    response = schedule.PollResponse(
        freshness=schedule.freshness(fetched.headers, stored_lifetime=lifetime),
        retry_after=parse_retry_after(fetched.headers, now=started_at),
        unconditional=(
            fetched.status != 304
            and document is None
            and urls.is_web(due.address)
            and not (validators.etag or validators.last_modified)
        ),
    )
    return PollSuccess(
        validators=validators,
        pacing=replace(due.pacing, hints=hints, freshness=lifetime),
        response=response,
        document=feed,
        positions=document.new_positions if document else (),
        body_hash=None if is_half else body_hash,
        seen_hashes=document.seen_hashes if document else b"",
        sent_at=http_date(fetched.headers.get("date")) if feed else None,
        is_full=fetched.status != 304,
    )


def failure_of(
    due: DueFeed, started_at: datetime, error: FeedError, *, status: int | None = None
) -> FailedPoll:
    """Return the outcome of an error.

    Args:
        started_at: When the request began.
        status: HTTP status of the answer, for an error without a status.
    """
    pause, redirected = None, False
    if isinstance(error, FetchError):
        status, pause, redirected = error.status, error.retry_after, error.redirected
    failures = due.history.failures + 1
    next_poll = schedule.after_failure(
        started_at,
        pacing=due.pacing,
        failures=failures,
        status=None if redirected and status == 410 else status,  # the feed itself is not gone
        retry_after=pause,
    )
    outcome = Outcome.FAILED
    if next_poll.at is None:
        outcome = Outcome.GONE
    elif next_poll.not_before is not None:
        outcome = Outcome.POSTPONED
    failure = PollFailure(urls.masked_text(error.reason), failures, _cause(error, status))
    return FailedPoll(outcome, failure, next_poll, pause)


def offline_failure_of(due: DueFeed, started_at: datetime, error: FeedError) -> FailedPoll:
    """Return the outcome of an error of this machine's network.

    No server was reached: the feed is polled again soon, no failure is counted, and a feed in a
    pause of its server keeps its status.
    """
    wait = min(due.pacing.interval, OFFLINE_PAUSE)
    at = started_at + wait
    constraints = (Constraint("offline", span_text(wait), at, _OFFLINE),)
    failure = PollFailure(urls.masked_text(error.reason), due.history.failures, _cause(error, None))
    next_poll = NextPoll(at, _OFFLINE, due.history.not_before, constraints)
    return FailedPoll(Outcome.FAILED, failure, next_poll)


def _cause(error: FeedError, status: int | None) -> Failure:
    named_feed = urls.masked(error.named_feed) if error.named_feed else None
    return Failure(FailureKind(error.kind), status, named_feed, error.service)


def relocation_of(due: DueFeed, redirected_to: str | None, at: datetime) -> Relocation:
    """Return where a feed is polled after an answer without an error.

    Args:
        redirected_to: Target of the permanent redirects of this poll, None without redirects.
        at: When the request began.
    """
    stored = due.relocation
    if redirected_to is None or redirected_to == due.address:
        return Relocation(stored.moved_to)
    if stored.redirect is None or stored.redirect.target != redirected_to:
        return Relocation(stored.moved_to, PermanentRedirect(redirected_to, at, 1))
    redirect = replace(stored.redirect, sightings=stored.redirect.sightings + 1)
    if redirect.sightings < MIN_SIGHTINGS or at - redirect.since < MIN_WATCH:
        return Relocation(stored.moved_to, redirect)
    return Relocation(redirected_to)


def relocation_after_failure(due: DueFeed, result: FailedPoll) -> Relocation:
    """Return where a feed is polled after a failure: at its URL, if the new address keeps failing.

    An uncounted failure changes nothing.
    """
    count = result.failure.count
    is_counted = count > due.history.failures
    if is_counted and result.outcome is Outcome.FAILED and count >= MAX_FAILURES_AFTER_MOVE:
        return replace(due.relocation, moved_to=None)
    return due.relocation


def report_of(
    poll: CompletedPoll,
    *,
    new: int = 0,
    updated: int = 0,
    gap: timedelta | None,
    habits: Habits,
    seen_hashes: bytes,
) -> PollReport:
    """Report a poll, after its entries were compared and stored.

    Args:
        new, updated: Numbers of new entries and of entries with an edit worth telling readers.
        gap: Usual time between two entries of the feed, None if unknown.
        habits: How the feed's documents behave.
        seen_hashes: The entries of the body, with their ids.
    """
    due, result = poll.due, poll.result
    if isinstance(result, FailedPoll):
        outcome, next_poll = result.outcome, result.next_poll
        update: FeedUpdate | PollFailure = result.failure
    else:
        outcome = Outcome.NEW if new or updated else Outcome.UNCHANGED
        pacing = replace(result.pacing, gap=gap)
        next_poll = _next_poll(poll, pacing, result.response)
        head = result.document.head if result.document else None
        validation = replace(due.validation, validators=result.validators)
        if result.body_hash is not None:
            validation = Validation(result.validators, result.body_hash, seen_hashes)
        is_page = due.selectors is not None and result.document is not None
        posts = poll.entry_count if is_page else None
        update = FeedUpdate(validation, pacing, habits, head, result.is_full, posts)
    return PollReport(
        feed=due,
        started_at=poll.started_at,
        ended_at=poll.ended_at,
        outcome=outcome,
        next_poll=next_poll,
        relocation=poll.relocation,
        result=update,
        status=poll.status,
        size=poll.size,
        new=new,
        updated=updated,
    )


def _next_poll(poll: CompletedPoll, pacing: Pacing, response: schedule.PollResponse) -> NextPoll:
    """Decide when a feed is polled next; the gap between entries counts for addresses only."""
    if not urls.is_web(poll.due.url):
        pacing = replace(pacing, gap=None)
    return schedule.after_success(
        poll.started_at, feed=poll.due.name, pacing=pacing, response=response
    )


def result_of(report: PollReport) -> PollResult:
    """Return the part of a report for the caller of the poll."""
    return PollResult(
        feed=report.feed.name,
        url=urls.masked(report.feed.address),
        outcome=report.outcome,
        status=report.status,
        new=report.new,
        updated=report.updated,
        error=report.error,
        next_poll_at=None if report.feed.is_paused else report.next_poll.at,
        is_offline=report.next_poll.reason == _OFFLINE,
    )
