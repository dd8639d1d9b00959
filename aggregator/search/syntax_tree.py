"""The syntax tree of searches, rules and views.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class TextField(StrEnum):
    """The texts of an entry in which a phrase is searched."""

    ANY = "text"  # title, excerpt and full text
    TITLE = "title"
    TAG = "tag"  # the entry's own categories
    AUTHOR = "author"


class NameField(StrEnum):
    """What a name is the name of."""

    SOURCE = "source"
    CATEGORY = "category"


class Medium(StrEnum):
    """What an entry may have besides text."""

    AUDIO = "audio"
    VIDEO = "video"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand side by side in one text of an entry.

    Attributes:
        words: At least one, as `word_forms` returns them.
        is_prefix: The last word is the beginning of a word.
    """

    words: tuple[str, ...]
    is_prefix: bool = False
    field: TextField = TextField.ANY


@dataclass(frozen=True, slots=True)
class NameTest:
    """The entry's source, or one of the source's categories, has a name; see `Resolution`.

    Attributes:
        value: The name or slug, or a part of the title that is shown.
    """

    field: NameField
    value: str


@dataclass(frozen=True, slots=True)
class LinkTest:
    """The entry's link contains a text; the case of ASCII letters makes no difference."""

    value: str


@dataclass(frozen=True, slots=True)
class LanguageTest:
    """The entry, or else the feed, is in a language: `de` also matches `de-AT` (RFC 4647)."""

    tag: str


@dataclass(frozen=True, slots=True)
class MediaTest:
    """The entry has an enclosure of a kind, or a picture of its own."""

    medium: Medium


@dataclass(frozen=True, slots=True)
class DayTest:
    """The entry is listed on `day` or later, earlier with `is_before`; in the zone of the page."""

    day: date
    is_before: bool = False


@dataclass(frozen=True, slots=True)
class Not:
    """The entry does not match `node`."""

    node: Node


@dataclass(frozen=True, slots=True)
class And:
    """The entry matches all of at least two nodes."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """The entry matches one of at least two nodes."""

    nodes: tuple[Node, ...]


Test = Phrase | NameTest | LinkTest | LanguageTest | MediaTest | DayTest
Node = Test | Not | And | Or

Resolution = Mapping[NameTest, frozenset[int]]
"""The ids of the feeds that each name means."""


ONE_FEED = NameTest(NameField.SOURCE, "")
"""The entry is of one feed, which a `Resolution` names; no name in a search is empty."""


def within_one_feed(node: Node) -> Node:
    """Return the node that entries of `ONE_FEED` match if they match `node`."""
    return And((ONE_FEED, *(node.nodes if isinstance(node, And) else (node,))))


def all_of(nodes: Iterable[Node]) -> Node | None:
    """Return the node that entries match if they match all `nodes`; None without nodes."""
    return _joined(And, nodes)


def any_of(nodes: Iterable[Node]) -> Node | None:
    """Return the node that entries match if they match one of `nodes`; None without nodes."""
    return _joined(Or, nodes)


def negated(node: Node) -> Node:
    """Return the node that entries match if they do not match `node`."""
    if isinstance(node, Not):
        return node.node
    if isinstance(node, DayTest):
        return DayTest(node.day, not node.is_before)
    return Not(node)


def _joined(kind: type[And] | type[Or], nodes: Iterable[Node]) -> Node | None:
    """Return a node of the nodes, without nodes that occur twice or join nodes in the same way."""
    parts: dict[Node, None] = {}
    for node in nodes:
        parts.update(dict.fromkeys(node.nodes if isinstance(node, kind) else [node]))
    if len(parts) <= 1:
        return next(iter(parts), None)
    return kind(tuple(parts))
