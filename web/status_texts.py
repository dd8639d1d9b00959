"""How a feed is doing, in the words and marks of the status page.  Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aggregator import urls
from aggregator.feed_status import FeedStatus, feed_status
from aggregator.model import (
    BECAUSE_NO_VALIDATORS,
    BY_PAUSE,
    OUR_REASONS,
    FeedHealth,
    Outcome,
    Overview,
    PollRecord,
)
from web.language import SOURCE, Language
from web.relative_time import Clock, every

STRIP_LENGTH = 24
_STEP = 4  # pixels from one check to the next; a strip is 96 by 14
_NOT_MODIFIED = 304
_SPARK_HEIGHT = 14


_STYLES = {
    FeedStatus.FINE: "ok",
    FeedStatus.REPAIRED: "warn",
    FeedStatus.WAITING: "wait",
    FeedStatus.OFFLINE: "wait",
    FeedStatus.UNPOLLED: "wait reading",
    FeedStatus.FAILING: "bad",
    FeedStatus.REMOVED: "gone",
}
"""Classes of the style sheet."""


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of text and its language: what polls note down is English."""

    text: str
    lang: str


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
    """What the head of the status page counts.

    Attributes:
        feeds: All subscriptions; the other numbers are parts of them.
        fine: Feeds whose last poll succeeded, malformed documents included.
        unchanged: Share of the remembered checks; None before the first.
    """

    feeds: int
    fine: int
    failing: int
    waiting: int
    offline: int
    new: int
    gone: int
    unchanged: float | None


# Class and stroke: news stand out by height, not by colour alone.
_STROKES = {
    Outcome.NEW: ("k-n", "1v13"),
    Outcome.UNCHANGED: ("k-o", "9v5"),
    Outcome.POSTPONED: ("k-w", "5v9"),
    Outcome.FAILED: ("k-x", "1v13"),
    Outcome.GONE: ("k-x", "1v13"),
}


def status_style(status: FeedStatus) -> str:
    """Return the classes of the style sheet for a status."""
    return _STYLES[status]


def status_word(status: FeedStatus, words: Language) -> str:
    """Return a status in one word."""
    return {
        FeedStatus.FINE: words.gettext("Fine"),
        FeedStatus.REPAIRED: words.gettext("Repaired"),
        FeedStatus.WAITING: words.gettext("Waiting"),
        FeedStatus.OFFLINE: words.gettext("Offline"),
        FeedStatus.UNPOLLED: words.gettext("Reading"),
        FeedStatus.FAILING: words.gettext("Failing"),
        FeedStatus.REMOVED: words.gettext("Gone"),
    }[status]


def answer(feed: FeedHealth, words: Language) -> Said:
    """Return what the server said last: "200, 38 kB", "304", or the reason why nothing came."""
    if not feed.polls:
        return Said(words.gettext("not asked yet"), words.tag)
    last = feed.polls[-1]
    if last.error:
        return Said(last.error, SOURCE)
    if last.status is None:
        return Said(size(last.size, words), words.tag)
    text = f"{last.status}, {size(last.size, words)}" if last.size else str(last.status)
    return Said(text, words.tag)


def next_check(feed: FeedHealth, clock: Clock) -> str:
    """Return when the feed is asked next: "in 48 minutes", "never"."""
    if feed.gone:
        return clock.lang.gettext("never")
    if feed.next_poll_at is None:
        return clock.lang.gettext("not planned yet")
    return clock.until(feed.next_poll_at)


def details(feed: FeedHealth, clock: Clock) -> list[Said]:
    """Return the sentences that stand below a feed that needs some."""
    words, status = clock.lang, feed_status(feed)

    def ours(text: str) -> Said:
        return Said(text, words.tag)

    lines = []
    if status is FeedStatus.REMOVED:
        lines.append(
            ours(
                words.gettext(
                    "The publisher removed this feed. It is safe to delete from config.yaml."
                )
            )
        )
    elif status in (FeedStatus.FAILING, FeedStatus.WAITING, FeedStatus.OFFLINE):
        reason = feed.next_reason if feed.next_reason != BY_PAUSE else None
        lines.append(Said(sentence(reason or "the last check failed"), SOURCE))
        began = feed.failing_since if status is FeedStatus.FAILING else None
        if began:
            since = clock.brief(began)
            lines.append(ours(words.gettext("Failing since {time}.", time=since)))
        if feed.entries:
            lines.append(ours(words.gettext("Posts already collected stay in the list.")))
        elif began and feed.last_success_at is None and not feed.source.private:
            place = urls.masked(feed.source.feed_url)
            asked = words.gettext("It was never read so far; is {place} the right address?")
            lines.append(ours(asked.format(place=place)))
    elif feed.note:
        lines.append(Said(sentence(feed.note), SOURCE))
    if feed.unconditional:
        lines.append(
            ours(words.gettext("Its server can’t say “unchanged”: all is sent each time."))
        )
        if feed.next_reason == BECAUSE_NO_VALIDATORS:
            lines.append(ours(words.gettext("So it is asked once a day while nothing is new.")))
    if status in (FeedStatus.FINE, FeedStatus.REPAIRED) and feed.next_reason not in {
        None,
        *OUR_REASONS,
    }:
        lines.append(ours(words.gettext("Why it is asked then:")))
        lines.append(Said(sentence(feed.next_reason or ""), SOURCE))
    if feed.moved_to:
        moved = words.gettext(
            "It has moved to {place} and is read there; change it in config.yaml."
        )
        lines.append(ours(moved.format(place=urls.masked(feed.moved_to))))
    return lines


def strip(polls: Sequence[PollRecord], words: Language) -> Strip:
    """Return the last checks, oldest left, the newest at the right end."""
    shown = polls[-STRIP_LENGTH:]
    first = STRIP_LENGTH - len(shown)
    paths: dict[str, str] = {}
    for place, poll in enumerate(shown, first):
        kind, stroke = _STROKES[poll.outcome]
        paths[kind] = paths.get(kind, "") + f"M{place * _STEP + 2} {stroke}"
    said = _counted(Counter(poll.outcome for poll in shown), words)
    base = "k-b", f"M0 {_SPARK_HEIGHT}.5h{STRIP_LENGTH * _STEP}"
    return Strip((base, *paths.items()), words.listing(said) or words.gettext("no checks yet"))


def _counted(counts: Counter[Outcome], words: Language) -> list[str]:
    texts = {
        Outcome.NEW: words.gettext("{n} with news"),
        Outcome.UNCHANGED: words.gettext("{n} unchanged"),
        Outcome.POSTPONED: words.gettext("{n} postponed"),
        Outcome.FAILED: words.gettext("{n} failed"),
        Outcome.GONE: words.gettext("{n} gone"),
    }
    return [text.format(n=counts[one]) for one, text in texts.items() if counts[one]]


def sparkline(weeks: Sequence[int], words: Language) -> Strip:
    """Return posts of each week as bars of a 2-pixel grid, the newest at the right end."""
    most = max(weeks, default=0)
    bars = "".join(
        f"M{2 * place + 1} {_SPARK_HEIGHT}v-{max(1, round(number * _SPARK_HEIGHT / most))}"
        for place, number in enumerate(weeks)
        if number
    )
    label = words.gettext("Posts of the last {n} weeks, at most {most} in one")
    base = f"M0 {_SPARK_HEIGHT}.5h{2 * len(weeks)}"
    return Strip((("k-b", base), ("k-s", bars)), label.format(n=len(weeks), most=most))


def unchanged_share(feed: FeedHealth, words: Language) -> str:
    """Return how many of the last checks were answered with 304, in per cent."""
    if not feed.polls:
        return "–"
    same = sum(poll.status == _NOT_MODIFIED for poll in feed.polls)
    return words.share(same / len(feed.polls))


def totals(
    counts: Mapping[FeedStatus, int], overview: Overview, feeds: Sequence[FeedHealth]
) -> Totals:
    """Count feeds by status, and how many of the remembered checks found nothing new.

    Args:
        counts: Subscriptions by status.
        feeds: Those on the page; the checks are counted only if these are all.
    """
    outcomes = Counter(poll.outcome for feed in feeds for poll in feed.polls)
    checks = outcomes.total()
    is_all = checks and len(feeds) == overview.feeds
    return Totals(
        feeds=overview.feeds,
        fine=counts.get(FeedStatus.FINE, 0) + counts.get(FeedStatus.REPAIRED, 0),
        failing=counts.get(FeedStatus.FAILING, 0),
        waiting=counts.get(FeedStatus.WAITING, 0),
        offline=counts.get(FeedStatus.OFFLINE, 0),
        new=counts.get(FeedStatus.UNPOLLED, 0),
        gone=counts.get(FeedStatus.REMOVED, 0),
        unchanged=outcomes[Outcome.UNCHANGED] / checks if is_all else None,
    )


def thrift(feed: FeedHealth, words: Language) -> str:
    """Return one sentence on how much of the last checks was for nothing, and what it cost."""
    same = sum(poll.status == _NOT_MODIFIED for poll in feed.polls)
    if not same:
        rhythm = every(feed.interval, words)
        return words.gettext("Asked {every}, or less often if the server says so.", every=rhythm)
    return words.ngettext(
        "{same} of {n} answers was “unchanged” and had no body at all.",
        "{same} of {n} answers were “unchanged” and had no body at all.",
        len(feed.polls),
        same=same,
    )


def size(count: int, words: Language) -> str:
    """Return bytes for people: "0.2 kB", "38 kB", "1.4 MB"."""
    if count < 1000:
        return f"{count} B"
    kilo = count / 1000
    if kilo < 1000:
        return f"{words.number(kilo if kilo < 10 else round(kilo))} kB"
    return f"{words.number(kilo / 1000)} MB"


def sentence(text: str) -> str:
    """Return what a poll noted down with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
