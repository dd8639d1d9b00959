"""Which dispatch a database needs; Procrastinate is loaded for PostgreSQL only."""

import sys
from collections.abc import Callable
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
    try:
        from .job_engine import prepare_tables
        from .procrastinate_dispatch import ProcrastinateDispatch
    except ImportError as error:
        raise DatabaseError(
            f"database: PostgreSQL needs the package procrastinate: {sys.executable} -m pip "
            "install 'procrastinate>=3.10,<4'"
        ) from error
    prepare_tables(engine)
    return partial(ProcrastinateDispatch, engine=engine, schedules=schedules, works=works)
