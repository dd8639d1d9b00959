"""The standard library's SAX driver for expat, with text in one piece and limits.

feedparser takes the name of a driver module (`PREFERRED_XML_PARSERS`).  The standard driver hands
a field over in a dozen events, each of which costs feedparser more than expat's whole work.  An
element with 50,000 attributes costs it 20 s, as it looks each one up in a list.
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

    def reset(self) -> None:
        """Prepare for a document."""
        super().reset()
        self._depth = 0
        expat: Any = self._parser  # type: ignore[attr-defined]
        expat.buffer_text = True
        expat.buffer_size = _BUFFER

    def start_element_ns(self, name: str, attrs: Any) -> None:
        """Pass an element on, unless it is beyond the limits."""
        self._depth += 1
        if len(attrs) > MAX_ATTRIBUTES or self._depth > MAX_DEPTH:
            raise TooComplexError
        super().start_element_ns(name, attrs)

    def end_element_ns(self, name: str) -> None:
        """Pass the end of an element on."""
        self._depth -= 1
        super().end_element_ns(name)


def create_parser() -> BufferedParser:
    """Return a parser; the name is the one that xml.sax looks for."""
    return BufferedParser()
