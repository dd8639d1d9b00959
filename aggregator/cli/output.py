"""Output of the commands: lines, tables, JSON, a progress bar on a terminal."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from aggregator import urls
from aggregator.cli.logs import escaped
from aggregator.feed_status import feed_status
from aggregator.model import FeedHealth
from aggregator.model.times import span_text
from aggregator.poll import PollResult

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


def result_line(result: PollResult) -> str:
    """Return the result of a poll in a line."""
    if result.error:
        zone = " UTC" if result.next_poll_at else ""
        text = f"{result.error}; next poll {moment(result.next_poll_at)}{zone}"
    elif result.new or result.updated:
        text = f"{result.new} new, {result.updated} updated"
    else:
        text = "unchanged"
    return escaped(f"{result.feed}: {text}")


def result_json(result: PollResult) -> str:
    """Return the result of a poll as a JSON object in a line."""
    return json.dumps(
        {
            "feed": result.feed,
            "url": result.url,
            "status": result.status,
            "new": result.new,
            "updated": result.updated,
            "error": _masked(result.error),
            "next_poll_at": iso(result.next_poll_at),
        },
        ensure_ascii=False,
    )


def _masked(text: str | None) -> str | None:
    return urls.masked_text(text) if text else text


def nothing_due(next_due_at: datetime | None, *, now: datetime) -> str:
    """Return why a command polled nothing although feeds are subscribed."""
    if next_due_at is None:
        return "no feed is ever due again; `aggregator feeds` says why"
    if next_due_at <= now:
        return "what is due waits for its site, or another process polls it"
    wait = span_text(max(next_due_at - now, timedelta(seconds=1)))
    return f"the next feed is due in {wait}, at {moment(next_due_at)} UTC"


def health_json(feeds: Sequence[FeedHealth]) -> str:
    """Return the health of subscriptions as a JSON array, a feed a line."""
    lines = ",\n".join(json.dumps(health_values(feed), ensure_ascii=False) for feed in feeds)
    return f"[\n{lines}\n]" if lines else "[]"


def health_values(feed: FeedHealth) -> dict[str, Any]:
    """Return the health of a subscription as values of JSON."""
    return {
        "feed": feed.source.name,
        "title": feed.source.title,
        "url": urls.masked(feed.source.feed_url),
        "opml_list": urls.masked(feed.opml_list) if feed.opml_list else None,
        "category": feed.source.category,
        "categories": list(feed.categories.values()),
        "state": feed_status(feed).value,
        "error": _masked(feed.error),
        "failure": feed.failure.kind.value if feed.failure else None,
        "service": feed.failure.service if feed.failure else None,
        "note": _masked(feed.note),
        "moved_to": urls.masked(feed.moved_to) if feed.moved_to else None,
        "by_proxy": feed.by_proxy,
        "entries": feed.entries,
        "posts_a_week": None if feed.per_week is None else round(feed.per_week, 2),
        "failures": feed.failures,
        "failing_since": iso(feed.failing_since),
        "last_polled_at": iso(feed.last_polled_at),
        "last_success_at": iso(feed.last_success_at),
        "next_poll_at": iso(feed.next_poll_at),
        "next_reason": feed.next_reason,
    }


def moment(at: datetime | None) -> str:
    """Return a time for people, in UTC; the zone stands beside the time."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else "never"


def iso(at: datetime | None) -> str | None:
    """Return a time for programs (RFC 3339)."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None


@contextmanager
def progress(
    *, as_json: bool
) -> Iterator[tuple[Callable[[int], None], Callable[[PollResult], None]]]:
    """Yield two functions: to be called with the number of feeds, and with each result."""
    if as_json:
        yield (lambda _: None), (lambda result: click.echo(result_json(result)))
    elif not sys.stdout.isatty():
        yield (lambda _: None), (lambda result: click.echo(result_line(result)))
    else:
        with _poll_bar() as calls:
            yield calls


@contextmanager
def progress_bar(text: str, total: int | None = None) -> Iterator[tuple["Progress", "TaskID"]]:
    """Show a bar on the terminal, with a text before the bar, until the block ends.

    Args:
        total: Number of steps; None until the number is known.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns) as bar:
        yield bar, bar.add_task(text, total=total)


@contextmanager
def _poll_bar() -> Iterator[tuple[Callable[[int], None], Callable[[PollResult], None]]]:
    from rich.markup import escape

    counts = {"new": 0, "failed": 0}
    with progress_bar("polling") as (bar, task):

        def result(result: PollResult) -> None:
            counts["new"] += result.new
            counts["failed"] += bool(result.error)
            if result.error or result.new:
                bar.print(escape(result_line(result)), highlight=False)
            description = f"{counts['new']} new, {counts['failed']} failed"
            bar.update(task, advance=1, description=description)

        def start(total: int) -> None:
            bar.update(task, total=total, visible=total > 0)

        yield start, result
