"""The standard library's SAX driver for expat, with text in one piece and limits.

feedparser takes the name of a driver module (`PREFERRED_XML_PARSERS`).  The standard driver splits
the text of a field into a dozen events, each of which costs feedparser more than expat's whole
work, and looks each attribute of an element up in a list.  A handler with methods `start` and `end`
gets elements by expat's names, before the driver splits the names.
"""

from typing import Any
from xml.sax.expatreader import ExpatParser

from aggregator.reading.document_limits import MAX_ATTRIBUTES
from aggregator.reading.parse.element_filter import ElementFilter

_BUFFER = 1 << 20


class BufferedParser(ExpatParser):
    """Expat with `buffer_text`, behind an `ElementFilter`."""

    _filter = ElementFilter()

    def parse(self, source: Any) -> None:
        """Parse a document in one go: in parts, as the standard driver does, expat copies it."""
        self._source = source
        try:
            self.feed(source.getByteStream().read(), isFinal=True)
        finally:
            self._parsing = False
            self._parser = None  # breaks the reference cycle of parser and bound methods

    def reset(self) -> None:
        """Prepare for a document."""
        super().reset()
        self._filter = ElementFilter()
        handler: Any = self.getContentHandler()
        self._start = getattr(handler, "start", _declined)
        self._end = getattr(handler, "end", _declined)
        expat: Any = self._parser
        expat.buffer_text = True
        expat.buffer_size = _BUFFER

    def start_element_ns(self, name: str, attrs: Any) -> None:
        """Pass an element on, unless the element is beyond the limits."""
        if not self._filter.starts(name):
            self._expat().CharacterDataHandler = None
            return
        if len(attrs) > MAX_ATTRIBUTES:
            attrs = {}
        if not self._start(name, attrs):
            super().start_element_ns(name, attrs)

    def end_element_ns(self, name: str) -> None:
        """Pass the end of an element on."""
        if not self._filter.ends():
            if self._filter.passes:
                self._expat().CharacterDataHandler = self.getContentHandler().characters
        elif not self._end(name):
            super().end_element_ns(name)

    def _expat(self) -> Any:
        return self._parser


def _declined(*_: Any) -> bool:
    return False


def create_parser() -> BufferedParser:
    """Return a parser, for `xml.sax.make_parser`, which calls a function of this name."""
    return BufferedParser()
