"""Entities and references of a document, in forms known to XML parsers.  Pure.

Documents use the names of HTML as if XML had them (`&uuml;`), with or without a DOCTYPE that names
a DTD.  No DTD is ever fetched, so expat omits such names silently.  And programs that use UTF-16
internally write a character beyond U+FFFF as two halves (`&#55357;&#56832;`), which is not
well-formed.
"""

import re
from collections.abc import Callable, Mapping
from html import escape
from html.entities import html5

from aggregator.text.references import attribute_value

_PREDEFINED = frozenset({"amp", "lt", "gt", "quot", "apos"})
_MAX_VALUE = 1000
_MAX_GROWTH = 1_000_000
"""Bytes that a document's own entities may add to it; none is replaced within another."""

_CLOSINGS = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}
_BLANKS = re.compile(rb"\s+")
_OPENING = re.compile(rb"<!--|<!\[CDATA\[|<\?")
# Possessive, and each alternative begins with another character: no part is scanned twice.
_DOCTYPE = re.compile(
    rb"<!DOCTYPE(?!\s+html\b)(?:[^\[\]<>\"']|\"[^\"]*+\"|'[^']*+')*+"
    rb"(?:\[(?:[^\]\"'<]|\"[^\"]*+\"|'[^']*+'|<!--(?:[^-]|-(?!->))*+-->|<(?!!--))*+\]\s*+)?+>",
    re.IGNORECASE,
)
_ENTITY = re.compile(rb"<!ENTITY\s+([A-Za-z_][\w.-]{0,63})\s+(?:\"([^\"]*)\"|'([^']*)')\s*>")
_UNSAFE = re.compile(rb"&(?!#\w{1,9};)|%")
_NAMED_REFERENCE = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);|#)")
_NAME = re.compile(rb"&([A-Za-z_][\w.-]{0,63});")
# Not a reference, for want of a `;`; the following characters decide in `attribute_value`.
_UNENDED = re.compile(rb"&[A-Za-z][A-Za-z0-9]{0,63}(?![A-Za-z0-9;])=?")

# U+D800 to U+DBFF and U+DC00 to U+DFFF, decimal or hexadecimal.
_HIGH = (
    rb"(?:0{0,4}(?:5529[6-9]|55[3-9]\d\d|56[0-2]\d\d|563[01]\d)"
    rb"|[xX]0{0,4}[dD][89abAB][0-9a-fA-F]{2})"
)
_LOW = (
    rb"(?:0{0,4}(?:563[2-9]\d|56[4-9]\d\d|57[0-2]\d\d|573[0-3]\d|5734[0-3])"
    rb"|[xX]0{0,4}[dD][c-fC-F][0-9a-fA-F]{2})"
)
_HALF = re.compile(rb"#(?:%b|%b)\b" % (_HIGH, _LOW))
_HALVES = re.compile(rb"&(amp;|)#(%b);?&\1#(%b)(?:;|\b)" % (_HIGH, _LOW))
_HALVES_IN_HTML = re.compile(rb"&()#(%b);?&#(%b)(?:;|\b)" % (_HIGH, _LOW))
_LONE_HALF = re.compile(rb"&#(?:%b|%b);" % (_HIGH, _LOW))


def with_resolved_references(document: bytes) -> bytes:
    """Return a document with no other references than XML's own.

    The DOCTYPE is removed.  Entities declared as text without references are replaced; undeclared
    names are HTML's.  All other references stay, not well-formed.

    Args:
        document: XML in UTF-8.
    """
    doctype = _doctype(document)
    entities: dict[bytes, bytes] = {}
    if doctype is not None:
        entities = _entities(doctype[0])
        document = document[: doctype.start()] + document[doctype.end() :]
    has_names, has_halves = _NAMED_REFERENCE.search(document), _HALF.search(document)
    if not has_names and not has_halves:
        return document
    names = _Names(entities)

    def outside(text: bytes) -> bytes:
        text = _NAME.sub(names.value, text) if has_names else text
        if not has_halves:
            return text
        return _LONE_HALF.sub(b"&#xFFFD;", _HALVES.sub(_character, text))

    return _replaced(document, outside, _halves_joined if has_halves else _unchanged)


def with_whole_characters(document: bytes) -> bytes:
    """Return a well-formed document with halves of characters joined; other references stay."""
    if not _HALF.search(document):
        return document
    return _replaced(document, lambda text: _HALVES.sub(_character, text), _halves_joined)


def with_unended_names_escaped(document: bytes) -> bytes:
    """Escape names without `;` in a document that is not well-formed.

    Copied addresses have such names (`?a=1&region=eu`).  Names known to HTML without `;` are read
    as in the values of attributes.
    """
    return _replaced(document, lambda text: _UNENDED.sub(_as_text, text), _unchanged)


def _as_text(reference: re.Match[bytes]) -> bytes:
    reference_text = reference[0].decode()
    text = attribute_value(reference_text)
    return (
        f"&amp;{reference_text[1:]}".encode() if text == reference_text else escape(text).encode()
    )


def joined_halves(html: str) -> str:
    """Return HTML with a single reference in place of two halves of a character."""
    return _halves_joined(html.encode()).decode() if "&#" in html else html


def _halves_joined(html: bytes) -> bytes:
    return _HALVES_IN_HTML.sub(_character, html)


def _unchanged(html: bytes) -> bytes:
    return html


def _doctype(document: bytes) -> re.Match[bytes] | None:
    """Return the match of the DOCTYPE, None if absent or without an end."""
    position = 0
    while True:
        if blanks := _BLANKS.match(document, position):
            position = blanks.end()
        opening = _OPENING.match(document, position)
        if opening is None:
            return _DOCTYPE.match(document, position)
        end = document.find(_CLOSINGS[opening[0]], opening.end())
        if end < 0:
            return None
        position = end + len(_CLOSINGS[opening[0]])


def _entities(doctype: bytes) -> dict[bytes, bytes]:
    """Return the plain-text entities of a DOCTYPE, by name."""
    entities: dict[bytes, bytes] = {}
    for name, double, single in _ENTITY.findall(doctype):
        value = double or single
        is_plain = len(value) <= _MAX_VALUE and not _UNSAFE.search(value)
        entities.setdefault(name, value if is_plain else b"&%b;" % name)
    return entities


class _Names:
    """The values of names, as long as the document does not grow too much."""

    def __init__(self, entities: Mapping[bytes, bytes]) -> None:
        self._entities = entities
        self._spare = _MAX_GROWTH

    def value(self, reference: re.Match[bytes]) -> bytes:
        """Return the value of a reference, or the reference itself."""
        name = reference[1].decode("ascii")
        if name in _PREDEFINED:
            return reference[0]
        if reference[1] in self._entities:
            value = self._entities[reference[1]]
            if len(value) > self._spare:
                return reference[0]
            self._spare -= len(value)
            return value
        characters = html5.get(f"{name};")
        if characters is None:
            return reference[0]
        return b"".join(
            f"&#{ord(character)};".encode() if character.isascii() else character.encode()
            for character in characters
        )


def _character(halves: re.Match[bytes]) -> bytes:
    high, low = (
        int(half[1:], 16) if half[:1] in b"xX" else int(half) for half in (halves[2], halves[3])
    )
    return b"&%b#%d;" % (halves[1], 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _replaced(
    document: bytes, outside: Callable[[bytes], bytes], in_cdata: Callable[[bytes], bytes]
) -> bytes:
    """Change a document outside of comments and instructions, in CDATA by a function apart."""
    parts = []
    position = 0
    while (opening := _OPENING.search(document, position)) is not None:
        parts.append(outside(document[position : opening.start()]))
        end = document.find(_CLOSINGS[opening[0]], opening.end())
        position = end if end >= 0 else len(document)
        inside = document[opening.start() : position]
        parts.append(in_cdata(inside) if opening[0] == b"<![CDATA[" else inside)
    parts.append(outside(document[position:]))
    return b"".join(parts)
