"""The items of a document without a feed, the same for all kinds of documents."""

from __future__ import annotations

from dataclasses import dataclass, field

from aggregator.model import FeedHead


class UnfitDocumentError(ValueError):
    """A document of another kind than config.yaml says; `str()` says what the document is."""


@dataclass(frozen=True, slots=True)
class PageItem:
    """A post as a document has it: no value is safe, and no date is read.

    Attributes:
        title, excerpt: HTML; empty for a missing part.
        link: Absolute; None for a missing part.
        author: Plain text; empty for a missing part.
        dates: Texts in which the date may be, the most exact first.
        updated: Text of the time at which the page of the post was last changed.
        image: Absolute address of the picture.
        base: URL that relative references in the excerpt resolve against.
    """

    title: str = ""
    link: str | None = None
    excerpt: str = ""
    author: str = ""
    dates: tuple[str, ...] = ()
    updated: str | None = None
    image: str | None = None
    base: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the item is a post: with a title and a link."""
        return bool(self.title and self.link)


@dataclass(frozen=True, slots=True)
class PageDocument:
    """A document without a feed.

    Attributes:
        items: All matches of the item's selector, in document order, also those without parts.
        size: Characters of the document.
    """

    head: FeedHead
    items: tuple[PageItem, ...] = field(default=(), repr=False)
    size: int = 0
