"""`jobs`: a look into the queue of Procrastinate."""

import click

from aggregator.cli.config_option import load_config, takes_config
from aggregator.database import is_sqlite, open_unchanged
from aggregator.errors import DatabaseError, UsageError
from aggregator.scheduler import run_job_shell


@click.command()
@takes_config
@click.argument("lines", metavar="[LINE]...", nargs=-1)
def jobs(lines: tuple[str, ...]) -> None:
    """Look into the queue of jobs, with the shell of Procrastinate (PostgreSQL).

    LINE is a command of the shell, such as list_queues or "list_jobs status=doing details";
    without one, commands are read from the terminal.
    """
    config = load_config()
    if is_sqlite(config.database):
        raise UsageError("jobs: there are none with a SQLite database")
    engine = open_unchanged(config.database)
    if engine is None:
        raise DatabaseError(
            "jobs: the database is empty; `aggregator run` or `schedule` makes its tables"
        )
    try:
        run_job_shell(engine, lines)
    finally:
        engine.dispose()
