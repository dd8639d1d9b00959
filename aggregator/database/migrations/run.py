"""Run the revisions that a database lacks, inside the caller's transaction."""

from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def upgrade(connection: Connection, *, to: str) -> None:
    """Bring the schema to a revision; the caller's transaction makes it all or nothing."""
    scripts = ScriptDirectory(str(Path(__file__).parent))

    def revisions(current: Any, _context: Any) -> Any:
        return scripts._upgrade_revs(to, current)

    context = MigrationContext.configure(
        connection,
        opts={"fn": revisions, "script": scripts, "render_as_batch": True},
    )
    with Operations.context(context):
        context.run_migrations()
