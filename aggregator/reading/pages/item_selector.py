"""The selector of exactly a group of elements of a page."""

from collections.abc import Iterator, Sequence

from aggregator.reading.pages.page_outline import PageElement
from aggregator.reading.pages.selector_cost import id_selector, simple_selectors

_LEVELS = 6  # of common ancestors that are tried
_TRIED = 8  # selectors of an ancestor, and of the items
_MAX_ALTERNATIVES = 3
_MAX_WITHIN = 150  # elements within a group's element that are looked at
_WITHIN, _CHILD, _WITH_PART = 0.4, 0.5, 1.5  # costs of what makes a selector longer


def item_selector(group: Sequence[PageElement]) -> tuple[str, float] | None:
    """Return the selector with the least cost, and the cost; None without a selector."""
    common = _common(group)
    numbers = [element.number for element in group]
    matches = {selector: _matches(group[0], selector) for selector, _ in common}
    rated = []
    for selector, cost, selected in _candidates(group, common, matches):
        if [element.number for element in selected] == numbers:
            rated.append((cost, len(selector), selector))
        elif len(selected) > len(group) and set(numbers).issubset(
            element.number for element in selected
        ):
            rated += [
                (cost + _WITH_PART, len(selector), f"{selector}:has({tag})")
                for tag in _tags_of_group_alone(group, selected)
            ]
    if not rated:
        return _alternatives(group)
    cost, _, selector = min(rated)
    return selector, cost


def _alternatives(group: Sequence[PageElement]) -> tuple[str, float] | None:
    """Return a selector of a few classes that together select a group, as of odd and even rows."""
    numbers = {element.number for element in group}
    chosen: dict[str, float] = {}
    for element in group:
        names = dict(simple_selectors(element))
        if not chosen.keys() & names.keys():
            exact = [
                (cost, name)
                for name, cost in names.items()
                if {match.number for match in _matches(element, name)} <= numbers
            ]
            if not exact or len(chosen) == _MAX_ALTERNATIVES:
                return None
            cost, name = min(exact)
            chosen[name] = cost
    return ", ".join(chosen), sum(chosen.values()) + 1


def _tags_of_group_alone(
    group: Sequence[PageElement], selected: Sequence[PageElement]
) -> list[str]:
    """Return tags within each element of a group, and within no other selected element."""
    numbers = {element.number for element in group}
    tags = set.intersection(*(_tags_within(element) for element in group))
    for element in selected:
        if element.number not in numbers:
            tags -= _tags_within(element)
    return sorted(tags, key=lambda tag: (tag != "a", tag))[:1]


def _tags_within(element: PageElement) -> set[str]:
    return {part.tag for part in element.within()[1:_MAX_WITHIN] if part.tag.isalnum()}


def _common(group: Sequence[PageElement]) -> list[tuple[str, float]]:
    """Return the simple selectors common to all elements."""
    costs = [dict(simple_selectors(element)) for element in group]
    return [
        (selector, cost)
        for selector, cost in costs[0].items()
        if all(selector in element_costs for element_costs in costs)
    ][:_TRIED]


def _matches(element: PageElement, selector: str) -> list[PageElement]:
    """Return the elements of the page with a simple selector."""
    return [
        candidate
        for candidate in element.outline.elements
        if any(selector == name for name, _ in simple_selectors(candidate))
    ]


def _candidates(
    group: Sequence[PageElement],
    common: Sequence[tuple[str, float]],
    matches: dict[str, list[PageElement]],
) -> Iterator[tuple[str, float, list[PageElement]]]:
    """Yield selectors with costs and matches."""
    for selector, cost in common:
        yield selector, cost, matches[selector]
    parents = [element.parent for element in group if element.parent]
    for parent_selector, parent_cost in _common(parents) if parents else []:
        for selector, cost in common:
            children = [
                element
                for element in matches[selector]
                if element.parent and _has(element.parent, parent_selector)
            ]
            total = cost + parent_cost + _CHILD
            yield f"{parent_selector} > {selector}", total, children
    ancestor = _common_ancestor(group)
    for _ in range(_LEVELS):
        if ancestor is None or ancestor.tag in {"html", "body"}:
            return
        names = [*id_selector(ancestor), *simple_selectors(ancestor)][:_TRIED]
        for name, name_cost in names:
            for selector, cost in common:
                within = [
                    element for element in matches[selector] if _is_within(element, name, ancestor)
                ]
                yield f"{name} {selector}", cost + name_cost + _WITHIN, within
        ancestor = ancestor.parent


def _is_within(element: PageElement, selector: str, ancestor: PageElement) -> bool:
    """Whether an element has an ancestor with a selector; `ancestor` has the selector."""
    if ancestor.holds(element) and element is not ancestor:
        return True
    parent = element.parent
    while parent is not None:
        if _has(parent, selector):
            return True
        parent = parent.parent
    return False


def _has(element: PageElement, selector: str) -> bool:
    names = [*id_selector(element), *simple_selectors(element)]
    return any(selector == name for name, _ in names)


def _common_ancestor(group: Sequence[PageElement]) -> PageElement | None:
    ancestor = group[0].parent
    while ancestor is not None and not all(ancestor.holds(element) for element in group):
        ancestor = ancestor.parent
    return ancestor
