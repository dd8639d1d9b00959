"""Open the database: connections, the schema, and every way that can fail in one clear line."""

import sqlite3
import sys
import warnings
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SAWarning

from aggregator import urls
from aggregator.errors import DatabaseError

HEAD = "0018"
"""Newest revision in migrations/; a test holds it to the folder."""

BUSY_TIMEOUT = 5
"""Seconds to wait for another process's write before giving up."""


def open_database(url: str, *, read_only: bool = False) -> Engine:
    """Return an engine on the database at `url`, its schema brought up to date.

    Args:
        url: SQLAlchemy URL; a SQLite path must be absolute.
        read_only: The engine's connections refuse every write.

    Raises:
        DatabaseError: It can't be opened, is not ours, is newer than the program, or stays locked.
    """
    place = _parsed(url)
    try:
        if _revision(place) != HEAD:
            _migrate(place)
    except DBAPIError as error:
        raise in_words(error, url) from error
    return _engine(place, read_only=read_only)


def is_there(url: str) -> bool:
    """Whether the database is one of this version's, to read from without changing anything.

    Raises:
        DatabaseError: It is there, but can't be used.
    """
    place = _parsed(url)
    try:
        return _revision(place) == HEAD
    except DBAPIError as error:
        raise in_words(error, url) from error


def in_words(error: DBAPIError, url: str) -> DatabaseError:
    """Turn what a driver raised into one line that says what to do."""
    place = _parsed(url)
    name, cause = _name(place), str(error.orig).splitlines()[0]
    if is_locked(error):
        what = f"another process kept it locked for {BUSY_TIMEOUT} s; stop it or try again"
    elif "unable to open" in cause:
        what = "can't be opened; does its folder exist, and may you write there?"
    elif "not a database" in cause or "malformed" in cause:
        what = (
            "is not a SQLite database or is damaged; restore a copy, or move it away "
            "and a new one is made"
        )
    elif "readonly" in cause:
        what = "is read-only; make the file and its folder writable"
    elif "full" in cause:
        what = "the disk is full; make room"
    else:
        what = cause
    return DatabaseError(f"{name}: {what}")


def is_locked(error: DBAPIError) -> bool:
    """Whether `error` only says that another process held the database too long."""
    return "locked" in str(error.orig) or "busy" in str(error.orig)


def is_passing(error: DBAPIError) -> bool:
    """Whether the same statement may succeed later: a lock, a full disk, a server that is away."""
    if not isinstance(error.orig, sqlite3.Error):
        return True
    code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_BUSY)
    return code & 0xFF != sqlite3.SQLITE_ERROR  # no such column, and the like


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseError(f"database: not a database URL: {urls.masked(url)}") from error


def _engine(place: URL, *, read_only: bool) -> Engine:
    options: dict[str, Any] = {"pool_pre_ping": True}
    if place.get_backend_name() == "sqlite":
        options = {"connect_args": {"timeout": BUSY_TIMEOUT}}
    elif read_only:  # a page's statements see the same, as in SQLite
        reading = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        options["execution_options"] = reading
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SAWarning)  # an option that it does not know
            engine = create_engine(place, **options)
    except (SAWarning, TypeError, ValueError) as error:
        given = ", ".join(sorted(place.query))
        raise DatabaseError(
            f"{_name(place)}: can't be opened with these options: {given}; leave them out"
        ) from error
    except (NoSuchModuleError, ImportError) as error:
        raise DatabaseError(
            f"database: no driver for {place.drivername}; "
            f"for PostgreSQL: {sys.executable} -m pip install 'psycopg[binary]'"
        ) from error
    if place.get_backend_name() == "sqlite":
        _set_up_sqlite(engine, read_only=read_only)
    return engine


def _set_up_sqlite(engine: Engine, *, read_only: bool) -> None:
    # A writer takes the write lock at once: a transaction that starts as a reader and turns
    # writer later fails without waiting when another process wrote in between.
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    def connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we begin, the driver doesn't
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        else:
            cursor.execute("PRAGMA journal_mode = WAL")  # readers never wait for the writer
            cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA cache_size = -16000")
        cursor.execute("PRAGMA wal_autocheckpoint = 4000")  # 16 MB: busy pages are copied once
        cursor.close()

    def begun(connection: Connection) -> None:
        wait = connection.get_execution_options().get("busy_timeout", BUSY_TIMEOUT)
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait * 1000}")
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def _revision(place: URL) -> str | None:
    """Return the schema's revision, None for a database that is not there or empty."""
    if place.get_backend_name() == "sqlite" and not Path(place.database or "").exists():
        return None
    engine = _engine(place, read_only=True)
    try:
        with engine.connect() as connection:
            tables = set(inspect(connection).get_table_names())
            if not tables:
                return None
            if "alembic_version" not in tables or "entries" not in tables:
                raise DatabaseError(
                    f"{_name(place)}: is the database of another program; "
                    "name another one under `database:`"
                )
            revision: str | None = connection.scalar(
                text("SELECT version_num FROM alembic_version")
            )
    finally:
        engine.dispose()
    if revision is not None and revision > HEAD:
        raise DatabaseError(
            f"{_name(place)}: was written by a newer version of this program "
            f"(schema {revision}, this one knows {HEAD}); update the program"
        )
    return revision


def _migrate(place: URL) -> None:
    """Run the revisions that the database lacks, all of them or none."""
    # Alembic takes 0.2 s to import, and most starts have nothing to migrate.
    from aggregator.database.migrations.run import upgrade

    engine = _engine(place, read_only=False)
    try:
        with engine.begin() as connection:
            upgrade(connection)
    finally:
        engine.dispose()


def _name(place: URL) -> str:
    return place.database if place.database and place.get_backend_name() == "sqlite" else str(place)
