"""A page as a tree of elements, for the search for repeated structures.

The number of elements is bounded.  An element knows its text and links, and whether the element
belongs to the frame of a page (menus, footers).
"""

from __future__ import annotations

import re
from itertools import accumulate

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator import urls

MAX_ELEMENTS = 20_000
"""Elements of a page that are looked at; later elements are left out."""

_MAX_TEXT = 2000  # characters of an element's text
_MAX_WORDS = 40
_MAX_FRAME_SHARE = 0.4  # of a page's text; a larger part is not its frame, whatever its name
_SKIPPED_TAGS = frozenset(
    {"script", "style", "noscript", "template", "svg", "select", "textarea", "head", "iframe"}
)
_FRAME_TAGS = frozenset({"nav", "footer"})
_FRAME_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "menu", "menubar"})
_FRAME_WORDS = frozenset(
    """nav navbar navigation menu megamenu menus breadcrumb breadcrumbs footer foot masthead header
    pagination pager pages pg tagcloud tags share sharing social related cookie cookies toolbar ad
    ads advert sponsor promo login filter filters skip topbar newsletter tabs crumb""".split()
)
_SIDE_WORDS = frozenset("aside sidebar side widget widgets mostread popular trending".split())
_ARTICLE_TAGS = frozenset({"article", "li", "main", "section", "tr"})
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Classes that say how an element looks, not what it is.
_STYLE = re.compile(
    r"(?<!\S)(?:(?:text|font|leading|tracking|items|has|is|col|line|d)-|[mp][xytrbse]?-\d)\S+"
)
_LETTERS = re.compile(r"[^\W\d_]+")


class PageElement:
    """An element of a page.

    Attributes:
        number: In document order.
        last_number: Of the last element within.
        position: Among the elements of the parent, from 1.
        size: Number of children.
        words: Of class, `itemprop` and `rel`, in lower case.
        address: Of a link, absolute; None for other elements and for links to nowhere.
        link: The link around the element, or the element.
        is_frame: Part of a menu, footer, or the like.
        is_aside: Part of a column beside the content.
    """

    __slots__ = (
        "address", "attributes", "classes", "is_aside", "is_frame", "last_number", "link",
        "number", "outline", "parent", "position", "size", "tag", "text_end", "text_start", "words",
    )  # fmt: skip

    def __init__(self, outline: Outline, node: LexborNode, parent: PageElement | None) -> None:
        self.outline = outline
        self.tag = node.tag or ""
        self.attributes = {name: value or "" for name, value in node.attributes.items()}
        self.classes = tuple(dict.fromkeys(self.attributes.get("class", "").split()[:12]))
        self.parent = parent
        self.number = self.last_number = len(outline.elements)
        self.size = 0
        self.position = 1
        if parent:
            parent.size += 1
            self.position = parent.size
        self.text_start = self.text_end = len(outline.texts)
        self.words = _words(self.attributes)
        self.address = self._address() if self.tag == "a" else None
        self.link: PageElement | None = self if self.address else (parent.link if parent else None)
        self.is_frame = self.is_aside = False

    @property
    def text(self) -> str:
        """The text as a line, of a long text the beginning."""
        length, end = 0, self.text_start
        texts = self.outline.texts
        while end < self.text_end and length < _MAX_TEXT:
            length += len(texts[end])
            end += 1
        return " ".join("".join(texts[self.text_start : end]).split())[:_MAX_TEXT]

    @property
    def text_length(self) -> int:
        """Characters of the text."""
        return self.outline.text_lengths[self.text_end] - self.outline.text_lengths[self.text_start]

    def within(self) -> list[PageElement]:
        """Return the element and all elements within, in document order."""
        return self.outline.elements[self.number : self.last_number + 1]

    def holds(self, element: PageElement) -> bool:
        """Whether the element is, or contains, another element."""
        return self.number <= element.number <= self.last_number

    def _address(self) -> str | None:
        href = self.attributes.get("href", "").strip()
        address = urls.absolute(href, self.outline.base) if href and href != "#" else None
        return address if address and urls.is_web(address) else None


class Outline:
    """The elements of a page, in document order.

    Attributes:
        base: URL for resolving relative addresses.
        language: Tag of the page's language, None if unknown.
        texts: In document order.
        text_lengths: Characters of the texts before each text, and of all.
        link_counts: Links before each element, and all.
    """

    def __init__(self, page: LexborHTMLParser, base: str) -> None:
        self.base = base
        html = page.css_first("html")
        self.language = html.attributes.get("lang") if html else None
        self.elements: list[PageElement] = []
        self.texts: list[str] = []
        self._read(page)
        self.text_lengths = [0, *accumulate(map(len, self.texts))]
        links = (element.address is not None for element in self.elements)
        self.link_counts = [0, *accumulate(links)]
        self._name_zones()

    def _read(self, page: LexborHTMLParser) -> None:
        """Read elements and texts, without the invisible parts of a page."""
        by_id: dict[int, PageElement] = {}
        root = page.root
        for node in root.traverse(include_text=True) if root else ():
            parent_node = node.parent
            parent = by_id.get(parent_node.mem_id) if parent_node else None
            if node.is_text_node:
                if parent:
                    self.texts.append(node.text_content or "")
                    parent.text_end = len(self.texts)
            elif node.tag not in _SKIPPED_TAGS and (parent or not self.elements):
                if len(self.elements) == MAX_ELEMENTS:
                    break
                element = by_id[node.mem_id] = PageElement(self, node, parent)
                self.elements.append(element)
        for element in reversed(self.elements):
            if element.parent:
                parent = element.parent
                parent.last_number = max(parent.last_number, element.last_number)
                parent.text_end = max(parent.text_end, element.text_end)

    def _name_zones(self) -> None:
        longest_frame = _MAX_FRAME_SHARE * self.text_lengths[-1]
        for element in self.elements:
            parent = element.parent
            if parent is None:
                continue
            is_small = element.text_length <= longest_frame
            element.is_frame = parent.is_frame or (is_small and _is_frame(element))
            element.is_aside = parent.is_aside or (
                element.tag == "aside" or (is_small and bool(element.words & _SIDE_WORDS))
            )


def _words(attributes: dict[str, str]) -> frozenset[str]:
    names = " ".join(attributes.get(name, "") for name in ("class", "itemprop", "rel"))
    names = _STYLE.sub(" ", names[:500])
    return frozenset(_LETTERS.findall(_CAMEL_CASE.sub(" ", names).lower())[:_MAX_WORDS])


def _is_frame(element: PageElement) -> bool:
    """Whether an element begins a menu, a footer or the like; a post may have a header, too."""
    if element.tag in _FRAME_TAGS or element.attributes.get("role") in _FRAME_ROLES:
        return element.tag != "footer" or not _is_in_article(element)
    if element.tag == "header" or "header" in element.words:
        return not _is_in_article(element)
    ids = set(_LETTERS.findall(element.attributes.get("id", "").lower()))
    return bool((element.words | ids) & _FRAME_WORDS) and element.tag not in {"body", "main"}


def _is_in_article(element: PageElement) -> bool:
    parent = element.parent
    while parent is not None:
        if parent.tag in _ARTICLE_TAGS:
            return True
        parent = parent.parent
    return False
