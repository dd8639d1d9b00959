"""How one poll went, in the shapes that the database and whoever asked for it want."""

from dataclasses import dataclass
from datetime import UTC, datetime

from aggregator import cadence, urls
from aggregator.database import store
from aggregator.errors import FeedError, FetchError
from aggregator.model import CleanFeed, DueFeed, Fetched, Outcome
from aggregator.read import Document


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
    """A poll that is over, but for storing it; `document` is None where none was read."""

    due: DueFeed
    report: store.PollReport
    document: CleanFeed | None = None  # None where there was none, or nothing new in it

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
    feed = document.feed if document else None
    upcoming = cadence.after_success(
        started_at,
        feed=due.name,
        interval=due.interval,
        freshness=cadence.freshness(fetched.headers),
        ttl=feed.head.ttl if feed else due.ttl,
    )
    report = store.PollReport(
        feed_id=due.id,
        url=due.url,
        number=due.polls,
        started_at=started_at,
        ended_at=datetime.now(UTC),
        outcome=Outcome.UNCHANGED,
        next_poll_at=upcoming.at,
        next_reason=upcoming.reason,
        status=fetched.status,
        size=fetched.size,
        head=feed.head if feed else None,
        validators=fetched.validators,
        body_hash=body_hash,
        memory=document.memory if document else b"",
        moved_to=fetched.moved_to,
    )
    return Finished(due, report, feed)


def failed(
    due: DueFeed,
    started_at: datetime,
    error: FeedError,
    *,
    size: int = 0,
    status: int | None = None,
) -> Finished:
    retry_after, redirected = None, False
    if isinstance(error, FetchError):
        status, retry_after, size = error.status, error.retry_after, error.size
        redirected = error.redirected
    failures = due.failures + 1
    upcoming = cadence.after_failure(
        started_at,
        interval=due.interval,
        failures=failures,
        status=None if redirected and status == 410 else status,  # the feed itself is not gone
        retry_after=retry_after,
    )
    outcome = Outcome.FAILED
    if upcoming.at is None:
        outcome = Outcome.GONE
    elif upcoming.not_before is not None:
        outcome = Outcome.POSTPONED
    report = store.PollReport(
        feed_id=due.id,
        url=due.url,
        number=due.polls,
        started_at=started_at,
        ended_at=datetime.now(UTC),
        outcome=outcome,
        next_poll_at=upcoming.at,
        next_reason=upcoming.reason,
        not_before=upcoming.not_before,
        status=status,
        size=size,
        error=error.reason,
        failures=failures,
    )
    return Finished(due, report)


def result_of(due: DueFeed, report: store.PollReport) -> PollResult:
    return PollResult(
        feed=due.name,
        url=urls.masked(due.url),
        outcome=report.outcome,
        status=report.status,
        new=report.new,
        updated=report.updated,
        error=report.error,
        next_poll_at=report.next_poll_at,
    )
