"""`check`, `add`, `import`: the configuration file."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import click

from aggregator import config as configuration
from aggregator import urls
from aggregator.cli import opml_notes
from aggregator.cli.config_option import config_path, load_config, takes_config
from aggregator.cli.discovery import DiscoveredFeed, PageWithoutFeedError, discover
from aggregator.cli.feed_arguments import address_as_in_file
from aggregator.cli.logs import escaped
from aggregator.cli.proposal_output import proposal_lines
from aggregator.config import Config
from aggregator.database import Connection, DBAPIError, database_error, is_up_to_date, open_database
from aggregator.database.feeds import read_health, read_names
from aggregator.database.lists.search_names import resolve_names
from aggregator.database.opml_lists import read_opml_lists
from aggregator.errors import (
    AggregatorError,
    DatabaseError,
    OpmlError,
    UsageError,
)
from aggregator.fetch.guard import Guard
from aggregator.model import OpmlOutline, PageSelectors, Subscription
from aggregator.model.times import span_text
from aggregator.opml import outlines as opml
from aggregator.opml.outlines import LeftOut, OmissionReason, SubscriptionList
from aggregator.scheduler import config_sync
from aggregator.urls import feed_addresses

_MAX_LINES = 50  # about one reason
_MAX_NAMES = 8  # of one kind
_IN_SHORT = {
    OmissionReason.NOT_AN_ADDRESS: "without a web address",
    OmissionReason.MASKED: "with a hidden secret",
    OmissionReason.SCRAPED: "made by rules of FreshRSS",
}
_ADVICE = {OmissionReason.MASKED: "; add it with the whole address: aggregator add URL"}


@click.command()
@takes_config
@click.option("--without-env", is_flag=True, help="Leave out values with unset variables.")
def check(*, without_env: bool) -> None:
    """Report every problem in the configuration file."""
    if without_env and (count := configuration.count_unread(config_path())):
        values = "1 value was" if count == 1 else f"{count:,} values were"
        click.echo(f"{config_path()}: fine; {values} left out, with variables that are not set")
        return
    config, notes_from_polls = _with_polls(load_config())
    for note in [*configuration.notes(config), *_refusals(config), *notes_from_polls]:
        click.echo(escaped(note))
    count = len(config.feeds)
    listed_count = sum(feed.opml_list is not None for feed in config.feeds)
    of_lists = f", {listed_count} of them from OPML lists" if config.opml_lists else ""
    click.echo(f"{config.path}: fine, {count} feed{'' if count == 1 else 's'}{of_lists}")


def _with_polls(config: Config) -> tuple[Config, list[str]]:
    """Return the file with the feeds of its OPML lists, and notes that need the database.

    Without a database all lists are unread.
    """
    notes: list[str] = []
    try:
        if not is_up_to_date(config.database):
            return config, list(opml_notes.notes(config, ()))
        engine = open_database(config.database, read_only=True)
        try:
            with engine.connect() as connection:
                config = config_sync.with_stored_lists(connection, config)
                notes += opml_notes.notes(config, read_opml_lists.healths(connection))
                notes += _address_notes(connection, config)
                notes += _source_notes(connection, config)
        except DBAPIError as error:
            raise database_error(error, config.database) from error
        finally:
            engine.dispose()
    except DatabaseError as error:  # the file may be valid nevertheless
        notes = [f"database: {error}"]
    return config, notes


def _refusals(config: Config) -> Iterator[str]:
    """Yield a note for each IP address that no poll will connect to; names are not looked up."""
    own_feeds = [feed for feed in config.feeds if feed.opml_list is None]
    ports = {port for feed in own_feeds if (port := urls.port_of(feed.url))}
    guard = Guard(config.network.allow, ports)
    places: dict[str, list[str]] = {}
    for feed in own_feeds:
        if refusal := guard.refusal(feed.url):
            places.setdefault(refusal, []).append(config.place_of(feed))
    for refusal, (place, *others) in places.items():
        yield f"{place}{f' and {len(others):,} more' if others else ''}: {refusal}"


def _address_notes(connection: Connection, config: Config) -> Iterator[str]:
    """Yield notes about wrong addresses, as found by polls."""
    moved = read_health.moved_addresses(connection)
    named = read_health.named_feeds(connection)  # also by the page that a feed moved to
    for feed in config.feeds:
        if feed.opml_list is not None:
            continue  # only the author of the list can write another address
        where, url = config.place_of(feed), urls.masked(feed.url)
        if named_feed := named.get(feed.url):
            if note := _page_note(config, feed, named_feed):
                yield f"{where}: {url} is a web page; {note}"
        elif place := moved.get(feed.url):
            yield f"{where}: moved for good; write {urls.masked(place)} instead of {url}"


def _page_note(config: Config, feed: Subscription, named_feed: str) -> str | None:
    """Return what to do about a feed whose address has a web page.

    Args:
        named_feed: Address of the feed that the page names, masked.

    Returns:
        None if the page names its own address, as pages do that still link to a feed that is gone.
    """
    key = configuration.same_feed_key(named_feed)
    subscribed_feeds = [
        each_feed
        for each_feed in config.feeds
        if configuration.same_feed_key(urls.masked(each_feed.url)) == key
    ]
    if feed in subscribed_feeds:
        return None
    if subscribed_feeds:
        return f"its feed is {config.place_of(subscribed_feeds[0])}, so remove this one"
    if feed_addresses.is_masked(named_feed):
        return f"its feed is {named_feed}, write that with the secret that the page has"
    return f"its feed is {named_feed}, write that instead"


def _source_notes(connection: Connection, config: Config) -> list[str]:
    """Return notes about rules that name a source by a former name, or by no name and no title."""
    sources = configuration.unknown_sources(config)
    feeds = resolve_names(connection, [test for _, test in sources])
    unknown = [(place, test) for place, test in sources if not feeds[test]]
    renamed = read_names.renamed_sources(connection, (test for _, test in sources))
    return [
        *(
            f'{place}: the source "{test.value}" is called {renamed[test]} now'
            for place, test in sources
            if test in renamed
        ),
        *configuration.source_notes(config, unknown),
    ]


@click.command()
@takes_config
@click.argument("url")
@click.option("--title", help="Title to show.  [default: the feed's own]")
@click.option("--category", "categories", multiple=True, help="Category; several are allowed.")
@click.option("--no-check", is_flag=True, help="Add the address without a request to the server.")
@click.option("--select", is_flag=True, help="Add a page without a feed, with its selectors.")
def add(
    url: str, title: str | None, categories: tuple[str, ...], no_check: bool, select: bool
) -> None:
    """Subscribe to a feed, or to the feed of a web page.

    For a page without a feed, the selectors that give its posts are printed, and added with
    --select.
    """
    config = load_config()
    url = address_as_in_file(url, config.folder)
    feed = None
    pages = {}
    if not no_check and not configuration.has_feed(config, url):
        try:
            feed = asyncio.run(discover(config, url))
        except PageWithoutFeedError as error:
            feed, selectors = _page_as_feed(error, select=select)
            pages[feed.url] = selectors
        url = feed.url
    outline = OpmlOutline(url=url, title=title, categories=categories)
    if _append([outline], feed, pages).duplicates:
        click.echo(f"already subscribed: {urls.masked(url)}")


def _page_as_feed(
    error: PageWithoutFeedError, *, select: bool
) -> tuple[DiscoveredFeed, PageSelectors]:
    """Print the proposed selectors of a page, and return the page with the best ones.

    Raises:
        AggregatorError: There are none, or the page is not to be added.
    """
    if not error.proposals:
        raise error
    for line in proposal_lines(error.url, error.proposals):
        click.echo(escaped(line))
    click.echo()
    if not select:
        address = urls.masked(error.url)
        raise AggregatorError(
            f"{address}: nothing was added; to add it with these selectors: "
            f"aggregator add --select {address}"
        )
    best = error.proposals[0]
    page = DiscoveredFeed(error.url, best.feed.head.title, len(best.feed.entries))
    return page, best.selectors


@click.command(name="import")
@takes_config
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_opml(file: Path) -> None:
    """Subscribe to the feeds of another reader's OPML file."""
    try:
        with file.open("rb") as stream:
            subscriptions = opml.read(stream.read(opml.MAX_SIZE + 1))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except OpmlError as error:
        raise OpmlError(f"{file}: {error}") from error
    appended = _append(subscriptions.feeds)
    subscribed = {urls.masked(feed.url) for feed in load_config().feeds}
    left_out = [
        feed
        for feed in subscriptions.left_out
        if feed.reason is not OmissionReason.MASKED or feed.address not in subscribed
    ]
    known_count = len(appended.duplicates) + len(subscriptions.left_out) - len(left_out)
    for line in (*_left_out(left_out), *_not_taken_over(subscriptions)):
        click.echo(line)
    if subscriptions.breaks_off:
        click.echo(f"{file} breaks off: feeds may be missing; export the list again")
    click.echo(_import_summary(len(appended.feeds), known_count, left_out))


def _import_summary(added_count: int, known_count: int, left_out: Sequence[LeftOut]) -> str:
    """Return how many feeds were added, were subscribed to before, and were left out, and why."""
    if known_count and not added_count and not left_out:
        return f"nothing to add: all {known_count:,} are already subscribed"
    summary = f"{added_count:,} added, {known_count:,} already subscribed"
    if not left_out:
        return summary
    counts = Counter(feed.reason for feed in left_out)
    reasons = (f"{counts[reason]:,} {_IN_SHORT[reason]}" for reason in _IN_SHORT if counts[reason])
    return f"{summary}, {len(left_out):,} left out ({', '.join(reasons)})"


def _left_out(feeds: Sequence[LeftOut]) -> Iterator[str]:
    for reason in OmissionReason:
        concerned = [feed for feed in feeds if feed.reason is reason]
        advice = _ADVICE.get(reason, "")
        for feed in concerned[:_MAX_LINES]:
            title = f" ({feed.title})" if feed.title else ""
            address = urls.masked(feed.address)
            yield f"left out, as {reason.value}: {address!r}{title}{advice}"
        if len(concerned) > _MAX_LINES:
            yield f"left out for the same reason: {len(concerned) - _MAX_LINES:,} more"


def _not_taken_over(subscriptions: SubscriptionList) -> Iterator[str]:
    for kind, names in subscriptions.not_taken_over.items():
        text = ", ".join(name for name in names[:_MAX_NAMES] if name)
        if len(names) > _MAX_NAMES:
            text += f" and {len(names) - _MAX_NAMES:,} more"
        yield f"not taken over: {kind}: {len(names):,}{f' ({text})' if text else ''}"


def _append(
    outlines: list[OpmlOutline],
    feed: DiscoveredFeed | None = None,
    pages: Mapping[str, PageSelectors] = MappingProxyType({}),
) -> configuration.Appended:
    """Write subscriptions into the file, and print each.

    Args:
        feed: The only subscription as it was read; None if it was not read.
        pages: Selectors of those that are pages without a feed, by URL.
    """
    appended = configuration.append_to_file(config_path(), outlines, pages)
    file = "" if appended.path == config_path() else f" to {appended.path}"
    for subscription in appended.feeds:
        details = "" if feed is None else f": {_details(feed, subscription)}"
        click.echo(escaped(f"added {urls.masked(subscription.url)}{file}{details}"))
    return appended


def _details(feed: DiscoveredFeed, subscription: Subscription) -> str:
    """Return what a feed has, and how often it is polled: "“The Boss Mind”, 25 posts, every 1h"."""
    title = subscription.title or feed.title
    texts = [f"“{title}”"] if title else []
    texts.append("1 post" if feed.posts == 1 else f"{feed.posts:,} posts")
    return ", ".join([*texts, f"every {span_text(subscription.interval)}"])
