"""The pages of a sitemap as items.

Sources: sitemaps.org, 0.9; Google's extensions for news and images.
"""

import re
from collections import defaultdict
from html import escape
from typing import NoReturn
from urllib.parse import unquote, urlsplit
from xml.parsers import expat

from aggregator import urls
from aggregator.model import FeedHead
from aggregator.reading.document_limits import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_NAMESPACE,
)
from aggregator.reading.pages.page_items import PageDocument, PageItem, UnfitDocumentError
from aggregator.text.encodings import in_utf8

FORMAT = "Sitemap"

_MAX_ELEMENTS = 1_000_000  # a sitemap has at most 50,000 addresses
_MAX_TEXT = 2000  # characters of a text that is read
_SEPARATOR = " "  # between a namespace and a name
_FIELDS = {
    ("url", "loc"): "link",
    ("url", "lastmod"): "updated",
    ("news", "title"): "title",
    ("news", "publication_date"): "published",
    ("image", "loc"): "image",
    ("sitemap", "loc"): "link",
    ("sitemap", "lastmod"): "updated",
}
_ENTRIES = ("url", "sitemap")
_EXTENSION = re.compile(r"\.(?:html?|php\d?|aspx?|jsp|md|xhtml)$", re.IGNORECASE)
_LEADING_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}-(?=.)")
_WORD_BREAK = re.compile(r"[-_+\s]+")
_NO_WORDS = re.compile(r"[\W\d_]*|index|default", re.IGNORECASE)

_Fields = dict[str, str]


def read_sitemap(body: bytes, *, content_type: str, url: str) -> PageDocument:
    """Return the pages of a sitemap, at most `MAX_ENTRIES`: of more, those changed last.

    Args:
        content_type: The header's value, "" for none.
        url: Address of the sitemap.

    Raises:
        UnfitDocumentError: The document is not a sitemap, or is a sitemap of sitemaps, which is
            refused with the address of its newest one.
    """
    document = in_utf8(body, content_type)
    walk = _SitemapWalk()
    try:
        walk.run(document)
    except expat.ExpatError as error:
        raise UnfitDocumentError("not a sitemap: not XML") from error
    if walk.root not in ("urlset", "sitemapindex"):
        raise UnfitDocumentError("not a sitemap: XML of another kind")
    if walk.root == "sitemapindex":
        raise UnfitDocumentError(_index_reason(walk.entries, url))
    entries = _latest(walk.entries)
    return PageDocument(
        FeedHead(site_url=urls.joined(url, "/"), format=FORMAT),
        tuple(_item(fields, url) for fields in entries),
        len(document),
    )


def title_of_address(address: str) -> str:
    """Return words for a page that has no title, from the end of its address.

    `https://example.org/2026/new-lamp.html` has the title "New lamp".
    """
    parts = urlsplit(address)
    for segment in reversed(parts.path.split("/")):
        words = _LEADING_DATE.sub("", _EXTENSION.sub("", unquote(segment, errors="replace")))
        words = _WORD_BREAK.sub(" ", words).strip()
        if not _NO_WORDS.fullmatch(words):
            return words[:1].upper() + words[1:]
    last = parts.path.strip("/")
    return f"{parts.hostname or ''}/{last}" if last else parts.hostname or ""


def _item(fields: _Fields, url: str) -> PageItem:
    link = _address(fields.get("link", ""), url)
    title = fields.get("title") or (title_of_address(link) if link else "")
    published = fields.get("published")
    return PageItem(
        title=escape(" ".join(title.split()), quote=False),
        link=link,
        dates=(published,) if published else (),
        updated=fields.get("updated") or None,
        image=_address(fields.get("image", ""), url),
        base=url,
    )


def _address(text: str, url: str) -> str | None:
    address = urls.absolute(text, url) if text else None
    return address if address and urls.is_web(address) else None


def _latest(entries: list[_Fields]) -> list[_Fields]:
    """Return the entries that changed last, in document order."""
    if len(entries) <= MAX_ENTRIES:
        return entries
    places = sorted(
        range(len(entries)),
        key=lambda place: (_latest_change(entries[place]), -place),
        reverse=True,
    )
    return [entries[place] for place in sorted(places[:MAX_ENTRIES])]


def _latest_change(fields: _Fields) -> str:
    """Return when an entry changed, as text of which the later one is the greater."""
    return fields.get("published") or fields.get("updated") or ""


def _index_reason(entries: list[_Fields], url: str) -> str:
    """Return why a sitemap of sitemaps is not read, and what to write in its place."""
    addresses = [
        (_latest_change(fields), place, address)
        for place, fields in enumerate(entries)
        if (address := _address(fields.get("link", ""), url))
    ]
    if not addresses:
        return "a sitemap of sitemaps without any"
    *_, newest = max(addresses)
    return f"a sitemap of sitemaps; use one of them, such as the newest: {newest}"


class _SitemapWalk:
    """One walk of expat over a sitemap.

    Attributes:
        root: Local name of the outermost element.
        entries: The fields of each `url`, or `sitemap`, as `_FIELDS` calls them; the first of each.
    """

    def __init__(self) -> None:
        self.root = ""
        self.entries: list[_Fields] = []
        self._names: list[str] = []
        self._texts: dict[str, str] = defaultdict(str)
        self._field: str | None = None
        self._elements = 0

    def run(self, document: bytes) -> None:
        """Walk, once.

        Raises:
            UnfitDocumentError: The document is beyond the limits.
            ExpatError: The document is not well-formed.
        """
        parser = expat.ParserCreate("utf-8", _SEPARATOR)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartNamespaceDeclHandler = self._declare
        parser.EntityDeclHandler = self._refuse_entities
        parser.Parse(document, True)

    def _refuse_entities(self, *_: object) -> NoReturn:
        raise UnfitDocumentError("a sitemap with entities of its own")

    def _declare(self, _prefix: str | None, namespace: str | None) -> None:
        if len(namespace or "") > MAX_NAMESPACE:
            raise UnfitDocumentError("a sitemap with a namespace that is too long")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(_SEPARATOR)[2]
        self._elements += 1
        if self._elements > _MAX_ELEMENTS or len(self._names) == MAX_DEPTH:
            raise UnfitDocumentError("a sitemap with too many elements")
        if len(attributes) > MAX_ATTRIBUTES:
            raise UnfitDocumentError("a sitemap with too many attributes")
        if not self._names:
            self.root = local
        parent = self._names[-1] if self._names else ""
        field = _FIELDS.get((parent, local))
        self._field = field if field and field not in self._texts else None
        self._names.append(local)

    def _text(self, text: str) -> None:
        if self._field is not None:
            length = len(self._texts[self._field])
            self._texts[self._field] += text[: _MAX_TEXT - length]

    def _end(self, _name: str) -> None:
        local = self._names.pop()
        self._field = None
        if local in _ENTRIES and len(self._names) == 1:
            fields = {name: text.strip() for name, text in self._texts.items()}
            self.entries.append(fields)
            self._texts = defaultdict(str)
