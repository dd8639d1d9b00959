"""The encodings of the WHATWG Encoding Standard: by label, and with the standard's decoders.  Pure.

The labels are those of webencodings.  Python's codecs decode, with corrections where codecs lack or
map characters differently; tests/test_encodings.py compares with a browser.  Encodings outside of
the standard (UTF-32, code pages of DOS, ISO-2022-KR) are read by Python's codecs: the standard
excludes them for the safety of pages with scripts, which are never run here.

Source: https://encoding.spec.whatwg.org, 4.2 (labels) and 8 to 14 (decoders)
"""

import codecs
import re
from collections.abc import Callable, Collection
from encodings import normalize_encoding
from encodings.aliases import aliases
from functools import cache

from webencodings import lookup

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_MAX_LABEL = 60
# Python's other codecs take quadratic time (punycode), execute escapes, or are not encodings.
_CODECS_OF_PYTHON = re.compile(
    r"cp\d{3,4}|mac_\w+|iso2022_\w+|hz|johab|hp_roman8|koi8_t|kz1048|ptcp154"
)
_PYTHON_NAMES = {"gbk": "gb18030", "iso-2022-jp": "iso2022_jp_ext"}
_STANDARD_NAMES = {
    "big5hkscs": "big5",
    "cp874": "windows-874",
    "cp932": "shift_jis",
    "cp949": "euc-kr",
    "cp950": "big5",
    "latin_1": "windows-1252",
    "mac_roman": "macintosh",
}
_CODE_PAGE = re.compile(r"(?:x[-_])?(?:cp|ms|win|windows)[-_ ]?(\d{3,4})")  # common spellings
_MANY_BYTES = frozenset(
    {"big5", "euc-jp", "euc-kr", "gb18030", "gbk", "iso-2022-jp", "shift_jis"},
)
_MAX_REPAIRED = 20_000  # malformed sequences; a document with more is not in this encoding

# Single bytes for which Python's codec differs.
_SINGLE = {
    "koi8-u": {0xAE: "\u045e", 0xBE: "\u040e"},
    "windows-1255": {0xCA: "\u05ba"},
}
_JIS = "〜～‖∥−－¢￠£￡¬￢"
# Pairs of characters: the result of Python's codec, then the standard's.
_DIFFERENT_CHARACTERS = {
    "big5": "•‧､﹑‾¯∼～♁⊕☉⊙¥￥¢￠£￡",
    "euc-jp": _JIS,
    "iso-2022-jp": _JIS,
    "shift_jis": "\uf8f0\ufffd\uf8f1\ufffd\uf8f2\ufffd\uf8f3\ufffd",
    "gb18030": "\ue5e5\u3000\ue78d︐\ue78e︒\ue78f︑\ue790︓\ue791︔\ue792︕\ue793︖\ue794︗"
    "\ue795︘\ue796︙\ue7c7ḿ\ue81e龴\ue826龵\ue82b龶\ue82c龷\ue832龸\ue843龹\ue854龺\ue864龻",
}
# Characters missing in Python's Big5-HKSCS: code of the first, then the characters in a row.
_BIG5_ROWS = (
    "877a㡵𡵓𣚞𦀡㻬𥣞㫵竼龗𤅡𨤍𣇪𠪊𣉞䌊蒄龖鐯䤰蘓墖靊鈘秐稲晠権袝瑌篅枂稬剏遆㓦珄𥶹瓆鿇垳䤯呌䄱"
    "𣚎堘穲𧭥讏䚮𦺈䆁𥶙箮𢒼鿈𢓁𢓉𢓌鿉蔄𣖻䂴鿊䓡𪷿拁灮鿋 8e69箸 8e6f簆 8e7e糎 8eab緒 8eb4縝 "
    "8ecd者 8ed0耨 8f57菁 8f69蒨 8f6e萏 8fcb覦覩 8ffe起 906d都 907a銹 90dc靜 90f1響 91bf鼖 "
    "9244蔃 92af兙兛兝兞 92c8鍮 92d1瑹 9447浧 94ca禛 95d9邗 9644靝 96ed瀞 96fc嬨 9b76爁 9b78矗 "
    "9b7b纇 9bc6駖 9bde釔 9bec惞 9bf6澶 9c42輶 9c53侻 9c62營 9c68鄄 9c6b鷰 9c77菏 9cbc尐秣 "
    "9cd0婧 9d57輋 9d5a筑 9dc4拐 9ea9恢 9eef痹 9efd汊 9f60鬮 9f66鼗 9fcb僭 9fd8弌 a063蠏 "
    "a077拎 a0d5瑨 a0df煢 a0e4牐 a3c0␀␁␂␃␄␅␆␇␈␉␊␋␌␍␎␏␐␑␒␓␔␕␖␗␘␙␚␛␜␝␞␟␡€ c6cf廴 c6d3无 c6d5癶 "
    "c6d7隶 c6de〃仝 fa5f倩 fa66偽 fabd包 fac5卄 fad5卿 fb48嘅 fbb8婷 fbf3幵 fbf9廐 fc4f彘 "
    "fc6c悤 fcb9撐 fce2晴 fcf1杞 fdb7沜渝 fdbb港 fdf1煮 fe52猪 fe6f瑜 feaa瓩 fedd砉"
)


def encoding_of(label: str) -> str | None:
    """Return the encoding of a label, None if unknown.

    Returns:
        The standard's name in lower case, or Python's for an encoding outside of the standard.
    """
    label = label.strip("\t\n\f\r ").lower()
    if not label.isascii() or len(label) > _MAX_LABEL:
        return None
    encoding_info = lookup(label)
    if encoding_info is not None and encoding_info.name != "replacement":
        return encoding_info.name
    if page := _CODE_PAGE.fullmatch(label):
        label = f"windows-{page[1]}" if lookup(f"windows-{page[1]}") else f"cp{page[1]}"
    # As `codecs.lookup`, which would try to import a module of the name.
    name = normalize_encoding(label)
    name = aliases.get(name, name)
    standard = lookup(_STANDARD_NAMES.get(name, name.replace("_", "-")))
    if standard is not None and standard.name != "replacement":
        return standard.name
    return name if _CODECS_OF_PYTHON.fullmatch(name) and _is_codec(name) else None


def decode(body: bytes, encoding: str) -> str:
    """Decode, with U+FFFD for malformed sequences.

    Args:
        encoding: A result of `encoding_of`, or a codec of Python.
    """
    if encoding in _MANY_BYTES:
        return _decode_many(body, encoding)
    if lookup(encoding) is None or encoding.startswith("utf-"):
        return body.decode(encoding, "replace")
    return codecs.charmap_decode(body, "replace", _table(encoding))[0]


def _is_codec(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def _codec(encoding: str) -> str:
    """Return the name of Python's codec closest to an encoding of the standard."""
    encoding_info = lookup(encoding)
    return _PYTHON_NAMES.get(encoding, encoding_info.codec_info.name if encoding_info else encoding)


@cache
def _table(encoding: str) -> str:
    """Return the characters of the 256 bytes of an encoding."""
    if encoding == "x-user-defined":
        return "".join(chr(byte if byte < 0x80 else 0xF700 + byte) for byte in range(256))
    characters = list(bytes(range(256)).decode(_codec(encoding), "replace"))
    for byte in range(0x80, 0xA0):
        if characters[byte] == REPLACEMENT and encoding.startswith("windows-"):
            characters[byte] = chr(byte)
    for byte, character in _SINGLE.get(encoding, {}).items():
        characters[byte] = character
    return "".join(characters)


def _decode_many(body: bytes, encoding: str) -> str:
    """Decode an encoding of several bytes a character."""
    codec = _codec(encoding)
    text = body.decode(codec, "replace")
    if 0 < text.count(REPLACEMENT) <= _MAX_REPAIRED:
        text = body.decode(codec, _HANDLERS[codec])
    pairs = _DIFFERENT_CHARACTERS.get("gb18030" if encoding == "gbk" else encoding, "")
    for python, standard in zip(pairs[::2], pairs[1::2], strict=True):
        text = text.replace(python, standard)
    return text


def _handler(
    name: str, character: Callable[[bytes], str | None], size: Callable[[bytes], int]
) -> str:
    """Register an encoding's error handler for malformed sequences; return the handler's name.

    Args:
        character: Returns the character of the first two bytes after all, None for none.
        size: Returns how many of the next three bytes become one U+FFFD.
    """

    def resume(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        start = error.start
        following = error.object[start : start + 3]
        repaired = character(following[:2])
        if repaired is not None:
            return repaired, start + (1 if following[0] == _EURO else 2)
        return REPLACEMENT, start + min(size(following), len(following))

    codecs.register_error(f"whatwg.{name}", resume)
    return f"whatwg.{name}"


def _after_lead(leads: Collection[int]) -> Callable[[bytes], int]:
    """Return the rule by which a lead byte takes the next byte along, unless in ASCII.

    A byte of ASCII may be the beginning of a tag.
    """

    def size(following: bytes) -> int:
        return 2 if following[0] in leads and following[1:2] >= b"\x80" else 1

    return size


def _size_in_euc_jp(following: bytes) -> int:
    size = _after_lead(_EUC_JP_LEADS)(following)
    is_jis_x_0212 = following[0] == _THREE_BYTES and size == 2
    return 3 if is_jis_x_0212 and following[2:3] >= b"\x80" else size


def _size_in_iso_2022_jp(following: bytes) -> int:
    return 2 if all(0x21 <= byte <= 0x7E for byte in following[:2]) else 1


_EURO = 0x80  # in GBK; in no other encoding of two bytes this byte has a meaning
_THREE_BYTES = 0x8F
_EUC_JP_LEADS = frozenset({*range(0xA1, 0xFF), 0x8E, _THREE_BYTES})


def _jis_character(row: int, cell: int) -> str | None:
    """Return the character at a row and cell of JIS X 0208 with Windows' extensions; each 1 to 94.

    Windows' Shift_JIS has the same characters, two rows behind each lead byte.
    """
    if not (1 <= row <= 94 and 1 <= cell <= 94):
        return None
    lead = (row - 1) // 2 + (0x81 if row <= 62 else 0xC1)
    trail = cell + (0x9E if row % 2 == 0 else 0x3F if cell < 0x40 else 0x40)
    character = bytes((lead, trail)).decode("cp932", "replace")
    return character if len(character) == 1 and character != REPLACEMENT else None


def _euc_jp_character(pair: bytes) -> str | None:
    return _jis_character(pair[0] - 0xA0, pair[1] - 0xA0) if len(pair) == 2 else None


def _iso_2022_jp_character(pair: bytes) -> str | None:
    return _jis_character(pair[0] - 0x20, pair[1] - 0x20) if len(pair) == 2 else None


def _gb18030_character(pair: bytes) -> str | None:
    return "€" if pair[0] == _EURO else None


def _big5_character(pair: bytes) -> str | None:
    return _big5_table().get(pair)


def _no_character(_pair: bytes) -> str | None:
    return None


@cache
def _big5_table() -> dict[bytes, str]:
    table = {}
    for row in _BIG5_ROWS.split(" "):
        lead, trail = bytes.fromhex(row[:4])
        for character in row[4:]:
            table[bytes((lead, trail))] = character
            trail = 0xA1 if trail == 0x7E else trail + 1
    return table


_LEADS = range(0x81, 0xFF)
_SHIFT_JIS_LEADS = (*range(0x81, 0xA0), *range(0xE0, 0xFD))
_HANDLERS = {
    "big5hkscs": _handler("big5", _big5_character, _after_lead(_LEADS)),
    "cp932": _handler("shift_jis", _no_character, _after_lead(_SHIFT_JIS_LEADS)),
    "cp949": _handler("euc-kr", _no_character, _after_lead(_LEADS)),
    "euc_jp": _handler("euc-jp", _euc_jp_character, _size_in_euc_jp),
    "gb18030": _handler("gb18030", _gb18030_character, _after_lead(_LEADS)),
    "iso2022_jp_ext": _handler("iso-2022-jp", _iso_2022_jp_character, _size_in_iso_2022_jp),
}
