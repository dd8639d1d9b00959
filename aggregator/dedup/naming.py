"""The ids that merged feeds give entries."""

from collections.abc import Container, Iterator
from hashlib import sha256

from aggregator import urls
from aggregator.dedup.values import NewEntry


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
    return (held and new.by_guid) or any(name in read for name in names(origin.id, origin.feed_url))


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
    if new.by_guid and entry.guid and urls.is_absolute(entry.guid) and not taken:
        return entry.guid
    digest = sha256(urls.masked(feed_url).encode("utf-8", "surrogatepass") + b"\0" + new.identity)
    return f"tag:{authority}:{digest.hexdigest()[:32]}"
