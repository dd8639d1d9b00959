"""`remove`, `rename`: single feeds of the configuration file."""

import click

from aggregator import config as configuration
from aggregator import urls
from aggregator.cli.common import config_with_present_names, readable_database
from aggregator.cli.config_option import config_path, load_config, takes_config
from aggregator.cli.feed_arguments import list_address, subscribed_feed
from aggregator.cli.logs import escaped
from aggregator.config import Config
from aggregator.config.value_parsers import name as read_name
from aggregator.errors import UsageError
from aggregator.model import Subscription
from aggregator.scheduler import config_sync


@click.command()
@takes_config
@click.argument("feed")
def remove(feed: str) -> None:
    """Remove a feed from the configuration file.

    FEED is the name of a feed, its address, its title, or the beginning of a name or title that no
    other feed has; or the address of an OPML list.  The posts leave the lists, and are deleted when
    they are older than `retention.keep`; until then, a feed that is added again gets them back.
    """
    if address := list_address(load_config(), feed):
        place = configuration.remove_opml_list(config_path(), address)
        line = f"{place.path}:{place.line}: removed the OPML list {urls.masked(address)}"
        click.echo(escaped(line))
        return
    subscription, _ = _meant_feed(feed)
    removed = configuration.remove_feed(config_path(), subscription.known_url)
    address = urls.masked(subscription.url)
    click.echo(escaped(f"{removed.path}:{removed.line}: removed {subscription.name} ({address})"))


@click.command()
@takes_config
@click.argument("feed")
@click.argument("new_name", metavar="NEW")
def rename(feed: str, new_name: str) -> None:
    """Give a feed the name NEW in the configuration file.

    FEED is as for `remove`.  The feed keeps its posts, and the addresses with its former name lead
    to those with the new one.
    """
    subscription, config = _meant_feed(feed)
    name = _unused_name(config, subscription, new_name)
    renamed = configuration.rename_feed(config_path(), subscription.known_url, name)
    click.echo(f"{renamed.path}:{renamed.line}: {subscription.name} is now {name}")


def _meant_feed(argument: str) -> tuple[Subscription, Config]:
    """Return the feed of config.yaml that an argument means, and the configuration.

    Feeds have their names in the database, if the database can be read.

    Raises:
        UsageError: The argument means no feed, several feeds, or a feed of an OPML list.
    """
    config = load_config()
    with readable_database(config) as connection:
        if connection is not None:
            config = config_sync.with_stored_lists(connection, config)
            config = config_with_present_names(connection, config)
        subscription = subscribed_feed(config, argument, connection)
    if subscription.opml_list is not None:
        name, address = subscription.name, urls.masked(subscription.opml_list)
        raise UsageError(
            f"{name} comes from the list {address}; to give the feed other settings, such as "
            f"`paused: true`, write its address into {config.path}"
        )
    return subscription, config


def _unused_name(config: Config, feed: Subscription, text: str) -> str:
    """Read a new name of a feed.

    Raises:
        UsageError: The text is not a name, or another feed has the name.
    """
    try:
        name = read_name(text)
    except ValueError as error:
        raise UsageError(f"NEW: {error}") from error
    holder = next((known_feed for known_feed in config.feeds if known_feed.name == name), None)
    if holder is feed and feed.name_given:
        raise UsageError(f"{name} is its name already")
    if holder not in (None, feed):
        raise UsageError(f"{name} is the name of another feed; write another name")
    return name
