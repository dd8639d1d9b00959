"""Which wall an answer is.  Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.model import FailureKind
from aggregator.walls.known_checks import CHECKS, FIREWALLS
from aggregator.walls.known_pages import (
    CONSENT,
    DEFAULT_PAGES,
    LOGINS,
    MAINTENANCE,
    PARKED,
    SUSPENDED,
)
from aggregator.walls.page_parts import PageParts, page_parts
from aggregator.walls.signs import AnswerPart, KnownWall, WallSign

# In the order in which they are looked for: the first one whose signs suffice is the wall.
_KNOWN_WALLS = (
    *CHECKS,
    *FIREWALLS,
    *CONSENT,
    *LOGINS,
    *PARKED,
    *DEFAULT_PAGES,
    *SUSPENDED,
    *MAINTENANCE,
)
WALL_STATUSES = frozenset(status for wall in _KNOWN_WALLS for status in wall.statuses)
"""Statuses with which a wall may come; the body of any other answer is of no interest."""

_MAX_COOKIES = 4_000  # characters
_MAX_VALUE = 300  # characters of another header
_HEADERS = frozenset(
    sign.text.partition(":")[0]
    for wall in _KNOWN_WALLS
    for sign in wall.signs
    if sign.part is AnswerPart.HEADER
)
_BARE_TEXT = 300  # characters
_BARE_TAGS = 15
_OF_PAGE = frozenset({AnswerPart.TITLE, AnswerPart.TITLE_PART, AnswerPart.MARKUP, AnswerPart.CODE})
_PHRASES = {
    FailureKind.BOT_CHECK: "a check for people in browsers",
    FailureKind.FIREWALL: "a refusal by a firewall",
    FailureKind.CONSENT_PAGE: "a page that asks for consent",
    FailureKind.LOGIN_PAGE: "a login page",
    FailureKind.PARKED_DOMAIN: "the page of a parked domain",
    FailureKind.DEFAULT_PAGE: "the default page of a web server",
    FailureKind.SUSPENDED: "the page of a suspended site",
    FailureKind.MAINTENANCE: "a maintenance page",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in place of a feed.

    Attributes:
        headers: Names in lower case; the result of `telling_headers` is enough.
        url: Where the answer came from, after redirects; "" if unknown.
        body: The beginning, decoded; may be empty.
    """

    status: int
    headers: Mapping[str, str]
    url: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Wall:
    """A page in place of a feed.

    Attributes:
        service: Name of the service or program with the page, None if unknown.
    """

    kind: FailureKind
    service: str | None = None


def wall_of(answer: Answer) -> Wall | None:
    """Return the wall of an answer, None for an answer without enough signs of a wall.

    A certain sign is enough; of likely signs two are needed.
    """
    parts = page_parts(answer.body)
    for wall in _KNOWN_WALLS:
        if answer.status in wall.statuses and _is_met(wall, answer, parts):
            return Wall(wall.kind, wall.service)
    return None


def telling_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with possible signs of a wall, cut to a length cheap to pass on.

    Args:
        headers: Names in lower case.
    """
    lengths = {name: _MAX_COOKIES if name == "set-cookie" else _MAX_VALUE for name in _HEADERS}
    return {name: headers[name][: lengths[name]] for name in _HEADERS if name in headers}


def reason_of(wall: Wall) -> str:
    """Return a description of a wall in English, for the log and the commands."""
    phrase = _PHRASES[wall.kind]
    return f"{phrase} ({wall.service})" if wall.service else phrase


def _is_met(wall: KnownWall, answer: Answer, parts: PageParts) -> bool:
    if len(parts.text) > wall.max_text:
        return False
    if any(_has(sign, answer, parts) for sign in wall.certain_signs):
        return True
    groups = [
        group for group in wall.likely_signs if any(_has(sign, answer, parts) for sign in group)
    ]
    if len(groups) >= 2:
        return True
    is_bare = len(parts.text) <= _BARE_TEXT and 0 < parts.tags <= _BARE_TAGS
    has_sign = any(sign.part in _OF_PAGE for group in groups for sign in group)
    return wall.bare_counts and is_bare and has_sign


def _has(sign: WallSign, answer: Answer, parts: PageParts) -> bool:
    match sign.part:
        case AnswerPart.HEADER:
            name, _, value = sign.text.partition(": ")
            return (
                value in answer.headers.get(name, "").lower() if name in answer.headers else False
            )
        case AnswerPart.ADDRESS:
            return sign.text in answer.url.lower()
        case AnswerPart.TITLE:
            return sign.text in parts.title
        case AnswerPart.TITLE_PART:
            return sign.text in parts.title_parts
        case AnswerPart.MARKUP:
            return sign.text in parts.markup
        case AnswerPart.CODE:
            return sign.text in parts.code
        case AnswerPart.TEXT:
            return sign.text in parts.text
        case AnswerPart.WHOLE_TEXT:
            return sign.text == parts.text
