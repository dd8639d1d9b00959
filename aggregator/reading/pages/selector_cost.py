"""How well a selector will outlive the next change of a page."""

import re
from functools import lru_cache

from aggregator.reading.pages.page_outline import PageElement

_IDENTIFIER = re.compile(r"-?[^\W\d][\w-]*")
_WORDS_OF_POSTS = frozenset(
    """post posts entry entries item items article articles news card story stories teaser topic
    topics thread row result release job event listing hentry blog preview list title headline
    excerpt summary date author byline posted text description recent feed""".split()
)
_UTILITY = re.compile(
    r"(?:flex|grid|block|inline|hidden|relative|absolute|sticky|container|row|col|clearfix|active|"
    r"first|last|odd|even|left|right|center|small|large|group|antialiased|d|[mpwhz][xytrbse]?|text|"
    r"font|bg|border|rounded|leading|tracking|gap|items|justify|space|max|min|shadow|opacity|"
    r"line-clamp|align|order|top|inset|object|overflow|has|no|is|js|style|stretched)(?:-[\w-]+)?|"
    r"[a-z]|[a-z]{1,2}\d+"
)
_GENERATED = re.compile(
    r"css-|sc-[a-zA-Z]|jsx-|jss\d|svelte-|emotion-"  # by libraries of styles
    # hashes, behind a name or alone
    r"|.*(?:__|--?|_)(?=[A-Za-z0-9]*[A-Z0-9])(?=[A-Za-z0-9]*[a-zA-Z])[A-Za-z0-9_]{4,8}$"
    r"|(?=[a-z]*[A-Z]+[a-z]+[A-Z])[A-Za-z]{5,7}$"
    r"|(?=\w*\d\w*[a-z])[a-f0-9_]{5,}$"
)
_LETTERS = re.compile(r"[a-z]+")

SEMANTIC, NEUTRAL, UTILITY, GENERATED = 0.8, 1.0, 3.0, 5.0
_TAGS = {"article": 0.9, "time": 0.2, "relative-time": 0.2, "main": 0.5, "h1": 0.6, "h2": 0.5}
_TAGS |= {"h3": 0.5, "h4": 0.6, "h5": 0.6, "h6": 0.6, "div": 2.5, "span": 2.5}
_TAG = 1.2


def class_cost(name: str) -> float:
    """Return the cost of a class: names with a meaning are cheap, generated names dear."""
    if _GENERATED.match(name):
        return GENERATED
    if set(_LETTERS.findall(name.lower())) & _WORDS_OF_POSTS:
        return SEMANTIC
    return UTILITY if _UTILITY.fullmatch(name) else NEUTRAL


def simple_selectors(element: PageElement) -> list[tuple[str, float]]:
    """Return the selectors of a single element with costs, the cheapest first."""
    attributes = tuple((name, element.attributes.get(name, "")) for name in ("role", "itemprop"))
    return _simple_selectors(element.tag, element.classes, attributes)


@lru_cache(maxsize=4096)
def _simple_selectors(
    tag: str, classes: tuple[str, ...], attributes: tuple[tuple[str, str], ...]
) -> list[tuple[str, float]]:
    costs = [(tag, _TAGS.get(tag, _TAG))] if _IDENTIFIER.fullmatch(tag) else []
    for name in classes:
        if _IDENTIFIER.fullmatch(name) and len(name) <= 60:
            cost = class_cost(name)
            costs += [(f".{name}", cost), (f"{tag}.{name}", cost + 0.3)]
    for attribute, value in attributes:
        if _IDENTIFIER.fullmatch(value):
            costs.append((f"[{attribute}={value}]", 1.0))
    return sorted(costs, key=lambda pair: pair[1])[:8]


def id_selector(element: PageElement) -> list[tuple[str, float]]:
    """Return the selector by an element's id, for an id as people choose."""
    value = element.attributes.get("id", "")
    if not _IDENTIFIER.fullmatch(value) or re.search(r"\d{2}", value) or len(value) > 40:
        return []
    return [(f"#{value}", 1.0)]
