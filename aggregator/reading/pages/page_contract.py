"""Whether a document has the posts promised by config.yaml."""

from collections.abc import Sequence

from aggregator import dates
from aggregator.errors import ParseError
from aggregator.model import Date, FailureKind, PageKind, PageReading, ParsedEntry, document_defects
from aggregator.reading.pages.page_items import PageItem


def check_contract(items: Sequence[PageItem], reading: PageReading, *, url: str) -> None:
    """Check that enough items of a document are posts.

    Raises:
        ParseError: The document has fewer posts than expected, or no item is a post.
    """
    posts = sum(item.is_whole for item in items)
    if posts >= reading.least_posts and (posts or not items):
        return
    shortfall = f"{_shortfall(items, posts, reading)}{_expectation(items, reading)}"
    raise page_changed(shortfall, reading, url=url)


def page_changed(reason: str, reading: PageReading, *, url: str) -> ParseError:
    """Return the error of a document that is not as config.yaml says; changed if it once was."""
    changed = "page changed: " if reading.first_posts is not None else ""
    return ParseError(url, f"{changed}{reason}", FailureKind.PAGE_CHANGED)


def check_dates(entries: Sequence[ParsedEntry], reading: PageReading, *, url: str) -> None:
    """Check that the selector of dates has not lost all dates.

    Without dates, new posts would stand where they do not belong, and nobody would know why.

    Raises:
        ParseError: No post has a readable date, and earlier posts had.
    """
    selector = reading.selectors.date
    if selector is None or not reading.was_dated or not entries:
        return
    if not any(entry.date and _is_date(entry.date) for entry in entries):
        reason = f"page changed: `{selector}` (date) has no date in {len(entries)} posts"
        raise ParseError(url, reason, FailureKind.PAGE_CHANGED)


def _is_date(date: Date) -> bool:
    """Whether a text is a date, also one that could be two days, like `5/11/2026`."""
    return date.at is not None or dates.has_numeric_date(date.text)


def incomplete_note(items: Sequence[PageItem]) -> str | None:
    """Return how many items are left out, None for none."""
    incomplete = sum(not item.is_whole for item in items)
    return document_defects.incomplete_items(incomplete, len(items)) if incomplete else None


def _shortfall(items: Sequence[PageItem], posts: int, reading: PageReading) -> str:
    selectors = reading.selectors
    if selectors.kind is PageKind.SITEMAP:
        return f"the sitemap has {posts or 'no'} pages"
    if not items:
        return f"`{selectors.item}` matches nothing"
    if posts == len(items):
        return f"`{selectors.item}` matches {posts}"
    parts = {"title": selectors.title, "link": selectors.link}
    counts = {name: sum(not getattr(item, name) for item in items) for name in parts}
    name = max(parts, key=lambda name: counts[name])
    part = f"`{parts[name]}` ({name})" if parts[name] else f"a {name}"
    return f"{part} is missing in {counts[name]} of {len(items)} matches of `{selectors.item}`"


def _expectation(items: Sequence[PageItem], reading: PageReading) -> str:
    if not items and reading.first_posts is not None:
        return f" ({reading.first_posts} expected)"
    if reading.first_posts is None and reading.selectors.at_least is None:
        return ""
    return f" (at least {reading.least_posts} expected)"
