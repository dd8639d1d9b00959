"""Requests of feeds, by the keys of the feed and of the host in config.yaml.  Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from aggregator import urls
from aggregator.config.feed_options import FeedOptions, OpmlListOptions
from aggregator.config.network_options import HostOptions, NetworkOptions, RequestOptions
from aggregator.model import NO_PROXY, PLAIN_REQUEST, FeedRequest

_NO_OPTIONS = RequestOptions()
_MIN_SECRET = 12  # characters


def feed_requests(
    feeds: Iterable[FeedOptions], hosts: Mapping[str, HostOptions], network: NetworkOptions
) -> dict[str, FeedRequest]:
    """Return the requests of feeds by URL, without requests like every other."""
    has_hosts = any(host.request != _NO_OPTIONS for host in hosts.values())
    of_network = FeedRequest(proxy=network.proxy)
    requests: dict[str, FeedRequest] = {}
    for feed in feeds:
        is_special = has_hosts or feed.request != _NO_OPTIONS
        if is_special or of_network != PLAIN_REQUEST:
            request = of_network
            if is_special:
                request = request_at(feed.url, hosts, network, feed.request)
            if request != PLAIN_REQUEST and urls.is_web(feed.url):
                requests[feed.url] = request
    return requests


def list_requests(
    lists: Iterable[OpmlListOptions], hosts: Mapping[str, HostOptions], network: NetworkOptions
) -> dict[str, FeedRequest]:
    """Return the requests of OPML lists by address, without requests like every other."""
    requests = {
        item.opml: request_at(item.opml, hosts, network, item.request)
        for item in lists
        if urls.is_web(item.opml)
    }
    return {url: request for url, request in requests.items() if request != PLAIN_REQUEST}


def listed_requests(
    addresses: Iterable[str], hosts: Mapping[str, HostOptions], network: NetworkOptions
) -> dict[str, FeedRequest]:
    """Return the requests of feeds of OPML lists by URL, without requests like every other.

    Headers of a host are not sent: the author of a list must not choose where secret headers go,
    such as to a server without encryption.
    """
    has_hosts = any(host.request != _NO_OPTIONS for host in hosts.values())
    of_network = FeedRequest(proxy=network.proxy)
    requests = {
        url: replace(request_at(url, hosts, network), headers=()) if has_hosts else of_network
        for url in addresses
        if urls.is_web(url)
    }
    return {url: request for url, request in requests.items() if request != PLAIN_REQUEST}


def request_at(
    url: str,
    hosts: Mapping[str, HostOptions],
    network: NetworkOptions,
    options: RequestOptions = _NO_OPTIONS,
) -> FeedRequest:
    """Return the request of a feed at `url`.

    Keys of the feed go before keys of the host, and a longer host name before a shorter name.
    Headers of all are sent; of headers with the same name, the nearest.

    Args:
        options: Of the feed.
    """
    levels = [options, *(hosts[name].request for name in _names_of_host(urls.host_of(url), hosts))]
    fields: dict[str, tuple[str, str]] = {}
    for level in reversed(levels):
        fields |= {name.lower(): (name, value) for name, value in level.headers}
    user_agents = (level.user_agent for level in levels)
    proxies = (*(level.proxy for level in levels), network.proxy)
    proxy = next(filter(None, proxies), None)
    return FeedRequest(
        tuple(fields.values()),
        next(filter(None, user_agents), None),
        None if proxy == NO_PROXY else proxy,
    )


def _names_of_host(host: str, hosts: Mapping[str, HostOptions]) -> list[str]:
    """Return the keys of `hosts` for a host: the name, and domains above, longest first."""
    names = [name for name in hosts if host == name or host.endswith(f".{name}")]
    return sorted(names, key=len, reverse=True)


def is_secret_header(name: str) -> bool:
    """Whether a header of the name holds a secret."""
    return name.lower() == "cookie" or urls.is_secret_name(name)


def secrets_of(requests: Iterable[FeedRequest]) -> tuple[str, ...]:
    """Return passwords of proxies, and long texts in headers with the name of a secret, each once.

    A short text may be an ordinary word, as in a cookie with a language.
    """
    unequal = dict.fromkeys(requests)
    return tuple(dict.fromkeys(text for request in unequal for text in _secrets(request)))


def _secrets(request: FeedRequest) -> Iterator[str]:
    if request.proxy and request.proxy.password:
        yield request.proxy.password
    for name, value in request.headers:
        texts = [value, value.rpartition(" ")[2]]  # behind the scheme: `Bearer`, `Basic`
        if name.lower() == "cookie":
            texts = [pair.partition("=")[2].strip() for pair in value.split(";")]
        if is_secret_header(name):
            yield from (text for text in texts if len(text) >= _MIN_SECRET)
