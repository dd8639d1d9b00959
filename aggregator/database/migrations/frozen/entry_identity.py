"""The keys that revision 0006 gives to stored entries.  Frozen: this must never be changed."""

import re
from hashlib import blake2b

from aggregator.database.migrations.frozen.canonical_links import canonical, is_web

_KEY_SIZE = 16
_NUMBER_SIZE = 8
_HOST = re.compile(r"[^/?#]*/?")


def key_numbers(guid: str | None, url: str | None, title: str, content_hash: bytes) -> set[int]:
    """Return the keys of an entry beside its guid: signed 64-bit numbers.

    Of the address without its host, the link, the text and the title, so far as it has them.
    """
    link = canonical(url) if url else ""
    name = guid or url
    place = _HOST.sub("", link if name == url else _canonical_guid(guid), count=1)
    if guid and "#" in guid:  # entries of one page: all that differs is what follows
        place += guid[guid.index("#") :]
    keys = [content_hash]
    if place:
        keys.append(_digest("path", place))
    if link:
        keys.append(_digest("link", link))
    if title:
        keys.append(_digest("title", title.casefold()))
    return {int.from_bytes(key[:_NUMBER_SIZE], "big", signed=True) for key in keys}


def _canonical_guid(guid: str | None) -> str:
    return canonical(guid) if guid and is_web(guid) else ""


def _digest(*parts: str) -> bytes:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=_KEY_SIZE).digest()
