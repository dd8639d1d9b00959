"""Bytes -> text: which encoding a document is in.  Pure.

The one home of this rule, for feeds in XML and JSON, subscription lists and web pages.

decoders  the encodings of the WHATWG Encoding Standard, by label

The encoding is decided by, in this order:

1. A byte order mark, or the zero bytes of UTF-16 and UTF-32 beside the first character.
2. The bytes: valid UTF-8 with characters outside of ASCII is UTF-8, under any label.  Hardly any
   text in another encoding is valid UTF-8 by chance, and labels are often wrong.
3. The charset of Content-Type, then the label in the document itself (RFC 7303, 3.2).  A header
   with ISO 8859-1 or ASCII comes last, as servers send these by default.  A text type without a
   charset does not make a document ASCII, as RFC 3023 wanted.  An encoding in which the bytes of
   `<?xml` are not `<?xml` is impossible.
4. A document labelled UTF-8, or without a label, is UTF-8 with U+FFFD for malformed bytes, unless
   malformed sequences outnumber well-formed characters: then the document is read as Windows-1252.
   A document with another label is UTF-8 with U+FFFD if there are ten times as many well-formed
   characters.
"""

import codecs
import re

from aggregator.text.encodings.decoders import REPLACEMENT, decode, encoding_of

__all__ = ["declared_in_html", "declared_in_xml", "decoded", "in_utf8", "plain_utf8"]

_UTF_8 = "utf-8"
_WESTERN = "windows-1252"
_MARKS = (
    (codecs.BOM_UTF8, _UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_EBCDIC_DECLARATION = b"\x4c\x6f\xa7\x94"  # <?xm
_EBCDIC = frozenset({"cp037", "cp273", "cp424", "cp500", "cp875", "cp1026", "cp1140"})
_SEVEN_BITS = ("iso-2022-jp", "iso2022_", "hz")
_SHIFTS = (b"\x1b", b"~{")  # escape sequences of these encodings

_BLANK = b" \t\r\n"
_DECLARED_WITHIN = 1024
_CHARSET = re.compile(r"charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{1,60})", re.IGNORECASE)
_LABEL = re.compile(rb"encoding\s{0,99}=\s{0,99}[\"']?\s{0,99}([\w.:-]{1,60})")
_META = re.compile(
    rb"<meta\b[^>]{0,500}?charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:-]{1,60})", re.IGNORECASE
)
_XML = re.compile(r"<\?xml\s[^>]*>")
_UTF8_RATIO = 10  # well-formed characters for each malformed sequence: UTF-8 under any label
_HIGH = bytes(range(0x80, 0x100))
_PIECE = re.compile(rb"<?[^<]+|<")
# A character beyond U+FFFF as two halves of three bytes each (CESU-8), as from some databases.
_TWO_HALVES = re.compile(rb"\xed([\xa0-\xaf][\x80-\xbf])\xed([\xb0-\xbf][\x80-\xbf])")


def decoded(body: bytes, *, content_type: str = "", declared: str = "") -> str:
    """Return a document's text, without a byte order mark, with U+FFFD for malformed sequences.

    Args:
        content_type: The header's value, "" for none.
        declared: The label in the document itself, "" for none.
    """
    marked = _marked(body)
    if marked is not None and marked != _UTF_8:
        return _decode_wide(body, marked).lstrip("\ufeff")
    body = body.removeprefix(codecs.BOM_UTF8)
    header = _CHARSET.search(content_type)
    labels = (header[1] if header else "", declared)
    encodings = [name for name in map(encoding_of, labels) if name is not None]
    candidates = [
        name for name in dict.fromkeys(encodings) if name != _UTF_8 and _reads_ascii(name)
    ]
    if body.isascii():
        return _decode_seven_bits(body, candidates)
    try:
        return body.decode().lstrip("\ufeff")
    except UnicodeDecodeError:
        is_labelled_utf8 = marked == _UTF_8 or _UTF_8 in encodings or not candidates
        return _decode_malformed(body, candidates, is_labelled_utf8=is_labelled_utf8)


def in_utf8(body: bytes, content_type: str = "") -> bytes:
    """Return a document in XML or JSON as UTF-8, with an XML declaration to match."""
    document = plain_utf8(body, content_type)
    if document is not None:
        return document
    text = decoded(body, content_type=content_type, declared=declared_in_xml(body))
    text = text.lstrip("\ufeff \t\r\n")
    declaration = _XML.match(text)
    if declaration is not None:
        text = f"<?xml version='1.0' encoding='utf-8'?>{text[declaration.end() :]}"
    return text.encode()


def plain_utf8(body: bytes, content_type: str) -> bytes | None:
    """Return an obvious XML document in UTF-8, without leading white space; else None."""
    header = _CHARSET.search(content_type)
    document = body.lstrip(_BLANK)
    if header and header[1].lower() != _UTF_8:
        return None
    if document[:1] != b"<" or document[1:2] == b"\0":
        return None
    if (declared_in_xml(document) or _UTF_8).lower() != _UTF_8:
        return None
    try:
        document.decode()
    except UnicodeDecodeError:
        return None
    return document


def declared_in_xml(body: bytes) -> str:
    """Return the label in the XML declaration, "" for none."""
    start = body.removeprefix(codecs.BOM_UTF8).lstrip(_BLANK)
    if not start.startswith(b"<?xml"):
        return ""
    label = _LABEL.search(start[:_DECLARED_WITHIN].partition(b">")[0])
    return label[1].decode("ascii") if label else ""


def declared_in_html(body: bytes) -> str:
    """Return the label in a `meta` element or an XML declaration, "" for none.

    Source: HTML, 13.2.3.2 (prescan a byte stream), the usual forms only.
    """
    meta = _META.search(body[:_DECLARED_WITHIN])
    return meta[1].decode("ascii") if meta else declared_in_xml(body)


def _marked(body: bytes) -> str | None:
    """Return the encoding shown by the first bytes, None for none."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return encoding
    zeros = [not byte for byte in body[:4]]
    if zeros == [True, True, True, False]:
        return "utf-32-be"
    if zeros == [False, True, True, True]:
        return "utf-32-le"
    if zeros[:2] == [True, False]:
        return "utf-16-be"
    if zeros[:2] == [False, True]:
        return "utf-16-le"
    return "cp037" if body.startswith(_EBCDIC_DECLARATION) else None


def _decode_wide(body: bytes, encoding: str) -> str:
    """Decode an encoding that is not a superset of ASCII."""
    if encoding == "cp037":
        declared = encoding_of(declared_in_xml(body[:_DECLARED_WITHIN].decode(encoding).encode()))
        encoding = declared if declared in _EBCDIC else encoding
    return body.decode(encoding, "replace")


def _reads_ascii(encoding: str) -> bool:
    return decode(b"<?xml", encoding) == "<?xml"


def _decode_seven_bits(body: bytes, candidates: list[str]) -> str:
    if any(shift in body for shift in _SHIFTS):
        for encoding in candidates:
            if encoding.startswith(_SEVEN_BITS):
                return decode(body, encoding)
    return body.decode("ascii")


def _decode_malformed(body: bytes, candidates: list[str], *, is_labelled_utf8: bool) -> str:
    """Decode bytes that are not well-formed UTF-8."""
    joined = _TWO_HALVES.sub(_one_character, body)
    text = joined.decode(_UTF_8, "replace")
    wellformed, malformed = _evidence(joined, text)
    is_mostly = wellformed >= malformed
    if is_mostly and (is_labelled_utf8 or wellformed >= _UTF8_RATIO * malformed):
        return text
    # Every byte is valid in Windows-1252, which is not evidence for that encoding.
    better = [name for name in candidates if name != _WESTERN]
    readings = [decode(body, name) for name in better]
    if readings:
        reading = min(readings, key=lambda reading: reading.count(REPLACEMENT))
        has_more = reading.count(REPLACEMENT) > malformed
        return text if is_mostly and has_more else reading
    return _decode_western(body) if wellformed else decode(body, _WESTERN)


def _one_character(halves: re.Match[bytes]) -> bytes:
    return (
        halves[0]
        .decode(_UTF_8, "surrogatepass")
        .encode("utf-16", "surrogatepass")
        .decode("utf-16")
        .encode()
    )


def _evidence(body: bytes, text: str) -> tuple[int, int]:
    """Return the number of well-formed characters of UTF-8 outside of ASCII, and of malformed
    sequences.

    The beginning of a truncated character counts for both.
    """
    replaced, sound = text.count(REPLACEMENT), body.count(REPLACEMENT.encode())
    of_ascii = len(body.translate(None, delete=_HIGH))
    malformed = replaced - sound
    wellformed = len(text) - of_ascii - replaced
    bytes_of_both = len(body) - of_ascii
    bytes_of_wellformed = len(text.encode()) - of_ascii - len(REPLACEMENT.encode()) * malformed
    cut_off = bytes_of_both - bytes_of_wellformed - malformed
    return wellformed + cut_off, malformed


def _decode_western(body: bytes) -> str:
    """Decode Windows-1252 with some texts in UTF-8, as in feeds aggregated from many feeds."""
    return "".join(_decode_piece(piece[0]) for piece in _PIECE.finditer(body))


def _decode_piece(piece: bytes) -> str:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        text = piece.decode(_UTF_8, "replace")
    wellformed, malformed = _evidence(piece, text)
    return text if wellformed >= malformed else decode(piece, _WESTERN)
