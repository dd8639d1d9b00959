"""Common parts of commands: the event loop, the database."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

from aggregator.config import Config
from aggregator.database import (
    Connection,
    DBAPIError,
    Engine,
    database_error,
    open_database,
    open_unchanged,
)
from aggregator.database.feeds import read_differences
from aggregator.database.lists import write_relisting
from aggregator.errors import DatabaseError
from aggregator.scheduler import config_sync


def run_until_done(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `work` in an event loop; SIGTERM and SIGINT cancel `work`, unless `work` handles both.

    Imported modules stay for good, and are excluded from garbage collection (docs/cost.md).
    """
    # Python ignores a KeyboardInterrupt inside a callback of a weak reference or a finalizer.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        gc.collect()
        gc.freeze()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    ended_by = signal.SIGTERM

    async def run_work() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def end(number: signal.Signals) -> None:
            nonlocal ended_by
            ended_by = number
            if task is not None:
                task.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end, number)
        await work()

    try:
        asyncio.run(run_work())
    except asyncio.CancelledError:
        raise SystemExit(128 + ended_by) from None


@contextlib.contextmanager
def opened_database(config: Config) -> Iterator[tuple[Engine, Config]]:
    """Open the database, and bring the subscriptions up to date with the file.

    Yields:
        The database, and the configuration with the feeds of its OPML lists.

    Raises:
        DatabaseError: The database cannot be used.
    """
    engine = open_database(config.database)
    try:
        with engine.begin() as connection:
            followed = config_sync.follow(connection, config)
        write_relisting.relist_all(engine)
        yield engine, followed.config
    except DBAPIError as error:
        raise database_error(error, config.database) from error
    finally:
        engine.dispose()


@contextlib.contextmanager
def readable_database(config: Config) -> Iterator[Connection | None]:
    """Open the database only to read; None without a database of this version."""
    try:
        engine = open_unchanged(config.database)
    except DatabaseError:
        engine = None
    if engine is None:
        yield None
        return
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise database_error(error, config.database) from error
    finally:
        engine.dispose()


def config_with_present_names(connection: Connection, config: Config) -> Config:
    """Return the configuration with feeds under their names in the database."""
    feeds = tuple(read_differences.named_subscriptions(connection, config.feeds))
    places = {
        present.name: config.places[feed.name]
        for feed, present in zip(config.feeds, feeds, strict=True)
        if feed.name in config.places
    }
    return replace(config, feeds=feeds, places=places)
