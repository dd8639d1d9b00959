"""`preview`: the posts of a feed as they would be listed, without storing the feed."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from aggregator import urls
from aggregator.cli import preview_output
from aggregator.cli.common import config_with_present_names, readable_database
from aggregator.cli.config_option import load_config, takes_config
from aggregator.cli.feed_arguments import NoSuchFeedError, address_as_in_file, subscribed_feed
from aggregator.cli.logs import escaped
from aggregator.cli.proposal_output import proposal_lines, proposals_as_json
from aggregator.cli.trial_poll import NoFeedError, try_feed, with_stored_entries
from aggregator.config import Config
from aggregator.database import Connection
from aggregator.database.feeds import read_subscriptions
from aggregator.errors import AggregatorError
from aggregator.model import Subscription
from aggregator.scheduler import config_sync


@dataclass(frozen=True, slots=True)
class _Subject:
    """The feed to preview.

    Attributes:
        label: The address or path for people.
        feed: As in config.yaml, or as with its address alone.
        is_initial: See `trial_poll.try_feed`.
        first_posts: Posts of the first good poll of a page, None for other feeds.
        files: The folder of a file that is not a feed of config.yaml, else None.
    """

    label: str
    feed: Subscription
    is_initial: bool = False
    first_posts: int | None = None
    files: Path | None = None


@click.command()
@takes_config
@click.argument("place", metavar="URL|FILE|FEED")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def preview(place: str, *, as_json: bool) -> None:
    """Show what would be listed of a feed, as if it were polled for the first time.

    Fetches the document once and stores nothing.  For each post: title, link, date, how the date
    was read, the lists with the post, or the rule of the configuration file that keeps the post out
    of lists, and the feeds with the same link; then the posts that would not be stored.

    URL is the address of a feed, FILE a file with one, FEED a feed of the configuration file, by
    its name, address, title, or the beginning of a name or title that no other feed has.
    """
    config = load_config()
    with readable_database(config) as connection:
        if connection is not None:
            config = config_sync.with_stored_lists(connection, config)
            config = config_with_present_names(connection, config)
        subject = _subject(config, place, connection)
    try:
        trial = try_feed(
            config,
            subject.feed,
            is_initial=subject.is_initial,
            first_posts=subject.first_posts,
            files=subject.files,
        )
    except NoFeedError as error:
        _print_page(error, subject.label, as_json=as_json)
        return
    with readable_database(config) as connection:
        if connection is not None:
            trial = with_stored_entries(connection, trial)
    if as_json:
        _print(preview_output.as_json(trial, subject.label))
    else:
        _print(preview_output.lines(trial, subject.label))


def _print_page(error: NoFeedError, label: str, *, as_json: bool) -> None:
    """Print what was read in place of a feed: the feeds of a page, or selectors for its posts.

    Raises:
        AggregatorError: The page is not what was asked for, and selectors do not help.
    """
    if as_json:
        _print({**preview_output.feeds_as_json(error, label), **proposals_as_json(error.proposals)})
    elif error.proposals:
        _print(proposal_lines(error.url, error.proposals, page_changed=error.page_changed))
    else:
        _print(preview_output.feed_lines(error))
    if error.page_changed:
        raise AggregatorError(f"{label}: {error.reason}") from error
    if not error.proposals:
        advice = "preview one of its feeds" if error.feeds else "and it names no feed"
        raise AggregatorError(f"{label}: {error.reason}; {advice}") from error


def _print(result: Mapping[str, Any] | Iterable[str]) -> None:
    """Print values as JSON, or lines."""
    if isinstance(result, Mapping):
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
        return
    for line in result:
        click.echo(escaped(line))


def _subject(config: Config, place: str, connection: Connection | None) -> _Subject:
    """Return the feed of config.yaml, the file, or the address that an argument means.

    Raises:
        UsageError: The argument means several feeds, or nothing.
    """
    stored = read_subscriptions.stored_feeds(connection) if connection is not None else ()
    try:
        feed = subscribed_feed(config, place, connection)
    except NoSuchFeedError:
        pass
    else:
        initial_urls = {item.subscription.known_url for item in stored if item.is_initial}
        is_initial = not stored or feed.known_url in initial_urls
        page = (feed.known_url, feed.selectors)
        posts = {
            (item.subscription.known_url, item.subscription.selectors): item.first_posts
            for item in stored
        }
        return _Subject(urls.masked(feed.url), feed, is_initial, posts.get(page))
    if os.path.isfile(place):  # noqa: PTH113 - Path.is_file() raises an error for a long name
        path = Path(place).resolve()
        return _Subject(place, _new_feed(path.name, config), not stored, files=path.parent)
    url = address_as_in_file(place, config.folder)
    return _Subject(urls.masked(url), _new_feed(url, config), not stored)


def _new_feed(url: str, config: Config) -> Subscription:
    """Return a feed as config.yaml would have it with its address alone."""
    used_names = {feed.name for feed in config.feeds}
    words = urls.slug(urls.host_of(url).removeprefix("www.") or Path(url).stem) or "feed"
    name = urls.unused_name(words, url, used_names.__contains__)
    return Subscription(name, url, interval=config.poll.interval, named_by_title=True)
