"""Where the posts of a page stand that has no feed, as config.yaml says (`select`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PageKind(StrEnum):
    """The kind of a document without a feed; decides the syntax of its selectors."""

    HTML = "html"
    """CSS selectors."""
    JSON = "json"
    """JSONPath (RFC 9535)."""
    SITEMAP = "sitemap"
    """No selectors: the sitemap protocol has the parts."""


@dataclass(frozen=True, slots=True)
class PageSelectors:
    """What of a document is a post, and its parts.

    A part is a selector within the item, `selector@attribute` for the value of an attribute, or
    None for the part's default.

    Attributes:
        item: Selects the posts; empty for a sitemap.
        title: By default the first heading, else the first link.
        link: By default the first link around or in the item.
        excerpt: By default the first paragraph.
        at_least: Posts below which the page counts as changed; None for half of the posts of the
            first good poll.
    """

    kind: PageKind
    item: str = ""
    title: str | None = None
    link: str | None = None
    excerpt: str | None = None
    author: str | None = None
    date: str | None = None
    image: str | None = None
    at_least: int | None = None
