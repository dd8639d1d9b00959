"""The ids of entries in merged feeds, and which entries are copies of listed entries."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from hashlib import sha256

from aggregator import urls
from aggregator.dedup.changes import NewEntry
from aggregator.model import Origin


@dataclass(frozen=True, slots=True)
class FirstHand:
    """The listed originals, which come from the feeds of their publishers.

    An aggregate names the origin of an entry.  Without regard to the origin, two aggregators with
    subscriptions to each other would exchange the same entries for ever, always as new.

    Attributes:
        own_names: Names of our own merged feeds, with listed entries only.
        feeds: Ids of the subscribed feeds by name, see `believed_names`.
        feed_urls: URLs of the subscribed feeds by feed id.
        keys: Feed id and short key of listed entries, as far as copies were polled.
    """

    own_names: frozenset[str] = frozenset()
    feeds: Mapping[str, int] = field(default_factory=dict)
    feed_urls: Mapping[int, str] = field(default_factory=dict)
    keys: set[tuple[int, int]] = field(default_factory=set)

    def origins(self, origin: Origin) -> Iterator[int]:
        """Yield the ids of the subscribed feeds named by a copy as origin."""
        for name in feed_names(origin.id, origin.feed_url):
            if name in self.feeds:
                yield self.feeds[name]

    def has(self, new_entry: NewEntry, *, feed_id: int, holders: Set[int]) -> bool:
        """Whether an entry of a feed is a copy of a listed original.

        The entry has to name an origin, and the original has to be listed: in the named feed or,
        under the same guid, in a feed of the site named by the guid.

        Args:
            holders: Ids of the feeds with an original entry of the same identity.
        """
        origin = new_entry.entry.origin
        if origin is None:
            return False
        if not self.own_names.isdisjoint(feed_names(origin.id, origin.feed_url)):
            return True
        origins = {origin_id for origin_id in self.origins(origin) if origin_id != feed_id}
        if origins & holders or any(
            (origin_id, key) in self.keys for origin_id in origins for key in new_entry.keys
        ):
            return True
        guid = (new_entry.by_guid and new_entry.entry.guid) or ""
        return any(
            holder != feed_id
            and holder in self.feed_urls
            and is_of_site(guid, self.feed_urls[holder])
            for holder in holders
        )


def believed_names(feed_id: str | None, feed_url: str) -> Iterator[str]:
    """Yield the URIs by which copies may name a feed: the feed's id only if on the feed's site."""
    yield from feed_names(feed_id if feed_id and is_of_site(feed_id, feed_url) else None, feed_url)


def is_of_site(uri: str, feed_url: str) -> bool:
    """Whether a URI names a host of the site of a feed's address.

    Any feed may claim any id.  A feed in a local file belongs to the owner of config.yaml, and is
    believed.

    Sources: RFC 4151 (`tag:` URIs, with a host or a mail address as authority).
    """
    if not urls.is_web(feed_url):
        return True
    if uri[:4].lower() == "tag:":
        uri = f"http://{uri[4:].partition(',')[0].rpartition('@')[2]}/"
    return urls.is_web(uri) and urls.site_of(uri) == urls.site_of(feed_url)


def feed_names(feed_id: str | None, feed_url: str | None) -> Iterator[str]:
    """Yield the URIs of a feed, id and address, in a form for comparison."""
    if feed_id and urls.is_absolute(feed_id):
        yield urls.normalized(urls.masked(feed_id))
    if feed_url and urls.is_web(feed_url):
        yield urls.normalized(urls.masked(feed_url))
    elif feed_url:
        yield urls.feed_uri(None, feed_url)


def public_id(new_entry: NewEntry, *, feed_url: str, authority: str, is_taken: bool) -> str:
    """Return the permanent id of an entry in the merged feeds.

    The id is the guid if the guid is an absolute URI, identifies the entry within the feed and is
    not taken; else a `tag:` URI (RFC 4151) made from feed and identity.  The id is decided once,
    when the entry is stored.

    Args:
        authority: `<host>,<year>` of the tag.
        is_taken: An entry of another feed has the guid as public id.
    """
    entry = new_entry.entry
    if new_entry.by_guid and entry.guid and urls.is_absolute(entry.guid) and not is_taken:
        return entry.guid
    feed_name = urls.masked(feed_url).encode("utf-8", "surrogatepass")
    digest = sha256(feed_name + b"\0" + new_entry.identity)
    return f"tag:{authority}:{digest.hexdigest()[:32]}"
