"""The ids that merged feeds give entries."""

from hashlib import sha256

from aggregator import urls
from aggregator.dedup.matching import NewEntry


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
