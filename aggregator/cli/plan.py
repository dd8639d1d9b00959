"""`plan`: the changes of a configuration file, before the file is read."""

import json

import click

from aggregator.cli import plan_output
from aggregator.cli.common import load_config, takes_config
from aggregator.cli.logs import escaped
from aggregator.config import Config
from aggregator.database import DBAPIError, database_error, open_unchanged
from aggregator.database.feeds import read_subscriptions
from aggregator.plan import Plan, feed_changes


@click.command()
@takes_config
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def plan(as_json: bool) -> None:
    """Show what the configuration file would change.

    Compares the feeds of the file with the database, and changes nothing.
    """
    config = load_config()
    planned = _planned(config)
    if as_json:
        click.echo(json.dumps(plan_output.as_json(planned), ensure_ascii=False, indent=2))
        return
    for line in plan_output.lines(planned, path=config.path):
        click.echo(escaped(line))


def _planned(config: Config) -> Plan:
    """Compare the configuration with its database, in one transaction that only reads.

    Raises:
        DatabaseError: The database cannot be used, or has the schema of another version.
    """
    engine = open_unchanged(config.database)
    if engine is None:
        return Plan(feed_changes(config.feeds, []), is_first=True)
    try:
        with engine.connect() as connection:
            return Plan(feed_changes(config.feeds, read_subscriptions.stored_feeds(connection)))
    except DBAPIError as error:
        raise database_error(error, config.database) from error
    finally:
        engine.dispose()
