"""The feeds of OPML lists -> subscriptions, behind the feeds of config.yaml.  Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from aggregator import urls
from aggregator.config import value_parsers
from aggregator.config.feed_options import FeedOptions
from aggregator.config.feed_requests import listed_requests
from aggregator.config.option_readers import MAX_CATEGORIES
from aggregator.config.options import Config, FeedPlace, OpmlList
from aggregator.config.subscriptions import CommonSettings, same_feed_key, subscriptions
from aggregator.model import OpmlOutline, Subscription


def with_opml_lists(config: Config, outlines: Mapping[str, Sequence[OpmlOutline]]) -> Config:
    """Return a configuration with the feeds of its OPML lists, in place of earlier feeds of lists.

    A feed of config.yaml has precedence over the same feed of a list, and an earlier list over a
    later list.

    Args:
        outlines: By the list's known address; nothing of an unread list.
    """
    written_feeds = [feed for feed in config.feeds if feed.opml_list is None]
    items = _items(config, written_feeds, outlines)
    own_urls = {feed.url for feed in written_feeds}
    own_urls |= {opml_list.address for opml_list in config.opml_lists}
    requests = {url: request for url, request in config.requests.items() if url in own_urls}
    listed_urls = {item.url for item in items.values()} - own_urls
    requests |= listed_requests(listed_urls, config.hosts, config.network)
    common = CommonSettings.of(config, interval_given=config.interval_given, requests=requests)
    listed_feeds = subscriptions(items, {}, common, {feed.name for feed in written_feeds})
    places = {feed.name: config.places[feed.name] for feed in written_feeds}
    places |= {feed.name: place for feed, place in zip(listed_feeds, items, strict=True)}
    addresses = {opml_list.place: opml_list.known_address for opml_list in config.opml_lists}
    feeds = (
        replace(feed, opml_list=addresses[replace(places[feed.name], outline=None)])
        for feed in listed_feeds
    )
    return replace(config, feeds=(*written_feeds, *feeds), places=places, requests=requests)


def _items(
    config: Config,
    written_feeds: Iterable[Subscription],
    outlines: Mapping[str, Sequence[OpmlOutline]],
) -> dict[FeedPlace, FeedOptions]:
    """Return the feeds of lists by place, each feed once."""
    keys = {same_feed_key(feed.url) for feed in written_feeds}
    items = {}
    for opml_list in config.opml_lists:
        for number, outline in enumerate(outlines.get(opml_list.known_address, ())):
            key = same_feed_key(outline.url)
            if key not in keys and is_allowed(outline, opml_list, config):
                keys.add(key)
                items[replace(opml_list.place, outline=number)] = _options(outline, opml_list)
    return items


def is_allowed(outline: OpmlOutline, opml_list: OpmlList, config: Config) -> bool:
    """Whether a list may name a feed.

    A list from another site must not lead requests to private addresses: `network.allow` is for
    feeds of config.yaml, and for the lists of private servers and files.  A private feed
    needs a title, as a name made from the address would show the address.
    """
    if opml_list.options.private and not _title(outline):
        return False
    if not urls.is_web(opml_list.address) or urls.is_private(opml_list.address):
        return True
    host = urls.name_in_dns(urls.host_of(outline.url))
    allowed_hosts = (urls.host_and_port(entry)[0] for entry in config.network.allow)
    return not urls.is_private(outline.url) and host not in map(urls.name_in_dns, allowed_hosts)


def _options(outline: OpmlOutline, opml_list: OpmlList) -> FeedOptions:
    """Return the settings of a feed: categories of the outline if the list has none."""
    names = (value_parsers.tidy_title(name) for name in outline.categories)
    categories = {urls.category_key(name): name for name in names if name}
    feed = FeedOptions(url=outline.url, title=_title(outline)).with_defaults(opml_list.options)
    if feed.category:
        return feed
    return replace(feed, category=tuple(categories.values())[:MAX_CATEGORIES])


def _title(outline: OpmlOutline) -> str | None:
    return value_parsers.tidy_title(outline.title or "") or None
