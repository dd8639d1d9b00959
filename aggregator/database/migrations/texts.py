"""What revisions 0002 and 0012 put into the index of texts.

Copies of what the program did at the time, which stay as they are: what it does today may change,
and what an old revision did must not.
"""

import re
from html import unescape

_MAX_TEXT = 100_000  # characters of a text that are indexed
_INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|i|ins|kbd|mark|q|ruby|s|samp|small|span|"
    r"strong|sub|sup|time|u|var|wbr)(?:\s[^>]*)?>"
)
_ANY_TAG = re.compile(r"<[^>]*>")
_ROW_OF_SIGNS = re.compile("[\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff]+")


def words(html: str) -> str:
    """Return the text of stored HTML."""
    plain = _ANY_TAG.sub(" ", _INLINE_TAG.sub("", html[:_MAX_TEXT]))
    return unescape(plain) if "&" in plain else plain


def spaced(text: str) -> str:
    """Return `text` with its Chinese and Japanese signs as words of their own."""
    return _ROW_OF_SIGNS.sub(lambda row: f" {' '.join(row[0])} ", text)
