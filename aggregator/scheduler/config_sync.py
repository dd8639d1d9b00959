"""The database follows config.yaml and its OPML lists."""

import contextlib
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from aggregator.config import Config, with_opml_lists
from aggregator.database import Connection, database_time
from aggregator.database.feeds import write_subscriptions
from aggregator.database.feeds.write_subscriptions import SyncResult
from aggregator.database.notifications import write_notifications
from aggregator.database.opml_lists import read_opml_lists, write_opml_lists
from aggregator.fetch.guard import Guard

from . import followed_file


@dataclass(frozen=True, slots=True)
class FollowedConfig:
    """A configuration with which the database agrees.

    Attributes:
        changes: Of the database.
        config: With the feeds of its OPML lists.
        list_versions: Versions of the lists, by address.
    """

    changes: SyncResult
    config: Config
    list_versions: dict[str, int]


def follow(
    connection: Connection, config: Config, *, now: datetime | None = None
) -> FollowedConfig:
    """Make the database agree with a configuration and the feeds of OPML lists.

    Args:
        now: When new feeds are due; None: the time of the database.
    """
    with uncollected():
        return _follow(connection, config, now=now or database_time(connection))


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Put off garbage collection: a pass over 100,000 new feeds would hold up everything else."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def with_stored_lists(connection: Connection, config: Config) -> Config:
    """Return a configuration with the feeds of OPML lists, as far as the lists were read."""
    if not config.opml_lists:
        return config
    return with_opml_lists(config, read_opml_lists.outlines_in_force(connection))


def _follow(connection: Connection, config: Config, *, now: datetime) -> FollowedConfig:
    addresses = [opml_list.known_address for opml_list in config.opml_lists]
    write_opml_lists.follow_addresses(connection, addresses, now=now)
    versions = read_opml_lists.versions(connection)
    config = with_stored_lists(connection, config)
    changes = write_subscriptions.follow_config(
        connection, config.feeds, config.listing_rules, stories=config.stories.on, now=now
    )
    followed_file.note(connection, config)
    write_notifications.follow_targets(connection, config.targets)
    guard = Guard(config.network.allow)
    write_subscriptions.poll_refused_feeds(connection, guard.has_exception, now=now)
    return FollowedConfig(changes, config, versions)
