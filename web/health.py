"""How a feed is doing, in the words and marks of the status page.  Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aggregator import urls
from aggregator.model import BY_THRIFT, FeedHealth, Outcome, PollRecord
from web.relative_time import Clock, every

STRIP_LENGTH = 24
_STEP = 4  # pixels from one check to the next; a strip is 96 by 14
_NOT_MODIFIED = 304


@dataclass(frozen=True, slots=True)
class State:
    """One word for a feed; `kind` is a class of the style sheet."""

    kind: str
    word: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The last checks as strokes.

    Attributes:
        paths: A class of the style sheet and SVG path data, for each outcome that occurs.
        label: The same in words.
    """

    paths: tuple[tuple[str, str], ...]
    label: str


@dataclass(frozen=True, slots=True)
class Totals:
    """What the head of the status page counts."""

    feeds: int
    fine: int
    failing: int
    waiting: int
    gone: int
    unchanged: int | None
    """Per cent of the remembered checks; None before the first."""


FINE = State("ok", "Fine")
REPAIRED = State("warn", "Repaired")
WAITING = State("wait", "Waiting")
READING = State("wait", "Reading")
FAILING = State("bad", "Failing")
GONE = State("gone", "Gone")

# Class, stroke, and what it is called: news stand out by height, not by colour alone.
_STROKES = {
    Outcome.NEW: ("k-n", "1v13", "with news"),
    Outcome.UNCHANGED: ("k-o", "9v5", "unchanged"),
    Outcome.POSTPONED: ("k-w", "5v9", "postponed"),
    Outcome.FAILED: ("k-x", "1v13", "failed"),
    Outcome.GONE: ("k-x", "1v13", "gone"),
}


def state(feed: FeedHealth) -> State:
    """Return how a feed is doing, in one word."""
    if feed.gone:
        return GONE
    if feed.polls and feed.polls[-1].outcome is Outcome.POSTPONED:
        return WAITING
    if feed.failures:
        return FAILING
    if feed.last_polled_at is None:
        return READING
    return REPAIRED if feed.note else FINE


def answer(feed: FeedHealth) -> str:
    """Return what the server said last: "200, 38 kB", "304", or the reason why nothing came."""
    if not feed.polls:
        return "not asked yet"
    last = feed.polls[-1]
    if last.error:
        return last.error
    if last.status is None:
        return size(last.size)
    return f"{last.status}, {size(last.size)}" if last.size else str(last.status)


def next_check(feed: FeedHealth, clock: Clock) -> str:
    """Return when the feed is asked next: "in 48 minutes", "never"."""
    if feed.gone or feed.next_poll_at is None:
        return "never" if feed.gone else "not planned yet"
    return clock.until(feed.next_poll_at)


def details(feed: FeedHealth, clock: Clock) -> list[str]:
    """Return the sentences that stand below a feed that needs some."""
    lines = []
    if feed.gone:
        lines.append("The publisher removed this feed. It is safe to delete from config.yaml.")
    elif state(feed) in (FAILING, WAITING):
        reason = feed.next_reason or "the last check failed"
        began = feed.failing_since if state(feed) is FAILING else None
        since = f", since {clock.brief(began)}" if began else ""
        lines.append(f"{reason[:1].upper()}{reason[1:]}{since}.")
        if feed.entries:
            lines.append("Posts already collected stay in the list.")
        elif began and feed.last_success_at is None:
            place = urls.masked(feed.source.feed_url)
            lines.append(f"It was never read so far; is {place} the right address?")
    elif feed.note:
        lines.append(feed.note.rstrip(".") + ".")
    if feed.unconditional:
        slowed = feed.next_reason == BY_THRIFT
        rarely = ", so it is asked once a day while nothing is new" if slowed else ""
        lines.append(f"Its server can’t say “unchanged”: every check transfers it whole{rarely}.")
    if feed.moved_to:
        place = urls.masked(feed.moved_to)
        lines.append(f"It has moved to {place} and is read there; change it in config.yaml.")
    return lines


def strip(polls: Sequence[PollRecord]) -> Strip:
    """Return the last checks, oldest left, the newest at the right end."""
    shown = polls[-STRIP_LENGTH:]
    first = STRIP_LENGTH - len(shown)
    paths: dict[str, str] = {}
    for place, poll in enumerate(shown, first):
        kind, stroke, _ = _STROKES[poll.outcome]
        paths[kind] = paths.get(kind, "") + f"M{place * _STEP + 2} {stroke}"
    counts = Counter(poll.outcome for poll in shown)
    said = [
        f"{counts[outcome]} {words[2]}" for outcome, words in _STROKES.items() if counts[outcome]
    ]
    return Strip(tuple(paths.items()), ", ".join(said) or "no checks yet")


def totals(feeds: Sequence[FeedHealth]) -> Totals:
    """Count feeds by state, and how many of the remembered checks found nothing new."""
    kinds = Counter(state(feed) for feed in feeds)
    outcomes = Counter(poll.outcome for feed in feeds for poll in feed.polls)
    checks = outcomes.total()
    return Totals(
        feeds=len(feeds),
        fine=kinds[FINE] + kinds[REPAIRED],
        failing=kinds[FAILING],
        waiting=kinds[WAITING] + kinds[READING],
        gone=kinds[GONE],
        unchanged=round(100 * outcomes[Outcome.UNCHANGED] / checks) if checks else None,
    )


def thrift(feed: FeedHealth) -> str:
    """Return one sentence on how much of the last checks was for nothing, and what it cost."""
    same = [poll for poll in feed.polls if poll.status == _NOT_MODIFIED]
    if not same:
        return f"Asked {every(feed.interval)}, or less often if the server says so."
    return f"{len(same)} of {len(feed.polls)} answers were “unchanged” and had no body at all."


def size(count: int) -> str:
    """Return bytes for people: "0.2 kB", "38 kB", "1.4 MB"."""
    if count < 1000:
        return f"{count} B"
    kilo = count / 1000
    if kilo < 10:
        return f"{kilo:.1f} kB"
    return f"{kilo:.0f} kB" if kilo < 1000 else f"{kilo / 1000:.1f} MB"
