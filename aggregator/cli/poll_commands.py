"""`poll` and `feeds`: bring feeds up to date once, and say how they are doing."""

import sys
from datetime import UTC, datetime
from functools import partial

import click

from aggregator.cli import logs, output
from aggregator.cli.common import load_config, opened_database, run_until_done, takes_config
from aggregator.database.feeds import read_health
from aggregator.poll import PollResult
from aggregator.scheduler import poll_once


@click.command()
@takes_config
@click.argument("feeds", nargs=-1, metavar="[FEED]...")
@click.option("--all", "everything", is_flag=True, help="Every feed, due or not.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a feed and line.")
@click.option("--strict", is_flag=True, help="Exit with 1 if a feed failed.")
def poll(feeds: tuple[str, ...], everything: bool, as_json: bool, strict: bool) -> None:
    """Poll once what is due, or the named feeds, and exit."""
    config = load_config()
    polled: list[str] = []
    failed: list[str] = []
    logs.set_up()
    with (
        opened_database(config) as engine,
        output.progress(as_json=as_json) as (started, show_result),
    ):

        def note(result: PollResult) -> None:
            show_result(result)
            polled.append(result.feed)
            if result.error:
                failed.append(result.feed)

        run_until_done(
            partial(
                poll_once,
                config,
                engine,
                names=feeds or None,
                everything=everything,
                on_start=started,
                on_result=note,
            )
        )
        if not polled:
            with engine.connect() as connection:
                next_due_at = read_health.next_due_at(connection)
            click.echo(output.nothing_polled(next_due_at, now=datetime.now(UTC)), err=True)
    sys.exit(1 if strict and failed else 0)


@click.command(name="feeds")
@takes_config
@click.option("--json", "as_json", is_flag=True, help="As a JSON array.")
def list_feeds(as_json: bool) -> None:
    """List the subscriptions and how they are doing, problems first."""
    with opened_database(load_config()) as engine, engine.connect() as connection:
        found = read_health.feeds_by_health(connection, now=datetime.now(UTC), history=1)
    click.echo(output.health_json(found) if as_json else "\n".join(output.health_lines(found)))
