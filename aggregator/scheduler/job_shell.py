"""The shell of Procrastinate, on the database of the program."""

import asyncio
from collections.abc import Sequence

from procrastinate.exceptions import ConnectorException
from procrastinate.shell import ProcrastinateShell
from procrastinate.utils import sync_to_async

from aggregator.database import Engine
from aggregator.errors import DatabaseError

from .job_engine import new_app, reason_of


def run_shell(engine: Engine, lines: Sequence[str]) -> None:
    """Read commands from standard input, and show jobs, until the end.

    Args:
        lines: Commands in place of standard input.

    Raises:
        DatabaseError: The server can't be reached.
    """
    try:
        asyncio.run(_run(engine, lines))
    except ConnectorException as error:
        raise DatabaseError(f"jobs: {reason_of(error)}") from error


async def _run(engine: Engine, lines: Sequence[str]) -> None:
    app = new_app(engine, lambda: False)
    async with app.open_async():
        shell = ProcrastinateShell(job_manager=app.job_manager)
        if not lines:
            await sync_to_async(shell.cmdloop)
        for line in lines:
            await sync_to_async(shell.onecmd, line)
