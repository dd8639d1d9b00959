"""Groups of similar elements of a page: candidates for the posts."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from math import sqrt

from aggregator.reading.pages.page_outline import Outline, PageElement
from aggregator.reading.pages.part_scores import HEADINGS

_DIGIT = re.compile(r"\d")
_MAX_GROUPS = 80  # groups of a page that are looked at closely
_NEVER_ITEMS = frozenset({"html", "body", "main", "thead", "td", "th", "br", "img", "time", "b"})
_LONG = 200  # characters of text that make an item look like a post


def repetitions(outline: Outline) -> list[tuple[PageElement, ...]]:
    """Return groups of at least two elements with links, the likeliest first."""
    groups: dict[Hashable, list[PageElement]] = defaultdict(list)
    for element in outline.elements:
        if element.tag not in _NEVER_ITEMS and (_has_link(element) or _is_release(element)):
            for key in _keys(element):
                groups[key].append(element)
    unequal = {_outermost(group): None for group in groups.values() if len(group) > 1}
    candidates = [group for group in unequal if len(group) > 1]
    return sorted(candidates, key=_likelihood, reverse=True)[:_MAX_GROUPS]


def _has_link(element: PageElement) -> bool:
    counts = element.outline.link_counts
    return element.link is not None or counts[element.last_number + 1] > counts[element.number]


def _is_release(element: PageElement) -> bool:
    """Whether an element is the heading of a version or day, with a place on the page.

    Headings without numbers are those of any text.
    """
    if element.tag not in HEADINGS or not element.attributes.get("id"):
        return False
    return bool(_DIGIT.search(element.text))


def _keys(element: PageElement) -> Iterator[Hashable]:
    """Yield the features of an element, as siblings and cousins may have."""
    tag, parent = element.tag, element.parent
    if parent is None:
        return
    yield "tag", tag
    yield "child", parent.number, tag
    yield "path", tag_path(element)
    if tag == "tr":
        cells = (part.tag for part in element.within()[1:] if part.parent is element)
        yield "row", parent.number, tuple(cells)
    for name in element.classes:
        yield "class", tag, name
        yield "child class", parent.number, name
    for attribute in ("role", "itemprop"):
        if attribute in element.attributes:
            yield attribute, element.attributes[attribute]
    for name in parent.classes:
        yield "class of parent", name, tag


def tag_path(element: PageElement) -> str:
    """Return the tags of an element and of the ancestors, the innermost first."""
    tags: list[str] = []
    ancestor: PageElement | None = element
    while ancestor is not None and len(tags) < 30:
        tags.append(ancestor.tag)
        ancestor = ancestor.parent
    return "/".join(tags)


def _outermost(group: Iterable[PageElement]) -> tuple[PageElement, ...]:
    """Return the elements outside of all other elements of the group."""
    members: list[PageElement] = []
    for element in group:
        if not members or element.number > members[-1].last_number:
            members.append(element)
    return tuple(members)


def _likelihood(group: tuple[PageElement, ...]) -> float:
    """Return a quick estimate, by number and length alone."""
    length = sum(min(member.text_length, _LONG) for member in group) / len(group)
    in_frame = sum(member.is_frame for member in group) / len(group)
    return sqrt(min(len(group), 30)) * (20 + length) * (1 - 0.8 * in_frame)
