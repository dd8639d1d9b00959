"""Pictures as tests send them: good ones in every format, and hostile ones."""

import struct
import zlib
from collections.abc import Callable
from functools import lru_cache, partial
from io import BytesIO

from PIL import Image

PNG_START = b"\x89PNG\r\n\x1a\n"
RGBA, PALETTE_OF_TWO = (8, 6), (1, 0)  # bits and kind of pixels in a PNG


def picture(
    width: int = 640, height: int = 480, file_format: str = "PNG", mode: str = "RGB", **options
) -> bytes:
    """Return a picture with a dark upper left corner on a light ground."""
    image = Image.new("RGB", (width, height), (240, 220, 180))
    image.paste((10, 20, 30), (0, 0, max(width // 2, 1), max(height // 2, 1)))
    file = BytesIO()
    image.convert(mode).save(file, file_format, **options)
    return file.getvalue()


@lru_cache(50)
def painting(width: int, height: int, *, hue: int = 0) -> bytes:
    """Return a picture like a photo: a sky, a sea and a sun."""
    sky = Image.linear_gradient("L").resize((width, height))
    image = Image.merge("HSV", (Image.new("L", (width, height), hue % 256), sky, sky.rotate(180)))
    image.paste((hue % 256, 60, 250), (width // 2, height // 4, width * 2 // 3, height // 2))
    file = BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=80)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(
    width: int, height: int, data: bytes, kind: tuple[int, int] = RGBA, extra: bytes = b""
) -> bytes:
    """Return a PNG of compressed pixels, which need not fit its size."""
    header = struct.pack(">IIBBBBB", width, height, *kind, 0, 0, 0)
    return PNG_START + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def zeros(size: int) -> bytes:
    """Return compressed zeros, without having them all in memory."""
    compressor = zlib.compressobj(1)
    block = bytes(1_000_000)
    parts = [compressor.compress(block) for _ in range(size // len(block) + 1)]
    return b"".join([*parts, compressor.flush()])


def gif_of_frames(count: int, width: int = 64, height: int = 64) -> bytes:
    """Return an animation of equal frames."""
    still = picture(width, height, "GIF")
    start = still.index(b"\x2c", 13 + 3 * 2 ** ((still[10] & 7) + 1))
    frame = still[start:-1]
    return still[:start] + count * (b"\x21\xf9\x04\x00\x0a\x00\x00\x00" + frame) + b";"


def jpeg_of_scans(count: int, side: int = 3000) -> bytes:
    """Return a progressive JPEG that repeats its last scan, empty, again and again."""
    whole = picture(side, side, "JPEG", progressive=True, quality=20)
    start = whole.rindex(b"\xff\xda")
    length = int.from_bytes(whole[start + 2 : start + 4])
    return whole[:-2] + count * (whole[start : start + 2 + length] + b"\0") + whole[-2:]


def with_size(body: bytes, offset: int, form: str, *size: int) -> bytes:
    """Return a picture whose header claims another size."""
    start = bytearray(body)
    struct.pack_into(form, start, offset, *size)
    return bytes(start)


def with_png_size(body: bytes, *size: int) -> bytes:
    header = struct.pack(">II", *size) + body[24:29]
    return PNG_START + chunk(b"IHDR", header) + body[33:]


def with_jpeg_size(body: bytes, *size: int) -> bytes:
    return with_size(body, body.index(b"\xff\xc0") + 5, ">HH", *size)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF")

HUGE: dict[str, Callable[[], bytes]] = {
    "a PNG of 65,535 x 65,535": lambda: with_png_size(picture(), 65_535, 65_535),
    "a JPEG of 65,535 x 65,535": lambda: with_jpeg_size(
        picture(file_format="JPEG"), 65_535, 65_535
    ),
    "a GIF of 65,535 x 65,535": lambda: with_size(
        picture(file_format="GIF"), 6, "<HH", 65_535, 65_535
    ),
    "a PNG of 400 megapixels": lambda: png(20_000, 20_000, zeros(50_000_000), PALETTE_OF_TWO),
}
"""More than 40 megapixels, as their headers say."""

NOT_PICTURES: dict[str, bytes] = {
    "an SVG": SVG,
    "an SVG behind the start of a PNG": PNG_START + SVG,
    "a script that is a GIF, too": b'GIF89a=1/*\x00\x00\x00*/;alert("hi");//',
    "a web page": b"<!doctype html><title>Not found</title>",
    "a PDF": b"%PDF-1.7\n",
    "a TIFF": b"II*\0" + bytes(1000),
    "a BMP": b"BM" + bytes(1000),
    "an icon": b"\0\0\1\0\1\0" + bytes(1000),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "nothing": b"",
    "zeros": bytes(1000),
}


def half(file_format: str) -> bytes:
    whole = picture(file_format=file_format)
    return whole[: len(whole) // 2]


def start(file_format: str) -> bytes:
    return picture(file_format=file_format)[:40]


def png_with_long_text() -> bytes:
    text = chunk(b"zTXt", b"Comment\0\0" + zeros(200_000_000))
    return png(64, 64, zeros(64 * 64 * 4), extra=text)


DAMAGED: dict[str, Callable[[], bytes]] = {
    **{f"half a {name}": partial(half, name) for name in FORMATS},
    **{f"the start of a {name}": partial(start, name) for name in FORMATS},
    "a PNG with a text of 200 MB": png_with_long_text,
    "a PNG of 159 MB": lambda: png(6300, 6300, zeros(6300 * 6301 * 4)),
    "a GIF of 39 megapixels": lambda: picture(6300, 6300, "GIF"),
}
"""Refused after the decoder has begun, at the latest by the memory limit."""
