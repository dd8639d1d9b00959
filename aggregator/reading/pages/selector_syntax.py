"""Selectors as config.yaml has them: `selector`, or `selector@attribute`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from aggregator.model import PageKind, PageSelectors

PARTS = ("item", "title", "link", "excerpt", "author", "date", "image")
_ATTRIBUTE = re.compile(r"[A-Za-z_:][\w:.-]*")


@dataclass(frozen=True, slots=True)
class PartSelector:
    """A selector of a part of an item.

    Attributes:
        css: Empty for the item itself.
        attribute: In lower case; None for the element's text.
    """

    css: str
    attribute: str | None = None


def part_selector(text: str) -> PartSelector:
    """Return the CSS selector and the attribute of a text, whether right or not.

    An `@` within brackets, as in `a[href*="@"]`, belongs to the selector.
    """
    css, at, attribute = text.rpartition("@")
    if at and _ATTRIBUTE.fullmatch(attribute.strip()):
        return PartSelector(css.strip(), attribute.strip().lower())
    return PartSelector(text.strip())


def mistakes(selectors: PageSelectors) -> Mapping[str, str]:
    """Return what is wrong with selectors, by the name of the part."""
    texts = {name: getattr(selectors, name) for name in PARTS}
    match selectors.kind:
        case PageKind.HTML:
            messages = {
                name: _css_mistake(text, is_item=name == "item")
                for name, text in texts.items()
                if text is not None
            }
        case PageKind.SITEMAP:
            messages = {
                name: "is in the sitemap itself; remove the line"
                for name, text in texts.items()
                if text
            }
        case PageKind.JSON:
            messages = {
                name: _path_mistake(text) for name, text in texts.items() if text is not None
            }
    return {name: message for name, message in messages.items() if message is not None}


def _path_mistake(text: str) -> str | None:
    """Return what to write instead of a text that is not a path, None for one."""
    # Loads a library, which pages in HTML do not need.
    from aggregator.reading.pages.json_paths import PathError, path

    try:
        path(text)
    except PathError as error:
        return str(error)
    return None


def _css_mistake(text: str, *, is_item: bool) -> str | None:
    """Return what to write instead of a text that is not a CSS selector, None for one."""
    if text.rstrip().endswith("@"):
        return "has no attribute behind the @; write one, as in a@href"
    part = part_selector(text)
    if is_item and part.attribute is not None:
        return f"selects elements, not attributes; remove @{part.attribute}"
    if not part.css:
        return None
    try:
        LexborHTMLParser("").css(part.css)
    except SelectolaxError:
        return f"{part.css} is not a CSS selector; write one such as .recent li, or h3 a@href"
    return None
