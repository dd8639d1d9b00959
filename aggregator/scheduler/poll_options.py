"""The part of config.yaml for polling.  Pure."""

import re

from aggregator import __version__, urls
from aggregator.config import Config, site_of_host
from aggregator.fetch import FetchSettings
from aggregator.merged import Publication, merged_lists
from aggregator.model import PictureMode
from aggregator.poll import PollSettings
from aggregator.poll.host_limits import Budget
from aggregator.poll.picture_fetcher import PictureSettings

_COMMENT_SIGN = re.compile(r"[()\\]")  # needs a backslash in a comment (RFC 9110, 5.6.5)


def poll_settings(config: Config) -> PollSettings:
    """Return the part of the configuration for polling."""
    fetch = _fetch_settings(config)
    return PollSettings(
        fetch=fetch,
        authority=urls.host_of(config.base_url),
        published=Publication.of(config).names(merged_lists(config)),
        concurrency=config.poll.concurrency,
        host_delay=config.poll.host_delay,
        budgets={
            site_of_host(name): Budget(
                config.poll.host_delay if host.delay is None else host.delay, host.concurrency
            )
            for name, host in config.hosts.items()
        },
        workers=config.poll.workers,
        keep=config.retention.keep,
        min_entries=config.retention.min_entries,
        max_entries=config.retention.max_entries,
        order=config.order,
        announced=config.websub.hub is not None,
        notified=bool(config.notify),
        pictures=_picture_settings(config, fetch),
        requests=config.requests,
    )


def _fetch_settings(config: Config) -> FetchSettings:
    # A list of somebody else leads to no unusual port of a public server.
    addresses = [feed.url for feed in config.feeds if feed.opml_list is None]
    addresses += [opml_list.address for opml_list in config.opml_lists]
    ports = {urls.port_of(address) for address in addresses}
    return FetchSettings(
        user_agent=_user_agent(config),
        timeout=config.poll.timeout,
        max_size=config.poll.max_size,
        allow=config.network.allow,
        files=config.folder,
        extra_ports=frozenset(port for port in ports if port),
        proxy=config.network.proxy,
        proxy_allow=config.network.allow,
    )


def _picture_settings(config: Config, fetch: FetchSettings) -> PictureSettings | None:
    modes = [feed.pictures for feed in config.feeds]
    modes += [opml_list.options.pictures or config.page.pictures for opml_list in config.opml_lists]
    if all(mode is PictureMode.OFF for mode in modes):
        return None
    return PictureSettings(fetch, config.picture_folder, config.page.pictures_size)


def _user_agent(config: Config) -> str:
    """Return the program's name, and in a comment where publishers learn of the program.

    The page about the robot is left out where publishers could not reach the page.
    """
    program, places = f"aggregator/{__version__}", []
    if not urls.is_private(config.base_url):
        places.append(f"+{config.base_url}/about/robot")
    if config.page.contact:
        places.append(_COMMENT_SIGN.sub(r"\\\g<0>", config.page.contact.removeprefix("mailto:")))
    return f"{program} ({'; '.join([*places, '1 subscriber'])})" if places else program
