"""The depth of HTML, limited before the parser: html5ever's time grows with the square of depth.

Source: HTML Standard, 13.2.4.3 (the list of active formatting elements), 13.2.5 (tokenization).
"""

import re

from aggregator.reading.sanitize.open_elements import FORMATTING, MAX_DEPTH, RAW, OpenElements
from aggregator.reading.sanitize.repair import without_comments

__all__ = ["MAX_DEPTH", "is_cheap", "shallow"]

_MANY_TAGS = 2000  # a text with fewer is cheap at any depth
_MUCH_TO_REOPEN = 4_000_000  # characters, of at most the length times the number of tags
_MAX_REOPENED = 3_000_000
_ELEMENT = 50  # cost of an element beside its tag, in characters

_NAME = r"[a-zA-Z][^\t\n\f\r />]*+"
_ATTRIBUTE = (
    r"[^\t\n\f\r />][^\t\n\f\r />=]*+"
    r"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"[^\"]*+\"|'[^']*+'|(?![\"'])[^\t\n\f\r >]*+))?+"
)
# Comments, and tags with attributes as the tokenizer takes them apart.
_TOKEN = re.compile(
    r"<(?:!--(?:-?>|.*?(?:--!?>|\Z))|[!?][^>]*+(?:>|\Z)|/[^a-zA-Z>][^>]*+(?:>|\Z)"
    rf"|(/?)({_NAME})(?:[\t\n\f\r /]++|{_ATTRIBUTE})*+(?:>|\Z))",
    re.DOTALL,
)
_SELF_CLOSING = re.compile(rf"<{_NAME}(?:[\t\n\f\r /]|{_ATTRIBUTE})*/>")
_FORMATTING_TAG = re.compile(
    rf"</?(?:{'|'.join(sorted(FORMATTING, key=len, reverse=True))})(?![a-z0-9])[^>]*(?:>|\Z)",
    re.IGNORECASE,
)
_RAW_END = {name: re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE) for name in RAW}
_CDATA = "<![CDATA["  # in any other case a comment


def is_cheap(html: str) -> bool:
    """Whether a text is read quickly at any depth."""
    tags = html.count("<")
    return tags <= _MANY_TAGS and tags * len(html) <= _MUCH_TO_REOPEN


def shallow(html: str) -> str:
    """Remove tags of elements nested too deep, and comments.

    The time of the parser grows with unended formatting, too: at the end of a block the parser
    reopens formatting elements in the next one.  A text with too much unended formatting loses all
    formatting.  The words stay.
    """
    html = without_comments(html)
    flat = _flat(html)
    if flat is None:
        flat = _flat(_FORMATTING_TAG.sub(" ", html))
    return flat or ""


def _flat(html: str) -> str | None:
    """Return a text without the tags beyond `MAX_DEPTH`; None if much formatting is unended."""
    elements, formatting = OpenElements(), _Formatting()
    parts: list[str] = []
    start = position = text_end = 0
    while tag := _TOKEN.search(html, position):
        position = tag.end()
        if tag[2] is None:
            if html.startswith(_CDATA, tag.start()) and elements.has("svg", "math"):
                text_end = html.find("]]>", position) % (len(html) + 1)
            continue
        name = tag[2].lower()
        if not formatting.has_room(name, is_end=bool(tag[1]), length=position - tag.start()):
            return None
        if name in RAW and not tag[1] and not elements.has("svg", "math", "select"):
            position, text_end = _behind_text(html, name, position, text_end)
        elif _is_too_deep(elements, tag, name, is_text=tag.start() < text_end):
            parts += [html[start : tag.start()], " "]  # a space, so that no other tag comes about
            start = position
    return "".join([*parts, html[start:]])


def _is_too_deep(elements: OpenElements, tag: re.Match[str], name: str, *, is_text: bool) -> bool:
    """Follow a tag; return whether the element is too deep.

    Args:
        is_text: The parser may take the tag for text: an end tag counts as none then.
    """
    if tag[1]:
        return not is_text and elements.end(name)
    if is_text:
        return elements.hide()
    if elements.is_foreign_if(name) and _SELF_CLOSING.fullmatch(tag[0]):
        return elements.depth >= MAX_DEPTH  # the drawing around may have lost its tag
    return elements.start(name)


def _behind_text(html: str, name: str, position: int, text_end: int) -> tuple[int, int]:
    """Return where the content of an element with raw text ends, and where text surely ends."""
    end = _RAW_END[name].search(html, position)
    if name == "plaintext" or end is None:
        return len(html), text_end
    if "<!--" in html[position : end.start()]:  # a script within a comment of a script
        return position, len(html)
    return end.start(), text_end


class _Formatting:
    """Formatting that is not ended, and what it costs the parser to open it again and again."""

    def __init__(self) -> None:
        self._lengths: dict[str, list[int]] = {}  # of open elements, by name
        self._unended = self._reopened = 0

    def has_room(self, name: str, *, is_end: bool, length: int) -> bool:
        """Follow a tag of some length; return whether the cost is still within the limit."""
        if name in FORMATTING:
            lengths = self._lengths.setdefault(name, [])
            if not is_end:
                lengths.append(length + _ELEMENT)
                self._unended += lengths[-1]
            elif lengths:
                self._unended -= lengths.pop()
        self._reopened += self._unended
        return self._reopened <= _MAX_REOPENED
