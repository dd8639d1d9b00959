"""The picture that stands for a post in a list: which of its files, and how large.  Pure.

Width and height stand in the page, so nothing moves when the picture comes.
"""

from dataclasses import dataclass

from aggregator.model import StoredPicture
from aggregator.pictures.picture_files import FOR_LIST, FOR_POST
from aggregator.pictures.picture_sizes import LIST_WIDTH, PictureSize, list_cut

_LARGE = PictureSize(608, 456)
_LARGE_FROM = PictureSize(400, 200)
_SHORT = 80  # characters of an excerpt beside which a picture is the post


@dataclass(frozen=True, slots=True)
class ListPicture:
    """A picture in a list.

    Attributes:
        name: Of the file, see `PictureFiles`.
        width, height: Pixels of the page.
        is_large: The picture stands below the title, else beside the excerpt.
    """

    name: str
    width: int
    height: int
    is_large: bool


def list_picture(stored: StoredPicture, excerpt: str) -> ListPicture:
    """Return the picture of a post with this excerpt."""
    size = PictureSize(stored.width, stored.height)
    is_wide = size.width >= _LARGE_FROM.width and size.height >= _LARGE_FROM.height
    if len(excerpt) <= _SHORT and is_wide:
        return ListPicture(stored.key + FOR_POST, *_fitted(size, _LARGE), is_large=True)
    width = LIST_WIDTH // 2
    list_size = list_cut(size).size
    return ListPicture(
        stored.key + FOR_LIST,
        width,
        max(1, round(list_size.height * width / list_size.width)),
        is_large=False,
    )


def _fitted(size: PictureSize, box: PictureSize) -> PictureSize:
    factor = min(1.0, box.width / size.width, box.height / size.height)
    return PictureSize(max(1, round(size.width * factor)), max(1, round(size.height * factor)))
