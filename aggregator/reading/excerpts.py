"""The excerpt of a text: the start, as one plain line.  Pure.

Blocks of a text become parts of a line: a middle dot stands between items of a list, behind a
heading, and between cells, except at the end of a sentence.  Left out are leftovers of Markdown,
links like "Read more" and "permalink", addresses in a block or at an end of a block, and
WordPress's "The post ... appeared first on ...".
"""

import re
from collections.abc import Iterable

from aggregator.reading import sanitize
from aggregator.text import hypertext

EXCERPT = 220
"""Characters of an excerpt, about."""

_MAX_INVISIBLE = 20  # characters that may all be invisible
_SOURCE = 20_000  # characters of HTML, the source of an excerpt
_LONG = 1000  # characters of text; later characters never reach the excerpt
_START = 2000  # characters of HTML, mostly with that much text
_CUT_REFERENCE = 40  # characters of text, at most, from the first half of a cut reference

_POINT = " · "
_ENDS_OF_SENTENCES = tuple(".!?:;,…。！？：；、，")
_LINK_TEXTS = (
    "read more|read on|read the rest|read the full (?:article|post|story)|continue reading|keep "
    "reading|more|permalink|permanent link|link|comments?|weiterlesen|mehr lesen|lire la suite|"
    "lire plus|leer más|seguir leyendo|leia mais|continue lendo|leggi tutto|continua a leggere|"
    "lees (?:meer|verder)|czytaj (?:więcej|dalej)|читать (?:далее|дальше)|"
    "続きを読む|阅读全文|阅读更多"
)
_LONGEST_LINK = 60  # characters of such a text
_ARROWS = r"[\s.…»›→>\])]{0,10}"
_ADDRESS = r"<?https?://[^\s<>]{1,2000}>?"
_LINK = re.compile(rf"[\[(]?(?:{_LINK_TEXTS}|[#¶∞]){_ARROWS}", re.IGNORECASE)
_TO_POST = re.compile(r"(?:continue reading|read more) .{1,200}[→»…]", re.IGNORECASE)
_ADDRESSES = re.compile(rf"{_ADDRESS}(?:\s+{_ADDRESS})*")
_LINK_AT_END = re.compile(
    r"(?:(?<=[.!?…。])\s*|\s+(?=\[)|\s+(?=\())[\[(]?"
    rf"(?:read more|continue reading|weiterlesen|lire la suite|leer más|permalink){_ARROWS}$"
    rf"|\s+∞?\s*permalink{_ARROWS}$|\s*[¶∞]$",
    re.IGNORECASE,
)
_ADDRESS_AT_END = re.compile(rf"(?<!:)\s+{_ADDRESS}$")

# WordPress adds this line to every excerpt.
_APPEARED_FIRST = re.compile(r"\s*The post .{1,400}? appeared first on .{1,200}?\.?\s*$")
_ELLIPSIS = re.compile(r"\s*(?:\[(?:…|\.{2,3})\]|…|\.{3})\s*$")
_ENDS_OF_ELLIPSIS = ("…", "...", "]")
_HEADING = re.compile(r"(?:^|(?<=\s))#{2,6}\s+|^#\s+")
_STRONG = re.compile(r"(?<!\*)\*\*(?=\S)([^*]{1,300}?)(?<=\S)\*\*(?!\*)")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=\S)([^*]{1,300}?)(?<=\S)\*(?![\w*])")
_STRAY = re.compile(r"(?:^|(?<=\s))\*{2,3}(?=\s|$)\s?")


def excerpt(html: str, *, of_all: bool = False) -> str:
    """Return the start of a text as one plain line of about `EXCERPT` characters.

    The cut is at a word, and a shortened text ends in "…".

    Args:
        of_all: With all parts that other excerpts leave out; for a text without further parts.
    """
    text = _start_of_text(html, of_all=of_all)
    if len(text) < _MAX_INVISIBLE and hypertext.is_invisible(text):
        return ""
    shortened = len(text) > _LONG
    if shortened:
        text = text[:_LONG]
    elif "appeared first on" in text:
        text = _APPEARED_FIRST.sub("", text)
    if text.rstrip().endswith(_ENDS_OF_ELLIPSIS):
        shortened |= bool(_ELLIPSIS.search(text))
        text = _ELLIPSIS.sub("", text)
    text = _without_markdown(text)
    if len(text) > EXCERPT:
        text, shortened = _cut(text), True
    return f"{text.rstrip(' ,;:·–—-')}…" if shortened and text else text


def _start_of_text(html: str, *, of_all: bool = False) -> str:
    """Return the text of some HTML; of a long one perhaps less, but past `_LONG`.

    An excerpt rarely needs all of the HTML.  All is read where the beginning has so much markup
    (pictures, drawings, styles) and so little text.
    """
    if len(html) > _START:
        start = html[:_START]
        # HTML's parser moves text back in one case only: out of a table, to before it.
        if "<table" not in start.lower():
            text = _line(start, of_all=of_all)
            if len(text) > _LONG + _CUT_REFERENCE:
                return text
    text = _line(html[:_SOURCE], of_all=of_all)
    is_enough = len(text) > EXCERPT or len(html) <= _SOURCE
    return text if is_enough else _line(html, of_all=of_all)


def _line(html: str, *, of_all: bool = False) -> str:
    """Return the blocks of some HTML in one line."""
    blocks: Iterable[tuple[bool, str]] = sanitize.text_blocks(html)
    if not of_all:
        blocks = ((is_apart, _without_links(text)) for is_apart, text in blocks)
    line = ""
    is_separated = False
    for is_apart, text in blocks:
        is_separated |= is_apart
        if text:
            separator = _POINT if is_separated and not line.endswith(_ENDS_OF_SENTENCES) else " "
            line = f"{line}{separator}{text}" if line else text
            is_separated = False
    return hypertext.without_padding(line)


def _without_links(text: str) -> str:
    """Return the text of a block without links like "Read more" and without addresses."""
    if _LINK.fullmatch(text) or _TO_POST.fullmatch(text):
        return ""
    if "://" in text:
        text = "" if _ADDRESSES.fullmatch(text) else _ADDRESS_AT_END.sub("", text)
    end = _LINK_AT_END.search(text, max(0, len(text) - _LONGEST_LINK))
    return text[: end.start()] if end else text


def _without_markdown(text: str) -> str:
    if "#" in text:
        text = _HEADING.sub("", text)
    if "*" in text:
        text = _STRONG.sub(r"\1", text)
        text = _EMPHASIS.sub(r"\1", text)
        text = _STRAY.sub("", text)
    return text.strip()


def _cut(text: str) -> str:
    space = text.rfind(" ", EXCERPT // 2, EXCERPT)
    return text[: space if space > 0 else EXCERPT]  # Chinese and Japanese have no spaces
