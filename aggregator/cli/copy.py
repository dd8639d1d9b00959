"""`copy`: the whole database, for the move from SQLite to PostgreSQL."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import click

from aggregator import config as configuration
from aggregator import urls
from aggregator.cli.config_option import load_config, takes_config
from aggregator.cli.logs import escaped
from aggregator.cli.output import progress_bar
from aggregator.config import Config
from aggregator.database.copies.write_copy import (
    CopyProgress,
    CopyStep,
    Report,
    copy_database,
)
from aggregator.database.failures import names_database
from aggregator.errors import UsageError

_MESSAGES = {
    CopyStep.COPYING: "copied {1}, rows: {0:,}",
    CopyStep.INDEXING: "made the index of words, posts: {0:,}",
    CopyStep.COMPLETING: "made {0:,} indexes, foreign keys and triggers",
    CopyStep.COMPARING: "compared {1}, rows: {0:,}",
}


@click.command()
@takes_config
@click.option(
    "--to",
    "address",
    required=True,
    metavar="URL",
    help="An empty database, as `database` in config.yaml could name it, also with variables.",
)
def copy(address: str) -> None:
    """Copy the whole database into an empty database, SQLite or PostgreSQL.

    Stop `run`, `schedule` and `work` first.  An interrupted copy goes on when the command runs
    again.  In the end all rows are compared; config.yaml stays unchanged.
    """
    config = load_config()
    try:
        url = configuration.database_url(address, config)
    except ValueError as error:
        raise UsageError(f"--to: {error}") from error
    if not names_database(url):
        raise UsageError(
            f"--to: {urls.masked(address)} names no database; write postgresql://host/name"
        )
    with _progress() as report:
        result = copy_database(config.database, url, report=report)
    rows = f"{result.rows:,} rows of {result.tables} tables, {result.entries:,} posts"
    click.echo(f"complete: {rows}; each row was compared and is the same")
    click.echo(escaped(_line_to_change(config, address)))
    if config.picture_folder.exists():
        click.echo(escaped(_picture_note(config, url)))


@contextmanager
def _progress() -> Iterator[Report]:
    """Yield a function to show progress: a bar on a terminal, else a line for each table."""
    if not sys.stdout.isatty():
        yield _print_completed
        return
    with progress_bar(CopyStep.COPYING.value) as (bar, task):

        def show(progress: CopyProgress) -> None:
            description = f"{progress.step.value} {progress.table}"
            bar.update(
                task, description=description, completed=progress.count, total=progress.total
            )

        yield show


def _print_completed(progress: CopyProgress) -> None:
    if progress.total and progress.count == progress.total:
        click.echo(_MESSAGES[progress.step].format(progress.total, progress.table))


def _line_to_change(config: Config, address: str) -> str:
    """Return the advice to change config.yaml, without secrets."""
    line = f"`database: {urls.masked(address)}`"
    secret = ", with the password" if urls.masked(address) != address else ""
    number = configuration.line_of(config, "database")
    if number is None:
        return f"{config.path}: add the line {line}{secret}, and start the program again"
    return f"{config.path}:{number}: write {line}{secret}, and start the program again"


def _picture_note(config: Config, url: str) -> str:
    """Return the advice about the files of pictures, which are not in the database."""
    folder = config.picture_folder
    new_folder = replace(config, database=url).picture_folder
    if new_folder == folder:
        return f"pictures: {folder} stays; other machines need it at the same place"
    return f"pictures: move {folder} to {new_folder}, where the program looks for it then"
