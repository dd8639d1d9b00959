"""Databases where feeds are followed, none of them polled: to follow some takes a test 10 ms."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import update

from aggregator.database import Engine
from aggregator.database.feeds.write_subscriptions import follow_config
from aggregator.database.lists import write_relisting
from aggregator.database.schema import feeds
from aggregator.model import ListingRules, Subscription
from tests.empty_database import is_empty_database

_MOST = 50  # databases, of half a megabyte each
_databases: dict[str, bytes] = {}


def follow(
    engine: Engine, subscriptions: Sequence[Subscription], rules: ListingRules, *, stories: bool
) -> None:
    """Make these the subscriptions and rules of a database, as a new config.yaml does."""
    now = datetime.now(UTC)
    path = Path(engine.url.database or "")
    engine.dispose()  # all is in the file then
    is_empty = engine.dialect.name == "sqlite" and is_empty_database(path)
    key = repr((subscriptions, rules, stories))
    if is_empty and key in _databases:
        path.write_bytes(_databases[key])
        with engine.begin() as connection:
            due = feeds.c.next_poll_at.is_not(None)
            connection.execute(update(feeds).where(due).values(next_poll_at=now))
        return
    with engine.begin() as connection:
        follow_config(connection, subscriptions, rules, stories=stories, now=now)
    write_relisting.relist_all(engine)
    if is_empty and len(_databases) < _MOST:
        engine.dispose()
        _databases[key] = path.read_bytes()
