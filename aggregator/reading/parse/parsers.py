"""feedparser's two parsers, on top of `context`."""

from collections import Counter
from typing import Any
from xml.sax.xmlreader import AttributesNSImpl

from feedparser.api import LooseFeedParser, StrictFeedParser

from aggregator.reading.document_limits import MAX_OPEN
from aggregator.reading.parse.context import InContext
from aggregator.reading.parse.element_scopes import MARKUP
from aggregator.reading.parse.entities import with_unended_names_escaped

# XML, 4.6.  The ampersand comes last: decoding it makes no reference.
_PREDEFINED = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


class StrictInContext(InContext, StrictFeedParser):  # type: ignore[misc]
    """For well-formed XML.

    xml.sax splits expat's names at white space, which a namespace may contain, too.
    """

    def startElementNS(  # noqa: N802
        self, name: tuple[str, ...], qname: str | None, attributes: AttributesNSImpl
    ) -> None:
        """Begin an element."""
        if any(len(pair) != 2 for pair in attributes.getNames()):
            values = {pair: value for pair, value in attributes.items() if len(pair) == 2}
            names = {pair: attributes.getQNameByName(pair) for pair in values}
            attributes = AttributesNSImpl(values, names)
        super().startElementNS(_in_two(name), qname, attributes)

    def endElementNS(self, name: tuple[str, ...], qname: str | None) -> None:  # noqa: N802
        """End an element."""
        super().endElementNS(_in_two(name), qname)


def _in_two(name: tuple[str, ...]) -> tuple[str, ...]:
    """Return the namespace and the local name of an element."""
    return name if len(name) == 2 else (" ".join(name[:-1]), name[-1])


class LooseInContext(InContext, LooseFeedParser):  # type: ignore[misc]
    """For XML that is not well-formed: an element ends with its parent at the latest."""

    def __init__(self, *args: Any) -> None:
        self._open: list[str] = []
        self._counts: Counter[str] = Counter()
        super().__init__(*args)

    def feed(self, data: str) -> None:
        """Read a document."""
        super().feed(with_unended_names_escaped(data.encode()).decode())

    def decode_entities(self, element: str, data: str) -> str:
        """Decode the references left until the type of a text is known.

        In a field without a type, such as an address or a name, references are XML's.
        """
        decoded: str = super().decode_entities(element, data)
        if not self.contentparams:
            for reference, character in _PREDEFINED:
                decoded = decoded.replace(reference, character)
        return decoded

    def unknown_starttag(self, tag: str, attributes: list[tuple[str, str]]) -> None:
        """Begin an element; one too many within each other is left out, but for its text."""
        if len(self._open) == MAX_OPEN:
            return
        self._open.append(tag)
        self._counts[tag] += 1
        for name, uri in attributes:
            if name.startswith("xmlns"):  # which may name the namespace of this element
                self.track_namespace(name[6:] or None, uri)
        super().unknown_starttag(tag, attributes)

    def unknown_endtag(self, tag: str) -> None:
        """End an element; the end of an element without a start is markup, or ignored."""
        if not self._counts[tag]:
            if self.scope is MARKUP:
                self.write_end(tag)
            return
        last = ""
        while last != tag:
            last = self._open.pop()
            self._counts[last] -= 1
            super().unknown_endtag(last)

    def may_begin_entry(self) -> bool:
        """Whether an entry may begin in an element, which perhaps lacks an end tag."""
        return True
