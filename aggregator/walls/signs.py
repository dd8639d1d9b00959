"""Signs of walls: where a sign stands, and how many of them make a wall.  Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from aggregator.model import FailureKind


class AnswerPart(Enum):
    """The part of an answer that a sign stands in; see `page_parts.PageParts`."""

    HEADER = auto()
    """`name: part of the value`; `name: ` for any value."""
    ADDRESS = auto()
    TITLE = auto()
    TITLE_PART = auto()
    """The whole title, or one of its parts."""
    MARKUP = auto()
    CODE = auto()
    TEXT = auto()
    WHOLE_TEXT = auto()


@dataclass(frozen=True, slots=True)
class WallSign:
    """A text in lower case that stands in a part of an answer."""

    part: AnswerPart
    text: str


@dataclass(frozen=True, slots=True)
class KnownWall:
    """A wall and its signs.

    Attributes:
        certain_signs: One of these signs is enough.
        likely_signs: Two of these groups are needed; of a group, one sign is enough.
        bare_counts: One likely sign on a page is enough if the page has little else.
        statuses: The wall comes with one of these.
        max_text: Characters of text; a page with more is a page of the site.
    """

    kind: FailureKind
    service: str | None
    certain_signs: tuple[WallSign, ...] = ()
    likely_signs: tuple[tuple[WallSign, ...], ...] = ()
    bare_counts: bool = False
    statuses: frozenset[int] = frozenset()
    max_text: int = 3_000

    @property
    def signs(self) -> Iterator[WallSign]:
        """All signs."""
        yield from self.certain_signs
        for group in self.likely_signs:
            yield from group


def header(*texts: str) -> tuple[WallSign, ...]:
    """Return signs in headers."""
    return _signs(AnswerPart.HEADER, texts)


def address(*texts: str) -> tuple[WallSign, ...]:
    """Return signs in the address of the answer."""
    return _signs(AnswerPart.ADDRESS, texts)


def title(*texts: str) -> tuple[WallSign, ...]:
    """Return signs within the title."""
    return _signs(AnswerPart.TITLE, texts)


def title_part(*texts: str) -> tuple[WallSign, ...]:
    """Return signs that are the title, or one of its parts."""
    return _signs(AnswerPart.TITLE_PART, texts)


def markup(*texts: str) -> tuple[WallSign, ...]:
    """Return signs in tags."""
    return _signs(AnswerPart.MARKUP, texts)


def code(*texts: str) -> tuple[WallSign, ...]:
    """Return signs in scripts and styles."""
    return _signs(AnswerPart.CODE, texts)


def text(*texts: str) -> tuple[WallSign, ...]:
    """Return signs in the text that a reader sees."""
    return _signs(AnswerPart.TEXT, texts)


def whole_text(*texts: str) -> tuple[WallSign, ...]:
    """Return signs that are all of the text."""
    return _signs(AnswerPart.WHOLE_TEXT, texts)


def _signs(part: AnswerPart, texts: tuple[str, ...]) -> tuple[WallSign, ...]:
    return tuple(WallSign(part, sign_text) for sign_text in texts)
