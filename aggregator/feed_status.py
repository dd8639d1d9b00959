"""How a feed is doing: one rule for the page, the commands, the metrics and the counters.  Pure.

`database.feeds.read_status` has the same rule in SQL; tests/test_feed_status.py compares both rules
and the counters of the triggers.  docs/operating.md explains each status.
"""

from enum import StrEnum

from aggregator.model import FeedHealth


class FeedStatus(StrEnum):
    """How a feed is doing, in one word."""

    UNPOLLED = "new"
    """Never polled."""
    REMOVED = "gone"
    """The server answered 410: the feed is polled no more."""
    PAUSED = "paused"
    """config.yaml says that the feed is not polled."""
    FAILING = "failing"
    """The last poll failed."""
    WAITING = "waiting"
    """The server asked for a pause (429, Retry-After) instead of answering."""
    OFFLINE = "offline"
    """The network of this machine failed at the last poll, which says nothing about the feed."""
    REPAIRED = "repaired"
    """The last document was malformed, and was read all the same."""
    FINE = "fine"


URGENCY = {
    FeedStatus.FAILING: 0,
    FeedStatus.WAITING: 1,
    FeedStatus.OFFLINE: 1,
    FeedStatus.REPAIRED: 2,
    FeedStatus.REMOVED: 3,
    FeedStatus.PAUSED: 4,
    FeedStatus.UNPOLLED: 4,
    FeedStatus.FINE: 4,
}
"""Which feeds a person has to look at first: those with the lowest number."""


def feed_status(feed: FeedHealth) -> FeedStatus:
    """Return how a feed is doing.

    A poll without a network is recorded with the error, but not counted as a failure: a failing or
    waiting feed keeps its status.
    """
    if feed.is_gone:
        return FeedStatus.REMOVED
    if feed.is_paused:
        return FeedStatus.PAUSED
    if feed.last_polled_at is None:
        return FeedStatus.UNPOLLED
    if feed.failures > 0:
        return FeedStatus.FAILING if feed.not_before is None else FeedStatus.WAITING
    if feed.error is not None:
        return FeedStatus.OFFLINE
    return FeedStatus.FINE if feed.note is None else FeedStatus.REPAIRED
