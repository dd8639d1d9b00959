"""Items of `feeds` -> subscriptions: each gets a name, no name and no feed stands twice.  Pure."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import PurePosixPath

from aggregator import urls
from aggregator.config.options import ConfigFault, FeedOptions
from aggregator.config.value_parsers import MAX_NAME
from aggregator.model import Subscription

_SUFFIX = 6  # hexadecimal digits


def same_feed_key(url: str) -> str:
    """Return a text that is equal for two spellings of one feed's address."""
    return urls.normalized(url) if urls.is_web(url) else str(PurePosixPath(url))


def subscriptions(
    feeds: Mapping[int, FeedOptions], *, interval: timedelta, interval_given: bool
) -> tuple[Subscription, ...]:
    """Name the feeds: names in the file first, then in order, so that every name is unique.

    Args:
        feeds: By their index in the file.
        interval: Of the feeds that give none.
        interval_given: It stands in the file.
    """
    taken = {feed.name for feed in feeds.values() if feed.name}
    named = []
    for feed in feeds.values():
        name = feed.name or _made_name(feed, taken)
        taken.add(name)
        named.append(
            Subscription(
                name=name,
                url=feed.url,
                # The feed's own may be its address, or have it in it.
                title=feed.title or (feed.name if feed.private else None),
                category=feed.category,
                interval=feed.interval or interval,
                name_given=feed.name is not None,
                interval_given=interval_given or feed.interval is not None,
                distrust_304=feed.distrust_304 or False,
                timezone=feed.timezone,
                private=feed.private or False,
                stories=feed.stories is not False,
            )
        )
    return tuple(named)


def duplicates(
    feeds: Mapping[int, FeedOptions], line_of: Callable[[int], int]
) -> Iterable[ConfigFault]:
    """Find feeds and given names that stand twice.

    Args:
        feeds: By their index in the file.
        line_of: Where each begins, by the same index.
    """
    by_address: dict[str, int] = {}
    by_name: dict[str, int] = {}
    for index, feed in feeds.items():
        first = by_address.setdefault(same_feed_key(feed.url), index)
        if first != index:
            where = f"feeds[{first}] in line {line_of(first)}"
            yield ConfigFault(("feeds", index, "url"), f"the same feed as {where}; remove one")
        if feed.name and (first := by_name.setdefault(feed.name, index)) != index:
            where = f"feeds[{first}] in line {line_of(first)}"
            message = f'"{feed.name}" is the name of {where}; write another'
            yield ConfigFault(("feeds", index, "name"), message)


def unnamed_private(feeds: Mapping[int, FeedOptions]) -> Iterable[ConfigFault]:
    """Find feeds whose name would be made from the address that is not to be shown."""
    for index, feed in feeds.items():
        if feed.private and not (feed.title or feed.name):
            message = "needs a title or name; one made from the address would show it"
            yield ConfigFault(("feeds", index, "private"), message)


def _made_name(feed: FeedOptions, taken: set[str]) -> str:
    host = urls.host_of(feed.url).removeprefix("www.")
    file = "" if urls.is_web(feed.url) else PurePosixPath(feed.url).stem
    base = urls.slug(feed.title or "") or urls.slug(host or file) or "feed"
    name = base[:MAX_NAME].strip("-")
    digits = _SUFFIX
    while name in taken:  # more digits only where a name in the file looks like one of ours
        suffix = hashlib.blake2b(feed.url.encode(), digest_size=digits // 2).hexdigest()
        name = f"{base[: MAX_NAME - digits - 1].strip('-')}-{suffix}"
        digits += 2
    return name
