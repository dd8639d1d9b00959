"""SVG documents that are safe to show: elements and attributes of an allow list.  Pure.

A browser runs the scripts of an SVG document that is opened by its address, so scripts, handlers,
links, animations and foreign markup are left out, silently, as a drawing program puts much into a
file that no picture needs.  What would change the look (a style or a picture from elsewhere) is an
error.

Source: SVG 2; the lists are those of a still picture.
"""

import re
import xml.parsers.expat
from codecs import BOM_UTF8
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import unquote

_SVG = "http://www.w3.org/2000/svg"
_XLINK_HREF = "http://www.w3.org/1999/xlink href"
_ELEMENTS = frozenset(
    """
    svg g defs symbol use title desc style path rect circle ellipse line polyline polygon text tspan
    textPath image linearGradient radialGradient stop pattern clipPath mask marker switch filter
    feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix feDiffuseLighting
    feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR
    feGaussianBlur feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting
    feSpotLight feTile feTurbulence
    """.split()
)
_ATTRIBUTES = frozenset(
    """
    id class style transform viewBox preserveAspectRatio version
    x y x1 y1 x2 y2 cx cy r rx ry fx fy fr d points width height pathLength dx dy rotate textLength
    lengthAdjust startOffset offset gradientUnits gradientTransform spreadMethod patternUnits
    patternContentUnits patternTransform clipPathUnits maskUnits maskContentUnits markerUnits
    markerWidth markerHeight refX refY orient filterUnits primitiveUnits in in2 result stdDeviation
    mode type values tableValues slope intercept amplitude exponent operator k1 k2 k3 k4 order
    kernelMatrix divisor bias targetX targetY edgeMode surfaceScale diffuseConstant scale
    xChannelSelector yChannelSelector azimuth elevation radius specularConstant specularExponent
    pointsAtX pointsAtY pointsAtZ limitingConeAngle baseFrequency numOctaves seed stitchTiles z
    alignment-baseline baseline-shift clip-path clip-rule color color-interpolation
    color-interpolation-filters direction display dominant-baseline fill fill-opacity fill-rule
    filter flood-color flood-opacity font-family font-size font-size-adjust font-stretch font-style
    font-variant font-weight image-rendering letter-spacing lighting-color marker-end marker-mid
    marker-start mask mask-type opacity overflow paint-order shape-rendering stop-color stop-opacity
    stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit
    stroke-opacity stroke-width text-anchor text-decoration text-rendering unicode-bidi
    vector-effect visibility word-spacing writing-mode
    """.split()
)
_BLANK = "".join(map(chr, range(0x21)))  # what browsers remove around an address
_IGNORED = dict.fromkeys(map(ord, "\t\n\r"))  # what they remove within
_EMBEDDED = re.compile(r"\s*data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_MAX_DEPTH = 100
_MAX_USES = 200
_MAX_SHOWN = 1_000  # elements that all `use` elements show; those within each other multiply
_INTRICATE = "is too intricate for a picture of the page; simplify it"
# A style that loads something, or hides with an escape that it does.
_LOADING = re.compile(
    r"@import|\\|expression\s*\(|javascript:|image-set\s*\(|\bsrc\s*\(|url\s*\((?!\s*[\"']?\s*#)",
    re.IGNORECASE,
)
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_VIEW_BOX = re.compile(
    rf"\s*(?:{_NUMBER}[\s,]+){{2}}({_NUMBER})[\s,]+({_NUMBER})\s*", re.IGNORECASE
)
_LENGTH = re.compile(rf"\s*({_NUMBER})(?:px)?\s*", re.IGNORECASE)
_MAX_LENGTH = 100_000


class SvgError(ValueError):
    """The document can't be used; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line, self.column = line, column


@dataclass(frozen=True, slots=True)
class CleanSvg:
    """A document of a still picture in UTF-8; `width` and `height` in CSS pixels, if known."""

    data: bytes
    width: int | None
    height: int | None


def is_svg(data: bytes) -> bool:
    """Return whether data begins like an XML document; raster pictures do not."""
    return data.removeprefix(BOM_UTF8).lstrip().startswith(b"<")


def cleaned_svg(data: bytes) -> CleanSvg:
    """Return an SVG document with nothing but a still picture.

    Raises:
        SvgError: The document is not well-formed XML, declares entities, or loads something.
    """
    cleaner = _Cleaner()
    try:
        cleaner.parser.Parse(data, True)
    except xml.parsers.expat.ExpatError as error:
        message = f"not well-formed: {xml.parsers.expat.ErrorString(error.code)}"
        raise SvgError(message, error.lineno, error.offset + 1) from error
    except SvgError:
        raise
    except (LookupError, ValueError) as error:  # of the encoding that the document declares
        raise SvgError("has an unusual encoding; save the file as UTF-8", 1, 1) from error
    return CleanSvg("".join(cleaner.parts).encode(), *_size(cleaner.root))


class _Cleaner:
    """Writes what may stay while the parser reads.

    Attributes:
        parts: Of the clean document.
        root: The attributes of the outermost element.
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.root: dict[str, str] = {}
        self._left_out = 0  # elements that are open and have no place in the picture
        self._open: list[str] = []
        self._ids: list[str | None] = []  # of the open elements
        self._uses: list[tuple[str, list[str]]] = []  # target, and ids of the elements around
        self._style: list[str] | None = None  # parts of the open style sheet
        self.parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._entity

    def _error(self, message: str) -> SvgError:
        return SvgError(message, self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1)

    def _entity(self, *_declaration: object) -> None:
        raise self._error("declares an entity; save the file as plain SVG")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        tag = "g" if tag == "a" else tag  # a link is a group that leads somewhere
        if not self._open and (namespace, tag) != (_SVG, "svg"):
            raise self._error(f'is not SVG; its outermost element needs xmlns="{_SVG}"')
        is_in_style = self._style is not None  # of a style sheet, browsers read the text alone
        if self._left_out or is_in_style or namespace != _SVG or tag not in _ELEMENTS:
            self._left_out += 1
            return
        if len(self._open) > _MAX_DEPTH or len(self._uses) > _MAX_USES:
            raise self._error(_INTRICATE)
        safe_attributes = {key: value for key, value in attributes.items() if key in _ATTRIBUTES}
        href = attributes.get("href", attributes.get(_XLINK_HREF))
        for value in safe_attributes.values():
            self._check_style(value)
        if href is not None and self._is_within(tag, href := href.strip(_BLANK)):
            safe_attributes["href"] = href
        if not self._open:
            self.root = safe_attributes
            safe_attributes = {"xmlns": _SVG, **safe_attributes}
        markup = "".join(f' {key}="{escape(value)}"' for key, value in safe_attributes.items())
        self.parts.append(f"<{tag}{markup}>")
        if tag == "use":
            target = _target(safe_attributes.get("href", ""))
            self._uses.append((target, list(filter(None, self._ids))))
        self._open.append(tag)
        self._ids.append(safe_attributes.get("id"))
        self._style = [] if tag == "style" else None

    def _end(self, _name: str) -> None:
        if self._left_out:
            self._left_out -= 1
            return
        if self._style is not None:
            style = "".join(self._style)
            self._check_style(style)
            self.parts.append(escape(style, quote=False))
            self._style = None
        self.parts.append(f"</{self._open.pop()}>")
        self._ids.pop()
        if not self._open and _shown_count(self._uses) > _MAX_SHOWN:
            raise self._error(_INTRICATE)

    def _text(self, text: str) -> None:
        if self._left_out:
            return
        if self._style is not None:
            self._style.append(text)
        else:
            self.parts.append(escape(text, quote=False))

    def _is_within(self, tag: str, href: str) -> bool:
        """Return whether a reference leads to a part of the document, or is a picture itself."""
        if href.startswith("#"):
            return True
        if tag != "image":
            return False
        if not _EMBEDDED.fullmatch(href):
            raise self._error("shows a picture from elsewhere; embed that picture in the file")
        return True

    def _check_style(self, style: str) -> None:
        if _LOADING.search(style):
            raise self._error("has a style that loads something; remove url(...), @import and \\")


def _target(href: str) -> str:
    """Return the id that browsers look for, given a reference to a part of the document."""
    return unquote(href.translate(_IGNORED).removeprefix("#"))


def _shown_count(uses: Sequence[tuple[str, Sequence[str]]]) -> int:
    """Return how many elements all `use` elements show, each with those within its target.

    Args:
        uses: The target of each, and the ids of the elements around.
    """
    within: dict[str, list[str]] = {}
    for target, ids in uses:
        for element_id in ids:
            within.setdefault(element_id, []).append(target)
    counts: dict[str, int] = {}

    def count(target: str) -> int:
        if target not in counts:
            counts[target] = 1  # browsers show no element within itself
            counts[target] += sum(map(count, within.get(target, ())))
        return counts[target]

    return sum(count(target) for target, _ in uses)


def _size(root: dict[str, str]) -> tuple[int | None, int | None]:
    """Return width and height: of the attributes with these names, else of the view box."""
    lengths = [_LENGTH.fullmatch(root.get(name, "")) for name in ("width", "height")]
    texts = [match[1] for match in lengths if match]
    if len(texts) < 2:
        view_box = _VIEW_BOX.fullmatch(root.get("viewBox", ""))
        texts = list(view_box.groups()) if view_box else []
    sizes = [float(text) for text in texts if 1 <= float(text) <= _MAX_LENGTH]
    return (round(sizes[0]), round(sizes[1])) if len(sizes) == 2 else (None, None)
