"""The standard library's SAX driver for expat, with text in one piece and limits.

feedparser takes the name of a driver module (`PREFERRED_XML_PARSERS`).  The standard driver hands
a field over in a dozen events, each of which costs feedparser more than expat's whole work.  An
element with 50,000 attributes costs it 20 s, as it looks each one up in a list.  A handler with
methods `start` and `end` gets elements as expat names them, before they are taken apart.
"""

from typing import Any
from xml.sax.expatreader import ExpatParser

from aggregator.reading.parse.document_limits import MAX_ATTRIBUTES, Gate

_BUFFER = 1 << 20


class BufferedParser(ExpatParser):
    """Expat with `buffer_text`, and a gate before whoever listens."""

    _gate = Gate()

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
        self._gate = Gate()
        handler: Any = self.getContentHandler()
        self._start = getattr(handler, "start", _declined)
        self._end = getattr(handler, "end", _declined)
        expat: Any = self._parser
        expat.buffer_text = True
        expat.buffer_size = _BUFFER

    def start_element_ns(self, name: str, attrs: Any) -> None:
        """Pass an element on, unless it is beyond the limits."""
        if not self._gate.begins(name):
            self._expat().CharacterDataHandler = None
            return
        if len(attrs) > MAX_ATTRIBUTES:
            attrs = {}
        if not self._start(name, attrs):
            super().start_element_ns(name, attrs)

    def end_element_ns(self, name: str) -> None:
        """Pass the end of an element on."""
        if not self._gate.ends():
            if self._gate.is_open:
                self._expat().CharacterDataHandler = self.getContentHandler().characters
        elif not self._end(name):
            super().end_element_ns(name)

    def _expat(self) -> Any:
        return self._parser


def _declined(*_: Any) -> bool:
    return False


def create_parser() -> BufferedParser:
    """Return a parser; the name is the one that xml.sax looks for."""
    return BufferedParser()
