"""The parts of repeated elements: title, link, excerpt, author, date and image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aggregator import urls
from aggregator.reading.pages import part_scores
from aggregator.reading.pages.item_slots import Slot, slots
from aggregator.reading.pages.page_outline import PageElement

_MAX_WITHIN = 200  # elements in which links are looked for
_SAMPLE = 24  # items of a group that are looked at
_WORDS_OF_OTHER_LINKS = frozenset(
    "author user tag tags category cat badge share comment comments vote avatar apply".split()
)


@dataclass(frozen=True)
class ItemParts:
    """The parts of the items of a group.

    Attributes:
        items: A sample of the group.
        link: None for the default, the title's link, else the first link.
        addresses: Of the items' links, None for an item without a link.
        title_quality: See `part_scores.title_score`.
    """

    items: tuple[PageElement, ...]
    title: Slot
    title_quality: float
    link: str | None
    addresses: tuple[str | None, ...]
    excerpt: Slot | None
    author: Slot | None
    date: Slot | None
    image: Slot | None


def parts_of(group: Sequence[PageElement]) -> ItemParts | None:
    """Return the parts of a group's items; None for a group without titles."""
    items = tuple(group[:_SAMPLE])
    places = slots(items)
    title = _best(places, part_scores.title_score, cost_factor=0.05)
    if title is None:
        return None
    link, addresses = _link(items, title, places)
    free = [slot for slot in places if not _overlap(slot, title)]
    date = _best(free, part_scores.date_score)
    free = [slot for slot in free if date is None or not _overlap(slot, date)]
    author = _best(free, part_scores.author_score)
    free = [slot for slot in free if author is None or not _overlap(slot, author)]
    return ItemParts(
        items,
        title,
        part_scores.title_score(title) or 0.0,
        link,
        addresses,
        _best(free, part_scores.excerpt_score),
        author,
        date,
        _best(places, part_scores.picture_score),
    )


def _best(
    places: Sequence[Slot],
    score_of: Callable[[Slot], float | None],
    *,
    cost_factor: float = 0.1,
) -> Slot | None:
    """Return the place with the best score, of equal places the first of the page."""
    rated = [
        (score - cost_factor * slot.cost, -slot.present[0].number, -index)
        for index, slot in enumerate(places)
        if (score := score_of(slot)) is not None
    ]
    return places[-max(rated)[2]] if rated else None


def _overlap(slot: Slot, part: Slot) -> bool:
    """Whether a place is, contains, or is within, another part in any item."""
    return any(
        element is not None and rival is not None and (element.holds(rival) or rival.holds(element))
        for element, rival in zip(slot.elements, part.elements, strict=True)
    )


def _link(
    items: Sequence[PageElement], title: Slot, places: Sequence[Slot]
) -> tuple[str | None, tuple[str | None, ...]]:
    """Return the selector of the link, None for the default, and the addresses."""
    default = [
        _default_link(item, element) for item, element in zip(items, title.elements, strict=True)
    ]
    addresses = tuple(link.address if link else None for link in default)
    present = [link for link in default if link]
    if not present and (places_of_ids := _addresses_by_id(items)):
        return "@id", places_of_ids
    if _distinct(addresses) >= 0.9 and not _is_other(present):
        return None, addresses
    links = [slot for slot in places if slot.tag == "a" and not _is_other(slot.present)]
    rated = [(_link_score(slot), -index, slot) for index, slot in enumerate(links)]
    score, _, best = max(rated, default=(0.0, 0, None), key=lambda pair: pair[:2])
    if best is None or (score <= _distinct(addresses) and not _is_other(present)):
        return None, addresses
    return f"{best.selector}@href", _addresses(best)


def _addresses_by_id(items: Sequence[PageElement]) -> tuple[str | None, ...]:
    """Return the places of headings on their page; empty for items of another kind."""
    base = items[0].outline.base
    ids = [item.attributes.get("id") for item in items if item.tag in part_scores.HEADINGS]
    return tuple(urls.absolute(f"#{name}", base) for name in ids if name) if all(ids) else ()


def _default_link(item: PageElement, title: PageElement | None) -> PageElement | None:
    """Return the link by default, as `html_items` takes it."""
    for element in (title, item):
        links = _links(element) if element is not None else []
        if links:
            site = urls.site_of(links[0].outline.base)
            own_site = (link for link in links if urls.site_of(link.address or "") == site)
            return next(own_site, links[0])
    return None


def _links(element: PageElement) -> list[PageElement]:
    """Return the link around an element and the links within."""
    within = [part for part in element.within()[1:_MAX_WITHIN] if part.address]
    return [element.link, *within] if element.link is not None else within


def _is_other(links: Sequence[PageElement]) -> bool:
    """Whether links lead to authors, tags and the like, and not to posts."""
    count = sum(
        bool(link.words & _WORDS_OF_OTHER_LINKS) or part_scores.of_person(link) for link in links
    )
    return count > 0.5 * len(links)


def _link_score(slot: Slot) -> float:
    addresses = _addresses(slot)
    return _distinct(addresses) * sum(map(bool, addresses)) / len(addresses) - 0.01 * slot.cost


def _addresses(slot: Slot) -> tuple[str | None, ...]:
    return tuple(element.address if element else None for element in slot.elements)


def _distinct(addresses: Sequence[str | None]) -> float:
    """Return the share of unequal addresses among the items."""
    return len(set(filter(None, addresses))) / len(addresses)
