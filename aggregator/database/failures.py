"""What went wrong in a database: judged by the driver's code, never by the words of its message.

SQLite tells by its result codes (https://www.sqlite.org/rescode.html), PostgreSQL by SQLSTATE (its
manual, appendix A).  The words are in the server's language, and repeat names of tables and hosts.
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


class Failure(Enum):
    """What a database's error means to whoever runs the program."""

    MISSING = auto()
    """The file was moved, removed or exchanged while the program runs."""
    LOCKED = auto()
    FULL = auto()
    READ_ONLY = auto()
    CLOSED = auto()
    """It can't be opened: no such folder, no right to it."""
    DAMAGED = auto()
    UNREACHABLE = auto()
    """The server is away, or is just starting or stopping."""
    REFUSED = auto()
    """The server does not let this user in, or has no such database."""
    BROKEN = auto()
    """The disk or the machine fails: input and output, memory."""
    OTHER = auto()
    """A fault of a statement or of the schema: waiting does not heal it."""


_SQLITE = {
    sqlite3.SQLITE_BUSY: Failure.LOCKED,
    sqlite3.SQLITE_LOCKED: Failure.LOCKED,
    sqlite3.SQLITE_PROTOCOL: Failure.LOCKED,
    sqlite3.SQLITE_FULL: Failure.FULL,
    sqlite3.SQLITE_READONLY: Failure.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: Failure.CLOSED,
    sqlite3.SQLITE_PERM: Failure.CLOSED,
    sqlite3.SQLITE_CORRUPT: Failure.DAMAGED,
    sqlite3.SQLITE_NOTADB: Failure.DAMAGED,
    sqlite3.SQLITE_ABORT: Failure.BROKEN,
    sqlite3.SQLITE_INTERRUPT: Failure.BROKEN,
    sqlite3.SQLITE_IOERR: Failure.BROKEN,
    sqlite3.SQLITE_NOMEM: Failure.BROKEN,
    sqlite3.SQLITE_SCHEMA: Failure.BROKEN,
}
"""By the primary result code."""

_POSTGRESQL = {
    "08": Failure.UNREACHABLE,
    "25006": Failure.READ_ONLY,
    "28": Failure.REFUSED,
    "3D000": Failure.REFUSED,
    "40": Failure.LOCKED,  # serialization failures, deadlocks
    "42501": Failure.REFUSED,  # no privilege for a table
    "53100": Failure.FULL,
    "53300": Failure.UNREACHABLE,  # all connections are taken
    "53": Failure.BROKEN,
    "55P03": Failure.LOCKED,
    "57014": Failure.LOCKED,  # the server's time limit for statements or locks
    "57": Failure.UNREACHABLE,
    "58": Failure.BROKEN,
    "XX001": Failure.DAMAGED,
    "XX002": Failure.DAMAGED,
}
"""By SQLSTATE, or its class: the first two characters."""

_WILL_PASS = frozenset(Failure) - {Failure.DAMAGED, Failure.OTHER}

_IN_WORDS = {
    Failure.LOCKED: (
        f"another process kept it locked for {span_text(BUSY_TIMEOUT)}; stop it or try again"
    ),
    Failure.FULL: "the disk is full; make room",
    Failure.READ_ONLY: "is read-only; make the file and its folder writable",
    Failure.CLOSED: "can't be opened; does its folder exist, and may you write there?",
    Failure.DAMAGED: "is not a SQLite database or is damaged; restore a copy, or move it away and "
    "a new one is made",
}
_IN_WORDS_OF_A_SERVER = {
    Failure.LOCKED: "other transactions kept it locked; end them or try again",
    Failure.FULL: "the server's disk is full; make room",
    Failure.READ_ONLY: "is read-only; name the primary server, or make this one writable",
    Failure.DAMAGED: "is damaged; restore a copy",
}
_ADVICE = {
    Failure.UNREACHABLE: "is the server running, and has it room for another connection?",
    Failure.REFUSED: "look at user, password, database name and privileges",
    Failure.BROKEN: "the disk or the machine may be failing; the system's log may say more",
}


def failure(error: DBAPIError) -> Failure:
    """Return what an error means."""
    original: Any = error.orig
    if isinstance(original, MissingFileError):
        return Failure.MISSING
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", None)
        if code is None:  # the driver's own, before SQLite was asked
            return Failure.LOCKED if isinstance(error, OperationalError) else Failure.OTHER
        return _SQLITE.get(code & 0xFF, Failure.OTHER)
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
    if state is None:  # no answer of the server
        lost = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
        return Failure.UNREACHABLE if lost else Failure.OTHER
    return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2], Failure.OTHER)


def in_words(error: DBAPIError, url: str) -> DatabaseError:
    """Turn what a driver raised into one line that says what to do."""
    place = parsed(url)
    kind, original = failure(error), str(error.orig).strip()
    cause = original.splitlines()[0] if original else type(error.orig).__name__
    if kind is Failure.MISSING:
        return DatabaseError(cause)
    is_file = place.get_backend_name() == "sqlite"
    text = (_IN_WORDS if is_file else _IN_WORDS_OF_A_SERVER).get(kind)
    if text is None:
        text = f"{cause}; {_ADVICE[kind]}" if kind in _ADVICE else cause
    return DatabaseError(f"{name_of(place)}: {text}")


def is_missing(error: DBAPIError) -> bool:
    """Whether the database's file is not there any more, or not yet again."""
    return failure(error) is Failure.MISSING


def is_gone(error: DBAPIError) -> bool:
    """Whether nothing is where the database's file was; `watch_file` says so."""
    return isinstance(error.orig, MissingFileError) and error.orig.is_gone


def is_cancelled(error: BaseException) -> bool:
    """Whether a statement was ended from outside: by its deadline, as nobody else ends any."""
    original: Any = getattr(error, "orig", None)
    if isinstance(original, sqlite3.Error):
        return getattr(original, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT
    return getattr(original, "sqlstate", None) == "57014"  # query_canceled


def is_passing(error: DBAPIError) -> bool:
    """Whether the same statement may succeed later: a lock, a full disk, a server that is away."""
    return failure(error) in _WILL_PASS


def parsed(url: str) -> URL:
    """Return a database's URL.

    Raises:
        DatabaseError: It is none.
    """
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseError(f"database: not a database URL: {urls.masked(url)}") from error


def name_of(place: URL) -> str:
    """Return what messages call a database: the path of a file, or a URL without its password."""
    return place.database if place.database and place.get_backend_name() == "sqlite" else str(place)
