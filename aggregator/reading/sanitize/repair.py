"""Publishers' mistakes in the characters of a text, repaired before parsing.

All functions take time in proportion to the length of any text.
"""

import re
from base64 import b64decode

from aggregator.text.hypertext import unwrapped

_CDATA = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.IGNORECASE | re.DOTALL)

_PAIR = re.compile(
    r"&#(?:x0{0,6}(d[89ab][0-9a-f]{2})|0{0,6}(5[56]\d{3}));?"
    r"&#(?:x0{0,6}(d[c-f][0-9a-f]{2})|0{0,6}(5[67]\d{3}));?",
    re.IGNORECASE,
)

_DATA_ADDRESS = re.compile(
    r"data:(?:[a-z0-9/+.-]{1,60};base64,(?:[A-Za-z0-9+/=%\s]|&#\w{1,5};)*|[^\s\"'<>]*)",
    re.IGNORECASE,
)
_LONG_ADDRESS = 1000
_NO_PICTURE = "data:,"  # removed by any policy; an empty address would be the page's own
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_BLOCKS = ("svg", "style", "script")

_BASE64 = re.compile(
    r"(?:data:[^,\s]{1,100},)?([A-Za-z0-9+/]{60,}(?:\s+[A-Za-z0-9+/]{1,100})*={0,2})"
)
_KINDS = (str.islower, str.isupper, str.isdigit)  # of characters; a file in Base64 has all three
_LOOKED_AT = 4000


def without_cdata(html: str) -> str:
    """Return HTML without the marks of CDATA sections, which HTML reads as comments."""
    return unwrapped(_CDATA.sub(r"\1", unwrapped(html)))


def with_whole_pairs(html: str) -> str:
    """Return HTML with a character in place of two references to surrogate halves.

    Programs in JavaScript, Java and C# write such references, as strings are UTF-16 there; HTML has
    no halves (13.2.5.80).
    """
    return _PAIR.sub(_character, html)


def _character(pair: re.Match[str]) -> str:
    high = int(pair[1], 16) if pair[1] else int(pair[2])
    low = int(pair[3], 16) if pair[3] else int(pair[4])
    if not (0xD800 <= high < 0xDC00 <= low < 0xE000):
        return pair[0]
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def without_long_parts(html: str) -> str:
    """Return HTML without long parts that have no words: inline pictures, drawings, styles, scripts
    and comments.
    """
    html = _DATA_ADDRESS.sub(
        lambda url: url[0] if len(url[0]) < _LONG_ADDRESS else _NO_PICTURE, html
    )
    html = without_comments(html)
    for name in _BLOCKS:
        html = _without_block(html, name)
    return html


def without_comments(html: str) -> str:
    """Return HTML without comments, which may be full of tags (Word's, for one)."""
    return _COMMENT.sub("", html)


def _without_block(html: str, name: str) -> str:
    before, *pieces = re.split(rf"<{name}(?=[\s>])", html, flags=re.IGNORECASE)
    end = re.compile(rf"</{name}\s{{0,9}}>", re.IGNORECASE)
    texts = (end.split(piece, maxsplit=1) for piece in pieces)
    return before + "".join(text[1] for text in texts if len(text) > 1)


def is_binary(text: str) -> bool:
    """Whether a text, as HTML, is a file in place of text, raw or in Base64."""
    start = text[:_LOOKED_AT].strip()
    if start.startswith("<p>"):  # it was plain
        start = start[3:].removesuffix("</p>").replace("<br>", "\n")
    if "\ufffd" in start or "\x00" in start:
        return 3 * sum(start.count(character) for character in "\ufffd\x00") > len(start)
    if "<" in start or not (encoded := _BASE64.fullmatch(start)):
        return False
    digits = "".join(encoded[1].split()).rstrip("=")
    if not all(any(kind(digit) for digit in digits) for kind in _KINDS):
        return False
    data = b64decode(digits[: len(digits) // 4 * 4])
    try:
        return not data[:-3].decode().isprintable()
    except UnicodeDecodeError:
        return True
