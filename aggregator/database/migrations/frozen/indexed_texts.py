"""What revisions 0002, 0012 and 0016 put into the index of texts.

Frozen: this must never be changed.
"""

import re
from unicodedata import ucd_3_2_0

from aggregator.database.migrations.frozen.character_references import unescape

_MAX_TEXT = 100_000  # characters of a text that are indexed
_INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|i|ins|kbd|mark|q|ruby|s|samp|small|span|"
    r"strong|sub|sup|time|u|var|wbr)(?:\s[^>]*)?>"
)
_ANY_TAG = re.compile(r"<[^>]*>")
_ROW_OF_SIGNS = re.compile("[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff]+")

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200d-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]+"
    "|\u200b(?![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])"
    "|\u200c(?![\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff])"
)
# Signs that stand for letters or digits, but are no part of the word beside them.
_SYMBOL = re.compile(
    "[\u2100\u2101\u2105\u2106\u2116\u2120-\u2122\u213b\u2460-\u24ff\u3200-\u33ff"
    "\U0001f100-\U0001f2ff]"
)
_MARKS = re.compile("[\u0300-\u036f]+")  # that no letter has taken in
_AS_IT_IS = re.compile(
    "[\x00-\xa9\xab\xac\xae-\xb1\xb4\xb6-\xb8\xbb\xbf-\u0131\u0134-\u013e\u0141-\u0148"
    "\u014a-\u017e\u0391-\u03a1\u03a3-\u03ce\u0400-\u0482\u0490-\u04f9\u05be\u05d0-\u05ea"
    "\u060c-\u061b\u061e-\u0652\u0660-\u0674\u0679-\u06d3\u2010\u2013-\u2016\u2018-\u2023"
    "\u2026\u2030\u2039\u203a\u20ac\u3001\u3002\u3005-\u3029\u3041-\u3096\u30a1-\u30fa\u30fc"
    "\u4e00-\u9fff\uac00-\ud7a3\U0001f300-\U0001faff]*"
)


def words(html: str) -> str:
    """Return the text of stored HTML."""
    plain = _ANY_TAG.sub(" ", _INLINE_TAG.sub("", html[:_MAX_TEXT]))
    return unescape(plain) if "&" in plain else plain


def spaced(text: str) -> str:
    """Return `text` with its Chinese and Japanese signs as words of their own."""
    return _ROW_OF_SIGNS.sub(lambda row: f" {' '.join(row[0])} ", text)


def normal(text: str) -> str:
    """Return `text` without differences that nobody sees or means."""
    if _AS_IT_IS.fullmatch(text):
        return text
    seen = _SYMBOL.sub(r" \g<0> ", _INVISIBLE.sub("", text))
    return _MARKS.sub("", ucd_3_2_0.normalize("NFKC", seen))
