"""feedparser's two parsers with the path of elements (`context`) under them."""

from collections import Counter
from typing import Any
from xml.sax.xmlreader import AttributesNSImpl

from feedparser.api import LooseFeedParser, StrictFeedParser

from aggregator.reading.parse.context import MARKUP, InContext
from aggregator.reading.parse.entities import with_unended_names_escaped

# XML, 4.6.  The ampersand comes last: what it makes is not a reference.
_PREDEFINED = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


class StrictInContext(InContext, StrictFeedParser):  # type: ignore[misc]
    """For well-formed XML.

    xml.sax parts the names that expat gives at white space, which a namespace may have, too.
    """

    def startElementNS(  # noqa: N802
        self, name: tuple[str, ...], qname: str | None, attributes: AttributesNSImpl
    ) -> None:
        """Take the start of an element."""
        if any(len(pair) != 2 for pair in attributes.getNames()):
            values = {pair: value for pair, value in attributes.items() if len(pair) == 2}
            names = {pair: attributes.getQNameByName(pair) for pair in values}
            attributes = AttributesNSImpl(values, names)
        super().startElementNS(_in_two(name), qname, attributes)

    def endElementNS(self, name: tuple[str, ...], qname: str | None) -> None:  # noqa: N802
        """Take the end of an element."""
        super().endElementNS(_in_two(name), qname)


def _in_two(name: tuple[str, ...]) -> tuple[str, ...]:
    """Return the namespace and the local name of an element."""
    return name if len(name) == 2 else (" ".join(name[:-1]), name[-1])


class LooseInContext(InContext, LooseFeedParser):  # type: ignore[misc]
    """For what is not well-formed: an element ends at the latest with the one that it is in."""

    def __init__(self, *args: Any) -> None:
        self._open: list[str] = []
        self._counts: Counter[str] = Counter()
        super().__init__(*args)

    def feed(self, data: str) -> None:
        """Read a document."""
        super().feed(with_unended_names_escaped(data.encode()).decode())

    def decode_entities(self, element: str, data: str) -> str:
        """Decode the references that were left for the type of a text to decide on.

        A field without a type, such as an address or a name, is what XML says.
        """
        decoded: str = super().decode_entities(element, data)
        if not self.contentparams:
            for reference, character in _PREDEFINED:
                decoded = decoded.replace(reference, character)
        return decoded

    def unknown_starttag(self, tag: str, attributes: list[tuple[str, str]]) -> None:
        """Take the start of an element."""
        self._open.append(tag)
        self._counts[tag] += 1
        for name, uri in attributes:
            if name.startswith("xmlns"):  # it may say what this very element is
                self.track_namespace(name[6:] or None, uri)
        super().unknown_starttag(tag, attributes)

    def unknown_endtag(self, tag: str) -> None:
        """Take the end of an element; of one that never began it is markup or nothing."""
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
        """Whether an entry may begin in an element that perhaps was not ended."""
        return True
