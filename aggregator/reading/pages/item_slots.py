"""The places within repeated elements: the first match of a selector in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from aggregator.reading.pages.page_outline import PageElement
from aggregator.reading.pages.selector_cost import UTILITY, simple_selectors

_MAX_WITHIN = 150  # elements of an item that are looked at
_LEVELS = 3  # of ancestors in a selector
_POSITION = 2.0  # cost of a selector by position: it breaks with the order of parts
_COLUMN = 1.5  # the same of a cell in a table: columns are in order
_TOGETHER = 0.3  # cost of a second part of a selector


@dataclass(frozen=True)
class Slot:
    """The first match of a selector in each item.

    Attributes:
        elements: By item, None for an item without a match.
        matches: All matches in all items, by the strictest selector of the place.
        texts: Of the elements, without empty texts.
    """

    selector: str
    cost: float
    elements: tuple[PageElement | None, ...]
    matches: int

    @cached_property
    def present(self) -> tuple[PageElement, ...]:
        """The elements, without None."""
        return tuple(element for element in self.elements if element is not None)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        return tuple(filter(None, (element.text for element in self.present)))

    @property
    def coverage(self) -> float:
        """Share of the items in which the part has words."""
        return len(self.texts) / len(self.elements)

    @cached_property
    def distinct(self) -> float:
        """Share of unequal texts."""
        return len(set(self.texts)) / max(len(self.texts), 1)

    @cached_property
    def words(self) -> frozenset[str]:
        """Words of the classes common to all elements."""
        return frozenset.intersection(*(element.words for element in self.present))

    @cached_property
    def tag(self) -> str:
        return self.present[0].tag

    @cached_property
    def median_length(self) -> int:
        """Characters of a usual text; a Chinese character counts as three."""
        lengths = sorted(sum(3 if sign >= "\u3000" else 1 for sign in text) for text in self.texts)
        return lengths[len(lengths) // 2] if lengths else 0


def slots(items: Sequence[PageElement]) -> list[Slot]:
    """Return the places of items, each with the most durable selector, in document order."""
    rows: dict[str, list[PageElement | None]] = {}
    matches: dict[str, int] = {}
    costs: dict[str, float] = {}
    for index, item in enumerate(items):
        outer = _outer_selectors(item)
        for element in item.within()[:_MAX_WITHIN]:
            for selector, cost in _selectors(element, item, outer):
                row = rows.setdefault(selector, [None] * len(items))
                row[index] = row[index] or element
                matches[selector] = matches.get(selector, 0) + 1
                costs.setdefault(selector, cost)
    rivals: dict[tuple[PageElement | None, ...], list[str]] = {}
    for selector, row in rows.items():
        rivals.setdefault(tuple(row), []).append(selector)
    places = []
    for elements, selectors in rivals.items():
        cheapest = min(selectors, key=lambda selector: (costs[selector], len(selector)))
        fewest = min(matches[selector] for selector in selectors)
        places.append(Slot(cheapest, costs[cheapest], elements, fewest))
    return places


def elements_looked_at(items: Sequence[PageElement]) -> int:
    """Return how many elements `slots` reads."""
    return sum(min(item.last_number - item.number + 1, _MAX_WITHIN) for item in items)


def _outer_selectors(item: PageElement) -> frozenset[str]:
    """Return the selectors of an item and of the ancestors.

    Before another selector these would not restrict anything: ancestors count up to the root.
    """
    ancestor: PageElement | None = item
    names: set[str] = set()
    while ancestor is not None:
        names.update(name for name, _ in (*simple_selectors(ancestor), *_columns(ancestor)))
        ancestor = ancestor.parent
    return frozenset(names)


def _selectors(
    element: PageElement, item: PageElement, outer: frozenset[str]
) -> Iterator[tuple[str, float]]:
    simple = simple_selectors(element)
    positions = _positions(element, simple)
    best = [*simple[:2], *positions]
    yield from (*simple, *positions)
    if element is item:
        return
    ancestor, levels = element.parent, 0
    while ancestor is not None and ancestor is not item and levels < _LEVELS:
        names = simple_selectors(ancestor)
        for name, cost in (*names[:2], *_columns(ancestor)):
            if cost < UTILITY and name not in outer:
                yield from (
                    (f"{name} {selector}", cost + own_cost + _TOGETHER)
                    for selector, own_cost in best
                )
        ancestor, levels = ancestor.parent, levels + 1


def _positions(element: PageElement, simple: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return selectors by the place among siblings."""
    parent = element.parent
    if parent is None or not simple:
        return []
    tag = element.tag
    places = _columns(element)
    if not places and element.position == parent.size:
        places.append((f"{tag}:last-child", _POSITION))
    if tag != "td" and element.position == 1:
        places.append((f"{tag}:first-child", _POSITION))
    return places


def _columns(element: PageElement) -> list[tuple[str, float]]:
    """Return the selector of a cell by the column."""
    return [(f"td:nth-child({element.position})", _COLUMN)] if element.tag == "td" else []
