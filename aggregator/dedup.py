"""Which entries of a document are new, which changed, and which are the ones we have.  Pure.

Identity is decided inside one feed only: by guid, else by link, else by a hash of title and
content; never by a date.  Guids are opaque: compared byte for byte.
"""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256

from aggregator import urls
from aggregator.model import CleanEntry

IDENTITY_SIZE = 16


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """What the database remembers of an entry, enough to compare it with a document's.

    Attributes:
        record_hash: 16 bytes over everything that is stored, dates left out.
        copied: We read the feed that it comes from ourselves, see `is_copy`.
    """

    feed_id: int
    id: int
    identity: bytes
    content_hash: bytes
    record_hash: bytes
    url: str | None = None
    copied: bool = False


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry that was not there; `identity` is the key it is stored under."""

    identity: bytes
    record_hash: bytes
    entry: CleanEntry


@dataclass(frozen=True, slots=True)
class ChangedEntry:
    """An entry that is there in another version; `text_changed`: not only in its trimmings."""

    id: int
    record_hash: bytes
    entry: CleanEntry
    text_changed: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What a document changes, in document order."""

    new: tuple[NewEntry, ...] = ()
    changed: tuple[ChangedEntry, ...] = ()


def identities(entries: Sequence[CleanEntry]) -> list[tuple[bytes, ...]]:
    """Return for each entry the keys it may be known under, the best one first.

    A guid that several different entries of the document carry says nothing (every item "1",
    the feed's own address), so it comes last for all of them: one of them may have been stored
    under it when it was alone.  The order does not depend on the entries' order in the document:
    the same document gives the same keys on every poll.
    """
    carriers = Counter(
        guid for guid, _ in {(entry.guid, _likeness(entry)) for entry in entries} if guid
    )
    return [_keys(entry, guid_is_good=carriers[entry.guid or ""] == 1) for entry in entries]


def compare(
    entries: Sequence[CleanEntry],
    keys: Sequence[tuple[bytes, ...]],
    known: Mapping[bytes, KnownEntry],
) -> Changes:
    """Sort a document's entries into new, changed and known ones.

    Args:
        entries: The document's, in document order.
        keys: `identities(entries)`.
        known: The feed's stored entries by identity; others may be in it.

    An entry that occurs twice in one document counts once: its first occurrence.
    """
    new: list[NewEntry] = []
    changed: list[ChangedEntry] = []
    seen: set[bytes] = set()
    for entry, candidates in zip(entries, keys, strict=True):
        match = _match(entry, candidates, known)
        identity = match.identity if match else candidates[0]
        if identity in seen:
            continue
        seen.add(identity)
        record = _record_hash(entry)
        if match is None:
            new.append(NewEntry(identity, record, entry))
        elif match.record_hash != record:
            text_changed = match.content_hash != entry.content_hash
            changed.append(ChangedEntry(match.id, record, entry, text_changed))
    return Changes(tuple(new), tuple(changed))


def is_copy(new: NewEntry, *, read: Container[str], held: bool) -> bool:
    """Whether an entry is one that we have, or get, at first hand.

    An aggregate says where it has an entry from.  Without looking at that, two aggregators that
    subscribe to each other would hand the same entries to and fro for ever, as ever new ones.

    Args:
        read: URIs of the feeds that we read ourselves, and of our own merged feeds; see `names`.
        held: An entry of another feed has the same id.
    """
    origin = new.entry.origin
    if origin is None:
        return False
    own = new.entry.guid is not None and new.identity == _hash("guid", new.entry.guid)
    return (held and own) or any(name in read for name in names(origin.id, origin.feed_url))


def names(feed_id: str | None, feed_url: str | None) -> Iterator[str]:
    """Yield the URIs by which a feed may be called, in a form that can be compared."""
    if feed_id and urls.is_absolute(feed_id):
        yield urls.normal(urls.masked(feed_id))
    if feed_url and urls.is_web(feed_url):
        yield urls.normal(urls.masked(feed_url))
    elif feed_url:
        yield urls.feed_uri(None, feed_url)


def public_id(new: NewEntry, *, feed_url: str, authority: str, taken: bool) -> str:
    """Return the id that the merged feeds give an entry, for ever.

    The source's own id where it is an absolute URI, tells the entry from the others of its feed
    and is not `taken` by an entry of another one; else a `tag:` URI (RFC 4151) from feed and
    identity.  Decided once, when the entry is stored.

    Args:
        authority: `<host>,<year>` of the tag.
    """
    entry = new.entry
    own = entry.guid if entry.guid and new.identity == _hash("guid", entry.guid) else None
    if own and urls.is_absolute(own) and not taken:
        return own
    local = own or entry.url or entry.content_hash.hex()
    digest = sha256(f"{urls.masked(feed_url)}\0{local}".encode("utf-8", "surrogatepass"))
    return f"tag:{authority}:{digest.hexdigest()[:32]}"


def _match(
    entry: CleanEntry, candidates: Sequence[bytes], known: Mapping[bytes, KnownEntry]
) -> KnownEntry | None:
    """Return the stored entry that this one is: one with its link or text before any other."""
    found = [known[key] for key in candidates if key in known]
    if not found:
        return None
    alike = (one for one in found if _alike(one, entry))
    shared = _hash("guid", entry.guid) if entry.guid else None
    others = (one for one in found if one.identity != shared or candidates[0] == shared)
    return next(alike, None) or next(others, None)


def _alike(one: KnownEntry, entry: CleanEntry) -> bool:
    return one.content_hash == entry.content_hash or (one.url is not None and one.url == entry.url)


def _likeness(entry: CleanEntry) -> str:
    """What tells two entries with one guid apart: the link, or without one the text."""
    return entry.url or entry.content_hash.hex()


def _keys(entry: CleanEntry, *, guid_is_good: bool) -> tuple[bytes, ...]:
    keys = []
    if entry.guid and guid_is_good:
        keys.append(_hash("guid", entry.guid))
    if entry.url:
        keys.append(_hash("link", urls.normal(entry.url)))
    keys.append(_hash("text", entry.content_hash.hex()))
    if entry.guid and not guid_is_good:
        keys.append(_hash("guid", entry.guid))
    return tuple(keys)


def _hash(*parts: str) -> bytes:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=IDENTITY_SIZE).digest()


def _record_hash(entry: CleanEntry) -> bytes:
    """Hash what is stored of an entry, less its dates: a moved date alone is no change."""
    # What most entries lack is left out: a hash of before it was looked at stays the same.
    rare = [repr(value) for value in (entry.image, entry.origin) if value is not None]
    return _hash(
        entry.content_hash.hex(),
        repr((entry.url, entry.title_html, entry.summary, entry.authors, entry.categories)),
        repr((entry.enclosures, entry.language, entry.comments_url)),
        *rare,
    )
