"""The tables of Procrastinate, brought to the installed version."""

from collections.abc import Mapping

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from aggregator.database.failures import database_error, name_of
from aggregator.database.migrations.run import wait_for_upgrades
from aggregator.errors import DatabaseError

_JOBS = "procrastinate_jobs"
_CREATE_SCRIPTS = "CREATE TABLE IF NOT EXISTS procrastinate_scripts (name text PRIMARY KEY)"
_SCRIPTS = text("SELECT name FROM procrastinate_scripts")
_NOTE_SCRIPT = text("INSERT INTO procrastinate_scripts (name) VALUES (:name)")


def follow_scripts(engine: Engine, schema: str, migrations: Mapping[str, str]) -> None:
    """Create or upgrade the tables; all or nothing, by one process at a time.

    Args:
        schema: Script that makes all tables of the newest version.
        migrations: Scripts by name; each leads from a version to the next version.

    Raises:
        DatabaseError: The database can't be written, or a newer version has made the tables.
    """
    try:
        with engine.connect() as connection:
            if _script_names(connection) == migrations.keys():
                return
        with engine.begin() as connection:
            wait_for_upgrades(connection)
            _run_missing(connection, schema, migrations)
    except DBAPIError as error:
        url = engine.url.render_as_string(hide_password=False)
        raise database_error(error, url) from error


def _script_names(connection: Connection) -> frozenset[str]:
    if not inspect(connection).has_table("procrastinate_scripts"):
        return frozenset()
    return frozenset(connection.scalars(_SCRIPTS))


def _run_missing(connection: Connection, schema: str, migrations: Mapping[str, str]) -> None:
    present_names = _script_names(connection)
    if newer_names := present_names - migrations.keys():
        raise DatabaseError(
            f"{name_of(connection.engine.url)}: its jobs were written by a newer version of "
            f"Procrastinate ({max(newer_names)}); update the package procrastinate"
        )
    if present_names:
        missing = {name: migrations[name] for name in sorted(migrations.keys() - present_names)}
    else:
        missing = dict(migrations)
        connection.exec_driver_sql(_CREATE_SCRIPTS)
    if present_names or not inspect(connection).has_table(_JOBS):
        for script in missing.values() if present_names else [schema]:
            # Many statements, with signs that SQLAlchemy would take for parameters.
            connection.connection.cursor().execute(script)
    for name in missing:
        connection.execute(_NOTE_SCRIPT, {"name": name})
