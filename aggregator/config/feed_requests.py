"""Requests of feeds, by the keys of the feed and of the host in config.yaml.  Pure."""

from collections.abc import Iterable, Iterator, Mapping

from aggregator import urls
from aggregator.config.feed_options import FeedOptions, OpmlListOptions
from aggregator.config.network_options import HostOptions, RequestOptions
from aggregator.model import PLAIN_REQUEST, FeedRequest

_NO_OPTIONS = RequestOptions()


def feed_requests(
    feeds: Iterable[FeedOptions], hosts: Mapping[str, HostOptions]
) -> dict[str, FeedRequest]:
    """Return the requests of feeds by URL, without requests like every other."""
    has_hosts = any(host.request != _NO_OPTIONS for host in hosts.values())
    requests = {
        feed.url: request_at(feed.url, hosts, feed.request)
        for feed in feeds
        if (has_hosts or feed.request != _NO_OPTIONS) and urls.is_web(feed.url)
    }
    return {url: request for url, request in requests.items() if request != PLAIN_REQUEST}


def list_requests(
    lists: Iterable[OpmlListOptions], hosts: Mapping[str, HostOptions]
) -> dict[str, FeedRequest]:
    """Return the requests of OPML lists by address, without requests like every other."""
    web_lists = (item for item in lists if urls.is_web(item.opml))
    requests = {item.opml: request_at(item.opml, hosts, item.request) for item in web_lists}
    return {url: request for url, request in requests.items() if request != PLAIN_REQUEST}


def listed_requests(
    addresses: Iterable[str], hosts: Mapping[str, HostOptions]
) -> dict[str, FeedRequest]:
    """Return the requests of feeds of OPML lists by URL, without requests like every other.

    Only the user agent of a host is sent: the author of a list must not choose where secret headers
    go, such as to a server without encryption.
    """
    user_agents = {
        url: request_at(url, hosts).user_agent
        for url in addresses
        if any(host.request != _NO_OPTIONS for host in hosts.values())
    }
    return {url: FeedRequest((), agent) for url, agent in user_agents.items() if agent}


def request_at(
    url: str, hosts: Mapping[str, HostOptions], options: RequestOptions = _NO_OPTIONS
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
    return FeedRequest(tuple(fields.values()), next(filter(None, user_agents), None))


def _names_of_host(host: str, hosts: Mapping[str, HostOptions]) -> list[str]:
    """Return the keys of `hosts` for a host: the name, and domains above, longest first."""
    names = [name for name in hosts if host == name or host.endswith(f".{name}")]
    return sorted(names, key=len, reverse=True)


def secrets_of(requests: Iterable[FeedRequest]) -> tuple[str, ...]:
    """Return the texts in headers with the name of a secret, each once."""
    return tuple(dict.fromkeys(text for request in requests for text in _secrets(request)))


def _secrets(request: FeedRequest) -> Iterator[str]:
    for name, value in request.headers:
        if name.lower() == "cookie":
            yield from (pair.partition("=")[2].strip() for pair in value.split(";"))
        elif urls.is_secret_name(name):
            yield value
            yield value.rpartition(" ")[2]  # behind the scheme: `Bearer`, `Basic`
