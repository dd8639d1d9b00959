"""Run the revisions that a database lacks, inside the caller's transaction."""

from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

UPGRADING = 0x75706772616465
""""upgrade" as the number of a lock; any number that nobody else takes in this database."""


def upgrade(connection: Connection, *, to: str) -> None:
    """Bring the schema to a revision; the caller's transaction makes it all or nothing.

    Of several processes that start at the same time, one runs the revisions and the others wait for
    as long as that takes: SQLite has a single writer anyway.
    """
    if connection.dialect.name == "postgresql":
        wait_for_upgrades(connection)
    scripts = ScriptDirectory(str(Path(__file__).parent))

    def revisions(current: Any, _context: Any) -> Any:
        return scripts._upgrade_revs(to, current)

    context = MigrationContext.configure(
        connection,
        opts={"fn": revisions, "script": scripts, "render_as_batch": True},
    )
    with Operations.context(context):
        context.run_migrations()


def wait_for_upgrades(connection: Connection) -> None:
    """Keep other processes on a PostgreSQL server from upgrades until the transaction ends."""
    wait = connection.scalar(select(func.current_setting("lock_timeout")))
    connection.execute(select(func.set_config("lock_timeout", "0", True)))
    connection.execute(select(func.pg_advisory_xact_lock(UPGRADING)))
    connection.execute(select(func.set_config("lock_timeout", wait, True)))
