"""OPML <-> subscriptions.  Pure.

Most lists of the real world are not well-formed XML: they have a bare `&`, or quotation marks
within quotation marks.  A document that expat accepts is read by expat, any other tag by tag, both
in linear time; neither opens, fetches or expands anything.  html.parser takes quadratic time for
`<a <a <a`.

Source: OPML 2.0, http://opml.org/spec2.opml
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum
from xml.etree import ElementTree
from xml.parsers import expat

from aggregator import urls
from aggregator.errors import OpmlError
from aggregator.model import OpmlOutline
from aggregator.opml import extras
from aggregator.text import references
from aggregator.text.encodings import declared_in_xml, decoded
from aggregator.urls import feed_addresses

MAX_SIZE = 20_000_000  # bytes; a list of 10,000 feeds has about 2,000,000
MAX_TITLE = 200
MAX_CATEGORIES = 10

_MAX_FOLDERS = 8  # levels
_FEED_TYPES = ("rss", "atom", "rdf", "feed", "jsonfeed")
_INVISIBLE = re.compile("[\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_UNPRINTABLE = re.compile(
    "[^\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]|[\U0001fffe\U0001ffff]"
)
_ATTRIBUTE = re.compile(r"(?<=[\s\"'])([A-Za-z_][\w:.-]{0,40})\s{0,9}=\s{0,9}(?=[\"'])")
_TAG = re.compile(r"/?(?:\w{1,40}:)?(\w{1,40})")
_SURE_TAG = re.compile(r"/?(?:opml|head|body|outline)\b", re.IGNORECASE)


class OmissionReason(Enum):
    """Why an outline that stands for a feed is left out."""

    NOT_AN_ADDRESS = "it has no http:// or https:// address"
    MASKED = "a password or token in its address is hidden (***)"
    SCRAPED = "it is a page or a JSON document that rules of FreshRSS make a feed of"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A feed that is left out.

    Attributes:
        address: The address as written, in one line.
        title: Empty for a feed without a title.
        reason: The reason of the omission.
    """

    address: str
    title: str
    reason: OmissionReason


@dataclass(frozen=True, slots=True)
class SubscriptionList:
    """The content of an OPML document.

    Attributes:
        feeds: The feeds in the order of the document, each once.
        left_out: Feeds that can't be polled.
        not_taken_over: Everything else that is lost: by kind (see `extras`) the names of feeds,
            folders or attributes, each once.
        breaks_off: The end of the document is missing, and perhaps feeds with it.
    """

    feeds: list[OpmlOutline]
    left_out: list[LeftOut] = field(default_factory=list)
    not_taken_over: dict[str, list[str]] = field(default_factory=dict)
    breaks_off: bool = False


def read(document: bytes) -> SubscriptionList:
    """Return the content of a subscription list.

    The categories of a feed are the names of the outermost folders around its outlines, or, outside
    of folders, the outlines' own `category`.  A folder around all other folders does not count.

    Raises:
        OpmlError: The document is not OPML, too large, or declares entities.
    """
    if len(document) > MAX_SIZE:
        raise OpmlError(f"the list has more than {MAX_SIZE:,} bytes; none has so many")
    text = decoded(document, declared=declared_in_xml(document)).lstrip("\ufeff \t\r\n\x00")
    if not text:
        raise OpmlError("the list is empty")
    outlines = _Outlines()
    try:
        _read_xml(text, outlines)
    except expat.ExpatError:
        outlines = _Outlines()
        _read_tags(text, outlines)
    return outlines.subscriptions()


def write(
    title: str, outlines: Sequence[OpmlOutline], *, created_at: datetime | None = None
) -> bytes:
    """Return an OPML 2.0 document with a folder for each category; equal bytes for equal feeds.

    A feed of several categories stands in the folder of each.  Feeds without a category come first,
    then the folders by name; both keep the order of the feeds.

    Args:
        title: Title of the list.
        outlines: The feeds.
        created_at: Aware time of the list's creation; None leaves it out.
    """
    root = ElementTree.Element("opml", version="2.0")
    head = ElementTree.SubElement(root, "head")
    ElementTree.SubElement(head, "title").text = _line(title)
    if created_at is not None:
        stamp = format_datetime(created_at.astimezone(UTC), usegmt=True)
        ElementTree.SubElement(head, "dateCreated").text = stamp
    body = ElementTree.SubElement(root, "body")
    folders: dict[str, list[ElementTree.Element]] = {}
    for outline in outlines:
        categories = list(dict.fromkeys(filter(None, map(_line, outline.categories))))
        attributes = _attributes(outline, categories)
        for category in categories:
            folders.setdefault(category, []).append(ElementTree.Element("outline", attributes))
        if not categories:
            ElementTree.SubElement(body, "outline", attributes)
    for category in sorted(folders, key=lambda name: (name.casefold(), name)):
        names = {"text": category, "title": category}
        ElementTree.SubElement(body, "outline", names).extend(folders[category])
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return document + b"\n"


@dataclass(slots=True)
class _ListedFeed:
    """A feed, and where its outlines stand.

    Attributes:
        feed: With the categories that the outlines themselves name.
        paths: The names of the folders around each outline, outermost first; none for outlines
            outside of folders.
    """

    feed: OpmlOutline
    paths: list[tuple[str, ...]] = field(default_factory=list)


class _Outlines:
    """Collects feeds from tags, with the open folders."""

    def __init__(self) -> None:
        self._root = ""
        self._has_ended = False
        self._folders: list[tuple[str, ...]] = []  # of each open outline: the names around
        self._listed_feeds: dict[str, _ListedFeed] = {}
        self._left_out: list[LeftOut] = []
        self._losses: dict[str, dict[str, None]] = {}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = tag.rpartition(":")[2].lower()
        self._root = self._root or name
        if name == "outline":
            self._outline({key.lower(): value for key, value in attributes.items()})

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2].lower()
        self._has_ended = self._has_ended or name == "opml"
        if name == "outline" and self._folders:
            self._folders.pop()

    def subscriptions(self) -> SubscriptionList:
        if self._root in {"rss", "feed", "rdf"}:
            raise OpmlError("this is a feed, not a list of feeds; subscribe with `aggregator add`")
        if self._root != "opml":
            raise OpmlError("this is not OPML; export the list from the other program as OPML")
        feeds = self._in_categories()
        losses = {kind: list(names) for kind, names in self._losses.items()}
        return SubscriptionList(feeds, self._left_out, losses, breaks_off=not self._has_ended)

    def _outline(self, attributes: Mapping[str, str]) -> None:
        folders = self._folders[-1] if self._folders else ()
        label = _name(attributes)
        address = _address(attributes)
        if address is not None:
            self._subscription(address, attributes, folders)
        is_feed = bool(attributes.get("xmlurl", "").strip())
        if label and not is_feed and len(folders) < _MAX_FOLDERS:
            self._folders.append((*folders, label))
        else:
            self._folders.append(folders)
        for kind, attribute in extras.kinds(attributes):
            self._lose(kind, attribute or label or _line(address or attributes.get("url", "")))

    def _subscription(
        self, address: str, attributes: Mapping[str, str], folders: tuple[str, ...]
    ) -> None:
        url = feed_addresses.web_url(address)
        label = _name(attributes)
        if feed_addresses.is_masked(address):
            reason = OmissionReason.MASKED
        elif url is None:
            reason = OmissionReason.NOT_AN_ADDRESS
        elif extras.is_scraped(attributes):
            reason = OmissionReason.SCRAPED
        else:
            listed_feed = self._listed_feeds.setdefault(
                urls.normalized(url), _ListedFeed(_feed(url, attributes))
            )
            if folders:
                listed_feed.paths.append(folders)
            return
        self._left_out.append(LeftOut(_line(address, urls.MAX_LENGTH), label, reason))

    def _in_categories(self) -> list[OpmlOutline]:
        """Return the feeds with their categories."""
        listed_feeds = list(self._listed_feeds.values())
        level = _level([path for listed_feed in listed_feeds for path in listed_feed.paths or [()]])
        spellings: dict[str, str] = {}
        feeds = []
        for listed_feed in listed_feeds:
            for path in listed_feed.paths:
                if len(path) > level + 1:
                    self._lose(extras.INNER_FOLDERS, " / ".join(path[level:]))
            names = [self._spelling(name, spellings) for name in _categories(listed_feed, level)]
            categories = list(dict.fromkeys(names))
            title = listed_feed.feed.title or ""
            for name in categories[MAX_CATEGORIES:]:
                self._lose(extras.MANY_CATEGORIES, f"{title or listed_feed.feed.url} ({name})")
            for name in (*categories, title):
                if len(name) == MAX_TITLE:
                    self._lose(extras.LONG_NAMES, name)
            feeds.append(replace(listed_feed.feed, categories=tuple(categories[:MAX_CATEGORIES])))
        return feeds

    def _spelling(self, category: str, spellings: dict[str, str]) -> str:
        """Return the first spelling of a category."""
        first = spellings.setdefault(urls.category_key(category), category)
        if first != category:
            self._lose(extras.SPELLINGS, f"{category} (now {first})")
        return first

    def _lose(self, kind: str, name: str) -> None:
        self._losses.setdefault(kind, {})[name] = None


def _categories(listed_feed: _ListedFeed, level: int) -> list[str]:
    """Return the names of a feed's categories, in the order that its outline gives, if any.

    Args:
        level: Index of the category in each path.
    """
    own_categories = listed_feed.feed.categories
    if not listed_feed.paths:
        return list(own_categories)
    names = [path[level] for path in listed_feed.paths]
    order = {name: position for position, name in enumerate(own_categories)}
    return sorted(names, key=lambda name: order.get(name, len(order)))


def _level(paths: Sequence[tuple[str, ...]]) -> int:
    """Return the index of the category in each path: folders around all others do not count.

    Args:
        paths: Names of folders, outermost first.
    """
    depth = min(map(len, paths), default=0)
    levels = range(depth)
    return next((n for n in levels if len({path[n] for path in paths}) > 1), 0)


def _name(attributes: Mapping[str, str]) -> str:
    """Return the name of an outline in one line, empty for an outline without a name."""
    return _line(attributes.get("text", "")) or _line(attributes.get("title", ""))


def _address(attributes: Mapping[str, str]) -> str | None:
    """Return the address of an outline's feed, None for an outline that is not a feed."""
    if not attributes.get("type", "").strip().lower().startswith(_FEED_TYPES):
        return attributes.get("xmlurl", "").strip() or None
    return attributes.get("xmlurl") or attributes.get("url", attributes.get("xmlurl"))


def _feed(url: str, attributes: Mapping[str, str]) -> OpmlOutline:
    names = (_line(attributes.get("text", "")), _line(attributes.get("title", "")))
    address = _line(attributes.get("xmlurl", ""))
    site = urls.absolute(attributes.get("htmlurl", ""), "")
    return OpmlOutline(
        url=url,
        title=next((name for name in names if name and name not in {url, address}), None),
        categories=_own_categories(attributes),
        html_url=site if site and urls.is_web(site) else None,
    )


def _own_categories(attributes: Mapping[str, str]) -> tuple[str, ...]:
    """Return the categories of an outline itself: `/News/Local,/Sports` is News and Sports."""
    paths = attributes.get("category", "").split(",", 2 * MAX_CATEGORIES)
    names = (_line(path.strip(" /").partition("/")[0]) for path in paths)
    return tuple(dict.fromkeys(filter(None, names)))


def _attributes(outline: OpmlOutline, categories: Sequence[str]) -> dict[str, str]:
    title = _line(outline.title or "") or outline.url
    attributes = {"type": "rss", "text": title, "title": title, "xmlUrl": outline.url}
    if outline.html_url:
        attributes["htmlUrl"] = outline.html_url
    if len(categories) > 1:  # the order, which folders do not tell
        attributes["category"] = ",".join(f"/{category}" for category in categories)
    return {key: _UNPRINTABLE.sub("", value) for key, value in attributes.items()}


def _line(text: str, length: int = MAX_TITLE) -> str:
    """Return a text as one line of visible characters that XML can hold, at most `length` long."""
    visible = _INVISIBLE.sub("", _UNPRINTABLE.sub(" ", text))
    return " ".join(visible.split())[:length].rstrip()


def _read_xml(text: str, outlines: _Outlines) -> None:
    parser = expat.ParserCreate("utf-8")  # the text is decoded, whatever the document declares
    parser.StartElementHandler = outlines.start
    parser.EndElementHandler = outlines.end
    parser.EntityDeclHandler = _refuse_entity
    parser.EndDoctypeDeclHandler = _leave_to_tags
    parser.Parse(text.encode(errors="replace"), True)


def _refuse_entity(*_declaration: object) -> None:
    raise OpmlError("the list declares entities, which no subscription list needs; remove them")


def _leave_to_tags() -> None:
    # Without an error expat leaves out entities that a DTD may define (`&uuml;`).
    raise expat.ExpatError("a list with a DOCTYPE")


def _read_tags(text: str, outlines: _Outlines) -> None:
    """Read the tags of a document that is not well-formed."""
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
    """Split a text at each `<` that opens a tag, outside of quotation marks.

    Comments are dropped, and so is a tag in which the text breaks off.
    """
    pieces: list[str] = []
    quote_count = 0
    in_comment = False
    for piece in text.split("<")[1:]:
        in_comment = in_comment or (not pieces and piece.startswith("!--"))
        if in_comment:
            in_comment = "-->" not in piece
            continue
        if pieces and _SURE_TAG.match(piece):  # even within quotation marks
            yield "<".join(pieces)
            pieces, quote_count = [], 0
        pieces.append(piece)
        quote_count += piece.count('"')
        if ">" in piece and quote_count % 2 == 0:
            yield "<".join(pieces)
            pieces, quote_count = [], 0
    if any(">" in piece for piece in pieces):  # an odd quotation mark within the last tag
        yield "<".join(pieces)


def _tag_attributes(tag: str) -> Iterable[tuple[str, str]]:
    """Yield names and values; a value ends at the last quotation mark before the next `name=`."""
    parts = _ATTRIBUTE.split(tag)
    for name, value in zip(parts[1::2], parts[2::2], strict=True):
        end = value.rfind(value[0])
        yield name, references.attribute_value(value[1:end] if end > 0 else value[1:])
