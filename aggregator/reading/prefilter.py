"""A document without the entries that the feed's last document had, before parsing.  Pure.

expat walks the document once; the bytes of each entry element are hashed, and entries are left out
whose hash stood in the feed's last document.  The remainder is a document of its own: the head and
the new entries.  A document of another shape is parsed whole.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from xml.parsers import expat

from aggregator.model.seen_hashes import HASH_SIZE, NO_ID, PREFIX_SIZE, entry_records
from aggregator.reading.document_limits import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_NAMESPACE,
)

_WORK_OUTSIDE = 5
_WORK_ENTRY = 7
_NAME_BYTES = 64  # of a namespace: as much work as an attribute without one

_Span = tuple[int, int]
_ENTRIES = frozenset({"item", "entry"})
_IDS = frozenset({"guid", "id"})
_DATES = frozenset({"lastBuildDate", "pubDate", "updated", "modified", "date"})
_SEPARATOR = " "  # between a namespace and a name
_XML = "http://www.w3.org/XML/1998/namespace"
_INHERITED = (f"{_XML}{_SEPARATOR}base", f"{_XML}{_SEPARATOR}lang", "base", "lang")
_TAG = re.compile(rb"<[^>\"']*(?:\"[^\"]*\"[^>\"']*|'[^']*'[^>\"']*)*>")


@dataclass(frozen=True, slots=True)
class PrefilteredDocument:
    """A document without the known entries.

    Attributes:
        document: The head and the new entries, well-formed XML in UTF-8.
        new_positions: Of the new entries among all entries of the whole document.
        nothing_new: No entry is new, and the head is as before, but for dates.
        seen_hashes: To compare the feed's next document with, as in `model.seen_hashes`: a hash of
            the context that entries inherit, one of the head, one for every entry of the whole
            document with the id of the stored entry, 0 for the new entries.
    """

    document: bytes
    new_positions: tuple[int, ...]
    nothing_new: bool
    seen_hashes: bytes


class _UnfitError(Exception):
    """The known entries of the document can't be cut out."""


def without_known_entries(
    document: bytes, seen_hashes: bytes = b"", *, max_work: int = sys.maxsize
) -> PrefilteredDocument | None:
    """Cut the known entries out of a document.

    Args:
        document: XML in UTF-8 without a DOCTYPE.
        seen_hashes: Of the feed's last document, empty where all entries are new.
        max_work: Bound on the time: an element within an entry counts 1, a declaration of a
            namespace 5, an element outside of entries 6, an entry 8, four attributes 1, and once
            more for each 64 bytes of the longest namespace, which expat writes before each name.

    Returns:
        None where the whole document has to be parsed: XML that is not well-formed or has a
        DOCTYPE, entries within entries, an id that several entries share, no entry at all, more
        than `document_limits` or `max_work` allow.
    """
    walk = _DocumentWalk(document, max_work)
    try:
        walk.run()
    except (_UnfitError, expat.ExpatError, ValueError):
        return None
    if not walk.entries:
        return None
    context, head = walk.context(), _hash(_without(document, walk.entries + walk.dates))
    hashes = [_hash(document[start:end]) for start, end in walk.entries]
    is_comparable = seen_hashes[:HASH_SIZE] == context
    known_ids = dict(entry_records(seen_hashes)) if is_comparable else {}
    known_spans = [
        span for span, digest in zip(walk.entries, hashes, strict=True) if digest in known_ids
    ]
    new_positions = tuple(
        position for position, digest in enumerate(hashes) if digest not in known_ids
    )
    records = (digest + known_ids.get(digest, NO_ID) for digest in hashes)
    return PrefilteredDocument(
        document=_without(document, known_spans),
        new_positions=new_positions,
        nothing_new=not new_positions and seen_hashes[HASH_SIZE:PREFIX_SIZE] == head,
        seen_hashes=b"".join((context, head, *records)),
    )


def _without(document: bytes, spans: Sequence[_Span]) -> bytes:
    """Return the document without some spans, which do not overlap."""
    pieces, position = [], 0
    for start, end in sorted(spans):
        pieces.append(document[position:start])
        position = end
    pieces.append(document[position:])
    return b"".join(pieces)


def _hash(data: bytes) -> bytes:
    return sha256(data).digest()[:HASH_SIZE]  # processors have instructions for SHA-256


class _DocumentWalk:
    """One walk of expat over a document.

    Attributes:
        entries: Spans of the entry elements, in bytes.
        dates: Spans of the dates outside of entries, which change without other news.
    """

    def __init__(self, document: bytes, max_work: int) -> None:
        self.entries: list[_Span] = []
        self.dates: list[_Span] = []
        self._starts: list[int] = []
        self._document = document
        self._work_left = max_work
        self._name_bytes = _NAME_BYTES  # with the longest namespace of the document up to here
        self._depth = 0
        self._entry_depth = 0  # 0: not in an entry
        self._start = 0
        self._ancestors: list[bytes] = []  # hashes of what entries inherit, down to each element
        self._declarations: list[tuple[str | None, str]] = []
        self._contexts: set[str] = set()
        self._ids: set[str] = set()
        self._text_pieces: list[str] | None = None
        self._parser = expat.ParserCreate("utf-8", _SEPARATOR)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start_element
        self._parser.EndElementHandler = self._end_element
        self._parser.StartNamespaceDeclHandler = self._declare_namespace
        self._parser.StartDoctypeDeclHandler = self._unfit

    def run(self) -> None:
        """Walk, once; raise `_UnfitError` or `ExpatError` where entries can't be cut out."""
        try:
            self._parser.Parse(self._document, True)
        finally:
            del self._parser  # a reference cycle, which would keep the document in memory

    def context(self) -> bytes:
        """Return a hash of the context that entries inherit: namespaces, base, language."""
        return _hash("\n".join(sorted(self._contexts)).encode("utf-8", "surrogatepass"))

    def _unfit(self, *_: object) -> None:
        raise _UnfitError

    def _declare_namespace(self, prefix: str | None, namespace: str | None) -> None:
        """Count a declaration; the namespace of `xmlns=""` is None."""
        self._work_left -= _WORK_OUTSIDE
        size = len(namespace or "")
        if size > MAX_NAMESPACE:
            raise _UnfitError
        self._name_bytes = max(self._name_bytes, _NAME_BYTES + size)
        if not self._entry_depth:
            self._declarations.append((prefix, namespace or ""))

    def _start_element(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._work_left -= 1 + len(attributes) * self._name_bytes // (4 * _NAME_BYTES)
        if self._work_left < 0 or len(attributes) > MAX_ATTRIBUTES or self._depth > MAX_DEPTH:
            raise _UnfitError
        local = name.rpartition(_SEPARATOR)[2]
        if self._entry_depth:
            if local in _ENTRIES:
                raise _UnfitError
            if local in _IDS and self._depth == self._entry_depth + 1:
                self._collect_text()
        elif local in _ENTRIES:
            self._work_left -= _WORK_ENTRY
            self._entry_depth = self._depth
            self._start = self._parser.CurrentByteIndex
            self._contexts.add(self._ancestors[-1].hex() if self._ancestors else "")
            self._declarations = []  # those of the entry itself are in the hashed bytes
        else:
            self._work_left -= _WORK_OUTSIDE
            inherited = [attributes.get(key) for key in _INHERITED]
            inheritance = f"{name} {inherited} {self._declarations}"
            parent = self._ancestors[-1] if self._ancestors else b""
            self._ancestors.append(_hash(parent + inheritance.encode("utf-8", "surrogatepass")))
            self._declarations = []
            self._starts.append(self._parser.CurrentByteIndex)
            if local == "language":
                self._collect_text()

    def _end_element(self, name: str) -> None:
        if self._text_pieces is not None:
            self._end_text("".join(self._text_pieces).strip())
        if self._depth == self._entry_depth:
            self.entries.append((self._start, self._end_of(self._start)))
            if len(self.entries) > MAX_ENTRIES:
                raise _UnfitError
            self._entry_depth = 0
        elif not self._entry_depth:
            self._ancestors.pop()
            start = self._starts.pop()
            if name.rpartition(_SEPARATOR)[2] in _DATES:
                self.dates.append((start, self._end_of(start)))
        self._depth -= 1

    def _collect_text(self) -> None:
        self._text_pieces = []
        self._parser.CharacterDataHandler = self._text_pieces.append

    def _end_text(self, text: str) -> None:
        """Note the text of an id, which must not come twice, or of the feed's language."""
        self._text_pieces = None
        self._parser.CharacterDataHandler = None
        if not self._entry_depth:
            self._contexts.add(f"language {text}")
        elif text in self._ids:
            raise _UnfitError
        else:
            self._ids.add(text)

    def _end_of(self, start: int) -> int:
        """Return the end of the element that began at `start` and is ending."""
        tag = _TAG.match(self._document, start)
        if tag is None:
            raise _UnfitError
        if tag[0].endswith(b"/>"):
            return tag.end()
        return self._document.index(b">", self._parser.CurrentByteIndex) + 1
