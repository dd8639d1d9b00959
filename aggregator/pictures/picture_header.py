"""Format and size of a raster picture, from its first bytes.  Pure.

Sources: PNG (third edition), 5.2 and 11.2.1; ITU-T T.81 (JPEG), B.1 and B.2.2; GIF89a, 17 and 18;
RFC 9649 (WebP), 2.
"""

from dataclasses import dataclass
from enum import StrEnum
from struct import error as struct_error
from struct import unpack_from


class PictureFormat(StrEnum):
    """A format of pictures that browsers show; the value is the suffix of file names."""

    SVG = "svg"
    PNG = "png"
    JPEG = "jpg"
    GIF = "gif"
    WEBP = "webp"

    @property
    def media_type(self) -> str:
        """The registered media type."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    PictureFormat.SVG: "image/svg+xml",
    PictureFormat.PNG: "image/png",
    PictureFormat.JPEG: "image/jpeg",
    PictureFormat.GIF: "image/gif",
    PictureFormat.WEBP: "image/webp",
}

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB`\x82"
# Start of a frame, of every coding: FFC0 to FFCF without tables (C4), JPG (C8) and arithmetic (CC).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What the first bytes of a raster picture say; `width` and `height` in pixels."""

    format: PictureFormat
    width: int
    height: int


def header_of(data: bytes) -> PictureHeader | None:
    """Return format and size of a picture; None for other data, and for a picture cut short."""
    for reader in (_png, _jpeg, _gif, _webp):
        try:
            picture = reader(data)
        except (struct_error, IndexError):
            picture = None
        if picture is not None and picture.width > 0 and picture.height > 0:
            return picture
    return None


def _png(data: bytes) -> PictureHeader | None:
    if not data.startswith(_PNG) or data[12:16] != b"IHDR" or _PNG_END not in data:
        return None
    return PictureHeader(PictureFormat.PNG, *unpack_from(">II", data, 16))


def _gif(data: bytes) -> PictureHeader | None:
    if not data.startswith((b"GIF87a", b"GIF89a")) or not data.rstrip(b"\0").endswith(b";"):
        return None
    return PictureHeader(PictureFormat.GIF, *unpack_from("<HH", data, 6))


def _jpeg(data: bytes) -> PictureHeader | None:
    if not data.startswith(b"\xff\xd8\xff") or b"\xff\xd9" not in data:
        return None
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = unpack_from(">HH", data, at + 5)
            return PictureHeader(PictureFormat.JPEG, width, height)
        if marker == 0xFF:  # fills up
            at += 1
        elif marker in _BARE_MARKERS:
            at += 2
        else:
            (length,) = unpack_from(">H", data, at + 2)
            at += 2 + length
    return None


def _webp(data: bytes) -> PictureHeader | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    if unpack_from("<I", data, 4)[0] + 8 > len(data):
        return None
    match data[12:16]:
        case b"VP8X":
            width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        case b"VP8L":
            (bits,) = unpack_from("<I", data, 21)
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = (size & 0x3FFF for size in unpack_from("<HH", data, 26))
        case _:
            return None
    return PictureHeader(PictureFormat.WEBP, width, height)
