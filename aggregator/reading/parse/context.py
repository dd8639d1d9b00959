"""Where an element stands decides what it says: feedparser's parsers with the path of elements.

feedparser takes an element for the entry's wherever it stands: the text of a picture for the text
of the post, the link of an author for the link of the entry.  Here an element counts if it is a
child of the entry (or of the feed), or of a container that is known; what is in any other element
is left out before feedparser sees it.  Every text, link and date is kept with the element that it
stood in, so that the order of elements in a document decides nothing (`texts`, `links`).

A handler that fails costs its element and no more.
"""

from collections.abc import Callable
from typing import Any

from feedparser.mixin import _FeedParserMixin
from feedparser.urls import _urljoin
from feedparser.util import FeedParserDict

from aggregator.text.references import code_point
from aggregator.urls import MAX_LENGTH

Handler = Callable[..., None]


class Scope:
    """What may stand in an element.

    Attributes:
        admits: Fields of the children that count; None for all.
    """

    __slots__ = ("admits",)

    def __init__(self, admits: frozenset[str] | None) -> None:
        self.admits = admits


OUTSIDE = Scope(None)  # of the feed: the root, and what is around it
MEMBERS = Scope(None)  # of a feed, an entry or the source of an entry
MARKUP = Scope(None)  # of a text
DATE = Scope(frozenset({"time"}))
PERSON = Scope(
    frozenset({"name", "email", "uri", "url", "homepage", "itunes_name", "itunes_email"})
)
_OF_MEDIA = frozenset({"media_category", "media_description", "media_keywords", "media_thumbnail"})
MEDIA = Scope(_OF_MEDIA)
GROUP = Scope(_OF_MEDIA | {"media_content", "media_title"})
CATEGORIES = Scope(frozenset({"category", "itunes_category"}))
ALTERNATIVES = Scope(frozenset({"content"}))  # of one text: Atom 0.3, multipart/alternative
NOTHING = Scope(frozenset())  # of an element whose children are not known
DROPPED = Scope(frozenset())  # of an element that is left out itself

ENTRIES = frozenset({"item", "entry"})
ROOTS = frozenset({"feed", "rss"})  # their language is the feed's

_XHTML = "application/xhtml+xml"

# The elements of texts, and the type of those that name none (RSS has no types; a description of
# Media RSS is plain by default).
_TEXTS = {
    **dict.fromkeys(
        "title dc_title itunes_title media_title subtitle tagline itunes_subtitle rights copyright "
        "dc_rights content summary abstract itunes_summary media_description".split(),
        "text/plain",
    ),
    **dict.fromkeys(
        "content_encoded fullitem description dc_description".split(),
        "text/html",
    ),
    **dict.fromkeys(["body", "xhtml_body"], _XHTML),
}
_DATES = {
    **dict.fromkeys("published pubdate issued dcterms_issued".split(), "published"),
    **dict.fromkeys(
        "updated modified lastbuilddate date dc_date dcterms_date dcterms_modified".split(),
        "updated",
    ),
    **dict.fromkeys(["created", "dcterms_created"], "created"),
}
# Elements that feedparser has no handler for, whose text is kept under their own name.
_PLAIN = (
    "comments ttl skiphours skipdays sy_updateperiod sy_updatefrequency itunes_duration "
    "feedburner_origlink pheedo_origlink"
).split()
# Those that it has a handler for at their end.
_LISTS = ("media_keywords", "itunes_keywords")
_CONTAINERS = {
    **dict.fromkeys(["channel", "feed", "item", "entry", "source"], MEMBERS),
    **dict.fromkeys(_TEXTS, MARKUP),
    **dict.fromkeys(_DATES, DATE),
    **dict.fromkeys(
        "author contributor managingeditor itunes_author itunes_owner dc_author dc_creator "
        "dc_contributor".split(),
        PERSON,
    ),
    "media_content": MEDIA,
    "media_group": GROUP,
    "categories": CATEGORIES,
    "itunes_category": CATEGORIES,
    "image": NOTHING,  # also outside of the feed: RSS 0.9 and 1.0
    "textinput": NOTHING,
}

_RELATIONS = "http://www.iana.org/assignments/relation/"  # RFC 4287, 4.2.7.2

# HTML, 13.1.2: void elements.  Their end is not written: `</br>` would be a second line break.
_VOID = "area base br col embed hr img input link meta param source track wbr".split()
_BLOCKS_IN_HTML = ("div", "xhtml:div")  # around a text that is escaped, as Typepad has it
_ENDS_OF_VOID = frozenset(f"</{name}>" for name in _VOID)


def _is_xml(kind: FeedParserDict) -> bool:
    return str(kind.get("type", "xml")).endswith("xml")


def opened(scope: Scope, field: str) -> Scope:
    """Return the scope of an element's children, of one that stands in `scope` and counts."""
    if scope is MARKUP:
        return MARKUP
    if scope is OUTSIDE and (field in _TEXTS or field not in _CONTAINERS):
        return OUTSIDE  # a feed may stand in a web page's body
    return _CONTAINERS.get(field, NOTHING)


class InContext(_FeedParserMixin):  # type: ignore[misc]
    """feedparser's handlers, called for the elements that count and for no others.

    Attributes:
        scope: Of the open element, `OUTSIDE` where none is open.
        outer: For each open element the scope that the element stands in, and how many fields were
            open in feedparser's `elementstack` before the element began.
    """

    # Everything else is resolved when it is known what it belongs to.
    can_be_relative_uri: frozenset[str] = frozenset({"link"})

    def __init__(self, *args: Any) -> None:
        self.scope = OUTSIDE
        self.outer: list[tuple[Scope, int]] = []
        self._groups = 0
        self._group = 0
        super().__init__(*args)
        self._around = self.baseuri

    # --- elements

    def unknown_starttag(self, tag: str, attributes: list[tuple[str, str]]) -> None:
        """Take the start of an element."""
        scope = self.scope
        if scope is MARKUP:
            self.went_in(MARKUP)
            kind = self.contentparams
            # feedparser writes the elements of XHTML only, and no block before the first of those.
            is_block_in_html = tag in _BLOCKS_IN_HTML and kind.get("type") == "text/html"
            if not is_block_in_html and (tag in _BLOCKS_IN_HTML or _is_xml(kind)):
                kind["type"] = _XHTML
            super().unknown_starttag(tag, attributes)
            if is_block_in_html:
                self.handle_data("<div>", escape=0)
            self.bound_base()
            self.svgOK = 0  # it would keep the handler of a later element from being called
            return
        field = self.field_of(tag)
        if not self.counts(scope, field):
            self.went_in(DROPPED)
            return
        self.went_in(opened(scope, field))
        super().unknown_starttag("extension", attributes)  # takes its base and its language
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
            self.failed(error)

    def unknown_endtag(self, tag: str) -> None:
        """Take the end of an element."""
        handler: Handler | None = getattr(type(self), f"_end_{self.field_of(tag)}", None)
        self.left(tag, handler)

    def counts(self, scope: Scope, field: str) -> bool:
        """Whether an element that stands in `scope` is the entry's, or the feed's."""
        if scope.admits is None or field in scope.admits:
            return True
        return field in ENTRIES and self.may_begin_entry()

    def may_begin_entry(self) -> bool:
        """Whether an entry may begin in an element whose children do not count otherwise."""
        return not self.inentry

    def went_in(self, scope: Scope) -> None:
        """Note that an element has begun."""
        self.outer.append((self.scope, len(self.elementstack)))
        self.scope = scope

    def failed(self, error: Exception) -> None:
        """Take back what the handler of an element's start has done: the element says nothing."""
        if isinstance(error, MemoryError):
            raise error
        del self.elementstack[self.outer[-1][1] :]
        self._out_of_text()
        self.scope = NOTHING
        self.push("extension", 0)

    def left(self, tag: str, handler: Handler | None) -> None:
        """Take the end of the element that began last and has not ended.

        Args:
            handler: feedparser's for its end, None if it has none.
        """
        scope = self.scope
        self.scope, height = self.outer.pop()
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
        """Write the end of an element of a text, as feedparser does."""
        kind = self.contentparams
        if not _is_xml(kind):
            if tag in _BLOCKS_IN_HTML:
                self.handle_data("</div>", escape=0)
                return
            kind["type"] = _XHTML
        if kind.get("type") == _XHTML:
            self.handle_data(f"</{tag.rpartition(':')[2]}>", escape=0)

    def _out_of_text(self) -> None:
        self.incontent = 0
        self.contentparams.clear()

    def field_of(self, tag: str) -> str:
        """Return the name that feedparser's handlers have for an element: `dc_creator`."""
        prefix, colon, suffix = tag.partition(":")
        if not colon:
            return tag
        prefix = self.namespacemap.get(prefix, prefix)
        return f"{prefix}_{suffix}" if prefix else suffix

    # --- characters

    def handle_data(self, text: str, escape: int = 1) -> None:
        """Take text, or markup in a text."""
        if self.scope is not DROPPED and (escape or text not in _ENDS_OF_VOID):
            super().handle_data(text, escape)

    def handle_charref(self, ref: str) -> None:
        """Take a reference to a character (loose parser)."""
        if self.scope is not DROPPED:
            super().handle_charref(f"x{code_point(ref):x}")

    def handle_entityref(self, ref: str) -> None:
        """Take a reference to an entity (loose parser)."""
        if self.scope is not DROPPED:
            super().handle_entityref(ref)

    def resolve_uri(self, uri: str) -> str:
        """Return a URI as it is, `http:////a/b` repaired."""
        joined: str = _urljoin("", uri) if ":///" in uri else uri
        return joined

    def bound_base(self) -> None:
        """Take back the xml:base of the element that has begun if addresses would be too long."""
        if len(self.baseuri) > MAX_LENGTH:
            self.basestack.pop()
            self.baseuri = self.basestack[-1] if self.basestack else self._around
            self.basestack.append(self.baseuri)

    def own_base(self) -> str:
        """Return the xml:base that is in force, empty where none is said."""
        return "" if self.baseuri == self._around else self.baseuri

    # --- handlers

    def begin_text(self, field: str, attributes: dict[str, str]) -> None:
        """Begin a text; those of an entry are all kept, with the elements that they stand in."""
        scope = self.outer[-1][0]
        if scope is OUTSIDE:
            self._start_extension(attributes)
            return
        if attributes.get("type", "").startswith("multipart/"):
            self.scope = ALTERNATIVES
            self._start_extension(attributes)
            return
        key = "content"  # of which feedparser keeps a list
        if self.insource or not self.inentry:
            key = f"{field}_text"
            if dict.get(self._get_context(), key):
                key = "repeated"  # the first one that says something counts
        if self.lang:
            self.lang = self.lang.replace("_", "-")
        self.contentparams = self._kind_of(field, attributes)
        if scope is MEDIA and (contents := self._get_context().get("media_content")):
            self.contentparams["describes"] = contents[-1].get("url") or ""
        self.incontent += 1
        self.push(key, 1)

    def _kind_of(self, field: str, attributes: dict[str, str]) -> FeedParserDict:
        """Return what feedparser has to know of a text, as in `push_content`, and `texts`."""
        kind = FeedParserDict(
            type=_TEXTS[field], language=self.lang, base=self.own_base(), element=field
        )
        if "type" not in attributes:
            kind["untyped"] = "1"
        else:
            media_type = kind["type"] = self.map_content_type(attributes["type"])
            if media_type.startswith(("image/", "audio/", "video/")) or "svg" in media_type:
                self.scope = NOTHING
            # What has no slash is no media type, and feedparser decodes all that it does not know.
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
        # Stored under its own name, as feedparser does, it could take the place of what is known.
        self.push("extension", 0)

    def _end_extension(self) -> None:
        self.pop("extension")

    _start_image = _start_textinput = _start_extension
    _end_image = _end_textinput = _end_extension
    _start_info = _start_feedburner_browserfriendly = _start_extension
    _end_info = _end_feedburner_browserfriendly = _end_extension

    def end_of_date(self, kind: str) -> None:
        """End a date; all of them are kept, in their order."""
        if text := self.pop(kind):
            self._get_context().setdefault("dates", []).append((kind, text))

    def _start_time(self, attributes: dict[str, str]) -> None:
        """Begin HTML's element of a time, which Drupal writes into its dates."""
        if self.outer[-1][0] is not DATE:
            self._start_extension(attributes)
        elif (text := attributes.get("datetime")) and self.elementstack:
            self._get_context().setdefault("dates", []).append((self.elementstack[-1][0], text))

    def _end_time(self) -> None:
        """End an element without a meaning of its own: its text is the date's."""

    def _start_link(self, attributes: dict[str, str]) -> None:
        attributes = self._enforce_href(attributes)
        link: dict[str, str] = dict(attributes)
        relation = (attributes.get("rel") or "alternate").removeprefix(_RELATIONS)
        link["rel"] = "alternate" if "alternate" in relation.split() else relation
        link["base"] = self.own_base()
        link["written"] = "attribute" if "href" in attributes else "text"
        self._get_context().setdefault("links", []).append(link)
        if "href" in attributes:
            link["href"] = self.resolve_uri(attributes["href"])
            self.push("extension", 0)
        else:
            self.push("link", 1)

    def _start_guid(self, attributes: dict[str, str]) -> None:
        says = attributes.get("ispermalink", "").strip().lower()
        self.guidislink = says not in ("false", "no", "0")
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
        """End an element that its attributes say everything of."""


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


def _plain_handlers(field: str) -> tuple[Handler, Handler]:
    def start(parser: InContext, attributes: dict[str, str]) -> None:
        parser.push(field, 1)

    def end(parser: InContext) -> None:
        parser.pop(field)

    return start, end


def _add_handlers() -> None:
    """Define the handlers of elements of one kind."""
    pairs = [
        *((field, _text_handlers(field)) for field in _TEXTS),
        *((field, _date_handlers(kind)) for field, kind in _DATES.items()),
        *((field, _plain_handlers(field)) for field in _PLAIN),
    ]
    for field in _LISTS:
        setattr(InContext, f"_start_{field}", _plain_handlers(field)[0])
    for field, (start, end) in pairs:
        setattr(InContext, f"_start_{field}", start)
        setattr(InContext, f"_end_{field}", end)


_add_handlers()
