"""HTML that is safe to show and to publish: nh3 with an allow list, absolute URLs.  Pure.

nh3 (ammonia, html5ever) parses like a browser and lets through only what is listed here.  Three
gaps are closed by our own attribute filter: `srcset` is neither checked nor made absolute by nh3,
`data:` stands only in `img`, and links to nowhere are dropped.  No iframe, form, style, svg, math.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from html import escape, unescape
from typing import Any

import nh3

from aggregator import urls

MAX_FRAGMENT = 512_000
"""Characters of one text that are read; deeper nesting in longer ones costs quadratic time."""

MAX_DEPTH = 500
"""Elements within each other, those left out that need no end tag; browsers stop at 512."""

TITLE_TAGS = frozenset({"b", "strong", "i", "em", "code", "sub", "sup"})

_BLOCK_TAGS = frozenset(
    "address article aside blockquote br caption dd details div dl dt figcaption figure footer "
    "h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th "
    "thead tr ul".split()
)
_CONTENT_TAGS = (
    TITLE_TAGS
    | _BLOCK_TAGS
    | frozenset(
        "a abbr audio bdi bdo cite col colgroup data del dfn img ins kbd mark picture q rp rt "
        "ruby s samp small source span time track u var video wbr".split()
    )
)
_CONTENT_ATTRIBUTES = {
    "*": {"lang", "dir", "title"},
    "a": {"href", "hreflang"},
    "audio": {"src", "controls", "preload"},
    "blockquote": {"cite"},
    "col": {"span"},
    "colgroup": {"span"},
    "data": {"value"},
    "del": {"cite", "datetime"},
    "details": {"open"},
    "img": {"src", "srcset", "sizes", "alt", "width", "height"},
    "ins": {"cite", "datetime"},
    "ol": {"start", "reversed", "type"},
    "q": {"cite"},
    "source": {"src", "srcset", "sizes", "type", "media"},
    "td": {"colspan", "rowspan", "headers"},
    "th": {"colspan", "rowspan", "headers", "scope"},
    "time": {"datetime"},
    "track": {"src", "kind", "srclang", "label"},
    "video": {"src", "poster", "controls", "preload", "width", "height"},
}
_DROPPED_WITH_CONTENT = {
    "script", "style", "iframe", "object", "embed", "svg", "math", "template", "noscript",
    "noembed", "noframes", "xmp", "plaintext", "select", "textarea", "title",
}  # fmt: skip
_LINKS = frozenset({"href", "src", "poster", "cite"})
_DATA_IMAGE = re.compile(r"data:image/(?:png|gif|jpe?g|webp|avif);base64,[A-Za-z0-9+/=\s]*")
_SCRIPT = re.compile(r"\s*(?:javascript|vbscript|data)\s*:", re.IGNORECASE)
# What the filter is for; anything else nh3 does by itself.  Looked for in bytes, as lower case of
# text that is not ASCII costs ten times as much; a pattern that begins with its rarest character
# costs a tenth of looking for three texts.
_UNUSUAL = (b"srcset", b"data:", b"script:")
_PLACE = re.compile(rb"#(?<=[\"'=]#)")
_CANDIDATE = re.compile(r"([^\s,]\S*[^\s,])(?:\s+([0-9.]{1,10}[wx]))?\s*(?:,|$)")

# Elements of HTML (with those of the past): what else stands in angle brackets in a title is
# text that somebody wrote, like <selectedoption>.
_HTML_NAMES = frozenset(
    "a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big "
    "blink blockquote body br button canvas caption center cite code col colgroup data datalist "
    "dd del details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form "
    "frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe image img input ins "
    "isindex kbd keygen label legend li link listing main map mark marquee math menu meta meter "
    "nav nobr noembed noframes noscript object ol optgroup option output p param picture "
    "plaintext portal pre progress q rb rp rt rtc ruby s samp script search section select slot "
    "small source span strike strong style sub summary sup svg table tbody td template textarea "
    "tfoot th thead time title tr track tt u ul var video wbr xmp".split()
)
_TAG = re.compile(r"<(?=/?([A-Za-z][A-Za-z0-9:_-]*))")
_ANY_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)[^>]*>")
_MANY_TAGS = 2000  # fewer cost little, however deep they are nested
_NOT_NESTED = frozenset(
    "area base br col dd dt embed frame hr img input keygen li link meta option p param rp rt "
    "source tbody td tfoot th thead tr track wbr".split()
)
_LOWER = bytes(range(256)).lower()
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Bytes of UTF-8 that a character of `_CONTROL` has; some harmless ones have them, too.
_MAY_BE_CONTROL = bytes([*range(9), 11, 12, *range(14, 32), 0x7F, 0xC2, 0xED, 0xEF])


def content(html: str, *, base: str) -> str:
    """Return a text as safe HTML with absolute URLs.

    Args:
        html: Anything at all.
        base: Absolute URL that its relative references resolve against.
    """
    text, lower = _readable(html)
    unusual = not urls.is_web(base) or _is_unusual(lower)
    return _content_cleaner(base, needs_filter=unusual).clean(text).strip()


def inline(html: str) -> str:
    """Return a title as inline HTML: `TITLE_TAGS` without attributes, unknown elements as text."""
    visible = _TAG.sub(lambda tag: "<" if tag[1].lower() in _HTML_NAMES else "&lt;", html)
    return _one_line(_title_cleaner().clean(_readable(visible)[0]))


def plain(html: str) -> str:
    """Return the text of some HTML in one line, blocks set apart by a space."""
    if "<" not in html:
        return text_of(_readable(html)[0])
    return text_of(_text_cleaner().clean(_readable(html)[0]))


def text_of(safe_html: str) -> str:
    """Return the text of HTML that `content` or `inline` made, in one line.

    Serialised by nh3, every `<` outside a tag is escaped, so that a pattern can find the tags.
    """
    spaced = _ANY_TAG.sub(lambda tag: " " if tag[2] in _BLOCK_TAGS else "", safe_html)
    return _one_line(_CONTROL.sub("", unescape(spaced)))


def as_inline(text: str) -> str:
    """Return plain text as inline HTML."""
    return escape(_one_line(_CONTROL.sub("", text)))


def _is_unusual(lower: bytes) -> bool:
    return any(part in lower for part in _UNUSUAL) or bool(b"#" in lower and _PLACE.search(lower))


def _readable(html: str) -> tuple[str, bytes]:
    """Return a text within the limits, without control characters, and its lower-case bytes."""
    text = html[:MAX_FRAGMENT]
    encoded = text.encode("utf-8", "surrogatepass")
    # The pattern takes 20 us for 4 kB, this 4 us; nearly all texts have no such character.
    lower = encoded.translate(_LOWER, _MAY_BE_CONTROL)
    if len(lower) != len(encoded):
        text = _CONTROL.sub("", text)
        lower = text.encode().lower()
    return (text if text.count("<") <= _MANY_TAGS else _shallow(text)), lower


def _shallow(html: str) -> str:
    """Cut a text where its elements are nested too deep: html5ever's time grows with the square."""
    depth = 0
    for tag in _ANY_TAG.finditer(html.lower()):
        if tag[2] in _NOT_NESTED:
            continue
        depth = max(depth - 1, 0) if tag[1] else depth + 1
        if depth > MAX_DEPTH:
            return html[: tag.start()]
    return html


def _one_line(text: str) -> str:
    return " ".join(text.split())


@lru_cache(maxsize=256)
def _content_cleaner(base: str, *, needs_filter: bool) -> nh3.Cleaner:
    """Return a cleaner for texts with this base; making one costs as much as cleaning 1 kB.

    Our filter is called for every attribute and costs twice as much as all the rest, so only
    texts get it that have something in them for it.
    """
    if needs_filter:
        return _cleaner(
            attribute_filter=_filter(base),
            url_schemes={"http", "https", "mailto", "data"},
            url_relative="pass_through",
        )
    try:
        return _cleaner(
            url_schemes={"http", "https", "mailto"}, url_relative=("rewrite_with_base", base)
        )
    except ValueError:  # a base that Python takes for a URL and Rust doesn't
        return _content_cleaner(base, needs_filter=True)


def _cleaner(**options: Any) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(_CONTENT_TAGS),
        clean_content_tags=set(_DROPPED_WITH_CONTENT),
        attributes={tag: set(names) for tag, names in _CONTENT_ATTRIBUTES.items()},
        link_rel="noopener noreferrer",
        **options,
    )


@lru_cache(maxsize=1)
def _title_cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(TITLE_TAGS),
        clean_content_tags=set(_DROPPED_WITH_CONTENT),
        attributes={"*": set()},  # without "*" nh3 lets `title` and `lang` pass
        link_rel=None,
    )


@lru_cache(maxsize=1)
def _text_cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(_BLOCK_TAGS),
        clean_content_tags=set(_DROPPED_WITH_CONTENT),
        attributes={"*": set()},  # without "*" nh3 lets `title` and `lang` pass
        link_rel=None,
    )


def _filter(base: str) -> Callable[[str, str, str], str | None]:
    def attribute(tag: str, name: str, value: str) -> str | None:
        if name in _LINKS:
            if tag == "img" and value[:5].lower() == "data:":
                return value if _DATA_IMAGE.fullmatch(value) else None
            return _link(tag, value)
        if name == "srcset":
            return _srcset(value)
        return None if _SCRIPT.match(value) else value  # harmless there, and nothing to keep

    def _link(tag: str, value: str) -> str | None:
        if value.startswith("#") and tag == "a":
            return None  # a place inside a page that the text is no longer part of
        return urls.absolute(value, base)

    def _srcset(value: str) -> str | None:
        candidates = []
        for url, size in _CANDIDATE.findall(value):
            absolute = urls.absolute(url, base)
            if absolute is None or absolute.startswith("mailto:"):
                return None
            candidates.append(f"{absolute} {size}".strip())
        return ", ".join(candidates) or None

    return attribute
