"""HTML that is safe to show and to publish: nh3 with an allow list, absolute URLs.  Pure.

nh3 (ammonia, html5ever) parses like a browser and lets through only what `policy` lists.  Three
gaps are closed by a filter of our own: `srcset` is neither checked nor made absolute by nh3,
`data:` stands only in `img`, and links to places in a text lead to the page that it stands on.
Before that, mistakes of publishers are mended (`repair`), and markup that no allow list has is
written in other words (`rewriting`).  No iframe, form, style, svg.
"""

import re
from html import escape
from urllib.parse import unquote

from aggregator import urls
from aggregator.reading.sanitize import formulas
from aggregator.reading.sanitize.policy import (
    BLOCK_TAGS,
    FORMULA_TAGS,
    ID_PREFIX,
    cleaner_of_page,
    content_cleaner,
    filtering_cleaner,
    text_cleaner,
    title_cleaner,
)
from aggregator.reading.sanitize.repair import (
    is_binary,
    with_whole_pairs,
    without_bulk,
    without_cdata,
    without_comments,
)
from aggregator.reading.sanitize.rewriting import rewritten
from aggregator.reading.sanitize.unusual import (
    HALF,
    PATH_RELATIVE,
    PLACE,
    SCHEME,
    is_ordinary,
    needs_rewriting,
)
from aggregator.text.hypertext import ELEMENTS, VOID
from aggregator.text.references import unescape

__all__ = ["as_inline", "content", "inline", "is_binary", "plain", "text_of",
           "with_whole_pairs"]  # fmt: skip

MAX_FRAGMENT = 512_000
"""Characters of one text that are read; deeper nesting in longer ones costs quadratic time."""

MAX_DEPTH = 500
"""Elements within each other, those left out that need no end tag; browsers stop at 512."""

MAX_GROWTH = 100_000
"""Characters that a text may become longer by, beside twice as long as it was: addresses grow by
their base."""

MAX_OUTPUT = 2 * MAX_FRAGMENT
"""Characters of what a text becomes."""

_OF_SRCSET = 20  # times that the base may stand in one tag

_ROOT = re.compile(r"[a-zA-Z]+://[^/?#]*")
_MAX_OWN = 30  # links to its own page that are looked at
_ID_STARTS = (b' id="', b" id='", b" id=", f' id="{ID_PREFIX}'.encode())
_CDATA_STARTS = (b"<![cdata[", b"&lt;![cdata[")
_CDATA_ENDS = (b"]]>", b"]]&gt;")
_FRAGMENT = re.compile(r"#([^\s\"'<>]{1,200})")

_TAG = re.compile(r"<(?=/?([A-Za-z][A-Za-z0-9:_-]*))")
_ANY_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)[^>]*(?:>|\Z)")
_PICTURE = re.compile(r'<img(?: alt="([^"]*)")?>')
_MANY_TAGS = 2000  # fewer cost little, however deep they are nested
_MUCH_TO_REOPEN = 4_000_000  # characters: no text becomes longer than its length times its tags
_MAX_REOPENED = 3_000_000
_ELEMENT = 50  # characters that an element costs beside its tag
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
_NOT_NESTED = VOID | frozenset("dd dt li option p rp rt tbody td tfoot th thead tr".split())
_LOWER = bytes(range(256)).lower()
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Bytes of UTF-8 that a character of `_CONTROL` has; some harmless ones have them, too.
_MAY_BE_CONTROL = bytes([*range(9), 11, 12, *range(14, 32), 0x7F, 0xC2, 0xED, 0xEF])


def content(html: str, *, base: str, page: str | None = None, max_output: int = MAX_OUTPUT) -> str:
    """Return a text as safe HTML with absolute URLs.

    It is at most `MAX_GROWTH` characters longer than twice what it was: relative references beyond
    lead nowhere, then the text is cut.

    Args:
        html: Anything at all.
        base: Absolute URL that its relative references resolve against.
        page: Address of the page that the text stands on, where links to places in it lead.
        max_output: Characters of what is returned, at most `MAX_OUTPUT`.
    """
    limit = min(max_output, MAX_OUTPUT, 2 * len(html) + MAX_GROWTH)
    safe = _content(html, base, page, limit)
    while len(safe) > limit:
        html = html[: min(len(html), MAX_FRAGMENT) // 2]
        safe = _content(html, base, page, limit)
    return safe


def _content(html: str, base: str, page: str | None, limit: int) -> str:
    text, lower, ordinary = _prepared(html, base)
    has_formulas = not ordinary and "<math" in text
    has_places = bool(page and not ordinary and _has_places(lower, page))
    times = _OF_SRCSET if not ordinary and b"srcset" in lower else 1
    is_long = _may_exceed(limit, lower, times * max(len(base), len(page or "")))
    growth = max(limit - len(text), 0) if is_long else None
    if has_formulas or has_places or growth is not None:
        page = page if has_formulas or has_places else None
        targets = _targets(text) if page else frozenset()
        cleaner = cleaner_of_page(
            base,
            page=page,
            targets=targets,
            has_formulas=has_formulas,
            growth=growth,
        )
    elif not urls.is_web(base) or (not ordinary and _is_unusual(lower)):
        cleaner = filtering_cleaner(base)
    else:
        # Most texts need no more of their base than its host, and share a cleaner with all others
        # of their site.
        root = _ROOT.match(base) if ordinary or not PATH_RELATIVE.search(lower) else None
        cleaner = content_cleaner(f"{root[0]}/" if root else base) or filtering_cleaner(base)
    safe = cleaner.clean(text).strip()
    return safe.removesuffix("]]&gt;").rstrip() if safe.endswith("]]&gt;") else safe


def _may_exceed(limit: int, lower: bytes, longest: int) -> bool:
    """Whether a text may become longer than `limit`, if each of its tags has a relative reference.

    Args:
        longest: Characters that a tag may become longer by.
    """
    spare = limit - len(lower)
    tags_at_most = len(lower) // len("<a>")
    return tags_at_most * longest > spare and lower.count(b"<") * longest > spare


def _has_places(lower: bytes, page: str) -> bool:
    """Whether a text has links to places in it, by a fragment or by their page's address."""
    if PLACE.search(lower):
        return True
    own = f"{page}#".lower().encode("utf-8", "replace")
    if b" id=" not in lower or own not in lower:
        return False
    ends = (link.partition(b'"')[0].partition(b"'")[0] for link in lower.split(own, _MAX_OWN)[1:])
    return any(start + place in lower for place in ends if place for start in _ID_STARTS)


def inline(html: str) -> str:
    """Return a title as inline HTML: `TITLE_TAGS` without attributes, unknown elements as text.

    Blocks and breaks are a space, so is a picture, unless its `alt` is a sign such as an emoji.
    """
    if "<" in html:
        known = ELEMENTS | FORMULA_TAGS if "<math" in html.lower() else ELEMENTS
        html = _TAG.sub(lambda tag: "<" if tag[1].lower() in known else "&lt;", html)
    safe = title_cleaner().clean(formulas.as_text(_prepared(html, None)[0]))
    if "<" in safe:
        safe = _PICTURE.sub(_sign_or_space, safe)
        safe = _ANY_TAG.sub(lambda tag: " " if tag[2] in BLOCK_TAGS else tag[0], safe)
    return _one_line(safe)


def plain(html: str) -> str:
    """Return the text of some HTML in one line, blocks set apart by a space."""
    text = _prepared(html, None)[0]
    return text_of(text_cleaner().clean(formulas.as_text(text)) if "<" in text else text)


def text_of(safe_html: str) -> str:
    """Return the text of HTML that `content` or `inline` made, in one line.

    Serialised by nh3, every `<` outside a tag is escaped, so that a pattern can find the tags.
    """
    if "<" in safe_html:
        safe_html = _ANY_TAG.sub(lambda tag: " " if tag[2] in BLOCK_TAGS else "", safe_html)
    return _one_line(_CONTROL.sub("", unescape(safe_html)))


def as_inline(text: str) -> str:
    """Return plain text as inline HTML."""
    return escape(_one_line(_CONTROL.sub("", text)))


def _sign_or_space(picture: re.Match[str]) -> str:
    sign = unescape(picture[1] or "").strip()
    is_sign = sign and len(sign) <= 16 and not any(letter.isalnum() for letter in sign)
    return escape(sign, quote=False) if is_sign else " "


def _targets(html: str) -> frozenset[str]:
    """Return the ids that links of a text may lead to."""
    fragments = [unescape(fragment) for fragment in _FRAGMENT.findall(html)]
    return frozenset((*fragments, *map(unquote, fragments)))


def _is_unusual(lower: bytes) -> bool:
    """Whether the filter is needed; anything else nh3 does by itself."""
    return bool(SCHEME.search(lower) or b"srcset" in lower or PLACE.search(lower))


def _prepared(html: str, base: str | None) -> tuple[str, bytes, bool]:
    """Return a text for a cleaner, its lower-case bytes, and whether it was an ordinary one.

    Args:
        base: What addresses of frames resolve against; None where a frame is to leave nothing.
    """
    text, lower = _readable(html)
    if lower.lstrip()[:12].startswith(_CDATA_STARTS) or lower[-40:].rstrip().endswith(_CDATA_ENDS):
        text, lower = _readable(without_cdata(text))
    if is_ordinary(lower):
        return text, lower, True
    if HALF.search(lower):
        text = with_whole_pairs(text)
    if needs_rewriting(lower):
        text, lower = _readable(rewritten(text, base=base))
    return text, lower, False


def _readable(html: str) -> tuple[str, bytes]:
    """Return a text within the limits, without control characters, and its lower-case bytes."""
    text = (html if len(html) <= MAX_FRAGMENT else without_bulk(html))[:MAX_FRAGMENT]
    encoded = text.encode("utf-8", "surrogatepass")
    # The pattern takes 20 us for 4 kB, this 4 us; nearly all texts have no such character.
    lower = encoded.translate(_LOWER, _MAY_BE_CONTROL)
    if len(lower) != len(encoded):
        text = _CONTROL.sub("", text)
        lower = text.encode().lower()
    tags = text.count("<")
    is_cheap = tags <= _MANY_TAGS and tags * len(text) <= _MUCH_TO_REOPEN
    return (text if is_cheap else _shallow(without_comments(text))), lower


def _shallow(html: str) -> str:
    """Cut a text where its elements are nested too deep: html5ever's time grows with the square.

    It grows with formatting that is not ended, too: whenever a block ends around it, it is begun
    anew in the next one (HTML Standard, 13.2.4.3).  Elements of a drawing may close themselves;
    those of HTML only seem to, and end the drawing.
    """
    depth = reopened = unended = 0
    lengths: dict[str, list[int]] = {}  # of the formatting elements that are open
    in_drawing = False
    lower = html.lower()
    for tag in _ANY_TAG.finditer(lower):
        name = tag[2]
        if name in _FORMATTING:
            open_here = lengths.setdefault(name, [])
            if not tag[1]:
                open_here.append(_length_of_tag(lower, tag))
                unended += open_here[-1]
            elif open_here:
                unended -= open_here.pop()
        reopened += unended
        if reopened > _MAX_REOPENED:
            return html[: tag.start()]
        if name in ELEMENTS or name == "foreignobject":
            in_drawing = name == "svg" and not tag[1]
        if name in _NOT_NESTED or (in_drawing and tag[0].endswith("/>")):
            continue
        depth = max(depth - 1, 0) if tag[1] else depth + 1
        if depth > MAX_DEPTH:
            return html[: tag.start()]
    return html


def _length_of_tag(html: str, tag: re.Match[str]) -> int:
    """Return what a tag costs, in characters; a `>` in a quoted value does not end it."""
    end = tag.end()
    for quote in "\"'":
        if tag[0].count(quote) % 2:
            end = max(end, html.find(quote, tag.end()) % (len(html) + 1))
    return end - tag.start() + _ELEMENT


def _one_line(text: str) -> str:
    return " ".join(text.split())
