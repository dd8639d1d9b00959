"""Where the posts of a page stand that has no feed, as config.yaml says (`select`)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
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
        link: By default the title's link, else the first link around or in the item.
        excerpt: By default the first paragraph.
        date: By default the first `time`.
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

    @property
    def keys(self) -> dict[str, str]:
        """The keys of `select` with their values; none for a sitemap."""
        if self.kind is PageKind.SITEMAP:
            return {}
        parts = ((key.name, getattr(self, key.name)) for key in fields(self)[1:])
        return {name: str(part) for name, part in parts if part is not None}

    @property
    def text(self) -> str:
        """The value of `select`, for people."""
        return ", ".join(f"{name}: {part}" for name, part in self.keys.items()) or "sitemap"

    def least_posts(self, first_posts: int | None) -> int:
        """Return the number of posts below which a document counts as changed.

        Args:
            first_posts: Posts of the first good poll; None before that poll.
        """
        return max((1 + (first_posts or 0)) // 2, 1) if self.at_least is None else self.at_least


@dataclass(frozen=True, slots=True)
class PageReading:
    """What a worker needs to read a document without a feed, beside the document.

    Attributes:
        sent_at: When the document was sent; "19 minutes ago" counts from then.
        first_posts: Posts of the first good poll; None before that poll.
        was_dated: An earlier document had a readable date.
    """

    selectors: PageSelectors
    sent_at: datetime
    first_posts: int | None = None
    was_dated: bool = False

    @property
    def least_posts(self) -> int:
        """Posts below which the document counts as changed."""
        return self.selectors.least_posts(self.first_posts)
