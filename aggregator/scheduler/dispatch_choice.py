"""Which dispatch a database needs; Procrastinate is loaded for PostgreSQL only."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from aggregator.database import Engine
from aggregator.errors import DatabaseError

from .dispatch import Dispatch, DispatchContext
from .local_dispatch import LocalDispatch


def dispatch_of(
    engine: Engine, *, schedules: bool, works: bool
) -> Callable[[DispatchContext], Dispatch]:
    """Return the maker of a dispatch; on PostgreSQL the tables are brought up to date first.

    Args:
        schedules, works: See `ProcrastinateDispatch`; on SQLite every process does both.

    Raises:
        DatabaseError: A package is missing, or the tables can't be used.
    """
    if engine.dialect.name == "sqlite":
        return LocalDispatch
    with _advice_on_package():
        from .job_engine import prepare_tables
        from .procrastinate_dispatch import ProcrastinateDispatch
    prepare_tables(engine)
    return partial(ProcrastinateDispatch, engine=engine, schedules=schedules, works=works)


def run_job_shell(engine: Engine, lines: Sequence[str]) -> None:
    """Show the jobs of a PostgreSQL database; see `job_shell.run_shell`.

    Raises:
        DatabaseError: A package is missing, or the server can't be reached.
    """
    with _advice_on_package():
        from .job_shell import run_shell
    run_shell(engine, lines)


@contextlib.contextmanager
def _advice_on_package() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise DatabaseError(
            f"database: PostgreSQL needs the package procrastinate: {sys.executable} -m pip "
            "install 'procrastinate>=3.10,<4'"
        ) from error
