"""One poll of an OPML list."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from aggregator import schedule, urls
from aggregator.errors import AggregatorError, FeedError, FetchError, NoWorkerError, OpmlError
from aggregator.model import DueOpmlList, Fetched, HostPause, NextPoll, OpmlPoll, Pacing
from aggregator.opml import list_refusals
from aggregator.opml.outlines import SubscriptionList
from aggregator.poll.host_limits import HostPausedError
from aggregator.poll.network_health import OFFLINE_PAUSE, OfflineError
from aggregator.poll.poller import Poller
from aggregator.reading.opml_document import read_opml


async def poll_opml_list(
    poller: Poller,
    due: DueOpmlList,
    address: str,
    *,
    interval: timedelta,
    now: datetime,
    is_requested: bool = False,
) -> OpmlPoll:
    """Fetch and read an OPML list.

    Args:
        address: With the values of variables.
        interval: Wait between two polls.
        now: The present time.
        is_requested: A person asked for this poll.
    """
    pacing = Pacing(interval)
    try:
        fetched = await poller.fetch(address, due.validators, is_requested=is_requested)
        if fetched.status == 304:
            return _success(due, fetched, pacing, now)
        subscriptions = await poller.read(address, read_opml, address, fetched.body)
    except (HostPausedError, OfflineError) as error:
        return _without_answer(due, error, pacing, now)
    except (FeedError, NoWorkerError) as error:
        return _failure(due, address, error, pacing, now)
    reason = list_refusals.refusal(subscriptions, due.outlines, is_requested=is_requested)
    if reason is not None:
        return _failure(due, address, OpmlError(reason), pacing, now)
    outlines = list_refusals.without_sites(subscriptions.feeds)
    return replace(
        _success(due, fetched, pacing, now),
        outlines=None if outlines == due.outlines else outlines,
        notes=tuple(_notes(subscriptions)),
    )


def _without_answer(
    due: DueOpmlList, error: HostPausedError | OfflineError, pacing: Pacing, now: datetime
) -> OpmlPoll:
    """Return a poll that says nothing of the list."""
    wait = error.wait if isinstance(error, HostPausedError) else min(pacing.interval, OFFLINE_PAUSE)
    return OpmlPoll(
        due.id,
        due.address,
        now,
        NextPoll(now + wait, str(error)),
        failure=str(error),
        failures=due.failures,
        is_offline=isinstance(error, OfflineError),
    )


def _failure(
    due: DueOpmlList, address: str, error: AggregatorError, pacing: Pacing, now: datetime
) -> OpmlPoll:
    failures, pause = due.failures + 1, None
    next_poll = schedule.after_failure(now, pacing=pacing, failures=failures)
    if isinstance(error, FetchError):
        next_poll = schedule.after_failure(
            now,
            pacing=pacing,
            failures=failures,
            status=error.status,
            retry_after=error.retry_after,
        )
        if next_poll.not_before is not None and not error.redirected:
            pause = HostPause(urls.site_of(address), next_poll.not_before)
    reason = error.reason if isinstance(error, FeedError) else str(error)
    return OpmlPoll(
        due.id, due.address, now, next_poll, failure=reason, failures=failures, pause=pause
    )


def _success(due: DueOpmlList, fetched: Fetched, pacing: Pacing, now: datetime) -> OpmlPoll:
    response = schedule.PollResponse(schedule.freshness(fetched.headers))
    next_poll = schedule.after_success(now, feed=due.address, pacing=pacing, response=response)
    return OpmlPoll(due.id, due.address, now, next_poll, fetched.validators)


def _notes(subscriptions: SubscriptionList) -> Iterator[str]:
    for feed in subscriptions.left_out:
        yield f"{urls.masked(feed.address)} is left out, as {feed.reason.value}"
    for kind, names in subscriptions.not_taken_over.items():
        yield f"left out: {kind}: {', '.join(names)}"
