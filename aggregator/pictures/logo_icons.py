"""The icons of the site, made from a raster logo, and the faces of feeds.

The file is the operator's own and small, so it is decoded in this process; `header_of` has looked
at its size before.
"""

import warnings
from collections.abc import Callable
from functools import wraps
from hashlib import blake2b
from io import BytesIO

from PIL import Image, ImageOps

from aggregator.pictures.raster import format_of, in_eight_bits

TOUCH_SIDE = 180
"""Pixels of the icon of a page on the home screen of iOS, which shows transparency as black."""

LARGE_SIDE = 512
"""Pixels of the largest icon that browsers ask of an installed page."""

FACE_SIDE = 88
"""Pixels of the picture of a feed, for screens with two of them in place of one."""

_GROUND = "#faf9f6"
_MAX_KEPT = 1_000  # results, of some kilobytes each


def _made_once(make: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Have `make` called once for each picture: config.yaml is read again after every save."""
    results: dict[bytes, bytes] = {}

    @wraps(make)
    def made(picture: bytes) -> bytes:
        key = blake2b(picture).digest()
        result = results.get(key)
        if result is None:
            result = results[key] = make(picture)
            if len(results) > _MAX_KEPT:
                results.pop(next(iter(results)), None)
        return result

    return made


@_made_once
def touch_icon(logo: bytes) -> bytes:
    """Return a logo as a square PNG on the light ground of the pages, `TOUCH_SIDE` wide.

    Raises:
        ValueError: The picture is damaged.
    """
    icon = _square(logo, TOUCH_SIDE)
    ground = Image.new("RGBA", icon.size, _GROUND)
    ground.alpha_composite(icon)
    return _png(ground.convert("RGB"))


@_made_once
def large_icon(logo: bytes) -> bytes:
    """Return a logo as a square PNG with transparent margins, `LARGE_SIDE` wide.

    Raises:
        ValueError: The picture is damaged.
    """
    return _png(_square(logo, LARGE_SIDE))


@_made_once
def face_icon(face: bytes) -> bytes:
    """Return the middle of a picture as a square WebP, `FACE_SIDE` wide.

    Raises:
        ValueError: The picture is damaged.
    """
    file = BytesIO()
    square = ImageOps.fit(_upright(face), (FACE_SIDE, FACE_SIDE), Image.Resampling.LANCZOS)
    square.save(file, "WEBP", quality=85)
    return file.getvalue()


def _square(logo: bytes, side: int) -> Image.Image:
    resized = ImageOps.contain(_upright(logo), (side, side), Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.alpha_composite(resized, ((side - resized.width) // 2, (side - resized.height) // 2))
    return square


def _upright(logo: bytes) -> Image.Image:
    file_format = format_of(logo)
    try:
        with warnings.catch_warnings(action="ignore"):  # of broken metadata
            picture = Image.open(BytesIO(logo), formats=[file_format] if file_format else [])
            return ImageOps.exif_transpose(in_eight_bits(picture)).convert("RGBA")
    except Exception as error:  # whatever a decoder stumbles over
        raise ValueError("a damaged picture") from error


def _png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
