"""`plan`: the changes of a configuration file, before the file is read."""

import json
from datetime import datetime

import click

from aggregator.cli import opml_notes, plan_json, plan_output
from aggregator.cli.config_option import load_config, takes_config
from aggregator.cli.logs import escaped
from aggregator.cli.plan_output import Examples
from aggregator.config import Config
from aggregator.database import (
    DBAPIError,
    database_error,
    database_time,
    open_unchanged,
    system_time,
)
from aggregator.database.lists import read_plan
from aggregator.database.opml_lists import read_opml_lists
from aggregator.model import OpmlListHealth
from aggregator.plan import Comparison, Plan, StoredConfig
from aggregator.scheduler import config_sync


@click.command()
@takes_config
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def plan(as_json: bool) -> None:
    """Show what the configuration file would change.

    Compares the file with the database, and changes nothing: feeds, lists and rules, and the posts
    of the last 30 days that lists would have, or lack.
    """
    config = load_config()
    planned, entries, lists = _planned(config)
    if as_json:
        values = plan_json.as_json(planned, entries) | {"opml_lists": opml_notes.as_json(lists)}
        click.echo(json.dumps(values, ensure_ascii=False, indent=2))
        return
    lines = plan_output.lines(planned, entries, path=config.path)
    for line in (*opml_notes.notes(config, lists), *lines):
        click.echo(escaped(line))


def _planned(config: Config) -> tuple[Plan, Examples, list[OpmlListHealth]]:
    """Compare the configuration with its database, in one transaction that only reads.

    Returns:
        The plan, the entries that it gives as examples, and the OPML lists of the database.

    Raises:
        DatabaseError: The database cannot be used, or has the schema of another version.
    """
    engine = open_unchanged(config.database)
    if engine is None:
        comparison = _comparison(StoredConfig(), config, system_time())
        return comparison.plan([], dict.fromkeys(comparison.searches, frozenset())), {}, []
    try:
        with engine.connect() as connection:
            config = config_sync.with_stored_lists(connection, config)
            now = database_time(connection)
            comparison = _comparison(read_plan.stored_config(connection), config, now)
            entries = read_plan.recent_entries(connection, comparison.lowest_id)
            matches = {
                search: read_plan.matching_ids(connection, search, comparison.lowest_id)
                for search in comparison.searches
            }
            planned = comparison.plan(entries, matches)
            example_entries = read_plan.example_entries(connection, planned.example_ids)
            return planned, example_entries, read_opml_lists.healths(connection)
    except DBAPIError as error:
        raise database_error(error, config.database) from error
    finally:
        engine.dispose()


def _comparison(stored: StoredConfig, config: Config, now: datetime) -> Comparison:
    return Comparison.of(
        stored, config.feeds, config.listing_rules, shows_stories=config.stories.on, now=now
    )
