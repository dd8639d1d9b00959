"""Embedded frames as links: frames are removed, and the addresses become links."""

from collections.abc import Mapping
from html import escape

from aggregator import urls
from aggregator.reading.sanitize.pictures import is_hidden, is_placeholder, loaded_attributes

FRAMES = frozenset("amp-iframe embed fencedframe iframe ilayer layer object portal x-frame".split())
MOVIE_PARAMETERS = frozenset({"movie", "src", "url", "filename", "data"})
"""Names of a `param` with the address of an `object`'s content."""

_MAX_TITLE = 200


def frame_link(tag: str, attributes: Mapping[str, str], *, base: str) -> str | None:
    """Return a link to the content of a frame, None for a hidden frame or without an address.

    Args:
        attributes: Of an element of `FRAMES`, or of an `object` by its `param` (as `src`).
        base: Base of the frame's address.
    """
    if is_hidden(attributes):
        return None
    address = attributes.get("data" if tag == "object" else "src")
    if is_placeholder(address):
        address = loaded_attributes(tag, dict(attributes) | {"src": ""}).get("src")
    url = urls.absolute(address, base) if address else None
    if url is None or not urls.is_web(url):
        return None
    label = attributes.get("title") or attributes.get("aria-label") or ""
    title = " ".join(label.split())[:_MAX_TITLE] or urls.host_of(url).removeprefix("www.")
    return f'<a href="{escape(url)}">{escape(title)}</a>'
