"""`check`, `add`, `import`: the configuration file."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import click

from aggregator import config as configuration
from aggregator import opml, urls
from aggregator.cli.common import config_path, load_config, takes_config
from aggregator.config import Config
from aggregator.database import DBAPIError, in_words, is_there, open_database, query
from aggregator.discover import advertised_feeds
from aggregator.errors import (
    AggregatorError,
    DatabaseError,
    FetchError,
    OpmlError,
    ParseError,
    UsageError,
)
from aggregator.fetch import Fetcher
from aggregator.model import OpmlOutline
from aggregator.read import read_document
from aggregator.scheduler import poll_settings
from aggregator.workers import Workers


@click.command()
@takes_config
def check() -> None:
    """Say everything that is wrong with the configuration file."""
    config = load_config()
    for note in [*configuration.notes(config), *_moves(config)]:
        click.echo(note)
    count = len(config.feeds)
    click.echo(f"{config.path}: fine, {count} feed{'' if count == 1 else 's'}")


def _moved(database: str) -> dict[str, str]:
    if not is_there(database):
        return {}
    engine = open_database(database, read_only=True)
    try:
        with engine.connect() as connection:
            return query.moves(connection)
    except DBAPIError as error:
        raise in_words(error, database) from error
    finally:
        engine.dispose()


def _moves(config: Config) -> Iterator[str]:
    """Say which feeds moved for good, if there is a database that knows."""
    try:
        moved = _moved(config.database)
    except DatabaseError as error:  # the file may be right all the same
        yield f"database: {error}"
        return
    for index, feed in enumerate(config.feeds):
        if place := moved.get(feed.url):
            yield (
                f"feeds[{index}] ({feed.name}): moved for good; "
                f"write {urls.masked(place)} instead of {urls.masked(feed.url)}"
            )


@click.command()
@takes_config
@click.argument("url")
@click.option("--title", help="Title to show.  [default: the feed's own]")
@click.option("--category", help="Category to list it under.")
@click.option("--no-check", is_flag=True, help="Add it without asking the server.")
def add(url: str, title: str | None, category: str | None, no_check: bool) -> None:
    """Subscribe to a feed, or to the feed that a web page advertises."""
    config = load_config()
    if not urls.is_web(url) and "://" not in url and not (config.folder / url).is_file():
        said = f"no such file; if it is on the web, write https://{url}"
        raise UsageError(f"{url}: {said}" if url else "URL: write the address of a feed or page")
    if not no_check and not configuration.has_feed(config, url):
        url = asyncio.run(_discover(config, url))
    if _append([OpmlOutline(url=url, title=title, category=category)]).known:
        click.echo(f"already there: {urls.masked(url)}")


@click.command(name="import")
@takes_config
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_opml(file: Path) -> None:
    """Subscribe to the feeds of another reader's OPML file."""
    try:
        feeds, unusable = opml.read(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except OpmlError as error:
        raise OpmlError(f"{file}: {error}") from error
    done = _append(feeds)
    for address in unusable:
        click.echo(f"left out, as it is no http:// or https:// URL: {urls.masked(address)!r}")
    left_out = f", {len(unusable)} left out" if unusable else ""
    click.echo(f"{len(done.added)} added, {len(done.known)} already there{left_out}")


async def _discover(config: Config, url: str) -> str:
    """Return the address of the feed at `url`, or of the one that the page there names."""
    async with Fetcher(poll_settings(config).fetch) as fetcher:
        try:
            fetched = await fetcher.fetch(url)
        except FetchError as error:
            if not urls.is_web(url):
                raise
            raise AggregatorError(f"{error}; to add it all the same: --no-check") from error
    workers = Workers(1)  # nobody knows yet what is there: with a deadline and a memory limit
    try:
        await workers.run(url, read_document, fetched.body, dict(fetched.headers), fetched.url)
    except ParseError as error:
        found = advertised_feeds(fetched.body, url=fetched.url)
        if not found:
            raise AggregatorError(
                f"{url}: {error.reason}, and it names no feed; look there for a link to one"
            ) from error
        for other in found[1:]:
            click.echo(f"it also names {other.url} ({other.title or 'no title'})")
        return found[0].url
    finally:
        workers.stop()
    return fetched.moved_to or url


def _append(outlines: list[OpmlOutline]) -> configuration.Appended:
    """Write subscriptions into the file, and say which."""
    path = config_path()
    appended = configuration.append(configuration.read(path), outlines, path=path)
    if appended.added:
        configuration.write(path, appended.text)
    for subscription in appended.added:
        click.echo(f"added {urls.masked(subscription.url)}")
    return appended
