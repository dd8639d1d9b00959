"""feedparser's parsers with the path of open elements, which decides what an element means.

feedparser takes an element for the entry's anywhere in the entry: the text of a picture for the
text of the post, the link of an author for the link of the entry.  Here an element counts if its
parent is the entry, the feed or a known container (`element_scopes`); all other elements are left
out before feedparser sees them.  Every text, link and date is stored together with the parent
element, so the order of elements in a document decides nothing (`text_choice`, `link_choice`).

A handler's exception costs one element and no more.
"""

from collections.abc import Callable
from typing import Any

from feedparser.mixin import _FeedParserMixin
from feedparser.urls import _urljoin
from feedparser.util import FeedParserDict

from aggregator.reading.parse.element_scopes import (
    ALTERNATIVES,
    DATE,
    DATE_KINDS,
    DROPPED,
    ENTRIES,
    MARKUP,
    MEDIA,
    NO_CHILDREN,
    OUTSIDE,
    ROOTS,
    TEXT_TYPES,
    XHTML,
    ElementScope,
    children_scope,
)
from aggregator.text.references import code_point
from aggregator.urls import MAX_LENGTH

Handler = Callable[..., None]


# Elements without a handler in feedparser; the text is stored under the element's name.
_PLAIN_FIELDS = (
    "comments ttl skiphours skipdays sy_updateperiod sy_updatefrequency itunes_duration "
    "feedburner_origlink pheedo_origlink"
).split()
# Elements for which feedparser has a handler of the end only.
_LISTS = ("media_keywords", "itunes_keywords")
_RELATIONS = "http://www.iana.org/assignments/relation/"  # RFC 4287, 4.2.7.2

# HTML, 13.1.2: void elements, written without an end tag: `</br>` would be a second line break.
_VOID = "area base br col embed hr img input link meta param source track wbr".split()
_BLOCKS_IN_HTML = ("div", "xhtml:div")  # around an escaped text, as in feeds of Typepad
_ENDS_OF_VOID = frozenset(f"</{name}>" for name in _VOID)


def _is_xml(kind: FeedParserDict) -> bool:
    return str(kind.get("type", "xml")).endswith("xml")


class InContext(_FeedParserMixin):  # type: ignore[misc]
    """feedparser's handlers, called for the elements that count and for no others.

    Attributes:
        scope: Of the open element, `OUTSIDE` where none is open.
        outer_scopes: For each open element the scope around the element, and the height of
            feedparser's `elementstack` before the element began.
    """

    # All other addresses are resolved later, when the entry's base is known.
    can_be_relative_uri: frozenset[str] = frozenset({"link"})

    def __init__(self, *args: Any) -> None:
        self.scope = OUTSIDE
        self.outer_scopes: list[tuple[ElementScope, int]] = []
        self._groups = 0
        self._group = 0
        super().__init__(*args)
        self._document_base = self.baseuri

    # --- elements

    def unknown_starttag(self, tag: str, attributes: list[tuple[str, str]]) -> None:
        """Begin an element."""
        scope = self.scope
        if scope is MARKUP:
            self.begin_element(MARKUP)
            kind = self.contentparams
            # feedparser writes elements of XHTML only, and no block before the first such element.
            is_block_in_html = tag in _BLOCKS_IN_HTML and kind.get("type") == "text/html"
            if not is_block_in_html and (tag in _BLOCKS_IN_HTML or _is_xml(kind)):
                kind["type"] = XHTML
            super().unknown_starttag(tag, attributes)
            if is_block_in_html:
                self.handle_data("<div>", escape=0)
            self.bound_base()
            self.svgOK = 0  # would keep feedparser from calling the handler of a later element
            return
        field = self.field_of(tag)
        if not self.counts(scope, field):
            self.begin_element(DROPPED)
            return
        self.begin_element(children_scope(scope, field))
        super().unknown_starttag("extension", attributes)  # notes base and language
        self.bound_base()
        if self.lang and tag in ROOTS:
            self.feeddata["language"] = self.lang.replace("_", "-")
        handler: Handler | None = getattr(type(self), f"_start_{field}", None)
        if handler is None:
            return
        self.elementstack.pop()
        try:
            handler(self, dict(map(self._normalize_attributes, attributes)))
        except Exception as error:
            self.undo_start(error)

    def unknown_endtag(self, tag: str) -> None:
        """End an element."""
        handler: Handler | None = getattr(type(self), f"_end_{self.field_of(tag)}", None)
        self.end_element(tag, handler)

    def counts(self, scope: ElementScope, field: str) -> bool:
        """Whether an element in `scope` belongs to the entry or the feed."""
        if scope.admits is None or field in scope.admits:
            return True
        return field in ENTRIES and self.may_begin_entry()

    def may_begin_entry(self) -> bool:
        """Whether an entry may begin in an element of which no child counts otherwise."""
        return not self.inentry

    def begin_element(self, scope: ElementScope) -> None:
        """Note the start of an element."""
        self.outer_scopes.append((self.scope, len(self.elementstack)))
        self.scope = scope

    def undo_start(self, error: Exception) -> None:
        """Undo the handler of an element's start after an exception: the element is ignored."""
        if isinstance(error, MemoryError):
            raise error
        del self.elementstack[self.outer_scopes[-1][1] :]
        self._out_of_text()
        self.scope = NO_CHILDREN
        self.push("extension", 0)

    def end_element(self, tag: str, handler: Handler | None) -> None:
        """End the element that began last and has not ended.

        Args:
            handler: feedparser's handler for the end of the element, None where feedparser has
                none.
        """
        scope = self.scope
        self.scope, height = self.outer_scopes.pop()
        if scope is DROPPED:
            return
        if self.scope is MARKUP:
            self.write_end(tag)
        else:
            if handler is not None:
                try:
                    handler(self)
                except Exception as error:
                    if isinstance(error, MemoryError):
                        raise
            if len(self.elementstack) > height:
                del self.elementstack[height:]
            if self.incontent:
                self._out_of_text()
        self.basestack.pop()
        if self.basestack and self.basestack[-1]:
            self.baseuri = self.basestack[-1]
        self.langstack.pop()
        if self.langstack:
            self.lang = self.langstack[-1]
        self.depth -= 1

    def write_end(self, tag: str) -> None:
        """Write the end tag of an element within a text, as feedparser does."""
        kind = self.contentparams
        if not _is_xml(kind):
            if tag in _BLOCKS_IN_HTML:
                self.handle_data("</div>", escape=0)
                return
            kind["type"] = XHTML
        if kind.get("type") == XHTML:
            self.handle_data(f"</{tag.rpartition(':')[2]}>", escape=0)

    def _out_of_text(self) -> None:
        self.incontent = 0
        self.contentparams.clear()

    def field_of(self, tag: str) -> str:
        """Return the name of an element in feedparser's handlers: `dc_creator`."""
        prefix, colon, suffix = tag.partition(":")
        if not colon:
            return tag
        prefix = self.namespacemap.get(prefix, prefix)
        return f"{prefix}_{suffix}" if prefix else suffix

    # --- characters

    def handle_data(self, text: str, escape: int = 1) -> None:
        """Add text, or markup within a text."""
        if self.scope is not DROPPED and (escape or text not in _ENDS_OF_VOID):
            super().handle_data(text, escape)

    def handle_charref(self, ref: str) -> None:
        """Add a reference to a character (loose parser)."""
        if self.scope is not DROPPED:
            super().handle_charref(f"x{code_point(ref):x}")

    def handle_entityref(self, ref: str) -> None:
        """Add a reference to an entity (loose parser)."""
        if self.scope is not DROPPED:
            super().handle_entityref(ref)

    def resolve_uri(self, uri: str) -> str:
        """Return a URI unresolved, `http:////a/b` repaired."""
        joined: str = _urljoin("", uri) if ":///" in uri else uri
        return joined

    def bound_base(self) -> None:
        """Undo the xml:base of the open element if addresses would be too long."""
        if len(self.baseuri) > MAX_LENGTH:
            self.basestack.pop()
            self.baseuri = self.basestack[-1] if self.basestack else self._document_base
            self.basestack.append(self.baseuri)

    def own_base(self) -> str:
        """Return the xml:base in force, empty where the document has none here."""
        return "" if self.baseuri == self._document_base else self.baseuri

    # --- handlers

    def begin_text(self, field: str, attributes: dict[str, str]) -> None:
        """Begin a text; all texts of an entry are stored, each with its element."""
        scope = self.outer_scopes[-1][0]
        if scope is OUTSIDE:
            self._start_extension(attributes)
            return
        if attributes.get("type", "").startswith("multipart/"):
            self.scope = ALTERNATIVES
            self._start_extension(attributes)
            return
        key = "content"  # feedparser keeps a list of contents
        if self.insource or not self.inentry:
            key = f"{field}_text"
            if dict.get(self._get_context(), key):
                key = "repeated"  # the first text with a value counts
        if self.lang:
            self.lang = self.lang.replace("_", "-")
        self.contentparams = self._kind_of(field, attributes)
        if scope is MEDIA and (contents := self._get_context().get("media_content")):
            self.contentparams["describes"] = contents[-1].get("url") or ""
        self.incontent += 1
        self.push(key, 1)

    def _kind_of(self, field: str, attributes: dict[str, str]) -> FeedParserDict:
        """Return feedparser's parameters of a text, as `push_content` does, and those of
        `text_choice`.
        """
        kind = FeedParserDict(
            type=TEXT_TYPES[field], language=self.lang, base=self.own_base(), element=field
        )
        if "type" not in attributes:
            kind["untyped"] = "1"
        else:
            media_type = kind["type"] = self.map_content_type(attributes["type"])
            if media_type.startswith(("image/", "audio/", "video/")) or "svg" in media_type:
                self.scope = NO_CHILDREN
            # A type without a slash is not a media type; feedparser decodes all unknown types.
            if "/" in media_type and not media_type.startswith("text/"):
                kind["base64"] = int(not media_type.endswith(("+xml", "/xml")))
        if attributes:
            if attributes.get("mode") == "base64":
                kind["base64"] = 1
            if src := attributes.get("src"):
                kind["src"] = src
        return kind

    def end_of_text(self) -> None:
        """End a text."""
        if self.incontent:
            self.pop_content(self.elementstack[-1][0])

    def _start_extension(self, attributes: dict[str, str]) -> None:
        # feedparser's own way, to store the text by the element's name, could overwrite a field.
        self.push("extension", 0)

    def _end_extension(self) -> None:
        self.pop("extension")

    _start_image = _start_textinput = _start_extension
    _end_image = _end_textinput = _end_extension
    _start_info = _start_feedburner_browserfriendly = _start_extension
    _end_info = _end_feedburner_browserfriendly = _end_extension

    def end_of_date(self, kind: str) -> None:
        """End a date; all dates are stored, in document order."""
        if text := self.pop(kind):
            self._get_context().setdefault("dates", []).append((kind, text))

    def _start_time(self, attributes: dict[str, str]) -> None:
        """Begin HTML's element of a time, which Drupal writes into dates."""
        if self.outer_scopes[-1][0] is not DATE:
            self._start_extension(attributes)
        elif (text := attributes.get("datetime")) and self.elementstack:
            self._get_context().setdefault("dates", []).append((self.elementstack[-1][0], text))

    def _end_time(self) -> None:
        """End a `time` within a date: the text is part of the date."""

    def _start_link(self, attributes: dict[str, str]) -> None:
        attributes = self._enforce_href(attributes)
        link: dict[str, str] = dict(attributes)
        relation = (attributes.get("rel") or "alternate").removeprefix(_RELATIONS)
        link["rel"] = "alternate" if "alternate" in relation.split() else relation
        link["base"] = self.own_base()
        link["address_in"] = "attribute" if "href" in attributes else "text"
        self._get_context().setdefault("links", []).append(link)
        if "href" in attributes:
            link["href"] = self.resolve_uri(attributes["href"])
            self.push("extension", 0)
        else:
            self.push("link", 1)

    def _start_guid(self, attributes: dict[str, str]) -> None:
        is_permalink = attributes.get("ispermalink", "").strip().lower()
        self.guidislink = is_permalink not in ("false", "no", "0")
        self.push("id", 1)

    def _end_guid(self) -> None:
        self.pop("id")
        self._save("guidislink", bool(self.guidislink), overwrite=True)

    _start_id, _end_id = _start_guid, _end_guid

    def _start_enclosure(self, attributes: dict[str, str]) -> None:
        link: dict[str, str] = dict(self._enforce_href(attributes))
        link["rel"], link["base"] = "enclosure", self.own_base()
        self._get_context().setdefault("links", []).append(link)
        self.push("enclosure", 1)

    def _end_enclosure(self) -> None:
        text = self.pop("enclosure")
        link = self._get_context()["links"][-1]
        if text and not link.get("href"):
            link["href"] = text

    def _start_media_group(self, attributes: dict[str, str]) -> None:
        self._groups += 1
        self._group = self._groups

    def _end_media_group(self) -> None:
        self._group = 0

    def _start_media_content(self, attributes: dict[str, str]) -> None:
        media = {**attributes, "group": self._group}
        self._get_context().setdefault("media_content", []).append(media)

    def _end_media_content(self) -> None:
        """End an element without text: the attributes have all."""


def _text_handlers(field: str) -> tuple[Handler, Handler]:
    def start(parser: InContext, attributes: dict[str, str]) -> None:
        parser.begin_text(field, attributes)

    return start, InContext.end_of_text


def _date_handlers(kind: str) -> tuple[Handler, Handler]:
    def start(parser: InContext, attributes: dict[str, str]) -> None:
        parser.push(kind, 1)

    def end(parser: InContext) -> None:
        parser.end_of_date(kind)

    return start, end


def _plain_field_handlers(field: str) -> tuple[Handler, Handler]:
    def start(parser: InContext, attributes: dict[str, str]) -> None:
        parser.push(field, 1)

    def end(parser: InContext) -> None:
        parser.pop(field)

    return start, end


def _add_handlers() -> None:
    """Define the handlers that many elements share."""
    pairs = [
        *((field, _text_handlers(field)) for field in TEXT_TYPES),
        *((field, _date_handlers(kind)) for field, kind in DATE_KINDS.items()),
        *((field, _plain_field_handlers(field)) for field in _PLAIN_FIELDS),
    ]
    for field in _LISTS:
        setattr(InContext, f"_start_{field}", _plain_field_handlers(field)[0])
    for field, (start, end) in pairs:
        setattr(InContext, f"_start_{field}", start)
        setattr(InContext, f"_end_{field}", end)


_add_handlers()
