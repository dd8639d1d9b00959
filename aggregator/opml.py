"""OPML <-> subscriptions.  Pure.

Lists found in the wild are more often than not no XML: a bare `&`, quotation marks within quotation
marks.  So a document that expat takes is read by expat, and any other tag by tag, both in time
linear in its size; neither opens, fetches or expands anything.  html.parser, and what is built on
it, would need minutes for 200 kB of `<a <a <a`.

Source: OPML 2.0, http://opml.org/spec2.opml
"""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

from aggregator import urls
from aggregator.errors import OpmlError
from aggregator.model import OpmlOutline

MAX_SIZE = 20_000_000  # bytes; a list of 10,000 feeds has about 2,000,000
MAX_TITLE = 200

_UNPRINTABLE = re.compile(
    "[^\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]|[\U0001fffe\U0001ffff]"
)
_DECLARED = re.compile(rb"<\?xml[^>]{0,100}?encoding\s{0,9}=\s{0,9}[\"']([A-Za-z0-9._-]{1,40})")
# Python knows codecs that take quadratic time (idna, punycode) or are no encodings at all.
_ENCODINGS = re.compile(
    r"utf-?(8|16|32)|(us-)?ascii|(iso-?8859|windows|cp|koi8)-?\w{1,5}|latin-?1|"
    r"big5\w*|gb\w{1,6}|shift_jis|euc-\w\w",
    re.IGNORECASE,
)
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_ATTRIBUTE = re.compile(r"(?<=[\s\"'])([A-Za-z_][\w:.-]{0,40})\s{0,9}=\s{0,9}(?=[\"'])")
_TAG = re.compile(r"/?(?:\w{1,40}:)?(\w{1,40})")
_SURE_TAG = re.compile(r"/?(?:opml|head|body|outline)\b", re.IGNORECASE)


class SubscriptionList(NamedTuple):
    """What an OPML document holds.

    Attributes:
        feeds: In its order, each once.
        unusable: The addresses, as written, of feeds that have no usable http(s) address.
    """

    feeds: list[OpmlOutline]
    unusable: list[str]


def read(document: bytes) -> SubscriptionList:
    """Read a subscription list.

    The category is the outermost folder's name, or the first of the outline's own `category`.

    Raises:
        OpmlError: It is not OPML, too large, or declares entities.
    """
    if len(document) > MAX_SIZE:
        raise OpmlError(f"the list has {len(document):,} bytes; at most {MAX_SIZE:,} are read")
    text = _decoded(document).lstrip("\ufeff \t\r\n\x00")
    if not text:
        raise OpmlError("the list is empty")
    outlines = _Outlines()
    try:
        _read_xml(text, outlines)
    except expat.ExpatError:
        outlines = _Outlines()
        _read_tags(text, outlines)
    return outlines.found()


def write(
    title: str, outlines: Sequence[OpmlOutline], *, created_at: datetime | None = None
) -> bytes:
    """Return an OPML 2.0 document, one folder a category, the same bytes for the same feeds.

    Args:
        title: Of the list.
        created_at: Aware; None writes none.
    """
    root = ElementTree.Element("opml", version="2.0")
    head = ElementTree.SubElement(root, "head")
    ElementTree.SubElement(head, "title").text = _line(title)
    if created_at is not None:
        stamp = format_datetime(created_at.astimezone(UTC), usegmt=True)
        ElementTree.SubElement(head, "dateCreated").text = stamp
    body = ElementTree.SubElement(root, "body")
    folders: dict[str, ElementTree.Element] = {}
    for outline in outlines:
        parent = body
        if category := _line(outline.category or ""):
            if category not in folders:
                attributes = {"text": category, "title": category}
                folders[category] = ElementTree.SubElement(body, "outline", attributes)
            parent = folders[category]
        ElementTree.SubElement(parent, "outline", _attributes(outline))
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document + b"\n"


class _Outlines:
    """Collects feeds from tags, and keeps in mind which folder it is in."""

    def __init__(self) -> None:
        self._root = ""
        self._folders: list[str] = []  # of every open outline: the outermost name around it
        self._feeds: dict[str, OpmlOutline] = {}
        self._unusable: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = tag.rpartition(":")[2].lower()
        self._root = self._root or name
        if name == "outline":
            given = {key.lower(): value for key, value in attributes.items()}
            outer = self._folders[-1] if self._folders else ""
            address = _address(given)
            if (feed := _feed(address or "", given, outer)) is not None:
                self._feeds.setdefault(urls.normal(feed.url), feed)
            elif address is not None:
                self._unusable.append(_line(address))
            folder = "" if "xmlurl" in given else _line(given.get("text") or given.get("title", ""))
            self._folders.append(outer or folder)

    def end(self, tag: str) -> None:
        if tag.rpartition(":")[2].lower() == "outline" and self._folders:
            self._folders.pop()

    def found(self) -> SubscriptionList:
        if self._root in {"rss", "feed", "rdf"}:
            raise OpmlError("this is a feed, not a list of feeds; subscribe with `aggregator add`")
        if self._root != "opml":
            raise OpmlError("this is not OPML; export the list from the other program as OPML")
        return SubscriptionList(list(self._feeds.values()), self._unusable)


def _address(attributes: Mapping[str, str]) -> str | None:
    """Return the address that an outline gives its feed, None if it is no feed."""
    is_feed = attributes.get("type", "").strip().lower() in {"rss", "atom"}
    return attributes.get("xmlurl") or (attributes.get("url", "") if is_feed else None)


def _feed(address: str, attributes: Mapping[str, str], folder: str) -> OpmlOutline | None:
    url = urls.absolute(address, "")
    if url is None or not urls.is_web(url):
        return None
    title = _line(attributes.get("text", "")) or _line(attributes.get("title", ""))
    own_category = attributes.get("category", "").strip(" /").partition(",")[0].partition("/")[0]
    site = urls.absolute(attributes.get("htmlurl", ""), "")
    return OpmlOutline(
        url=url,
        title=title if title and title != url else None,
        category=folder or _line(own_category) or None,
        html_url=site if site and urls.is_web(site) else None,
    )


def _attributes(outline: OpmlOutline) -> dict[str, str]:
    title = _line(outline.title or "") or outline.url
    attributes = {"type": "rss", "text": title, "title": title, "xmlUrl": outline.url}
    if outline.html_url:
        attributes["htmlUrl"] = outline.html_url
    return {key: _UNPRINTABLE.sub("", value) for key, value in attributes.items()}


def _line(text: str) -> str:
    """Make one line of text that XML can hold, and that is not endless."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())[:MAX_TITLE].rstrip()


def _decoded(document: bytes) -> str:
    declared = _DECLARED.match(document.lstrip(b" \t\r\n")[:200])
    encoding = declared[1].decode() if declared else "utf-8"
    for mark, marked in _BYTE_ORDER_MARKS:
        if document.startswith(mark):
            encoding = marked
    if not _ENCODINGS.match(encoding):
        encoding = "utf-8"
    try:
        return document.decode(encoding, errors="replace")
    except LookupError:  # an encoding that sounds real
        return document.decode("utf-8", errors="replace")


def _read_xml(text: str, outlines: _Outlines) -> None:
    parser = expat.ParserCreate("utf-8")  # whatever the document declares, it is this now
    parser.StartElementHandler = outlines.start
    parser.EndElementHandler = outlines.end
    parser.EntityDeclHandler = _refuse_entity
    parser.Parse(text.encode(errors="replace"), True)


def _refuse_entity(*_declaration: object) -> None:
    raise OpmlError("the list declares entities, which no subscription list needs; remove them")


def _read_tags(text: str, outlines: _Outlines) -> None:
    """Read the tags of what no XML parser takes."""
    for tag in _tags(text):
        match = _TAG.match(tag)
        if match is None:
            continue
        inside = tag[: tag.rfind(">")] if ">" in tag else tag
        if not tag.startswith("/"):
            outlines.start(match[1], dict(_tag_attributes(inside)))
        if tag.startswith("/") or inside.endswith("/"):
            outlines.end(match[1])


def _tags(text: str) -> Iterable[str]:
    """Split at each `<` that opens a tag, not at one within quotation marks; drop comments."""
    held: list[str] = []
    marks = 0
    in_comment = False
    for piece in text.split("<")[1:]:
        in_comment = in_comment or (not held and piece.startswith("!--"))
        if in_comment:
            in_comment = "-->" not in piece
            continue
        if held and _SURE_TAG.match(piece):  # whatever the quotation marks before it say
            yield "<".join(held)
            held, marks = [], 0
        held.append(piece)
        marks += piece.count('"')
        if ">" in piece and marks % 2 == 0:
            yield "<".join(held)
            held, marks = [], 0
    yield "<".join(held)


def _tag_attributes(tag: str) -> Iterable[tuple[str, str]]:
    """Split a tag at its `name=`; a value reaches to the last quotation mark before the next."""
    parts = _ATTRIBUTE.split(tag)
    for name, written in zip(parts[1::2], parts[2::2], strict=True):
        end = written.rfind(written[0])
        yield name, html.unescape(written[1:end] if end > 0 else written[1:])
