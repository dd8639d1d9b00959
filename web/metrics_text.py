"""Figures for monitoring, in the text format of Prometheus (0.0.4).  Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from aggregator.database.state.read_metrics import MAX_FEEDS, FeedMetrics, Metrics
from aggregator.feed_status import FeedStatus

_BY_STATUS = (
    ("failing", FeedStatus.FAILING, "Feeds whose last poll failed."),
    ("waiting", FeedStatus.WAITING, "Feeds whose server asked for a pause."),
    ("offline", FeedStatus.OFFLINE, "Feeds whose last poll this machine's network failed."),
    ("gone", FeedStatus.REMOVED, "Feeds that are polled no more (410)."),
    ("paused", FeedStatus.PAUSED, "Feeds that config.yaml pauses."),
    ("unread", FeedStatus.UNPOLLED, "Feeds that were never polled."),
)


_FAILING_LISTS = "OPML lists of config.yaml that could not be followed at the last poll."


def whole_program(now: Metrics) -> str:
    """Return the figures of all subscriptions together, and of the program."""
    checked = now.checked_at.timestamp() if now.checked_at else 0
    feeds = now.feeds
    lines = [
        *_metric("feeds", "gauge", "Subscriptions.", sum(feeds.values())),
        *(
            line
            for name, status, description in _BY_STATUS
            for line in _metric(f"feeds_{name}", "gauge", description, feeds[status])
        ),
        *_metric("feeds_overdue", "gauge", "Feeds due for more than 5 minutes.", now.overdue),
        *_metric("opml_lists_failing", "gauge", _FAILING_LISTS, now.failing_lists),
        *_metric("entries", "gauge", "Entries that are kept.", now.entries),
        *_metric("polls_total", "counter", "Polls of all subscriptions.", now.polls),
        *_metric("changes_total", "counter", "Changes that readers could see.", now.version),
        *_metric("last_poll_timestamp_seconds", "gauge", "End of the newest poll, or 0.", checked),
    ]
    return "".join(lines)


def each_feed(feeds: Sequence[FeedMetrics] | None) -> str:
    """Return the figures of each subscription, with its name as label and without addresses.

    Args:
        feeds: None for too many to have figures.
    """
    shown_feeds = feeds or ()
    success = "Last good poll of a feed, or 0."
    due = "Next poll of a feed; feeds without further polls have none."
    detailed = f"Feeds with figures of their own; 0 of more than {MAX_FEEDS} feeds."
    lines = [
        *_metric("feeds_detailed", "gauge", detailed, len(shown_feeds)),
        *_labelled(
            "feed_last_success_timestamp_seconds",
            success,
            ((feed.name, _timestamp(feed.last_success_at)) for feed in shown_feeds),
        ),
        *_labelled(
            "feed_failures",
            "Failed polls of a feed in a row.",
            ((feed.name, feed.failures) for feed in shown_feeds),
        ),
        *_labelled(
            "feed_next_poll_timestamp_seconds",
            due,
            (
                (feed.name, _timestamp(feed.next_poll_at))
                for feed in shown_feeds
                if feed.next_poll_at
            ),
        ),
    ]
    return "".join(lines)


def _timestamp(at: datetime | None) -> float:
    return at.timestamp() if at else 0


def _metric(name: str, kind: str, description: str, value: float) -> list[str]:
    name = f"aggregator_{name}"
    return [f"# HELP {name} {description}\n", f"# TYPE {name} {kind}\n", f"{name} {value}\n"]


def _labelled(name: str, description: str, values: Iterable[tuple[str, float]]) -> list[str]:
    """Return a gauge of feeds, nothing without feeds."""
    name = f"aggregator_{name}"
    lines = [f'{name}{{feed="{_label(feed)}"}} {value}\n' for feed, value in values]
    head = [f"# HELP {name} {description}\n", f"# TYPE {name} gauge\n"]
    return head + lines if lines else []


def _label(text: str) -> str:
    """Return a text as the value of a label."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
