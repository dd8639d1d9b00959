"""Which pictures an entry has, and which of them may lead the entry in a list.  Pure.

Icons, avatars, buttons and tracking pixels never lead.  What can't be told from the markup (a small
picture without `width` and `height`) is told by the bytes: see `picture_sizes.may_lead`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from aggregator import urls
from aggregator.model import Enclosure
from aggregator.pictures.picture_markup import ImageElement, images

MAX_LEADS = 3
"""Pictures of an entry that are tried as its lead."""

MAX_PICTURES = 30
"""Pictures of an entry that are fetched with `pictures: all`."""

MAX_INLINE = 300_000
"""Characters of a picture within a text (`data:`)."""

_MIN_SHORT_SIDE, _MIN_LONG_SIDE = 40, 100  # pixels of a lead, as far as the markup says
_SUFFIX = re.compile(r"\.(?:png|jpe?g|jfif|gif|webp|avif)(?=[?#]|$)", re.IGNORECASE)
_VECTOR = re.compile(r"\.svgz?(?=[?#]|$)", re.IGNORECASE)
_INLINE = re.compile(r"data:image/(?:png|gif|jpe?g|webp|avif);base64,")
_NOT_A_LEAD = re.compile(
    # people and moods
    r"gravatar\.com/|/(?:user[-_]?)?avatars?/|/emojis?/|/smil(?:ies|eys?)/|/wp-includes/images/"
    # formulas
    r"|/latex(?:\.php|render)?[/?]|[?&]latex=|/math/render/"
    # buttons and badges
    r"|/icons?/|favicon|img\.shields\.io|badge|buymeacoffee\.com|ko-fi\.com|/share[-_]?button"
    # tracking pixels and advertisements
    r"|feedburner\.com/~|feedsportal\.com|doubleclick\.net|stats\.wordpress\.com|pixel\.wp\.com"
    r"|[/.](?:tracking)?pixel[/.?]|/1x1\.|/(?:blank|spacer|transparent)\.(?:gif|png)"
    r"|[/.]piwik\.|[/.]matomo\.|/count(?:er)?\.(?:gif|png|php)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ChosenPicture:
    """A picture of an entry.

    Attributes:
        url: An absolute http(s) URL, or a `data:` URL with base64.
        may_lead: The picture may stand for the entry in a list.
    """

    url: str
    may_lead: bool


def address_hash(url: str) -> bytes:
    """Return 16 bytes by which the database knows an address."""
    return blake2b(url.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def chosen_pictures(
    image: str | None, enclosures: Iterable[Enclosure], html: str, *, whole_text: bool
) -> tuple[ChosenPicture, ...]:
    """Return the pictures of an entry, each once, those that may lead first.

    Args:
        image: The entry's own picture, None without one.
        html: The sanitised text.
        whole_text: All pictures of the text, not only those that may lead.
    """
    elements = list(images(html))
    leads = list(dict.fromkeys(_leads(image, enclosures, elements)))[:MAX_LEADS]
    pictures = [ChosenPicture(url, may_lead=True) for url in leads]
    if whole_text:
        urls_of_text = dict.fromkeys(
            element.url for element in elements if _is_fetched(element.url)
        )
        pictures += [ChosenPicture(url, may_lead=False) for url in urls_of_text if url not in leads]
    return tuple(pictures[:MAX_PICTURES])


def _leads(
    image: str | None, enclosures: Iterable[Enclosure], elements: Iterable[ImageElement]
) -> Iterator[str]:
    """Yield addresses in the order of preference."""
    if image is not None and _is_of_a_lead(image):
        yield image
    for enclosure in enclosures:
        if _is_picture(enclosure) and _is_of_a_lead(enclosure.url):
            yield enclosure.url
    for element in elements:
        if _is_of_a_lead(element.url) and not _is_small(element):
            yield element.url


def _is_picture(enclosure: Enclosure) -> bool:
    if enclosure.type is None:
        return bool(_SUFFIX.search(enclosure.url))
    return enclosure.type.startswith("image/")


def _is_of_a_lead(url: str) -> bool:
    return _is_fetched(url) and (url.startswith("data:") or not _NOT_A_LEAD.search(url))


def _is_fetched(url: str) -> bool:
    """Whether an address is worth a request."""
    if url.startswith("data:"):
        return len(url) <= MAX_INLINE and bool(_INLINE.match(url))
    return urls.is_web(url) and not _VECTOR.search(url)


def _is_small(element: ImageElement) -> bool:
    sides = [side for side in (element.length("width"), element.length("height")) if side]
    if "0" in (element.attributes.get("width"), element.attributes.get("height")):
        return True
    if not sides:
        return False
    return min(sides) < _MIN_SHORT_SIDE or (len(sides) > 1 and max(sides) < _MIN_LONG_SIDE)
