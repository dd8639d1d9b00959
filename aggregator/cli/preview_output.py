"""The outcome of a trial as lines and as JSON.  Pure."""

from collections.abc import Iterator
from textwrap import shorten
from typing import Any
from urllib.parse import unquote

from aggregator import urls
from aggregator.cli import output
from aggregator.cli.entry_presence import dating_text, places_text
from aggregator.cli.trial_poll import NoFeedError, Trial, TrialEntry
from aggregator.merged import list_path
from aggregator.model import CleanEntry

_EXCERPT = 160  # characters of a line


def lines(trial: Trial, label: str) -> Iterator[str]:
    """Yield the feed, the entries, and the omitted entries.

    Args:
        label: The address or path of the feed for people.
    """
    head = trial.head
    yield f"{head.title or 'no title'} ({head.format})"
    yield label
    if trial.moved_to:
        yield f"moved for good to {urls.masked(trial.moved_to)}"
    if head.note:
        yield f"repaired: {head.note}"
    if trial.cut_short:
        yield "the document breaks off; its last post is missing"
    for entry in trial.entries:
        yield ""
        yield from _entry_lines(entry)
    if trial.omitted:
        yield ""
    for omitted in trial.omitted:
        yield f"left out: {_title(omitted.entry)} ({_link(omitted.entry)}): {omitted.reason}"
    yield ""
    yield _summary(trial)


def _entry_lines(entry: TrialEntry) -> Iterator[str]:
    yield f"{output.moment(entry.listed_at)} UTC  {_title(entry.entry)}"
    yield f"  {_link(entry.entry)}"
    yield f"  {dating_text(entry.presence.dating)}"
    yield f"  {places_text(entry.presence)}"
    if entry.stored_in:
        yield f"  a post with this link is stored already, from {', '.join(entry.stored_in)}"
    if entry.entry.summary:
        yield f"  {shorten(entry.entry.summary, _EXCERPT, placeholder=' ...')}"


def _title(entry: CleanEntry) -> str:
    return entry.title or "no title"


def _link(entry: CleanEntry) -> str:
    return urls.masked(entry.url) if entry.url else "no link"


def _summary(trial: Trial) -> str:
    listed_entries = [entry for entry in trial.entries if not entry.presence.exclusion]
    count = len(trial.entries) + len(trial.omitted)
    posts = "1 post" if count == 1 else f"{count:,} posts"
    hidden = len(trial.entries) - len(listed_entries)
    ends = [f"{hidden:,} in no list" if hidden else ""]
    ends.append(f"{len(trial.omitted):,} not stored" if trial.omitted else "")
    return ", ".join(
        [f"{posts} in the document: {len(listed_entries):,} listed", *filter(None, ends)]
    )


def as_json(trial: Trial, label: str) -> dict[str, Any]:
    """Return the outcome of a trial as values of JSON."""
    return {
        "url": label,
        "moved_to": urls.masked(trial.moved_to) if trial.moved_to else None,
        "title": trial.head.title,
        "format": trial.head.format,
        "note": trial.head.note,
        "cut_short": trial.cut_short,
        "posts": [_entry_values(entry) for entry in trial.entries],
        "left_out": [
            {**_basic_values(omitted.entry), "reason": omitted.reason} for omitted in trial.omitted
        ],
    }


def _basic_values(entry: CleanEntry) -> dict[str, Any]:
    return {"title": entry.title, "link": urls.masked(entry.url) if entry.url else None}


def _entry_values(entry: TrialEntry) -> dict[str, Any]:
    presence, date = entry.presence, entry.entry.date
    return {
        **_basic_values(entry.entry),
        "listed_at": output.iso(entry.listed_at),
        "placed": presence.dating.reason if presence.dating else None,
        "date": {
            "text": date.text,
            "field": date.field,
            "form": date.form,
            "certain": date.is_certain,
        }
        if date
        else None,
        "excerpt": entry.entry.summary,
        "lists": [unquote(list_path(of.scope)) for of in presence.lists if of.is_shown],
        "excluded": presence.exclusion or None,
        "stored_in": list(entry.stored_in),
    }


def feed_lines(error: NoFeedError) -> Iterator[str]:
    """Yield the feeds of a web page."""
    for feed in error.feeds:
        title = f" ({feed.title})" if feed.title else ""
        yield f"it names {urls.masked(feed.url)}{title}"


def feeds_as_json(error: NoFeedError, label: str) -> dict[str, Any]:
    """Return the feeds of a web page as values of JSON."""
    feeds = [{"url": urls.masked(feed.url), "title": feed.title} for feed in error.feeds]
    return {"url": label, "error": error.reason, "feeds": feeds}
