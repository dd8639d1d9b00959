"""The parts of a web page in which the signs of a wall are looked for.  Pure.

A post about a check for browsers has the signs of the check in its text, as escaped markup; a
check has the signs in tags and scripts.  So the parts are kept apart.  The time for any page is in
proportion to the length.
"""

import re
from dataclasses import dataclass

from aggregator.text.references import unescape

MAX_SEARCHED = 250_000
"""Bytes at the beginning of a body in which signs are looked for."""

_MAX_TAGS = 20_000  # with comments; a page with more is read so far
_MAX_TITLE = 500  # characters
_TAG = re.compile(r"<(?:(!--)|(/?[a-z][a-z0-9-]{0,30})(?=[\s/>])([^<>]*)>?)", re.IGNORECASE)
_RAW_ENDS = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style", "title")
}
_QUOTES = str.maketrans({'"': None, "'": None})
_TYPOGRAPHY = str.maketrans({"’": "'", "‘": "'", "…": "..."})
_TITLE_BREAK = re.compile(r"\s*[|–—·:‹›«»]\s*|\s+-\s+| to | bei ")


@dataclass(frozen=True, slots=True)
class PageParts:
    """A page in parts; all in lower case, and with single spaces but for `code`.

    Attributes:
        title_parts: The title, and the parts between the usual separators.
        markup: Tags with attributes, without quotation marks; without links to other pages.
        code: Scripts and styles within the page.
        text: The visible text, as far as HTML tells; of a document without tags, the document.
        tags: Number of tags.
    """

    title: str
    title_parts: frozenset[str]
    markup: str
    code: str
    text: str
    tags: int


def page_parts(body: bytes) -> PageParts:
    """Take the beginning of a page apart, `MAX_SEARCHED` bytes at most."""
    page = body[:MAX_SEARCHED].decode("utf-8", "replace")
    markup: list[str] = []
    code: list[str] = []
    texts: list[str] = []
    title = ""
    position = tags = 0
    for _ in range(_MAX_TAGS):
        tag = _TAG.search(page, position)
        if tag is None:
            break
        texts.append(page[position : tag.start()])
        if tag[1]:
            end = page.find("-->", tag.end())
            position = len(page) if end < 0 else end + 3
            continue
        name, position, tags = tag[2].lower(), tag.end(), tags + 1
        if name != "a":
            markup.append(tag[0])
        if name in _RAW_ENDS:
            raw_end = _RAW_ENDS[name].search(page, position)
            end = len(page) if raw_end is None else raw_end.start()
            if name == "title":
                title = title or _text(page[position:end][:_MAX_TITLE])
            else:
                code.append(page[position:end])
            position = end
    texts.append(page[position:])
    return PageParts(
        title=title,
        title_parts=frozenset({title, *_TITLE_BREAK.split(title)}),
        markup=" ".join("\n".join(markup).translate(_QUOTES).lower().split()),
        code="\n".join(code).lower(),
        text=_text(" ".join(texts)),
        tags=tags,
    )


def _text(html: str) -> str:
    return " ".join(unescape(html).lower().translate(_TYPOGRAPHY).split())
