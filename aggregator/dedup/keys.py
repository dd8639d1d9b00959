"""The keys by which an entry may be identified."""

import re
from hashlib import blake2b
from typing import NamedTuple, Protocol

from aggregator import links, urls
from aggregator.model import CleanEntry

IDENTITY_SIZE = 16
_SHORT_SIZE = 8
_HOST = re.compile(r"[^/?#]*/?")


class Identifiable(Protocol):
    """An entry, read or stored, with the values for keys."""

    @property
    def guid(self) -> str | None: ...
    @property
    def url(self) -> str | None: ...
    @property
    def title(self) -> str: ...
    @property
    def content_hash(self) -> bytes: ...


class Keys(NamedTuple):
    """The keys of an entry, the most distinctive first; `IDENTITY_SIZE` bytes each.

    Attributes:
        guid: Of the id as published, byte for byte; None without an id.
        path: Of the id without scheme, host and `www.`, where the id is a URL; of an entry without
            an id the same of the link.
        link: Of the canonical link.
        text: Of title and text.
        title: Of the title alone, in lower case; None without a title.
    """

    guid: bytes | None
    path: bytes | None
    link: bytes | None
    text: bytes
    title: bytes | None

    def short_keys(self) -> list[int]:
        """Return the short forms of all keys except the guid, the identity of most entries."""
        return [short_key(key) for key in self[1:] if key is not None]


def keys_of(entry: Identifiable) -> Keys:
    """Return the keys of an entry, which do not depend on other entries of the document."""
    guid, url = entry.guid, entry.url
    link = links.canonical(url) if url else ""
    address = guid or url
    path = _HOST.sub("", link if address == url else _canonical(guid), count=1)
    if guid and "#" in guid:  # entries of one page differ in the fragment alone
        path += guid[guid.index("#") :]
    return Keys(
        guid=key_of_guid(guid) if guid else None,
        path=digest("path", path) if path else None,
        link=digest("link", link) if link else None,
        text=entry.content_hash,
        title=digest("title", entry.title.casefold()) if entry.title else None,
    )


def key_of_guid(guid: str) -> bytes:
    """Return the key of a guid, which is opaque: guids are compared byte for byte."""
    return digest("guid", guid)


def key_of_link(url: str) -> bytes:
    """Return the key of a link, which is equal for all addresses of one page."""
    return digest("link", links.canonical(url))


def combined_key(entry: CleanEntry) -> bytes:
    """Return the key of an entry with guid, link and text each shared with other entries."""
    return digest("all", entry.guid or "", entry.url or "", entry.content_hash.hex())


def short_key(key: bytes) -> int:
    """Return the short form of a key, by which the database finds the entries of a feed."""
    return int.from_bytes(key[:_SHORT_SIZE], "big", signed=True)


def _canonical(guid: str | None) -> str:
    return links.canonical(guid) if guid and urls.is_web(guid) else ""


def digest(*parts: str) -> bytes:
    """Return a hash of several texts, `IDENTITY_SIZE` bytes long."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=IDENTITY_SIZE).digest()
