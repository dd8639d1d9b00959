"""feedparser's strict parser, with the same answers in less time.

feedparser spends fifteen times as long on an element as expat.  Here ordinary elements, which are
nearly all, take a short way through the same steps.  For all others (markup inside a text,
declarations, encoded content) feedparser's own methods are called.  The handlers of single
elements, which hold the knowledge about feeds, are feedparser's in both cases.

Only for `feedparser_speed.PROVED_FOR`; tests/test_strict.py compares the answers.
"""

import contextlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from feedparser.html import _cp1252
from feedparser.urls import make_safe_absolute_uri
from feedparser.util import FeedParserDict

from aggregator.reading.parse.element_scopes import (
    DROPPED,
    MARKUP,
    MEMBERS,
    ROOTS,
    XHTML,
    ElementScope,
    children_scope,
)
from aggregator.reading.parse.parsers import StrictInContext
from aggregator.urls import MAX_LENGTH

_LOWERED = frozenset({"rel", "type"})
# Attributes with an effect on all descendants; expat passes `xmlns` on in capitals.
_INHERITED = frozenset({"base", "lang", "xmlns"})
_TAGS = frozenset({"category", "tags", "itunes_keywords"})
_C1 = re.compile("[\x80-\x9f]")
_QUERY_VARIABLE = re.compile("&([A-Za-z0-9_]+);")


class _Element(NamedTuple):
    """feedparser's knowledge of an element.

    Attributes:
        tag: The name in feedparser's parsers: `dc:creator`.
        field: The name in feedparser's methods and results: `dc_creator`.
        start, end: The handlers, None where feedparser has none.
        opens: The scope of the children, for an element of a feed or an entry.
    """

    tag: str
    field: str
    start: Callable[[Any, dict[str, str]], None] | None
    end: Callable[[Any], None] | None
    opens: ElementScope


class StrictParser(StrictInContext):
    """Reads elements by expat's names: `uri local prefix`, `uri local` or `local`."""

    baseuri: str
    lang: str | None
    _sound_base = ""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._elements: dict[str, _Element] = {}

    def track_namespace(self, prefix: str | None, uri: str) -> None:
        """Note a declaration, which may change the meaning of prefixes."""
        self._elements.clear()
        super().track_namespace(prefix, uri)

    def start(self, name: str, attributes: dict[str, str]) -> bool:
        """Begin an element; False where `startElementNS` has to."""
        scope = self.scope
        if scope is MARKUP or self.decls:
            return False
        element = self._elements.get(name) or self._element(name)
        if element is None:
            return False
        if scope.admits is not None and not self.counts(scope, element.field):
            self.begin_element(DROPPED)
            return True
        handler_attributes = _ordinary(attributes) if attributes else {}
        if handler_attributes is None:
            return False
        self.outer_scopes.append((scope, len(self.elementstack)))
        self.scope = element.opens if scope is MEMBERS else children_scope(scope, element.field)
        self.depth += 1
        if self.baseuri and self.baseuri != self._sound_base:
            base = make_safe_absolute_uri(self.baseuri, self.baseuri) or self.baseuri
            if base == self.baseuri or len(base) > MAX_LENGTH:  # `ftp:x/` grows with each element
                self._sound_base = base = self.baseuri
            self.baseuri = base
        self.basestack.append(self.baseuri)
        self.langstack.append(self.lang)
        if self.lang and element.tag in ROOTS:
            self.feeddata["language"] = self.lang.replace("_", "-")
        if element.start is None:
            self.elementstack.append(["extension", 0, []])
            return True
        try:
            element.start(self, handler_attributes)
        except Exception as error:
            self.undo_start(error)
        return True

    def end(self, name: str) -> bool:
        """End an element; False where `endElementNS` has to."""
        element = self._elements.get(name) or self._element(name)
        if element is None:
            return False
        self.end_element(element.tag, element.end)
        return True

    def characters(self, text: str) -> None:
        """Add text."""
        if self.scope is DROPPED:
            return
        if self.contentparams:
            self.handle_data(text)
        elif self.elementstack:
            self.elementstack[-1][2].append(text)

    def pop(self, element: str, strip_whitespace: int = 1) -> Any:
        """End and store the open field; return the text.

        The steps are those of feedparser, less the steps without effect here.
        """
        kind = self.contentparams
        if (
            not self.elementstack
            or self.elementstack[-1][0] != element
            or self.resolve_relative_uris
            or self.sanitize_html
            or (kind and (dict.get(kind, "base64") or dict.get(kind, "type") == XHTML))
        ):
            return super().pop(element, strip_whitespace)
        _, expecting_text, pieces = self.elementstack.pop()
        output = "".join(pieces)
        if strip_whitespace:
            output = output.strip()
        if not expecting_text:
            return output
        if output and element in self.can_be_relative_uri:  # ids are not relative
            output = self.resolve_uri(output)
        if kind:
            self._settle_type(output)
        if not output.isascii():
            output = _without_wrong_charset(output)
        if element in _TAGS:
            return output
        if self.inentry and not self.insource:
            return self._store_in_entry(element, output)
        if self.infeed or self.insource:
            return self._store_in_feed(element, output)
        return output

    @staticmethod
    def looks_like_html(s: str) -> bool:
        """Whether a text is HTML rather than plain text."""
        return ("</" in s or "&" in s) and StrictInContext.looks_like_html(s)

    def _element(self, name: str) -> "_Element | None":
        """Return the element of a name, None for an odd name."""
        parts = name.split()  # also at white space of a namespace, as xml.sax does
        if len(parts) > 3:
            return None
        namespace, local = ("", name) if len(parts) == 1 else (parts[0], parts[1])
        prefix = self._matchnamespaces.get(namespace.lower())
        if prefix is None:
            if local.lower() in {"math", "svg"}:
                return None
            in_use = self.namespaces_in_use.items()
            prefix = next((key for key, uri in in_use if key and uri == namespace), "")
        tag = (f"{prefix}:{local}" if prefix else local).lower()
        field = self.field_of(tag)
        element = self._elements[name] = _Element(
            tag,
            field,
            getattr(type(self), f"_start_{field}", None),
            getattr(type(self), f"_end_{field}", None),
            children_scope(MEMBERS, field),
        )
        return element

    def _settle_type(self, output: str) -> None:
        kind = self.contentparams
        guessed = dict.get(kind, "type") == "text/plain" and not self.version.startswith("atom")
        if guessed and self.looks_like_html(output):
            kind["type"] = "text/html"
        dict.pop(kind, "mode", None)
        dict.pop(kind, "base64", None)

    def _store_in_entry(self, element: str, output: str) -> str:
        entry = self.entries[-1]
        if element == "content":
            entry.setdefault(element, []).append(self._detail(output))
        elif element == "link":
            if not self.inimage:
                output = _without_odd_references(output.replace("&amp;", "&"))
                entry[element] = output
                if output:
                    entry["links"][-1]["href"] = output
        else:
            depths = self.property_depth_map.setdefault(entry, {})
            if self.depth <= depths.get(element, self.depth):
                depths[element] = self.depth
                entry[element] = output
            if self.incontent:
                entry[f"{element}_detail"] = self._detail(output)
        return output

    def _store_in_feed(self, element: str, output: str) -> str:
        context = self._get_context()
        context[element] = output
        if element == "link":
            output = _without_odd_references(output)
            context[element] = output
            context["links"][-1]["href"] = output
        elif self.incontent:
            context[f"{element}_detail"] = self._detail(output)
        return output

    def _detail(self, output: str) -> Any:
        return FeedParserDict(self.contentparams, value=output)


def _ordinary(attributes: dict[str, str]) -> dict[str, str] | None:
    """Return attributes in the form of feedparser's handlers, None if any is odd."""
    handler_attributes = {}
    for name, value in attributes.items():
        key = name.lower()
        if " " in key or key in _INHERITED:
            return None
        handler_attributes[key] = value.lower() if key in _LOWERED else value
    return handler_attributes


def _without_odd_references(url: str) -> str:
    """Return `?a=1&b=2` for `?a=1&b;=2`."""
    return _QUERY_VARIABLE.sub(r"&\1", url) if "&" in url else url


def _without_wrong_charset(text: str) -> str:
    """Repair UTF-8 decoded as ISO 8859-1, and characters of Windows-1252."""
    with contextlib.suppress(UnicodeError):
        text = text.encode("iso-8859-1").decode("utf-8")
    # Translating looks each character up, and nearly no text has such a character.
    if b"\xc2" in text.encode("utf-8", "surrogatepass") and _C1.search(text):
        return text.translate(_cp1252)
    return text
