"""URIs that identify feeds and entries.  Pure.

Sources: RFC 3986 (generic syntax), RFC 4151 (`tag:`), RFC 8141 (`urn:`), RFC 9562 (UUIDs).
"""

import uuid

from aggregator.urls.masking import masked
from aggregator.urls.syntax import is_absolute, is_web

_NAME_SCHEMES = frozenset({"urn", "tag"})


def is_name(uri: str) -> bool:
    """Whether `uri` is a name that no program can request (`urn:`, `tag:`)."""
    return is_absolute(uri) and uri.partition(":")[0].lower() in _NAME_SCHEMES


def feed_uri(feed_id: str | None, feed_url: str) -> str:
    """Return the public URI of a feed: the feed's own id, else a URI as stable as the address.

    A feed that is read from a local file gets a name-based UUID (RFC 9562, 5.5): its path is not
    a URI, and not for the public.
    """
    if feed_id and is_absolute(feed_id):
        return masked(feed_id)  # some ids are the very address that holds the password
    if is_web(feed_url):
        return masked(feed_url)
    path = feed_url.encode(errors="backslashreplace").decode()  # file names are bytes
    return uuid.uuid5(uuid.NAMESPACE_URL, path).urn
