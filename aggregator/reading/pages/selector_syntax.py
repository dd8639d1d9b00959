"""Selectors as config.yaml has them: `selector`, or `selector@attribute`."""

import re
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

_ATTRIBUTE = re.compile(r"[A-Za-z_:][\w:.-]*")


class SelectorError(ValueError):
    """A text that is not a selector; `str()` says what to write."""


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


def check_item(text: str) -> None:
    """Check the CSS selector of items.

    Raises:
        SelectorError: The text is not a selector.
    """
    selector = part_selector(text)
    if selector.attribute is not None:
        raise SelectorError(f"selects elements, not attributes; remove @{selector.attribute}")
    _check_css(selector.css)


def check_part(text: str) -> None:
    """Check the CSS selector of a part.

    Raises:
        SelectorError: The text is not a selector.
    """
    if text.rstrip().endswith("@"):
        raise SelectorError("has no attribute behind the @; write one, as in a@href")
    selector = part_selector(text)
    if selector.css:
        _check_css(selector.css)


def _check_css(css: str) -> None:
    try:
        LexborHTMLParser("").css(css)
    except SelectolaxError:
        message = f"{css!r} is not a CSS selector; write one such as .recent li, or h3 a"
        raise SelectorError(message) from None
