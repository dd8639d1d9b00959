"""The pictures in a sanitised text, as elements with attributes.  Pure.

The texts come from nh3, which writes every attribute in double quotes, with no quote within.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from aggregator.text.post_text import picture_address
from aggregator.text.references import unescape

_IMAGE = re.compile(r'<img((?:\s+[^\s=>"]+="[^"]*")*)\s*/?>')
_ATTRIBUTE = re.compile(r'([^\s=>"]+)="([^"]*)"')
_NUMBER = re.compile(r"\s*(\d{1,5})(?:\.\d*)?(?:px)?\s*")


@dataclass(frozen=True, slots=True)
class ImageElement:
    """A picture in a text.

    Attributes:
        url: Address of the picture, "" for a picture without an address.
        attributes: Names in lower case, values as text.
    """

    url: str
    attributes: dict[str, str] = field(hash=False)

    def length(self, name: str) -> int | None:
        """Return `width` or `height` in pixels, None where absent, relative or unreadable."""
        match = _NUMBER.fullmatch(self.attributes.get(name, ""))
        return int(match[1]) if match else None


def images(html: str) -> Iterator[ImageElement]:
    """Yield the pictures of a text that nh3 has sanitised, in their order."""
    if "<img" not in html:
        return
    for element in _IMAGE.finditer(html):
        attributes = {
            name.lower(): unescape(value) for name, value in _ATTRIBUTE.findall(element[1])
        }
        yield ImageElement(picture_address(attributes), attributes)
