"""The items of an HTML page, by CSS selectors.

Source: HTML Standard; Selectors Level 4, as far as Lexbor has them (docs/config.md).
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator import urls
from aggregator.model import FeedHead, PageSelectors
from aggregator.reading.document_limits import MAX_ENTRIES
from aggregator.reading.pages.page_items import PageDocument, PageItem
from aggregator.reading.pages.selector_syntax import PartSelector, part_selector
from aggregator.text.encodings import declared_in_html, decoded

FORMAT = "HTML"

_RANKS = ("h1", "h2", "h3", "h4", "h5", "h6")
_HEADING = PartSelector(", ".join(_RANKS))
_ENDS_OF_SECTIONS = {"dt": ("dt",)} | {name: _RANKS[: rank + 1] for rank, name in enumerate(_RANKS)}
_MAX_FOLLOWING = 100  # nodes
# The link of a heading to itself, as generators of documents make it.
_OWN_ANCHOR = re.compile(r"<a (?=[^<>]*#)[^<>]*>\s*(?:[^\w\s<>&]{1,2}|&para;)\s*</a>\s*")
_LABEL_ATTRIBUTES = ("aria-label", "title")
_PICTURE_ATTRIBUTES = ("data-src", "data-lazy-src", "data-original", "srcset", "data-srcset", "src")
_MAX_TITLE = 20_000  # characters of HTML
_MAX_EXCERPT = 200_000
_MAX_TEXT = 1000  # characters of an author or date
_MAX_OF_TITLE = 1000  # characters of the title of a page


@dataclass(frozen=True, slots=True)
class _Parts:
    """The selectors of the parts of an item; None for a part without a selector."""

    title: PartSelector | None
    link: PartSelector | None
    excerpt: PartSelector
    author: PartSelector | None
    date: PartSelector
    image: PartSelector | None

    @classmethod
    def of(cls, selectors: PageSelectors) -> "_Parts":
        return cls(
            title=_selector_or_none(selectors.title),
            link=_selector_or_none(selectors.link),
            excerpt=part_selector(selectors.excerpt or "p, dd"),
            author=_selector_or_none(selectors.author),
            date=part_selector(selectors.date or "time"),
            image=_selector_or_none(selectors.image),
        )


def _selector_or_none(text: str | None) -> PartSelector | None:
    return None if text is None else part_selector(text)


def read_html(
    body: bytes, *, content_type: str, url: str, selectors: PageSelectors
) -> PageDocument:
    """Return the items of a page, at most `MAX_ENTRIES`.

    Args:
        content_type: The header's value, "" for none; may name the encoding.
        url: Address of the page; relative addresses resolve against the URL, or the page's `base`.
        selectors: Right ones, see `selector_syntax`.
    """
    text = decoded(body, content_type=content_type, declared=declared_in_html(body))
    page = LexborHTMLParser(text)
    base = page_base(page, url)
    matches = list(unequal(page.css(selectors.item)))[:MAX_ENTRIES]
    parts = _Parts.of(selectors)
    match_ids = {match.mem_id for match in matches}
    items = []
    spare = 2 * len(text)  # nested items have the same excerpt again and again
    for match in matches:
        section = [match, *_following(match, match_ids)]
        item = _item(section, parts, base, max_excerpt=min(_MAX_EXCERPT, spare))
        spare -= len(item.excerpt)
        items.append(item)
    if parts.author and not any(item.author for item in items):
        items = _of_author(items, page, parts.author)
    return PageDocument(_head(page, url), tuple(items), len(text))


def _of_author(
    items: list[PageItem], page: LexborHTMLParser, author: PartSelector
) -> list[PageItem]:
    """Return items with the author of the page, who stands outside of the items."""
    root = page.css_first("html")
    name = _text([root], author) if root else ""
    return [replace(item, author=name) for item in items]


def unequal(nodes: Iterable[LexborNode]) -> Iterator[LexborNode]:
    """Yield each element once: a list of selectors selects an element as often as it matches."""
    known_ids = set()
    for node in nodes:
        if node.mem_id not in known_ids:
            known_ids.add(node.mem_id)
            yield node


def _head(page: LexborHTMLParser, url: str) -> FeedHead:
    titles = (page.css_first(name) for name in ("head title", "h1"))
    texts = (_line(title)[:_MAX_OF_TITLE] for title in titles if title is not None)
    root = page.css_first("html")
    return FeedHead(
        title=escape(next(filter(None, texts), ""), quote=False),
        site_url=url,
        language=root.attributes.get("lang") if root else None,
        author=_author(page),
        format=FORMAT,
    )


def _author(page: LexborHTMLParser) -> str | None:
    element = page.css_first('meta[name="author" i][content]')
    return _attribute(element, "content")[:_MAX_TEXT] or None if element else None


def page_base(page: LexborHTMLParser, url: str) -> str:
    """Return the URL that relative references of a page resolve against."""
    element = page.css_first("base[href]")
    href = element.attributes.get("href") if element else None
    base = urls.joined(url, href) if href else url
    return base if urls.is_web(base) else url


def _following(item: LexborNode, match_ids: Collection[int]) -> Iterator[LexborNode]:
    """Yield the elements behind an item that belong to the item.

    A term of a list has its descriptions behind it, and a heading its section, up to the next item
    or a heading of the same rank; any other item is whole in itself.

    Args:
        match_ids: Of all items.
    """
    tag = item.tag or ""
    if tag not in _ENDS_OF_SECTIONS:
        return
    node = item.next
    for _ in range(_MAX_FOLLOWING):
        if node is None or node.mem_id in match_ids or node.tag in _ENDS_OF_SECTIONS[tag]:
            return
        if node.is_element_node:
            yield node
        node = node.next


def _item(section: Sequence[LexborNode], parts: _Parts, base: str, *, max_excerpt: int) -> PageItem:
    """Return the parts of an item.

    Args:
        section: The element of the item, and the elements behind it that belong to it; these have
            no titles and links.
    """
    item = section[0]
    title_node = _title_node(item, parts.title, base)
    excerpt = _markup(section, parts.excerpt, max_length=max_excerpt)
    return PageItem(
        title=_title(item, title_node, parts.title),
        link=_link(item, title_node, parts.link, base),
        excerpt=f"<p>{excerpt}</p>" if excerpt else "",
        author=_text(section, parts.author) if parts.author else "",
        dates=tuple(_dates(section, parts.date)),
        image=_image(section, parts.image, base) if parts.image else None,
        base=base,
    )


def _node(
    section: Sequence[LexborNode],
    part: PartSelector,
    *,
    is_right: Callable[[LexborNode], object] = bool,
) -> LexborNode | None:
    """Return the first element of a part with what the part needs, None without one."""
    if not part.css:
        return section[0] if is_right(section[0]) else None
    nodes = (node for element in section for node in element.css(part.css))
    return next((node for node in nodes if is_right(node)), None)


def _text(section: Sequence[LexborNode], part: PartSelector) -> str:
    """Return the text of a part, or the value of its attribute; empty without the part."""
    name = part.attribute
    if name is None:
        return _line(_node(section, part, is_right=_line))[:_MAX_TEXT]
    node = _node(section, part, is_right=lambda node: _attribute(node, name))
    return _attribute(node, name)[:_MAX_TEXT] if node else ""


def _markup(section: Sequence[LexborNode], part: PartSelector, *, max_length: int) -> str:
    """Return the content of a part as HTML, empty without the part."""
    if part.attribute is not None:
        return escape(_text(section, part), quote=False)[:max_length]
    return _inner_html(_node(section, part, is_right=_line), max_length)


def _inner_html(node: LexborNode | None, max_length: int) -> str:
    """Return the content of an element as HTML, of a long one the text alone."""
    html = (node.inner_html or "") if node else ""
    return html if len(html) <= max_length else escape(_line(node)[:max_length], quote=False)


def _line(node: LexborNode | None) -> str:
    """Return the text of an element in one line."""
    return " ".join(node.text().split()) if node else ""


def _attribute(node: LexborNode, name: str) -> str:
    return (node.attributes.get(name) or "").strip()


def _title_node(item: LexborNode, part: PartSelector | None, base: str) -> LexborNode | None:
    """Return the element of the title: the first heading with words, else the first link."""
    if part is not None:
        return _node([item], part)
    heading = _node([item], _HEADING, is_right=_label)
    return heading or next((link for link in _links(item) if _leads(link, base)), None)


def _leads(link: LexborNode, base: str) -> bool:
    """Whether a link has words and an address."""
    return bool(_label(link) and _first_address([_attribute(link, "href")], base))


def _title(item: LexborNode, node: LexborNode | None, part: PartSelector | None) -> str:
    """Return the title as HTML; of an element without words, the text in place of its picture."""
    if part is not None and (html := _markup([item], part, max_length=_MAX_TITLE)):
        return _without_own_anchor(html)
    if node is None:
        return ""
    if not _line(node):
        return escape(_label(node), quote=False)
    return _without_own_anchor(_inner_html(node, _MAX_TITLE))


def _without_own_anchor(html: str) -> str:
    """Return a title without a link to itself at the end."""
    start = html.rfind("<a ")  # a search from each link would take quadratic time
    return html[:start] if start >= 0 and _OWN_ANCHOR.fullmatch(html, start) else html


def _label(node: LexborNode) -> str:
    """Return the words of an element: the text, else the text in place of a picture."""
    if line := _line(node):
        return line
    of_pictures = (_attribute(picture, "alt") for picture in node.css("img[alt]"))
    of_element = (_attribute(node, name) for name in _LABEL_ATTRIBUTES)
    return next(filter(None, (*of_pictures, *of_element)), "")


def _links(node: LexborNode) -> Iterator[LexborNode]:
    """Yield the links around an element and in it."""
    ancestor: LexborNode | None = node
    while ancestor is not None:
        if ancestor.tag == "a" and "href" in ancestor.attributes:
            yield ancestor
        ancestor = ancestor.parent
    first_link = node.css_first("a[href]")  # most often enough; all of nested items are many
    if first_link is not None:
        yield first_link
        yield from node.css("a[href]")


def _link(
    item: LexborNode, title: LexborNode | None, part: PartSelector | None, base: str
) -> str | None:
    """Return the address of a post: by default of the title's link, else of the first link.

    An `id` is a place on the page.
    """
    if part is None:
        return (_default_link(title, base) if title else None) or _default_link(item, base)
    nodes = item.css(part.css) if part.css else [item]
    if part.attribute is None:
        nodes = [link for node in nodes for link in _links(node)]
    references = (_attribute(node, part.attribute or "href") for node in nodes)
    if part.attribute == "id":
        references = (f"#{place}" for place in references if place)
    return _first_address(references, base)


def _default_link(node: LexborNode, base: str) -> str | None:
    """Return the first address around or in an element, if possible of the page's own site.

    Links to share a post lead elsewhere.
    """
    site = urls.site_of(base)
    first_address: str | None = None
    for link in _links(node):
        address = _first_address([_attribute(link, "href")], base)
        if address and urls.site_of(address) == site:
            return address
        first_address = first_address or address
    return first_address


def _first_address(references: Iterable[str], base: str) -> str | None:
    addresses = (urls.absolute(text, base) for text in references if text and text != "#")
    return next((url for url in addresses if url and urls.is_web(url)), None)


def _dates(section: Sequence[LexborNode], part: PartSelector) -> Iterator[str]:
    """Yield texts in which the date may be: of `time` the attribute first, then the text."""
    if part.attribute is not None:
        yield from filter(None, [_text(section, part)])
        return
    node = _node(section, part)
    if node is None:
        return
    times = [node, *node.css("time[datetime]")]
    yield from filter(None, (_attribute(time, "datetime")[:_MAX_TEXT] for time in times))
    yield from filter(None, [_line(node)[:_MAX_TEXT]])


def _image(section: Sequence[LexborNode], part: PartSelector, base: str) -> str | None:
    if part.attribute is not None:
        return _first_address([_first_of_set(_text(section, part))], base)
    node = _node(section, part)
    pictures = [node, *node.css("img, source")] if node else []
    references = (
        _first_of_set(_attribute(picture, name))
        for picture in pictures
        for name in _PICTURE_ATTRIBUTES
    )
    return _first_address((text for text in references if not text.startswith("data:")), base)


def _first_of_set(text: str) -> str:
    """Return the first address of a `srcset`, or the address of a `src`."""
    return text.split(maxsplit=1)[0].rstrip(",") if text.strip() else ""
