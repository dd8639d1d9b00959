"""Markup beyond any allow list, rewritten as equivalent markup, before a text is sanitised.

Only for texts with such markup (`unusual`).  nh3 parses and serialises a text once more, with all
relevant elements and attributes; in the result a pattern can find the tags, as nh3 escapes every
`<` and `>` outside of a tag.  The output is not safe yet.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from html import escape

import nh3

from aggregator.reading.sanitize import formulas
from aggregator.reading.sanitize.frames import FRAMES, MOVIE_PARAMETERS, frame_link
from aggregator.reading.sanitize.pictures import is_hidden, is_placeholder, loaded_attributes
from aggregator.reading.sanitize.policy import ATTRIBUTES, FORMULA_TAGS
from aggregator.reading.sanitize.repair import without_cdata
from aggregator.reading.sanitize.unusual import LAZY_ATTRIBUTES, any_of
from aggregator.text.hypertext import ELEMENTS, VOID
from aggregator.text.references import unescape

# Renamed, as text would run together or change its meaning without the element.
_RENAMED = {
    "acronym": "abbr", "amp-img": "img", "center": "div", "dialog": "div", "dir": "ul",
    "fieldset": "div", "form": "div", "hgroup": "div", "legend": "div", "listing": "pre",
    "menu": "ul", "multicol": "div", "plaintext": "pre", "search": "div", "strike": "s",
    "textarea": "pre", "tt": "code", "xmp": "pre",
}  # fmt: skip
_SET_APART = frozenset(
    "applet button label marquee meter optgroup option output progress select".split()
)
_NO_BASE = "https://frame.invalid/"
_BOXES = {"checkbox": ("☐", "☑"), "radio": ("○", "◉")}
_WITH_FALLBACK = frozenset({"ilayer", "layer", "object"})
_RAW = ("iframe", "plaintext", "xmp")
_STYLED = frozenset({"font", "span"})
# Elements whose `line-through` becomes an element `s`.
_STRUCK = frozenset(
    "a b blockquote dd div dt em h1 h2 h3 h4 h5 h6 i label li p small strong td th u".split()
)
_CELLS = frozenset({"td", "th"})
_ANCHORS = frozenset({"a"})
_PICTURES = frozenset({"amp-img", "audio", "img", "picture", "source", "video"})
_LAZY_ATTRIBUTES = tuple(attribute.decode() for attribute in LAZY_ATTRIBUTES)
_WITHOUT_VALUE = frozenset("color file hidden password range".split())
_LINE_THROUGH = re.compile(r'\sstyle="[^"]*line-through', re.IGNORECASE)
_STYLES = (
    ("s", re.compile(r"line-through", re.IGNORECASE)),
    ("sup", re.compile(r"vertical-align\s*:\s*super", re.IGNORECASE)),
    ("sub", re.compile(r"vertical-align\s*:\s*sub\b", re.IGNORECASE)),
)
_TEXT_ALIGN = re.compile(r"text-align\s*:\s*(left|right|center|justify)", re.IGNORECASE)

_ATTRIBUTES = ATTRIBUTES | frozenset(
    "align aria-hidden aria-label checked class close data encoding file height hidden id lazy-src "
    "lazysrc name open original pagespeed_lazy_src separators style type value width "
    "zoomfile".split()
)
_NEUTRAL_TAG = re.compile(r"<(/?)(noscript|frame|frameset)(?=[\s/>])", re.IGNORECASE)
_MAX_FRAMES = 200  # of a text; a replacement may be as long as two addresses
_CLOSED_FRAME = re.compile(r"<iframe(?=[\s/])([^<>]*)/>", re.IGNORECASE)
_PREFIXED = re.compile(r"<(/?)(?:m|mml):(?=m)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r'([^\s="]+)="([^"]*)"')
_ESCAPED_IN_NOSCRIPT = re.compile(
    r"<x-noscript[^<>]{0,200}>\s{0,99}(&lt;[^<>]{0,9999}&gt;)\s{0,99}(?=</x-noscript)",
    re.IGNORECASE,
)
_NOSCRIPT = re.compile(r"<x-noscript[^>]*>.*?(?:</x-noscript>|\Z)", re.DOTALL)
_ADDRESSED = re.compile(r"<(img|iframe|amp-img|video)(?=[\s>])([^>]*)>")


def rewritten(html: str, *, base: str | None) -> str:
    """Return a text with elements of the allow lists only, or elements that may be dropped.

    Args:
        base: Base of the addresses of frames; None to remove frames.
    """
    html = without_cdata(html)
    html = _NEUTRAL_TAG.sub(lambda tag: f"<{tag[1]}x-{tag[2].lower()}", html)
    html = _ESCAPED_IN_NOSCRIPT.sub(lambda text: f"<x-noscript>{unescape(text[1])}", html)
    html = _PREFIXED.sub(r"<\1", formulas.scripts_as_elements(html))
    html = _CLOSED_FRAME.sub(r"<iframe\1></iframe>", html)
    has_formulas = "<math" in html.lower()
    serialised = _parser(has_formulas).clean(html)
    return _MarkupRewriter(
        formulas.in_core(serialised) if has_formulas else serialised, base
    ).result()


@lru_cache(maxsize=2)
def _parser(has_formulas: bool) -> nh3.Cleaner:
    names = (
        ELEMENTS
        | FRAMES
        | {"amp-img", "mjx-container", "mjx-math", "x-frameset", "x-noscript", "x-tex"}
    )
    dropped = {"script", "style", "svg", "title", "template", "noembed", "noframes",
               "annotation-xml"}  # fmt: skip
    if has_formulas:
        names |= FORMULA_TAGS | formulas.OTHER_TAGS
    else:
        dropped |= {"math"}
    return nh3.Cleaner(
        tags=set(names - dropped - {"html", "head", "body"}),
        clean_content_tags=dropped,
        attributes={"*": set(_ATTRIBUTES)},
        generic_attribute_prefixes={"data-"},
        url_schemes={"http", "https", "mailto", "data", "about"},
        link_rel=None,
    )


# --- writing

_Rewritten = tuple[str, str] | None
"""The replacement of an element's start and end tag; None to drop the element and its content."""


class _MarkupRewriter:
    """Rewrites the tokens of a serialised text."""

    def __init__(self, html: str, base: str | None) -> None:
        self._html = html
        self._base = base
        self._frames = 0
        self._parts: list[str] = []
        self._open: list[tuple[str, str]] = []  # names and end tags
        self._dropped_from = 0  # number of the first dropped open element, from 1; 0: none
        self._in_noscript = 0
        self._was_loaded = False  # a picture from a script is the last output
        self._has_formulas = "<math" in html
        self._has_tex = "<x-tex" in html
        self._outside_addresses = (
            _addresses_outside_noscript(html) if "<x-noscript" in html else frozenset()
        )

    def result(self) -> str:
        """Return the text."""
        end = 0
        for token in _tokens(self._html).finditer(self._html):
            self._text(self._html[end : token.start()])
            end = token.end()
            if token[1]:
                self._raw(token[1], token[2], token[3])
            elif token[4]:
                self._end(token[5])
            else:
                self._start(token[5], token[6])
        self._text(self._html[end:])
        return "".join(self._parts)

    def _text(self, text: str) -> None:
        if text and not (self._dropped_from or self._in_noscript):
            self._was_loaded = self._was_loaded and not text.strip()
            has_space = bool(self._parts) and self._parts[-1].endswith(" ")
            self._parts.append(text.removeprefix(" ") if has_space else text)

    def _raw(self, name: str, attributes: str, text: str) -> None:
        if name == "iframe":
            self._start(name, attributes)
            self._end(name)
        else:
            self._text(f"<pre>{escape(text, quote=False)}</pre>")

    def _start(self, name: str, attributes: str) -> None:
        element = ("", "") if self._dropped_from else self._rewritten(name, attributes)
        if element and name in _STRUCK and _LINE_THROUGH.search(attributes):
            element = f"{element[0]}<s>", f"</s>{element[1]}"
        if element and not self._dropped_from:
            self._parts.append(element[0])
        if name in VOID:
            return
        self._open.append((name, element[1] if element else ""))
        self._in_noscript += name == "x-noscript"
        if element is None:
            self._dropped_from = len(self._open)

    def _end(self, name: str) -> None:
        if not self._open or self._open[-1][0] != name:
            return  # within an element of raw text
        if not self._dropped_from:
            self._parts.append(self._open[-1][1])
        elif self._dropped_from == len(self._open):
            self._dropped_from = 0
        self._open.pop()
        self._in_noscript -= name == "x-noscript"

    def _rewritten(self, name: str, attributes: str) -> _Rewritten:
        if self._has_formulas or self._has_tex:
            has_tex_only = not self._has_formulas
            if formulas.is_rendering(name, _values(attributes), of_tex=has_tex_only):
                return None
        if name in _REWRITERS:
            return _REWRITERS[name](self, name, _values(attributes))
        if self._in_noscript:
            return ("", "") if name not in _PICTURES else (f"<{name}{attributes}>", f"</{name}>")
        name = _RENAMED.get(name, name)
        return f"<{name}{attributes}>", f"</{name}>"

    # The rewriters of elements for which renaming is not enough.

    def set_apart(self, _name: str, attributes: dict[str, str]) -> _Rewritten:
        label = attributes.get("label", "")
        return ("", "") if self._in_noscript else (f" {escape(label)} " if label else " ", " ")

    def dropped(self, _name: str, _attributes: dict[str, str]) -> _Rewritten:
        return None

    def noscript(self, _name: str, _attributes: dict[str, str]) -> _Rewritten:
        return None if self._was_loaded else ("", "")

    def tex(self, _name: str, _attributes: dict[str, str]) -> _Rewritten:
        return None if self._has_formulas else ("", "")

    def input(self, _name: str, attributes: dict[str, str]) -> _Rewritten:
        kind = attributes.get("type", "").lower()
        if kind in _BOXES:
            return f"{_BOXES[kind]['checked' in attributes]} ", ""
        value = attributes.get("alt" if kind == "image" else "value", "")
        is_seen = value.strip() and kind not in _WITHOUT_VALUE
        return f" {escape(value)} " if is_seen else " ", ""

    def picture(self, name: str, attributes: dict[str, str]) -> _Rewritten:
        values = loaded_attributes(name, attributes)
        tag = _RENAMED.get(name, name)
        if tag == "img" and not self._is_to_show(values):
            return "", ""
        if tag == "img":
            self._was_loaded = not self._in_noscript and values.get("src") != attributes.get("src")
            if not values.get("src", "").strip():
                values.pop("src", None)  # an empty address is the page's own
        return _tag(tag, values), "" if tag in VOID else f"</{tag}>"

    def _is_to_show(self, values: dict[str, str]) -> bool:
        src = values.get("src", "")
        if self._in_noscript:
            return not (is_hidden(values) or is_placeholder(src) or src in self._outside_addresses)
        if self._outside_addresses and is_placeholder(src) and "srcset" not in values:
            return False  # the picture is in a noscript
        return bool(src or values.get("srcset") or values.get("alt"))

    def frame(self, name: str, attributes: dict[str, str]) -> _Rewritten:
        picture = _picture_in_object(attributes) if name == "object" else None
        address = frame_link(name, attributes, base=self._base or _NO_BASE)
        replacement = picture or address
        if replacement is None:
            return ("", "") if name in _WITH_FALLBACK else None
        if self._in_noscript and attributes.get("src") in self._outside_addresses:
            return None
        self._insert_frame(replacement)
        return None

    def parameter(self, _name: str, attributes: dict[str, str]) -> _Rewritten:
        is_movie = attributes.get("name", "").lower() in MOVIE_PARAMETERS
        depth = len(self._open)
        if is_movie and depth and self._open[-1][0] == "object":
            address = {"src": attributes.get("value", "")}
            if (
                replacement := frame_link("param", address, base=self._base or _NO_BASE)
            ) is not None:
                self._insert_frame(replacement)
                self._dropped_from = depth  # the remainder is for browsers without a player
        return "", ""

    def _insert_frame(self, replacement: str) -> None:
        """Write the replacement of a frame, as a paragraph where allowed."""
        if self._base is None or self._frames == _MAX_FRAMES:
            return
        self._frames += 1
        in_paragraph = any(name == "p" for name, _ in self._open)
        self._parts.append(f" {replacement} " if in_paragraph else f"<p>{replacement}</p>")
        self._was_loaded = False

    def styled(self, name: str, attributes: dict[str, str]) -> _Rewritten:
        style = attributes.get("style", "")
        tag = next((tag for tag, pattern in _STYLES if pattern.search(style)), name)
        return _tag(tag, attributes), f"</{tag}>"

    def cell(self, name: str, attributes: dict[str, str]) -> _Rewritten:
        alignment = _TEXT_ALIGN.search(attributes.get("style", ""))
        align = alignment[1] if alignment else attributes.get("align", "")
        values = attributes | {"align": align.strip().lower()}
        return _tag(name, values), f"</{name}>"

    def anchor(self, name: str, attributes: dict[str, str]) -> _Rewritten:
        if "name" in attributes and "id" not in attributes:
            attributes = attributes | {"id": attributes["name"]}
        return _tag(name, attributes), f"</{name}>"


_REWRITERS: dict[str, Callable[[_MarkupRewriter, str, dict[str, str]], _Rewritten]] = {
    **dict.fromkeys(_SET_APART, _MarkupRewriter.set_apart),
    **dict.fromkeys(FRAMES, _MarkupRewriter.frame),
    **dict.fromkeys(("amp-img", "audio", "img", "source", "video"), _MarkupRewriter.picture),
    **dict.fromkeys(("font", "span"), _MarkupRewriter.styled),
    **dict.fromkeys(("td", "th"), _MarkupRewriter.cell),
    "a": _MarkupRewriter.anchor,
    "datalist": _MarkupRewriter.dropped,
    "input": _MarkupRewriter.input,
    "param": _MarkupRewriter.parameter,
    "x-noscript": _MarkupRewriter.noscript,
    "x-tex": _MarkupRewriter.tex,
}


def _tokens(html: str) -> re.Pattern[str]:
    """Return a pattern for the tags of a serialised text that may need rewriting."""
    if "<x-noscript" in html or "<math" in html or "<x-tex" in html:
        return _pattern(None)
    groups = (
        (_STYLED, ('style="',)),
        (_CELLS, ("text-align",)),
        (_STRUCK, ("line-through",)),
        (_ANCHORS, (' name="',)),
        (_PICTURES, ("data-", *_LAZY_ATTRIBUTES)),
    )
    present = (group for group, markers in groups if any(marker in html for marker in markers))
    names = frozenset().union(*present)
    always = {*_RENAMED, *_REWRITERS, "p"} - _STYLED - _CELLS - _ANCHORS - _PICTURES
    return _pattern(names | always | {"amp-img"})


@lru_cache(maxsize=16)
def _pattern(names: frozenset[str] | None) -> re.Pattern[str]:
    name = "[a-z][a-z0-9-]*" if names is None else any_of(sorted(names))
    raw = "|".join(_RAW)
    return re.compile(
        rf"<(?:({raw})([^<>]*)>(.*?)(?:</\1>|\Z)|(/?)({name})(?=[\s>])([^<>]*)>)", re.DOTALL
    )


def _picture_in_object(attributes: dict[str, str]) -> str | None:
    """Return an `object` with a picture as an `img`, else None."""
    if not attributes.get("type", "").lower().startswith("image/") or not attributes.get("data"):
        return None
    return _tag("img", {"src": attributes["data"], "alt": attributes.get("title", "")})


def _addresses_outside_noscript(html: str) -> frozenset[str]:
    """Return the addresses of pictures and frames outside of any `noscript`."""
    outside = _NOSCRIPT.sub("", html)
    tags = (match for match in _ADDRESSED.finditer(outside))
    addresses = (loaded_attributes(tag[1], _values(tag[2])).get("src", "") for tag in tags)
    return frozenset({"", *addresses})


def _values(attributes: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in _ATTRIBUTE.findall(attributes)}


def _tag(name: str, attributes: dict[str, str]) -> str:
    values = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f"<{name}{values}>"
