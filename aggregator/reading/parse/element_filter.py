"""Elements beyond `document_limits`, and over-long namespaces, kept from feedparser."""

import re
from hashlib import sha256

from aggregator.reading.document_limits import (
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_ELEMENTS_IN_ENTRY,
    MAX_ENTRIES,
    MAX_NAMESPACE,
)

_ENTRIES = ("item", "entry")
_LONG_NAMESPACE = re.compile(
    rb"xmlns(?<=\sxmlns)([^\s=<>\"']*+\s*+=\s*+)(?:\"[^\"]{%d,}\"|'[^']{%d,}')"
    % (MAX_NAMESPACE + 1, MAX_NAMESPACE + 1)
)


def with_short_namespaces(document: bytes) -> bytes:
    """Return XML with a hash in place of each namespace that is longer than `MAX_NAMESPACE`."""
    return _LONG_NAMESPACE.sub(_hashed, document)


def _hashed(declaration: re.Match[bytes]) -> bytes:
    digest = sha256(declaration[0]).hexdigest().encode()
    return b'xmlns%b"urn:sha256:%b"' % (declaration[1], digest)


class ElementFilter:
    """Decides for each element of one document whether the element is passed on.

    An element beyond the limits is left out with all its content.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._omitted_at = 0  # depth of the element that is being left out; 0: none
        self._entry_at = 0  # depth of the open entry; 0: none
        self._entries = 0
        self._elements = 0
        self._elements_in_entry = 0

    @property
    def passes(self) -> bool:
        """Whether text at this point of the document is passed on."""
        return not self._omitted_at

    def starts(self, name: str) -> bool:
        """Count an element that starts; return whether the element is passed on.

        Args:
            name: As expat gives it; ends with the local name.
        """
        self._depth += 1
        if self._omitted_at:
            return False
        if self._entry_at:
            self._elements_in_entry += 1
            is_within = self._elements_in_entry <= MAX_ELEMENTS_IN_ENTRY
        elif name.endswith(_ENTRIES) and name.rpartition(" ")[2] in _ENTRIES:
            self._entry_at, self._elements_in_entry = self._depth, 0
            self._entries += 1
            is_within = self._entries <= MAX_ENTRIES
        else:
            is_within = True
        if not is_within or self._depth > MAX_DEPTH or self._elements == MAX_ELEMENTS:
            self._omitted_at = self._depth
            return False
        self._elements += 1
        return True

    def ends(self) -> bool:
        """Count the end of the element that started last; return whether the end is passed on."""
        is_passed = not self._omitted_at
        if self._depth == self._omitted_at:
            self._omitted_at = 0
        if self._depth == self._entry_at:
            self._entry_at = 0
        self._depth -= 1
        return is_passed
