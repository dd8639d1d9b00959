"""The texts and marks of the status page about a feed.  Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate, takewhile
from urllib.parse import quote

from aggregator import urls
from aggregator.feed_status import FeedStatus, feed_status
from aggregator.model import (
    BECAUSE_NO_VALIDATORS,
    FailureKind,
    FeedHealth,
    Outcome,
    Overview,
    PollRecord,
)
from web.bidi_text import MAX_LENGTH
from web.failure_texts import check_reason, defect_sentence, failure_sentence
from web.language import SOURCE, Language
from web.relative_time import Clock, every

STRIP_LENGTH = 24
_ROW_SIZE = 1_200  # bytes of a row without the texts of a feed or its server
_LINK_SIZE = 60  # bytes of a link without its address and text
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
    FeedStatus.PAUSED: "gone",
}
"""Classes of the style sheet."""


@dataclass(frozen=True, slots=True)
class StatusText:
    """A text and its language: the texts of polls are English, the others are translated."""

    text: str
    lang: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The last checks as strokes.

    Attributes:
        paths: A class of the style sheet and SVG path data, for each outcome that occurs.
        label: A description for screen readers.
    """

    paths: tuple[tuple[str, str], ...]
    label: str


@dataclass(frozen=True, slots=True)
class Totals:
    """The numbers at the head of the status page.

    Attributes:
        feeds: All subscriptions; the other numbers are parts of them.
        fine: Feeds with a successful last poll, malformed documents included.
        unchanged: Share of the remembered checks; None before the first.
    """

    feeds: int
    fine: int
    failing: int
    waiting: int
    offline: int
    unpolled: int
    removed: int
    paused: int
    unchanged: float | None


# Class and stroke: polls with new entries stand out by height, not by colour alone.
_STROKES = {
    Outcome.NEW: ("k-n", "1v13"),
    Outcome.UNCHANGED: ("k-o", "9v5"),
    Outcome.POSTPONED: ("k-w", "5v9"),
    Outcome.FAILED: ("k-x", "1v13"),
    Outcome.GONE: ("k-x", "1v13"),
}


def fitting_count(feeds: Sequence[FeedHealth], budget: int) -> int:
    """Return how many feeds from the first on fit into a table; the first one always does.

    Args:
        budget: Bytes of the table.
    """
    sizes = accumulate(map(size_in_table, feeds))
    return max(sum(1 for _ in takewhile(lambda size: size <= budget, sizes)), min(len(feeds), 1))


def size_in_table(feed: FeedHealth) -> int:
    """Return about as many bytes as a feed takes in a table of feeds, or more."""
    source = feed.source
    last_error = feed.polls[-1].error if feed.polls else None
    cut = [*[source.title] * 4, feed.note, last_error, *[feed.next_reason] * 2]
    cut += [feed.moved_to, source.feed_url, feed.subtitle, *feed.categories.values()]
    texts = [text[:MAX_LENGTH] for text in cut if text]
    texts += [source.site_url or "", *map(quote, feed.categories)]
    row_size = _ROW_SIZE + _LINK_SIZE * len(feed.categories)
    return row_size + 6 * len(source.name) + sum(len(escape(text).encode()) for text in texts)


def status_style(status: FeedStatus) -> str:
    """Return the classes of the style sheet for a status."""
    return _STYLES[status]


def status_word(status: FeedStatus, lang: Language) -> str:
    """Return a status in one word."""
    return {
        FeedStatus.FINE: lang.gettext("Fine"),
        FeedStatus.REPAIRED: lang.gettext("Repaired"),
        FeedStatus.WAITING: lang.gettext("Waiting"),
        FeedStatus.OFFLINE: lang.gettext("Offline"),
        FeedStatus.UNPOLLED: lang.gettext("Reading"),
        FeedStatus.FAILING: lang.gettext("Failing"),
        FeedStatus.REMOVED: lang.gettext("Gone"),
        FeedStatus.PAUSED: lang.gettext("Paused"),
    }[status]


def answer(feed: FeedHealth, lang: Language) -> StatusText:
    """Return the last answer of the server: "200, 38 kB", "304, by proxy", "none".

    A failure from before revision 0028 is an English error.
    """
    if not feed.polls:
        return StatusText(lang.gettext("not checked yet"), lang.tag)
    last = feed.polls[-1]
    if last.error and feed.failure is None:
        return StatusText(last.error, SOURCE)
    by_proxy = [lang.gettext("by proxy")] if feed.by_proxy else []
    if last.status is None:
        text = lang.gettext("none") if last.error else lang.size(last.size)
        return StatusText(lang.facts([text, *by_proxy]), lang.tag)
    size = [lang.size(last.size)] if last.size else []
    return StatusText(lang.facts([str(last.status), *size, *by_proxy]), lang.tag)


def next_check(feed: FeedHealth, clock: Clock) -> str:
    """Return when the feed is polled next: "in 48 minutes", "never"."""
    if feed.is_gone:
        return clock.lang.gettext("never")
    if feed.is_paused:
        return clock.lang.gettext("paused")
    if feed.next_poll_at is None:
        return clock.lang.gettext("not scheduled yet")
    return clock.until(feed.next_poll_at)


def seems_offline(feeds: Iterable[FeedHealth]) -> bool:
    """Return whether this machine's network kept all feeds from their servers at the last poll."""
    return all(feed_status(feed) is FeedStatus.OFFLINE for feed in feeds)


def details(feed: FeedHealth, clock: Clock, *, says_offline: bool = True) -> list[StatusText]:
    """Return the sentences below a feed, none for an inconspicuous feed.

    Args:
        says_offline: Say of the feed that this machine seems to be offline; a page with several
            such feeds says so once.
    """
    lang, status = clock.lang, feed_status(feed)
    is_silent = status is FeedStatus.OFFLINE and not says_offline
    lines = [] if is_silent else list(_status_details(feed, clock))
    if feed.unconditional:
        lines.append(
            StatusText(lang.gettext("Its server sends the whole feed every time."), lang.tag)
        )
        if feed.next_reason == BECAUSE_NO_VALIDATORS:
            lines.append(
                StatusText(
                    lang.gettext("So it is checked once a day while nothing is new."), lang.tag
                )
            )
    if status in (FeedStatus.FINE, FeedStatus.REPAIRED) and (reason := check_reason(feed, lang)):
        lines.append(StatusText(reason, lang.tag))
    if feed.moved_to:
        moved = lang.gettext(
            "It has moved to {place}, which is checked instead; change the address in config.yaml.",
            place=urls.masked(feed.moved_to),
        )
        lines.append(StatusText(moved, lang.tag))
    return lines


def _status_details(feed: FeedHealth, clock: Clock) -> Iterator[StatusText]:
    """Yield the sentences about a feed's status."""
    lang, status = clock.lang, feed_status(feed)

    def translated(text: str) -> StatusText:
        return StatusText(text, lang.tag)

    if status is FeedStatus.REMOVED:
        yield translated(
            lang.gettext("The publisher removed this feed. It is safe to delete from config.yaml.")
        )
    elif status is FeedStatus.PAUSED:
        yield translated(lang.gettext("It is paused in config.yaml."))
        if feed.entries:
            yield translated(lang.gettext("Posts already collected stay in the list."))
    elif status in (FeedStatus.FAILING, FeedStatus.WAITING, FeedStatus.OFFLINE):
        if status is not FeedStatus.OFFLINE:  # which says nothing about the feed
            yield from _failure(feed, lang)
        if reason := check_reason(feed, lang):
            yield translated(reason)
        began = feed.failing_since if status is FeedStatus.FAILING else None
        if began:
            yield translated(lang.gettext("Failing since {time}.", time=clock.brief(began)))
        if feed.entries:
            yield translated(lang.gettext("Posts already collected stay in the list."))
        elif began and feed.last_success_at is None and not feed.source.private:
            place = urls.masked(feed.source.feed_url)
            yield translated(
                lang.gettext("It has never worked. Is {place} the right address?", place=place)
            )
    elif feed.note:
        defect = defect_sentence(feed.note, lang)
        yield translated(defect) if defect else StatusText(sentence(feed.note), SOURCE)


def _failure(feed: FeedHealth, lang: Language) -> Iterator[StatusText]:
    """Yield what went wrong at the last poll; nothing where the next sentence says the same."""
    if feed.failure is None:
        if feed.error and feed_status(feed) is not FeedStatus.WAITING:
            yield StatusText(sentence(feed.error), SOURCE)
    elif feed.failure.kind is not FailureKind.THROTTLED:
        yield StatusText(failure_sentence(feed.failure, lang), lang.tag)


def strip(polls: Sequence[PollRecord], lang: Language) -> Strip:
    """Return the last checks, oldest left, the newest at the right end."""
    last_polls = polls[-STRIP_LENGTH:]
    first = STRIP_LENGTH - len(last_polls)
    paths: dict[str, str] = {}
    for place, poll in enumerate(last_polls, first):
        kind, stroke = _STROKES[poll.outcome]
        paths[kind] = paths.get(kind, "") + f"M{place * _STEP + 2} {stroke}"
    counts = _counted(Counter(poll.outcome for poll in last_polls), lang)
    base = "k-b", f"M0 {_SPARK_HEIGHT}.5h{STRIP_LENGTH * _STEP}"
    return Strip((base, *paths.items()), lang.facts(counts) or lang.gettext("no checks yet"))


def _counted(counts: Counter[Outcome], lang: Language) -> list[str]:
    texts = {
        Outcome.NEW: lang.gettext("{n} with new posts"),
        Outcome.UNCHANGED: lang.gettext("{n} unchanged"),
        Outcome.POSTPONED: lang.gettext("{n} postponed"),
        Outcome.FAILED: lang.gettext("{n} failed"),
        Outcome.GONE: lang.gettext("{n} gone"),
    }
    return [text.format(n=counts[outcome]) for outcome, text in texts.items() if counts[outcome]]


def sparkline(weeks: Sequence[int], lang: Language) -> Strip:
    """Return posts of each week as bars of a 2-pixel grid, the newest at the right end."""
    highest = max(weeks, default=0)
    bars = "".join(
        f"M{2 * place + 1} {_SPARK_HEIGHT}v-{max(1, round(number * _SPARK_HEIGHT / highest))}"
        for place, number in enumerate(weeks)
        if number
    )
    label = lang.gettext("Posts in the last {n} weeks, at most {most} a week")
    base = f"M0 {_SPARK_HEIGHT}.5h{2 * len(weeks)}"
    return Strip((("k-b", base), ("k-s", bars)), label.format(n=len(weeks), most=highest))


def unchanged_share(feed: FeedHealth, lang: Language) -> str:
    """Return the share of the last checks, at least one, that were answered with 304."""
    not_modified = sum(poll.status == _NOT_MODIFIED for poll in feed.polls)
    return lang.share(not_modified / len(feed.polls))


def totals(
    counts: Mapping[FeedStatus, int], overview: Overview, feeds: Sequence[FeedHealth]
) -> Totals:
    """Count feeds by status, and the share of stored polls without anything new.

    Args:
        counts: Subscriptions by status.
        feeds: The feeds on the page; polls are counted only if all feeds are on the page.
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
        unpolled=counts.get(FeedStatus.UNPOLLED, 0),
        removed=counts.get(FeedStatus.REMOVED, 0),
        paused=counts.get(FeedStatus.PAUSED, 0),
        unchanged=outcomes[Outcome.UNCHANGED] / checks if is_all else None,
    )


def cost_of_polls(feed: FeedHealth, lang: Language) -> str:
    """Return a sentence about the answers without a body among the last polls."""
    not_modified = sum(poll.status == _NOT_MODIFIED for poll in feed.polls)
    if not not_modified:
        rhythm = every(feed.interval, lang)
        return lang.gettext(
            "Checked {every}, less often if its server asks for that.", every=rhythm
        )
    return lang.ngettext(
        "{same} of the last {n} check found nothing new and cost almost nothing.",
        "{same} of the last {n} checks found nothing new and cost almost nothing.",
        len(feed.polls),
        same=not_modified,
    )


def sentence(text: str) -> str:
    """Return a text of a poll with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
