"""The ids that merged feeds give entries, and which entries are copies of listed ones."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from hashlib import sha256

from aggregator import urls
from aggregator.dedup.changes import NewEntry
from aggregator.model import Origin


@dataclass(frozen=True, slots=True)
class FirstHand:
    """What the list has from the feeds that entries were published in.

    An aggregate says where it has an entry from.  Without looking at that, two aggregators that
    subscribe to each other would hand the same entries to and fro for ever, as ever new ones.

    Attributes:
        ours: Names of our own merged feeds: what is in them is in the list.
        feeds: Subscribed feeds by the names that are believed of them, see `believed_names`.
        addresses: Of the subscribed feeds.
        keys: Feed and number of the keys of listed entries, as far as they were asked for.
    """

    ours: frozenset[str] = frozenset()
    feeds: Mapping[str, int] = field(default_factory=dict)
    addresses: Mapping[int, str] = field(default_factory=dict)
    keys: set[tuple[int, int]] = field(default_factory=set)

    def origins(self, origin: Origin) -> Iterator[int]:
        """Yield the subscribed feeds that an entry was copied from, by the words of the copy."""
        for name in names(origin.id, origin.feed_url):
            if name in self.feeds:
                yield self.feeds[name]

    def has(self, new: NewEntry, *, feed: int, holders: Set[int]) -> bool:
        """Whether an entry of `feed` is a copy of one that the list has at first hand.

        It says so itself, and the other entry is there: in the feed that it names, or, under the
        same guid, in a feed on whose site that guid is.

        Args:
            holders: Feeds that have an entry with the same identity, none of them as a copy.
        """
        origin = new.entry.origin
        if origin is None:
            return False
        if not self.ours.isdisjoint(names(origin.id, origin.feed_url)):
            return True
        origins = {one for one in self.origins(origin) if one != feed}
        if origins & holders or any((one, key) in self.keys for one in origins for key in new.keys):
            return True
        guid = (new.by_guid and new.entry.guid) or ""
        return any(
            one != feed and one in self.addresses and is_of_site(guid, self.addresses[one])
            for one in holders
        )


def believed_names(feed_id: str | None, feed_url: str) -> Iterator[str]:
    """Yield the URIs by which copies may call a feed: its own id only if that is of its site."""
    yield from names(feed_id if feed_id and is_of_site(feed_id, feed_url) else None, feed_url)


def is_of_site(uri: str, feed_url: str) -> bool:
    """Whether a URI names a host of the site that a feed is polled from.

    Anybody may claim any id.  A feed in a file beside config.yaml is the owner's own.

    Sources: RFC 4151 (`tag:` URIs, whose authority is a host or an address at one).
    """
    if not urls.is_web(feed_url):
        return True
    if uri[:4].lower() == "tag:":
        uri = f"http://{uri[4:].partition(',')[0].rpartition('@')[2]}/"
    return urls.is_web(uri) and urls.site_of(uri) == urls.site_of(feed_url)


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
