"""How large pictures are made.  Pure.

Every picture is stored in two sizes.  The one for lists follows from the one for posts, so that a
page knows the width and the height of both from one row of the database.
"""

from math import sqrt
from typing import NamedTuple

MAX_PIXELS = 40_000_000
"""Pixels of an original; a larger one is not decoded."""

POST_WIDTH = 1600
LIST_WIDTH = 224
"""Twice the width in a list, for screens with two pixels in place of one."""

MIN_LEAD_WIDTH, MIN_LEAD_HEIGHT = 100, 60
"""Pixels of a picture that leads an entry: no icon, line or button."""

_MAX_POST_PIXELS = 6_000_000  # a comic of 800 x 7,500; WebP takes a second for as many
_MAX_SIDE = 16_383  # of WebP
_MIN_SIDE = 3  # a smaller original is a tracking pixel
_MIN_LIST_RATIO, _MAX_LIST_RATIO = 4 / 3, 2  # width to height; what is beyond is cut off
_TOP_PART = 1 / 3  # of what is cut off a high picture: faces and titles stand above the middle


class PictureSize(NamedTuple):
    """Pixels of a picture."""

    width: int
    height: int


class ListCut(NamedTuple):
    """The part of the picture for posts that the picture for lists has, and its size.

    Attributes:
        box: Left, top, right and bottom edge in the picture for posts.
    """

    box: tuple[int, int, int, int]
    size: PictureSize


def is_pixel(size: PictureSize) -> bool:
    """Whether a picture is too small to be seen."""
    return min(size) < _MIN_SIDE


def post_size(original: PictureSize) -> PictureSize:
    """Return the size for posts: never larger than the original."""
    width, height = original
    factor = min(
        1.0,
        POST_WIDTH / width,
        _MAX_SIDE / height,
        sqrt(_MAX_POST_PIXELS / (width * height)),
    )
    return PictureSize(max(1, round(width * factor)), max(1, round(height * factor)))


def list_cut(post: PictureSize) -> ListCut:
    """Return which part of a picture lists show, between 4 : 3 and 2 : 1."""
    width, height = post
    cut_width = min(width, _MAX_LIST_RATIO * height)
    cut_height = min(height, round(width / _MIN_LIST_RATIO))
    x, y = (width - cut_width) // 2, int((height - cut_height) * _TOP_PART)
    factor = min(1.0, LIST_WIDTH / cut_width)
    size = PictureSize(max(1, round(cut_width * factor)), max(1, round(cut_height * factor)))
    return ListCut((x, y, x + cut_width, y + cut_height), size)


def may_lead(post: PictureSize) -> bool:
    """Whether a picture is large enough to stand for an entry."""
    return post.width >= MIN_LEAD_WIDTH and post.height >= MIN_LEAD_HEIGHT
