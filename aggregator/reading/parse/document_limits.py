"""How much of a document is read: what is beyond is left out, and the rest of it counts.  Pure.

feedparser takes 15 µs and 1 kB for every element, whatever it is: 10 MB of `<a/>` are 35 s.
"""

import re
from hashlib import sha256

MAX_ENTRIES = 5000
"""Entries of one document that are read; those after them are left out."""

MAX_ATTRIBUTES = 256
"""An element with more than these is read without any: feedparser's time grows with the square."""

MAX_DEPTH = 200
MAX_ELEMENTS_IN_ENTRY = 10_000
MAX_ELEMENTS = 200_000

MAX_BROKEN = 2_000_000
"""Bytes that are read of a document that is not well-formed: reading on in spite of that takes a
second for each 500 kB, and 25 times the memory."""

MAX_NAMESPACE = 200
"""Bytes of a namespace's name; expat writes it out before the name of each element."""

_ENTRIES = ("item", "entry")
_LONG_NAMESPACE = re.compile(
    rb"xmlns(?<=\sxmlns)([^\s=<>\"']*+\s*+=\s*+)(?:\"[^\"]{%d,}\"|'[^']{%d,}')"
    % (MAX_NAMESPACE + 1, MAX_NAMESPACE + 1)
)


def with_short_namespaces(document: bytes) -> bytes:
    """Return XML in which a hash stands for each namespace that is longer than `MAX_NAMESPACE`."""
    return _LONG_NAMESPACE.sub(
        lambda found: b'xmlns%b"urn:sha256:%b"' % (found[1], sha256(found[0]).hexdigest().encode()),
        document,
    )


class Gate:
    """Decides for each element, as it begins and ends, whether it is passed on."""

    def __init__(self) -> None:
        self._depth = 0
        self._closed_at = 0  # depth of the element that is left out with all in it; 0: none is
        self._entry_at = 0
        self._entries = 0
        self._elements = 0
        self._in_entry = 0

    @property
    def is_open(self) -> bool:
        """Whether what comes now is passed on."""
        return not self._closed_at

    def begins(self, name: str) -> bool:
        """Take the start of an element.

        Args:
            name: Ends with the local name.
        """
        self._depth += 1
        if self._closed_at:
            return False
        if self._entry_at:
            self._in_entry += 1
            passes = self._in_entry <= MAX_ELEMENTS_IN_ENTRY
        elif name.endswith(_ENTRIES) and name.rpartition(" ")[2] in _ENTRIES:
            self._entry_at, self._in_entry = self._depth, 0
            self._entries += 1
            passes = self._entries <= MAX_ENTRIES
        else:
            passes = True
        if not passes or self._depth > MAX_DEPTH or self._elements == MAX_ELEMENTS:
            self._closed_at = self._depth
            return False
        self._elements += 1
        return True

    def ends(self) -> bool:
        """Take the end of the element that began last."""
        passes = not self._closed_at
        if self._depth == self._closed_at:
            self._closed_at = 0
        if self._depth == self._entry_at:
            self._entry_at = 0
        self._depth -= 1
        return passes
