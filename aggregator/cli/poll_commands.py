"""`poll` and `feeds`: poll feeds once, and list the health of feeds."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import partial

import click

from aggregator.cli import feed_table, logs, opml_notes, output
from aggregator.cli.common import opened_database, run_until_done
from aggregator.cli.config_option import load_config, takes_config
from aggregator.cli.feed_arguments import feed_names, list_address
from aggregator.cli.logs import escaped
from aggregator.config import Config
from aggregator.database import Engine, database_time
from aggregator.database.feeds import read_health
from aggregator.database.opml_lists import read_opml_lists
from aggregator.errors import UsageError
from aggregator.feed_status import FeedStatus, feed_status
from aggregator.model import FeedHealth
from aggregator.poll import PollResult
from aggregator.scheduler import PollRequest, poll_once


@click.command()
@takes_config
@click.argument("feeds", nargs=-1, metavar="[FEED]...")
@click.option("--all", "all_feeds", is_flag=True, help="Poll every feed, due or not.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per feed and line.")
@click.option("--strict", is_flag=True, help="Exit with 1 if a feed failed.")
def poll(feeds: tuple[str, ...], all_feeds: bool, as_json: bool, strict: bool) -> None:
    """Poll due feeds, or the named feeds, once and exit.

    FEED is a name, an address, a title, or the beginning of a name or title that no other feed has;
    or the address of an OPML list, which is taken as it is, even if it lost most of its feeds.
    """
    if feeds and all_feeds:
        raise UsageError("--all polls every feed; leave it out, or name no feed")
    polled: list[str] = []
    failed: list[str] = []
    logs.set_up()

    def note(name: str, error: str | None) -> None:
        polled.append(name)
        if error:
            failed.append(name)

    with (
        opened_database(load_config()) as (engine, config),
        output.progress(as_json=as_json) as (started, show_result),
    ):

        def note_feed(result: PollResult) -> None:
            show_result(result)
            note(result.feed, result.error)

        run_until_done(
            partial(
                poll_once,
                config,
                engine,
                _request(config, engine, feeds, all_feeds=all_feeds),
                on_start=started,
                on_result=note_feed,
                on_list=lambda result: note(result.address, result.failure),
            )
        )
        if not polled:
            click.echo(f"nothing was polled: {_nothing_polled(config, engine)}", err=True)
    sys.exit(1 if strict and failed else 0)


def _request(
    config: Config, engine: Engine, arguments: Sequence[str], *, all_feeds: bool
) -> PollRequest:
    """Return what a command asks for; without a feed among the arguments, what is due, too.

    Raises:
        UsageError: An argument means no feed, or several.
    """
    addresses = {text: list_address(config, text) for text in arguments}
    feeds = [text for text, address in addresses.items() if address is None]
    lists = [address for address in addresses.values() if address is not None]
    with engine.connect() as connection:
        names = feed_names(connection, feeds) if feeds else None
    return PollRequest(names, lists if arguments else None, all_feeds)


def _nothing_polled(config: Config, engine: Engine) -> str:
    """Return why nothing was polled."""
    if not config.feeds and not config.opml_lists:
        return f"{config.path} lists no feed; add one: aggregator add URL"
    with engine.connect() as connection:
        next_due_at = read_health.next_due_at(connection)
        now = database_time(connection)
    return output.nothing_due(next_due_at, now=now)


@click.command(name="feeds")
@takes_config
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@click.option("--failing", is_flag=True, help="List only failing feeds and OPML lists.")
def list_feeds(as_json: bool, failing: bool) -> None:
    """List the subscriptions and their health, problems first.

    A terminal gets a table of its width; a file or a program whole values with tabs between.
    """
    with opened_database(load_config()) as (engine, _), engine.connect() as connection:
        feeds = read_health.feeds_by_urgency(connection, now=database_time(connection), history=1)
        lists = read_opml_lists.healths(connection)
    if failing:
        feeds = [feed for feed in feeds if feed_status(feed) is FeedStatus.FAILING]
        lists = [opml_list for opml_list in lists if opml_list.failures]
    if as_json:
        click.echo(output.health_json(feeds))
        return
    if failing and not feeds:
        click.echo("no feed is failing", err=True)
    else:
        click.echo("\n".join(_table_lines(feeds)))
    for line in opml_notes.lines(lists):
        click.echo(escaped(line), err=True)


def _table_lines(feeds: Sequence[FeedHealth]) -> Iterator[str]:
    """Return the table of feeds for a terminal, or for programs."""
    if sys.stdout.isatty():
        return feed_table.table_lines(feeds, shutil.get_terminal_size().columns)
    return feed_table.tab_lines(feeds)
