"""The paths of files for the pages -> their contents, checked: logo, style sheet, text.

The functions are readers like those of `value_parsers`; the folder is that of config.yaml.
"""

import re
from dataclasses import dataclass, field

from aggregator.config.files import Folder, PageFile
from aggregator.config.value_parsers import quoted
from aggregator.pictures.picture_header import PictureFormat, PictureHeader, header_of
from aggregator.pictures.svg import CleanSvg, SvgError, cleaned_svg, is_svg

MAX_PIXELS = 4_000_000
"""Pixels of a logo."""

_CSS_PART = re.compile(
    r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    r"|url\(\s*(?![\"'\s])[^)\s]*\s*\)|\\.|/\*|[\"'{}()[\]]",
    re.DOTALL | re.IGNORECASE,
)
_CLOSED_BY = {"{": "}", "(": ")", "[": "]"}


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture that stands for the site.

    Attributes:
        file: The picture, safe to show: an SVG document is cleaned.
        width, height: In CSS pixels; None for an SVG document without a size.
        touch_icon, large_icon: The picture as PNG, 180 and 512 pixels wide and high; empty for an
            SVG document, which browsers draw in every size.
    """

    file: PageFile
    format: PictureFormat
    width: int | None
    height: int | None
    touch_icon: bytes = field(default=b"", repr=False)
    large_icon: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Face:
    """A picture that stands for a feed.

    Attributes:
        data: A cleaned SVG document, or WebP of `logo_icons.FACE_SIDE` pixels.
        format: Of the data.
    """

    data: bytes = field(repr=False)
    format: PictureFormat


def text_file(text: str, *, folder: Folder) -> PageFile:
    """Read a file of text."""
    file = folder.read(text)
    if "\0" in file.text:
        raise ValueError(f"{quoted(file.path)} is not a text; save it as UTF-8")
    return file


def style_sheet(text: str, *, folder: Folder) -> PageFile:
    """Read a CSS style sheet; what a browser makes of a declaration is not checked."""
    file = text_file(text, folder=folder)
    sheet = file.text
    if sheet.lstrip().startswith("<"):
        raise ValueError(f"{quoted(file.path)} is a document; write the rules of CSS alone")
    if fault := _unbalanced(sheet):
        index, message = fault
        line_number = sheet.count("\n", 0, index) + 1
        column = index - sheet.rfind("\n", 0, index)
        raise ValueError(f"{file.path}:{line_number}:{column}: {message}")
    return file


def logo(text: str, *, folder: Folder) -> Logo:
    """Read a picture; the bytes decide on its format, not its name."""
    file = folder.read(text)
    if is_svg(file.data):
        svg = _drawing(file)
        return Logo(PageFile(file.path, svg.data), PictureFormat.SVG, svg.width, svg.height)
    header = _header(file)
    from aggregator.pictures.logo_icons import large_icon, touch_icon  # Pillow takes memory

    try:
        icons = touch_icon(file.data), large_icon(file.data)
    except ValueError as error:
        raise ValueError(f"{quoted(file.path)} is {error}; save it anew") from error
    return Logo(file, header.format, header.width, header.height, *icons)


def face(text: str, *, folder: Folder) -> Face:
    """Read a picture of a feed; the bytes decide on its format, not its name."""
    file = folder.read(text)
    if is_svg(file.data):
        return Face(_drawing(file).data, PictureFormat.SVG)
    _header(file)
    from aggregator.pictures.logo_icons import face_icon

    try:
        return Face(face_icon(file.data), PictureFormat.WEBP)
    except ValueError as error:
        raise ValueError(f"{quoted(file.path)} is {error}; save it anew") from error


def _drawing(file: PageFile) -> CleanSvg:
    try:
        return cleaned_svg(file.data)
    except SvgError as error:
        raise ValueError(f"{file.path}:{error.line}:{error.column}: {error}") from error


def _header(file: PageFile) -> PictureHeader:
    """Return the header of a raster picture that is not too large to decode."""
    header = header_of(file.data)
    if header is None:
        raise ValueError(
            f"{quoted(file.path)} is not a whole picture; save it as SVG, PNG, JPEG, GIF or WebP"
        )
    if header.width * header.height > MAX_PIXELS:
        raise ValueError(f"{quoted(file.path)} has more than 4 megapixels; make it smaller")
    return header


def _unbalanced(sheet: str) -> tuple[int, str] | None:
    """Return where a style sheet has a sign without its counterpart, and which; None for nowhere.

    A browser would silently ignore all rules from there on.
    """
    open_signs: list[tuple[int, str]] = []
    for part in _CSS_PART.finditer(sheet):
        match part[0]:
            case "/*" | '"' | "'":
                return part.start(), f"{part[0]} is never closed"
            case "{" | "(" | "[":
                open_signs.append((part.start(), part[0]))
            case "}" | ")" | "]":
                if not open_signs:
                    return part.start(), f"{part[0]} closes nothing"
                index, sign = open_signs.pop()
                if part[0] != _CLOSED_BY[sign]:
                    return index, f"{sign} is never closed"
    if not open_signs:
        return None
    index, sign = open_signs[-1]
    return index, f"{sign} is never closed"
