"""Which of an entry's texts is its text: by the element that it stands in, not by place or length.

Details are feedparser's: a value with its type, base and language, and what `context` notes.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

Detail = Mapping[str, Any]
Texts = dict[str, list[Detail]]

PLAIN = "text/plain"
HTML = "text/html"

# RSS: content:encoded, then description.  Atom: content, then summary (RFC 4287, 4.1.3, 4.2.13).
_FULL = ("content_encoded", "content", "fullitem", "body", "xhtml_body")
_FULL_OF_ATOM = ("content", "content_encoded", "body", "xhtml_body")
_SHORT = ("description", "summary", "abstract", "itunes_summary")
_SHORT_OF_ATOM = ("summary", "description", "abstract", "itunes_summary")
_WHERE_NONE = ("dc_description", "media_description", "itunes_subtitle")
_TITLES = ("title", "dc_title", "media_title")
FEED_TITLES = _TITLES
SUBTITLES = (
    "subtitle", "tagline", "description", "itunes_subtitle", "itunes_summary", "abstract",
    "dc_description", "media_description",
)  # fmt: skip
SUBTITLES_OF_RSS = ("description", *SUBTITLES)
RIGHTS = ("rights", "copyright", "dc_rights")

# Atom Text constructs and RSS have no other types than text (RFC 4287, 3.1.1); a content of any
# other type is Base64 (4.1.3.3).  Pictures are none, not even those that are XML.
_NO_TEXT = ("image/", "audio/", "video/", "font/", "model/", "multipart/")

_STARTS_AS_MARKUP = re.compile(
    r"<(?:p|div|span|a|b|i|em|strong|h[1-6]|ul|ol|dl|table|blockquote|pre|img|figure|section|article"
    r"|center|font|code|small|br|hr|iframe|video|audio|picture)(?:\s[^<>]{0,2000})?/?>",
    re.IGNORECASE,
)
_ENDS_AS_MARKUP = re.compile(
    r"(?:</(?:p|div|span|a|b|i|em|strong|h[1-6]|ul|ol|dl|table|blockquote|pre|figure|section|article"
    r"|center|font|code|small|iframe|video|audio|picture)\s{0,9}>|<(?:img|br|hr)(?:\s[^<>]{0,2000})?>)$",
    re.IGNORECASE,
)
_BLOCKS = re.compile(
    r"</(?:p|div|ul|ol|li|table|blockquote|h[1-6]|figure)>|<br\s?/?>"
    r"|<(?:a\s[^<>]{0,200}?href|img\s[^<>]{0,200}?src)\s?=",
    re.IGNORECASE,
)


def by_element(details: Iterable[Detail]) -> Texts:
    """Return the texts of an entry that say something, by the elements that they stand in."""
    texts: Texts = {}
    for detail in details:
        if detail["value"] and "describes" not in detail:
            texts.setdefault(detail["element"], []).append(detail)
    return texts


def full_text(texts: Texts, *, atom: bool) -> Detail:
    """Return the text of an entry that has it all, an empty detail if there is none."""
    return _first(texts, _FULL_OF_ATOM if atom else _FULL, atom=atom)


def short_text(texts: Texts, *, atom: bool, only: bool) -> Detail:
    """Return the summary of an entry, an empty detail if there is none.

    Args:
        only: The entry has no other text: what describes its picture or its record is better
            than nothing.
    """
    short = _first(texts, _SHORT_OF_ATOM if atom else _SHORT, atom=atom)
    return short if short or not only else _first(texts, _WHERE_NONE, atom=atom)


def title_text(texts: Texts, *, atom: bool) -> Detail:
    """Return the title of an entry, an empty detail if there is none."""
    for element in _TITLES:
        if element in texts:
            return settled(texts[element][0], atom=atom, whole=True)
    return {}


def of_feed(values: Mapping[str, Any], elements: Iterable[str], *, atom: bool) -> Detail:
    """Return the first text of a feed, or of an entry's source, that says something.

    Args:
        elements: The better ones first.
    """
    for element in elements:
        detail = dict.get(values, f"{element}_text_detail")  # type: ignore[call-overload]
        if isinstance(detail, dict) and detail.get("value"):
            return settled(detail, atom=atom, whole=True)
    return {}


def descriptions(details: Iterable[Detail]) -> dict[str, Detail]:
    """Return what describes pictures and recordings (Media RSS), by their addresses."""
    return {
        detail["describes"]: detail
        for detail in details
        if detail.get("describes") and detail.get("value") and is_text(detail)
    }


def _first(texts: Texts, elements: Iterable[str], *, atom: bool) -> Detail:
    for element in elements:
        if element in texts:
            same = [
                settled(text, atom=atom, whole=False) for text in texts[element] if is_text(text)
            ]
            if same:
                return _longest(same) if len(same) > 1 else same[0]
    return {}


def _longest(details: Iterable[Detail]) -> Detail:
    """Of several of one kind (languages, plain beside HTML) the HTML one with most to read."""
    return max(details, key=lambda detail: (detail["type"] != PLAIN, len(detail["value"])))


def is_text(detail: Detail) -> bool:
    """Whether a value is text, and no picture or program in Base64."""
    media_type = detail.get("type") or HTML
    if "/" not in media_type or media_type.startswith("text/"):
        return True
    if media_type.startswith(_NO_TEXT) or "svg" in media_type:
        return False
    essence = media_type.partition(";")[0].rstrip()
    return essence.endswith(("/xml", "+xml", "/html"))


def settled(detail: Detail, *, atom: bool, whole: bool) -> Detail:
    """Return a detail whose type is plain text or markup.

    Args:
        whole: It is short, and markup only if an element begins and ends it.
    """
    media_type = detail.get("type") or HTML
    if media_type == PLAIN:
        escaped = atom and "untyped" in detail and _is_markup(detail["value"], whole=whole)
        return {**detail, "type": HTML} if escaped else detail
    if media_type.startswith("text/") and "html" not in media_type and "xml" not in media_type:
        return {**detail, "type": PLAIN}  # Markdown, a table of values
    return detail


def _is_markup(value: str, *, whole: bool) -> bool:
    """Whether a text without a type, which would be plain (RFC 4287, 3.1.1), is plainly markup."""
    begins, ends = _STARTS_AS_MARKUP.match(value), _ENDS_AS_MARKUP.search(value[-2010:])
    if whole:
        return bool(begins and ends)
    return bool((begins and ("</" in value or ends)) or _BLOCKS.search(value))
