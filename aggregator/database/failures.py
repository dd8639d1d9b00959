"""The meaning of database errors, judged by the code of the driver and never by the message.

SQLite has result codes (https://www.sqlite.org/rescode.html), PostgreSQL SQLSTATE (its manual,
appendix A).  Messages are in the server's language, and repeat names of tables and hosts.
"""

import sqlite3
from enum import Enum, auto
from typing import Any

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from aggregator import urls
from aggregator.database.sqlite_file import MissingFileError
from aggregator.errors import DatabaseError
from aggregator.model.times import span_text

BUSY_TIMEOUT = 5
"""Seconds to wait for another process's write before giving up."""


class DatabaseFailure(Enum):
    """The meaning of a database error for the person at the command line."""

    MISSING = auto()
    """The file was moved, removed or exchanged while the program runs."""
    LOCKED = auto()
    FULL = auto()
    READ_ONLY = auto()
    CLOSED = auto()
    """The file can't be opened: no such folder, no right to it."""
    DAMAGED = auto()
    UNREACHABLE = auto()
    """The server is away, or is just starting or stopping."""
    REFUSED = auto()
    """The server does not let this user in, or has no such database."""
    BROKEN = auto()
    """The disk or the machine fails: input and output, memory."""
    DEFECT = auto()
    """A fault of a statement or of the schema: waiting does not heal it."""


_SQLITE = {
    sqlite3.SQLITE_BUSY: DatabaseFailure.LOCKED,
    sqlite3.SQLITE_LOCKED: DatabaseFailure.LOCKED,
    sqlite3.SQLITE_PROTOCOL: DatabaseFailure.LOCKED,
    sqlite3.SQLITE_FULL: DatabaseFailure.FULL,
    sqlite3.SQLITE_READONLY: DatabaseFailure.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: DatabaseFailure.CLOSED,
    sqlite3.SQLITE_PERM: DatabaseFailure.CLOSED,
    sqlite3.SQLITE_CORRUPT: DatabaseFailure.DAMAGED,
    sqlite3.SQLITE_NOTADB: DatabaseFailure.DAMAGED,
    sqlite3.SQLITE_ABORT: DatabaseFailure.BROKEN,
    sqlite3.SQLITE_INTERRUPT: DatabaseFailure.BROKEN,
    sqlite3.SQLITE_IOERR: DatabaseFailure.BROKEN,
    sqlite3.SQLITE_NOMEM: DatabaseFailure.BROKEN,
    sqlite3.SQLITE_SCHEMA: DatabaseFailure.BROKEN,
}
"""By the primary result code."""

_POSTGRESQL = {
    "08": DatabaseFailure.UNREACHABLE,
    "25006": DatabaseFailure.READ_ONLY,
    "25P03": DatabaseFailure.UNREACHABLE,  # this process was idle in a transaction for too long
    "28": DatabaseFailure.REFUSED,
    "3D000": DatabaseFailure.REFUSED,
    "40": DatabaseFailure.LOCKED,  # serialization failures, deadlocks
    "42501": DatabaseFailure.REFUSED,  # no privilege for a table
    "53100": DatabaseFailure.FULL,
    "53300": DatabaseFailure.UNREACHABLE,  # all connections are taken
    "53": DatabaseFailure.BROKEN,
    "55P03": DatabaseFailure.LOCKED,
    "57014": DatabaseFailure.LOCKED,  # the server's time limit for statements or locks
    "57": DatabaseFailure.UNREACHABLE,
    "58": DatabaseFailure.BROKEN,
    "XX001": DatabaseFailure.DAMAGED,
    "XX002": DatabaseFailure.DAMAGED,
}
"""By SQLSTATE, or its class: the first two characters."""

_WILL_PASS = frozenset(DatabaseFailure) - {DatabaseFailure.DAMAGED, DatabaseFailure.DEFECT}

_FILE_ADVICE = {
    DatabaseFailure.LOCKED: (
        f"another process kept it locked for {span_text(BUSY_TIMEOUT)}; stop it or try again"
    ),
    DatabaseFailure.FULL: "the disk is full; make room",
    DatabaseFailure.READ_ONLY: "is read-only; make the file and its folder writable",
    DatabaseFailure.CLOSED: "can't be opened; does its folder exist, and may you write there?",
    DatabaseFailure.DAMAGED: "is not a SQLite database or is damaged; restore a copy, or move it "
    "away and a new one is made",
}
_SERVER_ADVICE = {
    DatabaseFailure.LOCKED: "other transactions kept it locked; end them or try again",
    DatabaseFailure.FULL: "the server's disk is full; make room",
    DatabaseFailure.READ_ONLY: "is read-only; name the primary server, or make this one writable",
    DatabaseFailure.DAMAGED: "is damaged; restore a copy",
}
_CAUSE_ADVICE = {
    DatabaseFailure.UNREACHABLE: "does the server run, has it room for "
    "another connection, and are user, password and database name right?",
    DatabaseFailure.REFUSED: "look at user, password, database name and privileges",
    DatabaseFailure.BROKEN: "the disk or the machine may be failing; the system's log may say more",
}


def failure(error: DBAPIError) -> DatabaseFailure:
    """Return the meaning of an error."""
    original: Any = error.orig
    if isinstance(original, MissingFileError):
        return DatabaseFailure.MISSING
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", None)
        if code is None:  # the driver's own, before SQLite was asked
            return (
                DatabaseFailure.LOCKED
                if isinstance(error, OperationalError)
                else DatabaseFailure.DEFECT
            )
        return _SQLITE.get(code & 0xFF, DatabaseFailure.DEFECT)
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if state is None:  # no answer of the server
        is_lost = error.connection_invalidated or isinstance(
            error, OperationalError | InterfaceError
        )
        return DatabaseFailure.UNREACHABLE if is_lost else DatabaseFailure.DEFECT
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2], DatabaseFailure.DEFECT)


def database_error(error: DBAPIError, url: str) -> DatabaseError:
    """Turn an error of the driver into one line with advice."""
    place = parse_url(url)
    kind, message = failure(error), cause(error)
    if kind is DatabaseFailure.MISSING:
        return DatabaseError(message)
    is_file = place.get_backend_name() == "sqlite"
    text = (_FILE_ADVICE if is_file else _SERVER_ADVICE).get(kind)
    if text is None:
        text = f"{message}; {_CAUSE_ADVICE[kind]}" if kind in _CAUSE_ADVICE else message
    return DatabaseError(f"{name_of(place)}: {text}")


def cause(error: DBAPIError) -> str:
    """Return the first line of the driver's message, or the name of the error without a message."""
    message = str(error.orig).strip()
    return message.splitlines()[0] if message else type(error.orig).__name__


def is_missing(error: DBAPIError) -> bool:
    """Whether the file of the database is missing, or has not been put back completely."""
    return failure(error) is DatabaseFailure.MISSING


def is_gone(error: DBAPIError) -> bool:
    """Whether no file is left at the path of the database; `watch_file` logs such a file."""
    return isinstance(error.orig, MissingFileError) and error.orig.is_gone


def is_cancelled(error: BaseException) -> bool:
    """Whether a statement was ended by the deadline, the only cause of a cancellation."""
    original: Any = getattr(error, "orig", None)
    if isinstance(original, sqlite3.Error):
        return getattr(original, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
    return getattr(original, "sqlstate", None) == "57014"  # query_canceled


def is_write_conflict(error: DBAPIError) -> bool:
    """Whether a transaction that read first can't write, as another one writes or wrote meanwhile.

    SQLite does not wait for the other transaction then (https://www.sqlite.org/c3ref/busy_handler.html).
    """
    original: Any = error.orig
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", None)
        return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY
    return getattr(original, "sqlstate", None) == "40001"  # serialization_failure


def is_passing(error: DBAPIError) -> bool:
    """Whether the same statement may succeed later: a lock, a full disk, a server out of reach."""
    return failure(error) in _WILL_PASS


def parse_url(url: str) -> URL:
    """Parse the URL of a database.

    Raises:
        DatabaseError: `url` is not a database URL.
    """
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseError(f"database: not a database URL: {urls.masked(url)}") from error


def is_sqlite(url: str) -> bool:
    """Whether a URL names a SQLite database.

    Raises:
        DatabaseError: `url` is not a database URL.
    """
    return parse_url(url).get_backend_name() == "sqlite"


def names_database(url: str) -> bool:
    """Whether a URL says which database; libpq would take the one with the user's name.

    Raises:
        DatabaseError: `url` is not a database URL.
    """
    place = parse_url(url)
    return bool(place.database) or not {"dbname", "service"}.isdisjoint(place.query)


def name_of(place: URL) -> str:
    """Return the name of a database in messages: the path, or the URL without the password."""
    return place.database if place.database and place.get_backend_name() == "sqlite" else str(place)
