"""The page of sources: groups by category, and the links from one to the next.  Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from aggregator.model import FeedHealth, SourceCategory

MAX_JUMPS = 60
_WITHOUT = "no-category"  # an anchor; those of categories begin with another prefix


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """The sources of one category on a page; `anchor` is the id of an element."""

    category: SourceCategory
    anchor: str
    feeds: tuple[FeedHealth, ...]


@dataclass(frozen=True, slots=True)
class Jump:
    """A link to the beginning of a category, on this page or on another."""

    category: SourceCategory
    path: str


def groups(feeds: Sequence[FeedHealth]) -> list[SourceGroup]:
    """Return feeds, ordered by category, in groups; `category.feeds` counts those on the page."""
    groups_of_page = []
    for slug, members in groupby(feeds, key=lambda feed: feed.source.category_slug):
        of_category = tuple(members)
        title = of_category[0].source.category or ""
        category = SourceCategory(slug, title, len(of_category))
        groups_of_page.append(SourceGroup(category, anchor(slug), of_category))
    return groups_of_page


def jumps(
    categories: Sequence[SourceCategory],
    *,
    skipped: int,
    shown_count: int,
    path_of: Callable[[int], str],
) -> list[Jump]:
    """Return links to the first categories.

    Args:
        categories: All categories in the order of the table, with the numbers of their feeds.
        skipped: Number of feeds before the page.
        shown_count: Number of feeds on the page.
        path_of: Returns the address of the page after a number of feeds.
    """
    links = []
    start = 0
    for category in categories[:MAX_JUMPS]:
        is_here = skipped <= start < skipped + shown_count
        path = "" if is_here else path_of(start)
        links.append(Jump(category, f"{path}#{anchor(category.slug)}"))
        start += category.feeds
    return links


def anchor(slug: str | None) -> str:
    """Return the id of the group of a category, None for sources without category."""
    return _WITHOUT if slug is None else f"category-{slug}"
