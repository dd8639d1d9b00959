"""The choice of an entry's texts: by the element, not by position or length.

Details are feedparser's: a value with type, base and language, and the additions of `context`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from aggregator.text.hypertext import has_markup, is_blank, is_markup, unescaped_markup

Detail = Mapping[str, Any]
Texts = dict[str, list[Detail]]

PLAIN_TEXT = "text/plain"
HTML = "text/html"

# RSS: content:encoded, then description.  Atom: content, then summary (RFC 4287, 4.1.3, 4.2.13).
_FULL = ("content_encoded", "content", "fullitem", "body", "xhtml_body")
_FULL_OF_ATOM = ("content", "content_encoded", "body", "xhtml_body")
_SHORT = ("description", "summary", "abstract", "itunes_summary")
_SHORT_OF_ATOM = ("summary", "description", "abstract", "itunes_summary")
_WHERE_NONE = ("dc_description", "media_description", "itunes_subtitle")
_TITLES = ("title", "dc_title", "itunes_title", "media_title")
FEED_TITLES = _TITLES
SUBTITLES = (
    "subtitle", "tagline", "description", "itunes_subtitle", "itunes_summary", "abstract",
    "dc_description", "media_description",
)  # fmt: skip
SUBTITLES_OF_RSS = ("description", *SUBTITLES)
RIGHTS = ("rights", "copyright", "dc_rights")

# Atom Text constructs and RSS have no other types than text (RFC 4287, 3.1.1); a content of any
# other type is Base64 (4.1.3.3).  Pictures are not text, not even pictures in XML.
_NO_TEXT = ("image/", "audio/", "video/", "font/", "model/", "multipart/")

_MARKED_UP_TITLE = re.compile(
    r"</(?:b|strong|i|em|code|sub|sup|svg)>|<br\s{0,9}/?>|(?<=\w)<wbr\s{0,9}/?>(?=\w)"
    r"|<img\s[^<>]{0,2000}>|<!--[^<>]{0,200}-->",
    re.IGNORECASE,
)
_SHORT_VALUE = 1000  # characters; a longer value has words


def by_element(details: Iterable[Detail]) -> Texts:
    """Return the texts of an entry with visible content, by element."""
    texts: Texts = {}
    for detail in details:
        if "describes" not in detail and _has_content(detail):
            texts.setdefault(detail["element"], []).append(detail)
    return texts


def _has_content(detail: Detail) -> bool:
    value = detail["value"]
    if detail.get("type") == PLAIN_TEXT or len(value) > _SHORT_VALUE:
        return bool(value)
    return not is_blank(value)


def full_text(texts: Texts, *, atom: bool) -> Detail:
    """Return the full text of an entry, an empty detail if there is none."""
    return _first(texts, _FULL_OF_ATOM if atom else _FULL, atom=atom)


def short_text(texts: Texts, *, atom: bool, only: bool) -> Detail:
    """Return the summary of an entry, an empty detail if there is none.

    Args:
        only: The entry has no full text: the description of a picture or recording will do.
    """
    short = _first(texts, _SHORT_OF_ATOM if atom else _SHORT, atom=atom)
    return short if short or not only else _first(texts, _WHERE_NONE, atom=atom)


def title_text(texts: Texts, *, atom: bool) -> Detail:
    """Return the title of an entry, an empty detail if there is none."""
    for element in _TITLES:
        for detail in texts.get(element, ()):
            if is_text(detail):
                return settled_title(detail, atom=atom)
    return {}


def feed_text(values: Mapping[str, Any], elements: Iterable[str], *, atom: bool) -> Detail:
    """Return the first text of a feed, or of an entry's source, with a value.

    Args:
        elements: The better ones first.
    """
    for element in elements:
        detail = dict.get(values, f"{element}_text_detail")  # type: ignore[call-overload]
        if isinstance(detail, dict) and detail.get("value") and is_text(detail):
            return settled_title(detail, atom=atom)
    return {}


def descriptions(details: Iterable[Detail]) -> dict[str, Detail]:
    """Return the descriptions of pictures and recordings (Media RSS), by address."""
    return {
        detail["describes"]: detail
        for detail in details
        if detail.get("describes") and detail.get("value") and is_text(detail)
    }


def _first(texts: Texts, elements: Iterable[str], *, atom: bool) -> Detail:
    for element in elements:
        if element in texts:
            candidates = [settled(text, atom=atom) for text in texts[element] if is_text(text)]
            if candidates:
                return _longest(candidates) if len(candidates) > 1 else candidates[0]
    return {}


def _longest(details: Iterable[Detail]) -> Detail:
    """Return the best of several texts (languages, plain beside HTML): HTML, then the longest."""
    return max(details, key=lambda detail: (detail["type"] != PLAIN_TEXT, len(detail["value"])))


def is_text(detail: Detail) -> bool:
    """Whether a value is text, and no picture or program in Base64."""
    media_type = detail.get("type") or HTML
    if "/" not in media_type or media_type.startswith("text/"):
        return True
    if media_type.startswith(_NO_TEXT) or "svg" in media_type:
        return False
    essence = media_type.partition(";")[0].rstrip()
    return essence.endswith(("/xml", "+xml", "/html"))


def settled(detail: Detail, *, atom: bool) -> Detail:
    """Return a detail of type plain text or markup.

    A text of Atom without a type would be plain (RFC 4287, 3.1.1), but obvious markup is read as
    markup.
    """
    media_type = detail.get("type") or HTML
    if media_type == PLAIN_TEXT:
        value = detail["value"]
        is_html = atom and "untyped" in detail and (has_markup(value) or _is_escaped(value))
        return {**detail, "type": HTML} if is_html else detail
    if media_type.startswith("text/") and "html" not in media_type and "xml" not in media_type:
        return {**detail, "type": PLAIN_TEXT}  # Markdown, a table of values
    return detail


def settled_title(detail: Detail, *, atom: bool) -> Detail:
    """Return a title or another short text as `settled` does.

    Titles may be about markup: in Atom a title is markup only if elements begin and end the title.
    RSS has no types, and feedparser takes mixed titles for text.
    """
    value = detail["value"]
    if detail.get("type") != PLAIN_TEXT:
        return settled(detail, atom=atom)
    if atom:
        is_html = "untyped" in detail and (is_markup(value) or _is_escaped(value))
    else:
        is_html = "<" in value and bool(_MARKED_UP_TITLE.search(value))
    return {**detail, "type": HTML} if is_html else detail


def _is_escaped(value: str) -> bool:
    return unescaped_markup(value) != value
