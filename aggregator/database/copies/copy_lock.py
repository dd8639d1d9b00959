"""One copy at a time into a database: two would insert the same rows."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from aggregator.database.failures import DatabaseFailure, failure, name_of
from aggregator.errors import DatabaseError

_COPYING = 0x636F7079  # "copy"; any number that nobody else takes in this database
_PATIENCE = "10s"  # in which a server notices that a killed process has gone


@contextlib.contextmanager
def only_copy(target: Engine) -> Iterator[None]:
    """Keep other copies away from a database; the lock goes with the process.

    Raises:
        DatabaseError: Another copy has the lock.
        DBAPIError: The server can't be used.
    """
    lock = _of_file if target.dialect.name == "sqlite" else _of_server
    with lock(target):
        yield


@contextlib.contextmanager
def _of_file(target: Engine) -> Iterator[None]:
    """Lock a file beside the database: to close a file of SQLite's would end SQLite's locks."""
    path = Path(f"{target.url.database}-copying")
    try:
        descriptor = _locked_file(path)
    except BlockingIOError as error:
        raise _under_way(target) from error
    except OSError:  # no folder, of which SQLite will complain, or no such locks
        yield
        return
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked_file(path: Path) -> int:
    """Return the descriptor of the file at a path, which another copy may just have removed."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


@contextlib.contextmanager
def _of_server(target: Engine) -> Iterator[None]:
    """Lock a number in a session of its own, which ends at once if the process is killed."""
    with target.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"SET lock_timeout = '{_PATIENCE}'")
        try:
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({_COPYING})")
        except DBAPIError as error:
            if failure(error) is not DatabaseFailure.LOCKED:
                raise
            raise _under_way(target) from error
        try:
            yield
        finally:
            with contextlib.suppress(DBAPIError):  # the session has ended, and the lock with it
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_COPYING})")
            connection.invalidate()


def _under_way(target: Engine) -> DatabaseError:
    return DatabaseError(
        f"{name_of(target.url)}: another copy to this database is under way; wait until that one "
        "has ended, or stop it"
    )
