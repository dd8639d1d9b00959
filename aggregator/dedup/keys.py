"""What an entry may be known by."""

import re
from hashlib import blake2b
from typing import NamedTuple, Protocol

from aggregator import urls
from aggregator.model import CleanEntry

IDENTITY_SIZE = 16
_NUMBER_SIZE = 8
_HOST = re.compile(r"[^/?#]*/?")


class Named(Protocol):
    """An entry, read or stored, as far as it says what it may be known by."""

    @property
    def guid(self) -> str | None: ...
    @property
    def url(self) -> str | None: ...
    @property
    def title(self) -> str: ...
    @property
    def content_hash(self) -> bytes: ...


class Keys(NamedTuple):
    """What an entry may be known by, the most telling first; `IDENTITY_SIZE` bytes each.

    Attributes:
        guid: The id as published, byte for byte; None if it has none.
        path: That id without scheme, host and `www.`, where it is a URL; without a guid the link.
        link: The canonical link.
        text: Title and text.
        title: The title alone, in lower case; None if it has none.
    """

    guid: bytes | None
    path: bytes | None
    link: bytes | None
    text: bytes
    title: bytes | None

    def numbers(self) -> list[int]:
        """Return all keys but the guid, which entries are stored under, in their short form."""
        return [number(key) for key in self[1:] if key is not None]


def keys_of(entry: Named) -> Keys:
    """Return the keys of an entry; they do not depend on the entries beside it."""
    guid, url = entry.guid, entry.url
    link = urls.canonical(url) if url else ""
    named = guid or url
    place = _HOST.sub("", link if named == url else _canonical(guid), count=1)
    if guid and "#" in guid:  # entries of one page: all that differs is what follows
        place += guid[guid.index("#") :]
    return Keys(
        guid=key_of_guid(guid) if guid else None,
        path=digest("path", place) if place else None,
        link=digest("link", link) if link else None,
        text=entry.content_hash,
        title=digest("title", entry.title.casefold()) if entry.title else None,
    )


def key_of_guid(guid: str) -> bytes:
    """Return the key of a guid: opaque, so compared byte for byte."""
    return digest("guid", guid)


def key_of_all(entry: CleanEntry) -> bytes:
    """Return the key of an entry that neither guid nor link nor text tells from another one."""
    return digest("all", entry.guid or "", entry.url or "", entry.content_hash.hex())


def number(key: bytes) -> int:
    """Return a key in the short form by which the database finds the entries of one feed."""
    return int.from_bytes(key[:_NUMBER_SIZE], "big", signed=True)


def _canonical(guid: str | None) -> str:
    return urls.canonical(guid) if guid and urls.is_web(guid) else ""


def digest(*parts: str) -> bytes:
    """Return `IDENTITY_SIZE` bytes over some texts."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=IDENTITY_SIZE).digest()
