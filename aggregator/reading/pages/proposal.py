"""The selectors of a page's posts, proposed without help.

The posts are the repeated elements most like posts: with a linked title or a heading, a date, an
excerpt, outside of menus and footers.  A proposal is checked by reading the page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

from selectolax.lexbor import LexborHTMLParser

from aggregator.model import PageKind, PageSelectors
from aggregator.reading.pages.html_items import page_base, read_html
from aggregator.reading.pages.item_parts import ItemParts, parts_of
from aggregator.reading.pages.item_selector import item_selector
from aggregator.reading.pages.item_slots import Slot, elements_looked_at
from aggregator.reading.pages.page_outline import Outline, PageElement
from aggregator.reading.pages.part_scores import is_heading
from aggregator.reading.pages.repetition import repetitions, tag_path
from aggregator.text.encodings import declared_in_html, decoded

MAX_PROPOSALS = 3

_MAX_LOOKED_AT = 60_000  # elements within the items of all groups
_MAX_PAGE = 3_000_000  # bytes
_MAX_SELECTED = 12  # groups for which a selector is looked for
_LEAST_QUALITY = 1.1
_DATED = 0.5  # less of it is enough for items with dates
_DATE, _EXCERPT, _AUTHOR, _IMAGE = 1.0, 0.8, 0.3, 0.2  # what parts add to the quality of a title
_FRAME = 0.9  # loss of what is part of a menu
_ASIDE, _SAME_PAGE, _BARE_LINK, _MIXED = 0.6, 0.6, 0.9, 0.7  # factors of what is seldom a post
_SELECTOR_COST = 0.03


@dataclass(frozen=True)
class _Candidate:
    """A group of elements, perhaps the posts."""

    group: tuple[PageElement, ...]
    parts: ItemParts
    score: float


def proposals(body: bytes, *, content_type: str, url: str) -> tuple[PageSelectors, ...]:
    """Return selectors for the posts of an HTML page, the best first, at most `MAX_PROPOSALS`.

    Args:
        content_type: The header's value, "" for none; may name the encoding.
        url: Address of the page.
    """
    body = body[:_MAX_PAGE]
    page = LexborHTMLParser(
        decoded(body, content_type=content_type, declared=declared_in_html(body))
    )
    outline = Outline(page, page_base(page, url))
    proposed: list[PageSelectors] = []
    known_addresses: set[str] = set()
    for parts, selectors in _rated_selectors(_candidates(outline)):
        items = read_html(body, content_type=content_type, url=url, selectors=selectors).items
        links = [item.link for item in items if item.link and item.is_whole]
        as_expected = links[: len(parts.items)] == list(parts.addresses)[: len(links)]
        if links and as_expected and not known_addresses.intersection(links):
            proposed.append(selectors)
            known_addresses.update(links)
        if len(proposed) == MAX_PROPOSALS:
            break
    return tuple(proposed)


def _candidates(outline: Outline) -> list[_Candidate]:
    """Return the groups similar to posts, the best first."""
    candidates = []
    looked_at = 0
    for group in repetitions(outline):
        looked_at += elements_looked_at(group)
        if looked_at > _MAX_LOOKED_AT:
            break
        parts = parts_of(group)
        score = _score(group, parts) if parts else 0.0
        if parts and score > 0:
            candidates.append(_Candidate(group, parts, score))
    return sorted(candidates, key=lambda candidate: candidate.score, reverse=True)


def _score(group: Sequence[PageElement], parts: ItemParts) -> float:
    """Return how much a group looks like the posts of a page, 0 for not at all."""
    count = len(parts.items)
    addresses = set(filter(None, parts.addresses))
    whole = len(addresses) / count
    least = _LEAST_QUALITY - (_DATED if parts.date else 0.0)
    if parts.title_quality < least or len(addresses) < 2 or whole < 0.6:
        return 0.0
    optional = (
        (parts.date, _DATE),
        (parts.excerpt, _EXCERPT),
        (parts.author, _AUTHOR),
        (parts.image, _IMAGE),
    )
    quality = parts.title_quality + sum(weight for part, weight in optional if part)
    number = sqrt(min(len(group), 20)) * (0.6 if len(group) < 3 else 1.0)
    return quality * number * whole**2 * _zone(parts)


def _zone(parts: ItemParts) -> float:
    """Return a factor for the place of the items and the targets of the links."""
    items = parts.items
    factor = 1.0
    factor *= 1 - _FRAME * sum(item.is_frame for item in items) / len(items)
    if not _common_names(items):
        factor /= sqrt(len({tag_path(item) for item in items}))
        factor *= _MIXED if all(item.classes for item in items) else 1.0
    if items[0].tag == "a" and items[0].size == 0:
        factor *= _BARE_LINK
    if sum(item.is_aside for item in items) > len(items) / 2:
        factor *= _ASIDE
    page = items[0].outline.base.partition("#")[0]
    inner = sum((address or "").startswith(f"{page}#") for address in parts.addresses)
    is_contents = inner > len(items) / 2 and not is_heading(parts.title)
    return factor * _SAME_PAGE if is_contents else factor


def _common_names(items: Sequence[PageElement]) -> frozenset[str]:
    """Return the classes common to all items."""
    return frozenset.intersection(*(frozenset(item.classes) for item in items))


def _rated_selectors(candidates: Sequence[_Candidate]) -> Iterator[tuple[ItemParts, PageSelectors]]:
    """Yield selectors of the best groups, durable selectors first."""
    rated = []
    for index, candidate in enumerate(candidates[:_MAX_SELECTED]):
        item = item_selector(candidate.group)
        if item is not None:
            selector, cost = item
            score = candidate.score * (1 - _SELECTOR_COST * cost)
            rated.append((-score, index, _selectors(selector, candidate.parts)))
    for _, index, selectors in sorted(rated, key=lambda pair: pair[:2]):
        yield candidates[index].parts, selectors


def _selectors(item: str, parts: ItemParts) -> PageSelectors:
    return PageSelectors(
        PageKind.HTML,
        item,
        title=parts.title.selector,
        link=parts.link,
        excerpt=_selector(parts.excerpt),
        author=_selector(parts.author),
        date=_selector(parts.date),
        image=_selector(parts.image),
    )


def _selector(slot: Slot | None) -> str | None:
    return slot.selector if slot else None
