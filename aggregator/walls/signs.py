"""Signs of walls: the place of a sign, and how many signs make a wall.  Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from aggregator.model import FailureKind


class AnswerPart(Enum):
    """The part of an answer with a sign; see `page_parts.PageParts`."""

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
    """A text in lower case in a part of an answer."""

    part: AnswerPart
    text: str


@dataclass(frozen=True, slots=True)
class KnownWall:
    """A wall with signs.

    Attributes:
        certain_signs: A single sign is enough.
        likely_signs: Two groups are needed; of a group, a single sign is enough.
        bare_counts: On a page with little else, a single likely sign in title, markup or code is
            enough.
        statuses: Of answers with the wall.
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
    """Return signs equal to the title or a part of the title."""
    return _signs(AnswerPart.TITLE_PART, texts)


def markup(*texts: str) -> tuple[WallSign, ...]:
    """Return signs in tags."""
    return _signs(AnswerPart.MARKUP, texts)


def code(*texts: str) -> tuple[WallSign, ...]:
    """Return signs in scripts and styles."""
    return _signs(AnswerPart.CODE, texts)


def text(*texts: str) -> tuple[WallSign, ...]:
    """Return signs in the visible text."""
    return _signs(AnswerPart.TEXT, texts)


def whole_text(*texts: str) -> tuple[WallSign, ...]:
    """Return signs equal to the whole text."""
    return _signs(AnswerPart.WHOLE_TEXT, texts)


def _signs(part: AnswerPart, texts: tuple[str, ...]) -> tuple[WallSign, ...]:
    return tuple(WallSign(part, sign_text) for sign_text in texts)
