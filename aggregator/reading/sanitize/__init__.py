"""HTML that is safe to show and to publish: nh3 with an allow list, absolute URLs.  Pure.

nh3 (ammonia, html5ever) parses like a browser and keeps only the elements and attributes of
`policy`.  A filter of our own closes three gaps: nh3 neither checks nor resolves `srcset`, `data:`
is safe in `img` only, and links within a text have to lead to the text's page.  Before that,
mistakes of publishers are repaired (`repair`), and markup beyond any allow list is rewritten
(`rewriting`).  No iframe, form, style, svg.
"""

import re
from html import escape
from urllib.parse import unquote

from aggregator import urls
from aggregator.reading.sanitize import formulas
from aggregator.reading.sanitize.nesting import is_cheap, shallow
from aggregator.reading.sanitize.policy import (
    BLOCK_TAGS,
    FORMULA_TAGS,
    SET_APART,
    cleaner_of_page,
    content_cleaner,
    filtering_cleaner,
    text_cleaner,
    title_cleaner,
)
from aggregator.reading.sanitize.repair import (
    is_binary,
    with_whole_pairs,
    without_cdata,
    without_long_parts,
)
from aggregator.reading.sanitize.rewriting import rewritten
from aggregator.reading.sanitize.unusual import (
    FRAGMENT_LINK,
    HALF,
    PATH_RELATIVE,
    SCHEME,
    is_ordinary,
    needs_rewriting,
)
from aggregator.text.hypertext import ELEMENTS
from aggregator.text.post_text import ID_PREFIX
from aggregator.text.references import unescape

__all__ = ["as_inline", "content", "inline", "is_binary", "plain_text", "text_blocks", "text_of",
           "with_whole_pairs"]  # fmt: skip

MAX_FRAGMENT = 512_000
"""Characters read of one text; deep nesting in longer texts would take quadratic time."""

MAX_GROWTH = 100_000
"""Characters by which a text may exceed twice its length: relative addresses grow by the base."""

MAX_OUTPUT = 2 * MAX_FRAGMENT
"""Characters of a sanitised text."""

_OF_SRCSET = 20  # occurrences of the base in one tag

_ROOT = re.compile(r"[a-zA-Z]+://[^/?#]*")
_MAX_OWN_LINKS = 30  # links checked of those to the text's own page
_ID_STARTS = (b' id="', b" id='", b" id=", f' id="{ID_PREFIX}'.encode())
_CDATA_STARTS = (b"<![cdata[", b"&lt;![cdata[")
_CDATA_ENDS = (b"]]>", b"]]&gt;")
_FRAGMENT = re.compile(r"#([^\s\"'<>]{1,200})")

_TAG = re.compile(r"<(?=/?([A-Za-z][A-Za-z0-9:_-]*))")
_ANY_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)[^>]*(?:>|\Z)")
_PICTURE = re.compile(r'<img(?: alt="([^"]*)")?>')
_LOWER = bytes(range(256)).lower()
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Bytes of characters of `_CONTROL` in UTF-8; some harmless characters share bytes.
_MAY_BE_CONTROL = bytes([*range(9), 11, 12, *range(14, 32), 0x7F, 0xC2, 0xED, 0xEF])


def content(html: str, *, base: str, page: str | None = None, max_output: int = MAX_OUTPUT) -> str:
    """Return a text as safe HTML with absolute URLs.

    The result is at most `MAX_GROWTH` characters longer than twice the text: relative references
    beyond are removed, then the text is cut.

    Args:
        html: Any string.
        base: Absolute URL, the base of relative references.
        page: Address of the text's page, the target of links within the text.
        max_output: Characters of the result, at most `MAX_OUTPUT`.
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
    has_fragment_links = bool(page and not ordinary and _has_fragment_links(lower, page))
    times = _OF_SRCSET if not ordinary and b"srcset" in lower else 1
    is_long = _may_exceed(limit, lower, times * max(len(base), len(page or "")))
    growth = max(limit - len(text), 0) if is_long else None
    if has_formulas or has_fragment_links or growth is not None:
        page = page if has_formulas or has_fragment_links else None
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
        # Most texts need no more of the base than the host, so texts of a site share a cleaner.
        root = _ROOT.match(base) if ordinary or not PATH_RELATIVE.search(lower) else None
        cleaner = content_cleaner(f"{root[0]}/" if root else base) or filtering_cleaner(base)
    safe = cleaner.clean(text).strip()
    return safe.removesuffix("]]&gt;").rstrip() if safe.endswith("]]&gt;") else safe


def _may_exceed(limit: int, lower: bytes, longest: int) -> bool:
    """Whether a text may become longer than `limit`, with a relative reference in each tag.

    Args:
        longest: Characters by which a tag may grow.
    """
    spare = limit - len(lower)
    tags_at_most = len(lower) // len("<a>")
    return tags_at_most * longest > spare and lower.count(b"<") * longest > spare


def _has_fragment_links(lower: bytes, page: str) -> bool:
    """Whether a text has links within itself, by a fragment or by the page's address."""
    if FRAGMENT_LINK.search(lower):
        return True
    own_prefix = f"{page}#".lower().encode("utf-8", "replace")
    if b" id=" not in lower or own_prefix not in lower:
        return False
    ends = (
        link.partition(b'"')[0].partition(b"'")[0]
        for link in lower.split(own_prefix, _MAX_OWN_LINKS)[1:]
    )
    return any(start + place in lower for place in ends if place for start in _ID_STARTS)


def inline(html: str) -> str:
    """Return a title as inline HTML: `TITLE_TAGS` without attributes, unknown elements as text.

    Blocks and breaks become a space, as do pictures, unless the `alt` is an emoji or the like.
    """
    if "<" in html:
        element_names = ELEMENTS | FORMULA_TAGS if "<math" in html.lower() else ELEMENTS
        html = _TAG.sub(lambda tag: "<" if tag[1].lower() in element_names else "&lt;", html)
    safe = title_cleaner().clean(formulas.as_text(_prepared(html, None)[0]))
    if "<" in safe:
        safe = _PICTURE.sub(_emoji_or_space, safe)
        safe = _ANY_TAG.sub(lambda tag: " " if tag[2] in BLOCK_TAGS else tag[0], safe)
    return _one_line(safe)


def plain_text(html: str) -> str:
    """Return the text of some HTML in one line, blocks separated by a space."""
    text = _prepared(html, None)[0]
    return text_of(text_cleaner().clean(formulas.as_text(text)) if "<" in text else text)


def text_blocks(html: str) -> list[tuple[bool, str]]:
    """Return the texts of the blocks of some HTML, each in one line; empty texts are left out.

    Each with whether a heading, an item or a cell begins or ends before.
    """
    text = _prepared(html, None)[0]
    if "<" not in text:
        return [(False, line)] if (line := text_of(text)) else []
    safe = text_cleaner().clean(formulas.as_text(text))
    blocks: list[tuple[bool, str]] = []
    is_apart, start = False, 0
    for tag in _ANY_TAG.finditer(safe):
        segment = safe[start : tag.start()]
        if segment and not segment.isspace() and (line := text_of(segment)):
            blocks.append((is_apart, line))
            is_apart = False
        is_apart |= tag[2] in SET_APART
        start = tag.end()
    return [*blocks, (is_apart, line)] if (line := text_of(safe[start:])) else blocks


def text_of(safe_html: str) -> str:
    """Return the text of HTML from `content` or `inline`, in one line.

    nh3 escapes every `<` outside of a tag, so a pattern can find the tags.
    """
    if "<" in safe_html:
        safe_html = _ANY_TAG.sub(lambda tag: " " if tag[2] in BLOCK_TAGS else "", safe_html)
    return _one_line(_without_controls(unescape(safe_html)))


def as_inline(text: str) -> str:
    """Return plain text as inline HTML."""
    return escape(_one_line(_without_controls(text)))


def _without_controls(text: str) -> str:
    return text if text.isprintable() else _CONTROL.sub("", text)


def _emoji_or_space(picture: re.Match[str]) -> str:
    text = unescape(picture[1] or "").strip()
    is_emoji = text and len(text) <= 16 and not any(character.isalnum() for character in text)
    return escape(text, quote=False) if is_emoji else " "


def _targets(html: str) -> frozenset[str]:
    """Return the ids to which links of a text may lead."""
    fragments = [unescape(fragment) for fragment in _FRAGMENT.findall(html)]
    return frozenset((*fragments, *map(unquote, fragments)))


def _is_unusual(lower: bytes) -> bool:
    """Whether a text needs the filter; nh3 alone handles all other texts."""
    return bool(SCHEME.search(lower) or b"srcset" in lower or FRAGMENT_LINK.search(lower))


def _prepared(html: str, base: str | None) -> tuple[str, bytes, bool]:
    """Return a text for a cleaner, the lower-case bytes, and whether the text is an ordinary one.

    Args:
        base: Base of the addresses of frames; None to remove frames.
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
    """Return a text within the limits, without control characters, and the lower-case bytes."""
    text = (html if len(html) <= MAX_FRAGMENT else without_long_parts(html))[:MAX_FRAGMENT]
    encoded = text.encode("utf-8", "surrogatepass")
    # Faster than the pattern; nearly no text has such a character.
    lower = encoded.translate(_LOWER, _MAY_BE_CONTROL)
    if len(lower) != len(encoded):
        text = _CONTROL.sub("", text)
        lower = text.encode().lower()
    return (text if is_cheap(text) else shallow(text)), lower


def _one_line(text: str) -> str:
    return " ".join(text.split())
