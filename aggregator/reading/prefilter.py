"""Entries of a document that we have already, cut out of it before it is parsed.  Pure.

expat walks the document once, at about 150 MB/s; the bytes of each entry element are hashed, and
those whose hash stood in the feed's last document are left out.  What remains is a document of its
own: the head and the new entries.  Whatever does not fit this picture is parsed whole.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from xml.parsers import expat

from aggregator.model.seen_hashes import HASH_SIZE, NO_ID, PREFIX_SIZE, entry_records

MAX_ENTRIES = 5000
MAX_ATTRIBUTES = 256
MAX_DEPTH = 200

MAX_NAMESPACE = 200
"""Characters of a namespace's name.  expat writes the name out before each element and attribute,
so a long name costs its length for every `<a/>`; the longest in use have about 60."""

_WORK_OUTSIDE = 5
_WORK_ENTRY = 7

_Span = tuple[int, int]
_ENTRIES = frozenset({"item", "entry"})
_IDS = frozenset({"guid", "id"})
_DATES = frozenset({"lastBuildDate", "pubDate", "updated", "modified", "date"})
_SEPARATOR = " "  # between a namespace and a name
_XML = "http://www.w3.org/XML/1998/namespace"
_INHERITED = (f"{_XML}{_SEPARATOR}base", f"{_XML}{_SEPARATOR}lang", "base", "lang")
_TAG = re.compile(rb"<[^>\"']*(?:\"[^\"]*\"[^>\"']*|'[^']*'[^>\"']*)*>")


@dataclass(frozen=True, slots=True)
class Skim:
    """A document without the entries that are known.

    Attributes:
        rest: The document that remains: the head and the new entries.
        new: Their places among all entries of the document.
        nothing_new: There are none, and the head says what it said, but for its dates.
        memory: For the next skim: `HASH_SIZE` bytes each for what entries inherit and for the head;
            for every entry of the whole document its hash, and the id that it is stored under, 0
            for the new ones until `seen_hashes.with_ids` is called.
    """

    rest: bytes
    new: tuple[int, ...]
    nothing_new: bool
    memory: bytes

    @property
    def kept(self) -> int:
        """How many entries remain."""
        return len(self.new)


class _UnfitError(Exception):
    """The document is not one that can be cut."""


def skim(document: bytes, memory: bytes = b"", *, max_work: int = sys.maxsize) -> Skim | None:
    """Cut the known entries out of a document.

    Args:
        document: XML in UTF-8 without a DOCTYPE.
        memory: Of the skim of the feed's last document.
        max_work: Bound on the time: an element within an entry counts 1, a declaration of a
            namespace 5, an element outside of entries 6, an entry 8, four attributes 1.

    Returns:
        None where the whole document has to be parsed: it is not well-formed, has a DOCTYPE,
        entries within entries, an id that several entries share, too many of them or none at all,
        a namespace over `MAX_NAMESPACE`, or takes more than `max_work`.
    """
    walk = _Walk(document, max_work)
    try:
        walk.run()
    except (_UnfitError, expat.ExpatError, ValueError):
        return None
    if not walk.entries:
        return None
    context, head = walk.context(), _hash(_without(document, walk.entries + walk.dates))
    hashes = [_hash(document[start:end]) for start, end in walk.entries]
    known = dict(entry_records(memory)) if memory[:HASH_SIZE] == context else {}
    cut = [span for span, digest in zip(walk.entries, hashes, strict=True) if digest in known]
    new = tuple(place for place, digest in enumerate(hashes) if digest not in known)
    records = (digest + known.get(digest, NO_ID) for digest in hashes)
    return Skim(
        rest=_without(document, cut),
        new=new,
        nothing_new=not new and memory[HASH_SIZE:PREFIX_SIZE] == head,
        memory=b"".join((context, head, *records)),
    )


def _without(document: bytes, spans: Sequence[_Span]) -> bytes:
    """Return the document without these parts, which do not overlap."""
    kept, position = [], 0
    for start, end in sorted(spans):
        kept.append(document[position:start])
        position = end
    kept.append(document[position:])
    return b"".join(kept)


def _hash(data: bytes) -> bytes:
    return sha256(data).digest()[:HASH_SIZE]  # processors help with it: twice as fast as BLAKE2


class _Walk:
    """One walk of expat over a document.

    Attributes:
        entries: Where each entry element begins and ends, in bytes.
        dates: The same of the dates outside of entries: they change on their own.
    """

    def __init__(self, document: bytes, max_work: int) -> None:
        self.entries: list[_Span] = []
        self.dates: list[_Span] = []
        self._starts: list[int] = []
        self._document = document
        self._work_left = max_work
        self._depth = 0
        self._entry_depth = 0  # 0: not in an entry
        self._start = 0
        self._ancestors: list[bytes] = []  # hashes, each over what it and those above it hand down
        self._declarations: list[tuple[str | None, str]] = []
        self._contexts: set[str] = set()
        self._ids: set[str] = set()
        self._text: list[str] | None = None
        self._parser = expat.ParserCreate("utf-8", _SEPARATOR)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._started
        self._parser.EndElementHandler = self._ended
        self._parser.StartNamespaceDeclHandler = self._declared
        self._parser.StartDoctypeDeclHandler = self._unfit

    def run(self) -> None:
        """Walk, once; raise `_UnfitError` or `ExpatError` if this document can't be cut."""
        try:
            self._parser.Parse(self._document, True)
        finally:
            del self._parser  # which refers to us: the document would stay until cycles are found

    def context(self) -> bytes:
        """Return a hash of what entries inherit: namespaces, base, language."""
        return _hash("\n".join(sorted(self._contexts)).encode("utf-8", "surrogatepass"))

    def _unfit(self, *_: object) -> None:
        raise _UnfitError

    def _declared(self, prefix: str | None, namespace: str | None) -> None:
        """Take a declaration; `xmlns=""` has no namespace."""
        self._work_left -= _WORK_OUTSIDE
        if len(namespace or "") > MAX_NAMESPACE:
            raise _UnfitError
        if not self._entry_depth:
            self._declarations.append((prefix, namespace or ""))

    def _started(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._work_left -= 1 + (len(attributes) >> 2)
        if self._work_left < 0 or len(attributes) > MAX_ATTRIBUTES or self._depth > MAX_DEPTH:
            raise _UnfitError
        local = name.rpartition(_SEPARATOR)[2]
        if self._entry_depth:
            if local in _ENTRIES:
                raise _UnfitError
            if local in _IDS and self._depth == self._entry_depth + 1:
                self._listen()
        elif local in _ENTRIES:
            self._work_left -= _WORK_ENTRY
            self._entry_depth = self._depth
            self._start = self._parser.CurrentByteIndex
            self._contexts.add(self._ancestors[-1].hex() if self._ancestors else "")
            self._declarations = []  # its own are in its bytes
        else:
            self._work_left -= _WORK_OUTSIDE
            inherited = [attributes.get(key) for key in _INHERITED]
            handed_down = f"{name} {inherited} {self._declarations}"
            above = self._ancestors[-1] if self._ancestors else b""
            self._ancestors.append(_hash(above + handed_down.encode("utf-8", "surrogatepass")))
            self._declarations = []
            self._starts.append(self._parser.CurrentByteIndex)
            if local == "language":
                self._listen()

    def _ended(self, name: str) -> None:
        if self._text is not None:
            self._heard("".join(self._text).strip())
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

    def _listen(self) -> None:
        self._text = []
        self._parser.CharacterDataHandler = self._text.append

    def _heard(self, text: str) -> None:
        """Take the text of an id, which must not come twice, or of the feed's language."""
        self._text = None
        self._parser.CharacterDataHandler = None
        if not self._entry_depth:
            self._contexts.add(f"language {text}")
        elif text in self._ids:
            raise _UnfitError
        else:
            self._ids.add(text)

    def _end_of(self, start: int) -> int:
        """Return where the element that began at `start` and ends now is over."""
        tag = _TAG.match(self._document, start)
        if tag is None:
            raise _UnfitError
        if tag[0].endswith(b"/>"):
            return tag.end()
        return self._document.index(b">", self._parser.CurrentByteIndex) + 1
