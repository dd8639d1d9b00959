"""`explain`: when a feed is polled next, all constraints on the time, and the last polls."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from aggregator import urls
from aggregator.cli.common import opened_database
from aggregator.cli.config_option import load_config, takes_config
from aggregator.cli.feed_arguments import feed_names
from aggregator.cli.logs import escaped
from aggregator.cli.output import iso
from aggregator.database import database_time
from aggregator.database.episodes import read_episodes
from aggregator.database.feeds import read_health
from aggregator.errors import UsageError
from aggregator.model import Constraint, FeedHealth, PollRecord
from aggregator.model.health_episodes import Episode

POLLS = 20


@click.command()
@takes_config
@click.argument("feed")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def explain(feed: str, as_json: bool) -> None:
    """Show when a feed is polled next, and why.

    With the last polls of the feed.

    FEED is a name, an address, a title, or the beginning of a name or title that no other feed has.
    """
    with opened_database(load_config()) as (engine, _), engine.connect() as connection:
        (name,) = feed_names(connection, [feed])
        health = read_health.feed(connection, name, now=database_time(connection))
        if health is None:  # removed from the file by another process
            raise UsageError(f"{name}: left the file just now")
        episodes = read_episodes.open_episodes(connection, health.source.id)
    if as_json:
        click.echo(json.dumps(explanation(health, episodes), ensure_ascii=False, indent=2))
        return
    for line in _lines(health, episodes):
        click.echo(escaped(line.rstrip()))


def _lines(feed: FeedHealth, episodes: Sequence[Episode]) -> Iterator[str]:
    yield from _facts(feed)
    for episode in episodes:
        trouble = episode.trouble
        yield f"episode: {trouble.kind} since {_time(trouble.began_at)} UTC (health feed)"
    yield f"next poll: {_next(feed)}"
    constraints = _constraints(feed)
    if constraints:
        yield ""
        rows = [("CONSTRAINT", "VALUE", "NOT BEFORE (UTC)", "")]
        rows += [
            (constraint.name, constraint.value, _time(constraint.until), _mark(decides))
            for constraint, decides in constraints
        ]
        yield from _table(rows)
    if feed.polls:
        yield ""
        polls = [("POLL (UTC)", "STATUS", "BYTES", "SECONDS", "NEW", "")]
        polls += [_poll(poll) for poll in reversed(feed.polls[-POLLS:])]
        yield from _table(polls)


def _facts(feed: FeedHealth) -> Iterator[str]:
    """Yield the feed, how it is requested and read, and how the last poll failed."""
    yield f"{feed.source.name}: {urls.masked(feed.source.feed_url)}"
    if feed.moved_to:
        yield f"polled at {urls.masked(feed.moved_to)}, as it moved for good"
    if feed.by_proxy:
        yield "requested by proxy"
    if feed.selectors is not None:
        yield f"a page, read by `select`: {feed.selectors.text}"
        least_posts = feed.selectors.least_posts(feed.first_posts)
        yield f"posts expected: at least {least_posts}"
    if feed.unconditional:
        yield "its server offers no validators: every poll transfers the whole document"
    if feed.error:
        yield f"the last poll failed: {urls.masked_text(feed.error)}"


def _next(feed: FeedHealth) -> str:
    if feed.next_poll_at is None:
        return f"never; {feed.next_reason}"
    return f"{_time(feed.next_poll_at)} UTC; {feed.next_reason}"


def _constraints(feed: FeedHealth) -> list[tuple[Constraint, bool]]:
    """Return the constraints on the next poll, and whether each decides."""
    return [
        (constraint, bool(constraint.reason) and constraint.reason == feed.next_reason)
        for constraint in feed.constraints
    ]


def _poll(poll: PollRecord) -> tuple[str, str, str, str, str, str]:
    status = str(poll.status) if poll.status else "-"
    seconds = f"{poll.duration.total_seconds():.2f}"
    error = urls.masked_text(poll.error or "")
    return (_time(poll.started_at), status, f"{poll.size:,}", seconds, str(poll.new_entries), error)


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows as lines with aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))


def _mark(decides: bool) -> str:
    return "<- decides" if decides else ""


def _time(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if at else "-"


def explanation(feed: FeedHealth, episodes: Sequence[Episode]) -> dict[str, Any]:
    """Return when a feed is polled next, and why, as values of JSON.

    Args:
        episodes: The open episodes of the feed.
    """
    return {
        "feed": feed.source.name,
        "url": urls.masked(feed.source.feed_url),
        "moved_to": urls.masked(feed.moved_to) if feed.moved_to else None,
        "by_proxy": feed.by_proxy,
        "select": feed.selectors.text if feed.selectors else None,
        "error": urls.masked_text(feed.error) if feed.error else None,
        "failure": feed.failure.kind.value if feed.failure else None,
        "service": feed.failure.service if feed.failure else None,
        "episodes": [
            {"kind": episode.trouble.kind.value, "since": iso(episode.trouble.began_at)}
            for episode in episodes
        ],
        "next_poll_at": iso(feed.next_poll_at),
        "reason": feed.next_reason,
        "constraints": [
            {
                "name": constraint.name,
                "value": constraint.value,
                "not_before": iso(constraint.until),
                "decides": decides,
            }
            for constraint, decides in _constraints(feed)
        ],
        "polls": [_poll_values(poll) for poll in reversed(feed.polls[-POLLS:])],
    }


def _poll_values(poll: PollRecord) -> dict[str, Any]:
    return {
        "at": iso(poll.started_at),
        "status": poll.status,
        "bytes": poll.size,
        "seconds": round(poll.duration.total_seconds(), 3),
        "new": poll.new_entries,
        "error": urls.masked_text(poll.error) if poll.error else None,
    }
