"""Proposals of selectors for a page without a feed, as lines and as JSON.  Pure."""

from collections.abc import Iterator, Sequence
from textwrap import shorten
from typing import Any

from aggregator import config as configuration
from aggregator import urls
from aggregator.cli import output
from aggregator.model import CleanEntry, OpmlOutline, PageProposal

_EXCERPT = 160  # characters of a line


def proposal_lines(
    url: str, proposals: Sequence[PageProposal], *, page_changed: bool = False
) -> Iterator[str]:
    """Yield the best proposal as a part of config.yaml, and the posts that it gives.

    Args:
        url: Of the page.
        proposals: At least one, the best first.
        page_changed: The page has selectors, which do not match any more.
    """
    best, *further = proposals
    count = len(best.feed.entries)
    reason = "has changed" if page_changed else "is not a feed, and names none"
    yield f"{urls.masked(url)} {reason}; these selectors give posts:"
    yield ""
    yield "feeds:"
    outline = OpmlOutline(url=urls.masked(url))
    yield from configuration.feed_text(outline, best.selectors).splitlines()
    yield ""
    yield "1 post:" if count == 1 else f"{count:,} posts:"
    for entry in best.feed.entries:
        yield ""
        yield from _entry_lines(entry)
    if further:
        yield ""
    for proposal in further:
        yield f"or {len(proposal.feed.entries):,} posts: {proposal.selectors.text}"


def _entry_lines(entry: CleanEntry) -> Iterator[str]:
    yield entry.title
    if entry.url:
        yield f"  {urls.masked(entry.url)}"
    date = entry.date
    if date is not None:
        moment = f"{output.moment(date.at)} UTC" if date.at else "not readable as a date"
        yield f"  {moment}, written as {date.text!r}"
    if entry.authors:
        yield f"  by {', '.join(entry.authors)}"
    if entry.summary:
        yield f"  {shorten(entry.summary, _EXCERPT, placeholder=' ...')}"


def proposals_as_json(proposals: Sequence[PageProposal]) -> dict[str, Any]:
    """Return proposals as values of JSON."""
    return {
        "proposals": [
            {
                "select": proposal.selectors.keys,
                "posts": [_entry_values(entry) for entry in proposal.feed.entries],
            }
            for proposal in proposals
        ]
    }


def _entry_values(entry: CleanEntry) -> dict[str, Any]:
    date = entry.date
    return {
        "title": entry.title,
        "link": urls.masked(entry.url) if entry.url else None,
        "date": date.text if date else None,
        "published_at": output.iso(date.at) if date and date.at else None,
        "authors": list(entry.authors),
        "excerpt": entry.summary,
        "image": entry.image,
    }
