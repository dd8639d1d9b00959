"""Bytes from the network -> a small picture: the task of a worker process.

Every byte is hostile.  The kind of picture is told by the bytes, and only Pillow's decoder for that
kind sees the bytes; the size in the header is looked at before anything is decoded.  What remains
(bombs, endless scans) meets the deadline and the memory limit of the process.

What is stored was encoded here, pixel by pixel: nothing of the original file passes.
"""

import contextlib
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from aggregator.errors import ParseError
from aggregator.pictures.picture_sizes import (
    MAX_PIXELS,
    PictureSize,
    is_pixel,
    list_cut,
    post_size,
)

MAX_MEMORY = 125_000_000
"""Bytes of a process for one picture beyond those of a process without a picture."""

_QUALITY = 80
_METHOD = 4  # of WebP: the effort
_MAX_PROFILE = 1_000_000  # bytes
_DRAFT = 2  # times the wanted size, at least, that a JPEG is decoded to
_BRANDS = (b"avif", b"avis")
_ORIENTATION = 0x0112  # tag of EXIF
_ON_ITS_SIDE = (5, 6, 7, 8)
_SIXTEEN_BITS = 256

Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses twice as many, from the header
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # the stack of each thread counts as memory
_FORMATS: Final = (
    AvifImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)
"""Loaded, and so registered."""


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """A picture as WebP.

    Attributes:
        width, height: Pixels of `for_post`.
        for_post: At most `picture_sizes.POST_WIDTH` pixels wide.
        for_list: At most `picture_sizes.LIST_WIDTH` pixels wide; the middle of a long picture.
    """

    width: int
    height: int
    for_post: bytes
    for_list: bytes


def shrink(body: bytes, url: str) -> SmallPicture:
    """Return a picture upright, without metadata, in sRGB, in both sizes; of frames the first.

    Args:
        url: Where the picture came from, for errors.

    Raises:
        ParseError: The bytes are not a picture that pages may show.
    """
    file_format = format_of(body)
    if file_format is None:
        raise ParseError(url, "not a PNG, JPEG, GIF, WebP or AVIF picture")
    try:
        with warnings.catch_warnings(action="ignore"):  # of broken metadata
            return _small(Image.open(BytesIO(body), formats=[file_format]), url)
    except (ParseError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ParseError(url, f"more than {MAX_PIXELS // 10**6} megapixels") from error
    except Exception as error:  # whatever a decoder stumbles over
        raise ParseError(url, "a damaged picture") from error


def format_of(body: bytes) -> str | None:
    """Return Pillow's name for the format that the first bytes tell, None for any other."""
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if body.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if body.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        return "WEBP"
    if body[4:8] == b"ftyp" and any(brand in body[8:64] for brand in _BRANDS):
        return "AVIF"
    return None


def _small(image: Image.Image, url: str) -> SmallPicture:
    original = PictureSize(*image.size)
    if is_pixel(original):
        raise ParseError(url, "a picture of one or two pixels")
    size = _with_sides_of(image, post_size(_with_sides_of(image, original)))
    profile = image.info.get("icc_profile")
    for_post = _in_srgb(_upright(_resized(image, size)), profile)
    cut = list_cut(PictureSize(*for_post.size))
    for_list = for_post.resize(cut.size, Image.Resampling.LANCZOS, box=cut.box)
    return SmallPicture(for_post.width, for_post.height, _webp(for_post), _webp(for_list))


def _with_sides_of(image: Image.Image, size: PictureSize) -> PictureSize:
    """Return a size with width and height exchanged if the picture lies on its side (EXIF)."""
    with contextlib.suppress(Exception):  # unreadable metadata say nothing
        if image.getexif().get(_ORIENTATION) in _ON_ITS_SIDE:
            return PictureSize(size.height, size.width)
    return size


def _resized(image: Image.Image, size: PictureSize) -> Image.Image:
    """Decode a picture, and return it in a size; in a mode with room for shades."""
    image.draft(image.mode, (_DRAFT * size.width, _DRAFT * size.height))
    image.load()
    image = in_eight_bits(image)
    if image.mode not in {"L", "RGB", "CMYK"} or "transparency" in image.info:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def in_eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture with at most 256 shades of a channel; Pillow would cut off brighter ones."""
    if not image.mode.startswith("I"):
        return image
    image = image.point(lambda value: value / _SIXTEEN_BITS).convert("L")
    image.info.pop("transparency", None)  # a shade of the former bits
    return image


def _upright(image: Image.Image) -> Image.Image:
    with contextlib.suppress(Exception):
        return ImageOps.exif_transpose(image)
    return image


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return a picture in sRGB without metadata."""
    if profile and len(profile) <= _MAX_PROFILE:
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            image = (
                ImageCms.profileToProfile(
                    image,
                    ImageCms.ImageCmsProfile(BytesIO(profile)),
                    ImageCms.createProfile("sRGB"),
                    outputMode=mode,
                )
                or image
            )
    if image.mode not in {"RGB", "RGBA"}:
        image = image.convert("RGB")
    image.info.clear()
    return image


def _webp(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "WEBP", quality=_QUALITY, method=_METHOD)
    return file.getvalue()
