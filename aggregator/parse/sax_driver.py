"""The standard library's SAX driver for expat, with text in one piece and limits.

feedparser takes the name of a driver module (`PREFERRED_XML_PARSERS`).  The standard driver hands
a field over in a dozen events, each of which costs feedparser more than expat's whole work.  An
element with 50,000 attributes costs it 20 s, as it looks each one up in a list.  A handler with
methods `start` and `end` gets elements as expat names them, before they are taken apart.
"""

from typing import Any
from xml.sax.expatreader import ExpatParser

MAX_ATTRIBUTES = 256
MAX_DEPTH = 200
_BUFFER = 1 << 20


class TooComplexError(Exception):
    """The document has more attributes or a deeper nesting than any feed needs.

    Not a SAXException: after one of those feedparser would try its slow, tolerant parser.
    """


class BufferedParser(ExpatParser):
    """Expat with `buffer_text`."""

    _depth = 0

    def parse(self, source: Any) -> None:
        """Parse a document in one go: in parts, as the standard driver does, expat copies it."""
        self._source = source
        try:
            self.feed(source.getByteStream().read(), isFinal=True)
        finally:
            self._parsing = False
            self._parser = None  # it holds our methods, and they hold it

    def reset(self) -> None:
        """Prepare for a document."""
        super().reset()
        self._depth = 0
        handler: Any = self.getContentHandler()
        self._start = getattr(handler, "start", _declined)
        self._end = getattr(handler, "end", _declined)
        expat: Any = self._parser
        expat.buffer_text = True
        expat.buffer_size = _BUFFER

    def start_element_ns(self, name: str, attrs: Any) -> None:
        """Pass an element on, unless it is beyond the limits."""
        self._depth += 1
        if len(attrs) > MAX_ATTRIBUTES or self._depth > MAX_DEPTH:
            raise TooComplexError
        if not self._start(name, attrs):
            super().start_element_ns(name, attrs)

    def end_element_ns(self, name: str) -> None:
        """Pass the end of an element on."""
        self._depth -= 1
        if not self._end(name):
            super().end_element_ns(name)


def _declined(*_: Any) -> bool:
    return False


def create_parser() -> BufferedParser:
    """Return a parser; the name is the one that xml.sax looks for."""
    return BufferedParser()
