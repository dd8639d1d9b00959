"""HTML as text: elements, plain text as HTML, and whether a text is markup.  Pure.

Nothing here makes HTML safe; see `sanitize`.  Source: HTML Standard, 4 and 16.2 (elements, also the
obsolete ones), 13.1.2 (void elements, optional end tags).
"""

import re
from html import escape

from aggregator.text.references import unescape

ELEMENTS = frozenset(
    "a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big "
    "blink blockquote body br button canvas caption center cite code col colgroup data datalist "
    "dd del details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form "
    "frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe image img input ins "
    "isindex kbd keygen label legend li link listing main map mark marquee menu menuitem meta "
    "meter multicol nav nextid nobr noembed noframes noscript object ol optgroup option output p "
    "param picture plaintext portal pre progress q rb rp rt rtc ruby s samp script search section "
    "select slot small source spacer span strike strong style sub summary sup svg table tbody td "
    "template textarea tfoot th thead time title tr track tt u ul var video wbr xmp".split()
)
"""Elements of HTML, present and past: any other name in angle brackets, such as
`<selectedoption>`, is text."""

VOID = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source "
    "track wbr".split()
)
"""Elements without an end tag in serialised HTML."""

_END_IS_OPTIONAL = frozenset(
    "colgroup dd dt li optgroup option p rb rp rt tbody td tfoot th thead tr".split()
)
_MAX_LOOKED_AT = 5000  # characters of HTML in which something visible has to begin

_CDATA_START = re.compile(r"\s*(?:<|(&lt;))!\[CDATA\[", re.IGNORECASE)
_CDATA_ENDS = ("]]>", "]]&gt;")
_CDATA_SEAM = re.compile(r"\]\](?:>|&gt;)\s{0,20}(?:<|&lt;)!\[CDATA\[", re.IGNORECASE)
_END_WITHIN = 40  # characters
_MAX_ESCAPED = 3  # times that a text is escaped
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028]")
_BLANK_LINE = re.compile(r"\n\s*\n")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
# Angle brackets in quoted attributes are too rare to justify the cost of parsing quotes.
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)(?=[\s/>])[^<>]*>")
_BLOCK = re.compile(
    r"</(?:p|div|ul|ol|li|table|blockquote|h[1-6]|figure)>|<br\s?/?>"
    r"|<(?:a\s[^<>]{0,200}?href|img\s[^<>]{0,200}?src)\s?=",
    re.IGNORECASE,
)
_UNSEEN_BLOCK = re.compile(
    r"<!--.*?(?:-->|\Z)|<[!?][^>]*>|<(script|style|template|title|svg)\b.*?(?:</\1\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_NOSCRIPT = re.compile(r"<noscript\b.*?(?:</noscript\s*>|\Z)", re.DOTALL | re.IGNORECASE)
_MEDIUM = re.compile(
    r"<(?:(?:amp-)?(?:img|iframe)|audio|embed|object|param|source|video)\b[^>]*", re.IGNORECASE
)
_ADDRESS = re.compile(
    r"(?:src(?:set)?|data|poster|value)\s*=\s*[\"']?\s*"
    r"(?!about:|javascript:|data:(?!image/))[^\s\"'>]",
    re.IGNORECASE,
)
_ANY_TAG = re.compile(r"</?[a-zA-Z][^>]*>?")
_UNSEEN_MEDIUM = re.compile(
    r"\s(?:width|height)\s*=\s*[\"']?[01](?:px)?(?=[\"'\s/>])|display\s*:\s*none", re.IGNORECASE
)
_PADDING = re.compile(
    "[\u00ad\u034f\u200b-\u200f\u2060-\u2064\ufeff](?:\\s?[\u00ad\u034f\u200b-\u200f\u2060-\u2064\ufeff]){2,}"
)
_INVISIBLE = re.compile("[\\s\u00ad\u034f\u061c\u115f\u180e\u200b-\u200f\u2060-\u2064\ufeff]+")


def from_plain(text: str) -> str:
    """Return plain text as HTML: a paragraph at each blank line, a break at each other line end.

    Markup in the text stays text.  Empty for text of white space only.
    """
    lines = _LINE_END.sub("\n", unwrapped(text).replace("\u2029", "\n\n")).strip()
    paragraphs = _BLANK_LINE.split(lines) if lines else ()
    return "\n".join(f"<p>{_broken(paragraph)}</p>" for paragraph in paragraphs)


def _broken(paragraph: str) -> str:
    return "<br>".join(line.rstrip() for line in escape(paragraph, quote=False).split("\n"))


def is_cdata(text: str) -> bool:
    """Whether a text begins with the mark of a CDATA section, escaped once more or not."""
    return bool(_CDATA_START.match(text))


def unwrapped(text: str) -> str:
    """Return a text without the marks of a CDATA section around the text.

    One of the two marks may be missing.  Without the first, a space before the last tells that the
    text is about CDATA sections.
    """
    for _ in range(_MAX_ESCAPED):
        start = _CDATA_START.match(text)
        if start is None:
            break
        text = _without_cdata_end(_CDATA_SEAM.sub("", text[start.end() :]))
        text = unescape(text) if start[1] else text
    if "]]" not in text[-_END_WITHIN:]:
        return text
    inner = _without_cdata_end(text)
    is_about_it = "<![" in text or (inner.endswith(" ") and not inner.rstrip().endswith(">"))
    return text if is_about_it else inner


def _without_cdata_end(text: str) -> str:
    if "]]" not in text[-_END_WITHIN:]:
        return text
    stripped = text.rstrip()
    end = next((end for end in _CDATA_ENDS if stripped.endswith(end)), "")
    return stripped.removesuffix(end) if end else text


def is_markup(text: str) -> bool:
    """Whether a text is well-nested elements of HTML from the first character to the last.

    With text before, behind or beside elements, a text may be prose about HTML.
    """
    markup = unwrapped(text).strip()
    if not (markup.startswith("<") and markup.endswith(">")):
        return False
    markup = _COMMENT.sub("", markup).strip() if "<!--" in markup else markup
    open_elements: list[str] = []
    end = 0
    for tag in _TAG.finditer(markup):
        if (end == 0 and tag.start()) or not _fits(tag[2].lower(), bool(tag[1]), open_elements):
            return False
        end = tag.end()
    is_whole = 0 < end == len(markup) and _END_IS_OPTIONAL.issuperset(open_elements)
    return is_whole and not is_blank(markup)


def _fits(name: str, is_end: bool, open_elements: list[str]) -> bool:
    """Whether a tag may follow within some open elements, and open or close an element."""
    if name not in ELEMENTS:
        return False
    if is_end:
        while open_elements and open_elements[-1] != name and open_elements[-1] in _END_IS_OPTIONAL:
            open_elements.pop()
        if name in VOID:
            return True
        return bool(open_elements) and open_elements.pop() == name
    if name not in VOID:
        open_elements.append(name)
    return True


def has_markup(text: str) -> bool:
    """Whether a text of unknown type is obviously HTML.

    Such a text begins with an element, or has elements for paragraphs, lines, links or pictures.
    """
    start = _TAG.match(text)
    begins = start is not None and start[2].lower() in ELEMENTS and "</" in text
    return begins or bool(_BLOCK.search(text)) or is_markup(text)


def unescaped_markup(html: str) -> str:
    """Return twice-escaped HTML as intended, any other text unchanged.

    Only for a text without any element, in which nothing but markup was escaped.
    """
    markup = html
    for _ in range(_MAX_ESCAPED):
        if "<" in markup or not markup.lstrip().startswith("&"):
            break
        markup = unescape(markup)
        if is_markup(markup):
            return markup
    return html


def is_blank(html: str) -> bool:
    """Whether HTML has no visible content: comments, empty elements, pictures of one pixel."""
    if len(html) > _MAX_LOOKED_AT or html[:1].isalnum():
        return False
    visible = _UNSEEN_BLOCK.sub("", unwrapped(html))
    media = (medium[0] for medium in _MEDIUM.finditer(visible))
    if any(_ADDRESS.search(medium) and not _UNSEEN_MEDIUM.search(medium) for medium in media):
        return False
    # A space that was escaped twice is not a word, either.
    return is_invisible(unescape(unescape(_ANY_TAG.sub("", _NOSCRIPT.sub("", visible)))))


def without_padding(text: str) -> str:
    """Return plain text with a space for each run of invisible characters (newsletters)."""
    return text if text.isascii() else _PADDING.sub(" ", text).strip()


def is_invisible(text: str) -> bool:
    """Whether plain text is white space and characters without width only."""
    return not _INVISIBLE.sub("", text)
