"""Open the database: connections and the schema."""

import contextlib
import os
import sqlite3
import sys
import warnings
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SAWarning

from aggregator.database.clock import SERVER_TIME, ServerClock, clock_option
from aggregator.database.deadline import OF_ALL_FEEDS, set_deadline
from aggregator.database.failures import (
    BUSY_TIMEOUT,
    database_error,
    is_passing,
    name_of,
    parse_url,
)
from aggregator.database.sqlite_file import WatchedFile, log_when_missing
from aggregator.database.stalled_server import watch_server
from aggregator.errors import DatabaseError

HEAD = "0042"
"""Newest revision in migrations/; a test holds it to the folder."""

UNFINISHED_COPY = "unfinished copy"
"""In place of the revision in a database that `copies.write_copy` has not completed.

It sorts after every revision, so older versions take the schema for a newer one, and refuse it.
"""

MAX_IDLE = timedelta(minutes=1)
"""Time between two statements of a transaction after which a PostgreSQL server ends the session.

A process that was stopped, or whose machine has vanished, would keep its locks for hours.
"""

_VANISHED_SERVER = {
    "connect_timeout": 10,  # seconds, for each address
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds without an acknowledgement of what was sent
}
"""After a minute without a sign of life from a PostgreSQL server, a statement fails.

A server that vanished without closing its connections would be waited for without end.  libpq
ignores all but the first where the server is at a Unix-domain socket.
"""

_CLOCK_AGE = timedelta(seconds=10)  # after which a transaction that only reads asks for the time
_OVER_DEADLINE = timedelta(seconds=2)
"""Time in which a server that ends a statement at its deadline should have said so."""

_DRIVERS_ON_LIBPQ = frozenset({"psycopg", "psycopg2"})
_PRIVATE = 0o600
_READER_SETTINGS = ("max_parallel_workers_per_gather = 0", "jit = off", "enable_mergejoin = off")
"""PostgreSQL plans for many rows where a page only takes the first of them: it starts processes,
compiles to machine code, and reads from the beginning what a page joins from the middle."""

_QUICK_COMPRESSION = """
SELECT set_config('default_toast_compression', 'lz4', false) FROM pg_settings
WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)
"""
"""Texts are compressed with LZ4, in a fraction of the time, by servers that know it."""


def open_database(
    url: str,
    *,
    read_only: bool = False,
    upgrades: bool = True,
    deadline: timedelta | None = None,
    is_needed: bool = True,
) -> Engine:
    """Return an engine on the database at `url`, after an update of the schema.

    Args:
        url: SQLAlchemy URL; a SQLite path must be absolute.
        read_only: Connections refuse every write, and no file is created: the web process may
            start at the moment when the file is moved.
        upgrades: False refuses a database with an older schema, or without one.
        deadline: Time limit of each statement, which raises `DeadlineError`; None for no limit.
            A server that hangs is waited for a little longer.
        is_needed: False: without a server the schema is not updated, and no error raised.

    Raises:
        DatabaseError: The database can't be opened, belongs to another program or to a newer
            version, or stays locked.
    """
    place = parse_url(url)
    prepare = partial(_bring_up_to_date if upgrades else _check_schema, place)
    if not (read_only and _is_missing(place)):
        try:
            prepare()
        except DatabaseError as error:
            if is_needed or not _will_pass(error):
                raise
    return _opened(place, read_only=read_only, deadline=deadline, prepare=prepare)


def open_replica(url: str, *, deadline: timedelta) -> Engine:
    """Return an engine that reads a copy of a database, whatever the schema; see `has_schema`.

    Args:
        url: As for `open_database`.
        deadline: As for `open_database`.

    Raises:
        DatabaseError: `url` is of no use.
    """
    place = parse_url(url)
    return _opened(place, read_only=True, deadline=deadline, prepare=partial(_check_schema, place))


def has_schema(url: str) -> bool:
    """Whether a copy of a database has the schema of this program; False if out of reach.

    Raises:
        DatabaseError: The schema has not arrived yet, or the database belongs to another program or
            to a newer version.
    """
    try:
        is_ready = is_up_to_date(url)
    except DatabaseError as error:
        if not _will_pass(error):
            raise
        return False
    if not is_ready:
        raise DatabaseError(
            f"{name_of(parse_url(url))}: does not have the schema of this version yet; waiting "
            "until it comes from the database that `aggregator run` or `schedule` writes"
        )
    return True


def open_unchanged(url: str) -> Engine | None:
    """Return an engine that only reads, without an update of the schema; None without a database.

    An empty database is like none.

    Raises:
        DatabaseError: The database can't be opened, belongs to another program, or has the schema
            of another version.
    """
    place = parse_url(url)
    return None if _present_schema(place) is None else open_database(url, read_only=True)


def open_for_copy(url: str) -> Engine:
    """Return an engine on a database to copy into: as it is, and without checks of foreign keys.

    A missing file of SQLite is made.

    Raises:
        DatabaseError: There is no driver, or the options of the URL are wrong.
    """
    place = parse_url(url)
    if _is_missing(place):
        _create_private(Path(place.database or ""))
    return _engine(place, read_only=False, foreign_keys=False)


def reading_first(engine: Engine) -> Engine:
    """Return an engine whose transactions lock nothing before their first write.

    What a transaction has read is still true when it writes: the database refuses a write after
    another transaction wrote; `failures.is_write_conflict` recognises the error.
    """
    if engine.dialect.name == "sqlite":
        return engine.execution_options(reads_first=True)
    return engine.execution_options(isolation_level="REPEATABLE READ")


def watch_file(url: str) -> None:
    """Log when the file of a SQLite database is missing, for a reading process."""
    place = parse_url(url)
    if _is_file(place):
        log_when_missing(Path(place.database or ""))


def connection_arguments(engine: Engine) -> dict[str, Any]:
    """Return how libpq reaches the PostgreSQL server of an engine, by the names of libpq."""
    _, arguments = engine.dialect.create_connect_args(engine.url)
    return {**_connect_arguments(engine.url), **arguments}


def is_up_to_date(url: str) -> bool:
    """Whether the database exists and has the schema of the program's version.

    Raises:
        DatabaseError: The database exists, but can't be used.
    """
    place = parse_url(url)
    try:
        return _revision(place) == HEAD
    except DBAPIError as error:
        raise database_error(error, url) from error


def _present_schema(place: URL) -> str | None:
    """Return the revision of the schema, which is this program's; None for an empty database.

    Raises:
        DatabaseError: The database can't be opened, or has the schema of another version.
    """
    try:
        revision = _revision(place)
    except DBAPIError as error:
        raise database_error(error, place.render_as_string(hide_password=False)) from error
    if revision not in {None, HEAD}:
        raise DatabaseError(
            f"{name_of(place)}: was written by an older version of this program (schema "
            f"{revision}, this one has {HEAD}); `aggregator poll` or `aggregator run` updates it"
        )
    return revision


def _will_pass(error: DatabaseError) -> bool:
    return isinstance(error.__cause__, DBAPIError) and is_passing(error.__cause__)


def _check_schema(place: URL) -> None:
    if _present_schema(place) is None:
        raise DatabaseError(
            f"{name_of(place)}: is empty; `aggregator poll` or `aggregator run` makes its tables"
        )


def _opened(
    place: URL, *, read_only: bool, deadline: timedelta | None, prepare: Callable[[], None]
) -> Engine:
    """Return an engine; `prepare` is for a file that takes the place of the present one."""
    engine = _engine(place, read_only=read_only)
    if deadline is not None:
        set_deadline(engine, deadline)
    watch_server(engine, limit=deadline and max(deadline, OF_ALL_FEEDS) + _OVER_DEADLINE)
    if _is_file(place):
        WatchedFile(Path(place.database or ""), writes=not read_only, prepare=prepare).attach(
            engine
        )
    return engine


def _bring_up_to_date(place: URL) -> None:
    try:
        if _revision(place) != HEAD:
            _migrate(place)
    except DBAPIError as error:
        raise database_error(error, place.render_as_string(hide_password=False)) from error


def _is_missing(place: URL) -> bool:
    return _is_file(place) and not Path(place.database or "").exists()


def _is_file(place: URL) -> bool:
    """Whether a database is one file at a path: not in memory, nor in a URI of SQLite's own."""
    name = place.database or ":memory:"
    return place.get_backend_name() == "sqlite" and not name.startswith((":memory:", "file:"))


def _engine(place: URL, *, read_only: bool, foreign_keys: bool = True) -> Engine:
    options: dict[str, Any] = {"pool_pre_ping": True}
    clock = ServerClock()
    if place.get_backend_name() == "sqlite":
        options = {"connect_args": {"timeout": BUSY_TIMEOUT}}
    else:
        options["connect_args"] = _connect_arguments(place)
        options["execution_options"] = clock_option(clock)
        if read_only:  # a page's statements see the same, as in SQLite
            reading = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            options["execution_options"] |= reading
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SAWarning)  # an unknown option
            engine = create_engine(place, **options)
    except (SAWarning, TypeError, ValueError) as error:
        names = ", ".join(sorted(place.query))
        raise DatabaseError(
            f"{name_of(place)}: can't be opened with these options: {names}; leave them out"
        ) from error
    except (NoSuchModuleError, ImportError) as error:
        raise DatabaseError(
            f"database: no driver for {place.drivername}; "
            f"for PostgreSQL: {sys.executable} -m pip install 'psycopg[binary]'"
        ) from error
    if place.get_backend_name() == "sqlite":
        _set_up_sqlite(engine, read_only=read_only, foreign_keys=foreign_keys)
    else:
        _set_up_postgresql(engine, clock, read_only=read_only)
    return engine


def _connect_arguments(place: URL) -> dict[str, int]:
    """Return the options of libpq for a connection; those of the URL have precedence."""
    if place.get_driver_name() not in _DRIVERS_ON_LIBPQ:
        return {}
    return {key: value for key, value in _VANISHED_SERVER.items() if key not in place.query}


def _set_up_sqlite(engine: Engine, *, read_only: bool, foreign_keys: bool) -> None:
    # A writer takes the write lock at once: a transaction that starts as a reader and turns
    # writer later fails without waiting when another process wrote in between.  Transactions of
    # `reading_first` are started again then.
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    def set_up_connection(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we begin, the driver doesn't
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
        else:
            cursor.execute("PRAGMA journal_mode = WAL")  # readers never wait for the writer
            cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA cache_size = -16000")
        cursor.execute("PRAGMA wal_autocheckpoint = 4000")  # 16 MB: busy pages are copied once
        cursor.close()

    def begin_transaction(connection: Connection) -> None:
        options = connection.get_execution_options()
        wait = options.get("busy_timeout", BUSY_TIMEOUT)
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait * 1000}")
        connection.exec_driver_sql("BEGIN" if options.get("reads_first") else begin)

    event.listen(engine, "connect", set_up_connection)
    event.listen(engine, "begin", begin_transaction)


def _set_up_postgresql(engine: Engine, clock: ServerClock, *, read_only: bool) -> None:
    max_idle = MAX_IDLE // timedelta(milliseconds=1)
    settings = [f"idle_in_transaction_session_timeout = {max_idle}"]
    if read_only:
        settings += _READER_SETTINGS

    def check_encoding(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("SHOW server_encoding")
        (name,) = cursor.fetchone()
        cursor.close()
        connection.commit()
        encoding = name.decode() if isinstance(name, bytes) else name
        if encoding != "UTF8":
            raise DatabaseError(
                f"{name_of(engine.url)}: has the encoding {encoding}, which can't hold every text; "
                "make it with `createdb --encoding=UTF8 --template=template0`"
            )

    def set_up_connection(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for setting in settings:
            cursor.execute(f"SET {setting}")
        if not read_only:
            cursor.execute(_QUICK_COMPRESSION)
        cursor.close()
        connection.commit()

    def begin_writing(connection: Connection) -> None:
        wait = connection.get_execution_options().get("busy_timeout", BUSY_TIMEOUT)
        limit = f"set_config('lock_timeout', '{wait * 1000}', true)"
        clock.read(partial(_number, connection, f"SELECT {SERVER_TIME}, {limit}"))

    def begin_reading(connection: Connection) -> None:
        if clock.age() > _CLOCK_AGE:
            clock.read(partial(_number, connection, f"SELECT {SERVER_TIME}"))

    # Before SQLAlchemy looks at the server, which fails with texts that are not decoded.
    event.listen(engine, "connect", check_encoding, insert=True)
    event.listen(engine, "connect", set_up_connection)
    event.listen(engine, "begin", begin_reading if read_only else begin_writing)
    if read_only:
        # The same for a transaction that only reads, but that psycopg forgets all prepared
        # statements after a rollback: the server would parse and plan each page anew.
        engine.dialect.do_rollback = engine.dialect.do_commit  # type: ignore[method-assign]


def _number(connection: Connection, statement: str) -> int:
    value: int = connection.exec_driver_sql(statement).scalar_one()
    return value


def _revision(place: URL) -> str | None:
    """Return the revision of the schema, None for a missing or empty database."""
    if _is_missing(place):
        return None
    engine = _engine(place, read_only=True)
    try:
        with engine.connect() as connection:
            tables = set(inspect(connection).get_table_names())
            if not tables:
                return None
            if "alembic_version" not in tables or "entries" not in tables:
                raise DatabaseError(
                    f"{name_of(place)}: is the database of another program; "
                    "name another one under `database:`"
                )
            revision: str | None = connection.scalar(
                text("SELECT version_num FROM alembic_version")
            )
    finally:
        engine.dispose()
    if revision == UNFINISHED_COPY:
        raise DatabaseError(
            f"{name_of(place)}: is an unfinished copy; name its source under `database:` and run "
            "`aggregator copy --to` with the address of the copy again, which completes it"
        )
    if revision is not None and revision > HEAD:
        raise DatabaseError(
            f"{name_of(place)}: was written by a newer version of this program "
            f"(schema {revision}, this one knows {HEAD}); update the program"
        )
    return revision


def _migrate(place: URL) -> None:
    """Run the missing revisions, all or none."""
    # Alembic takes 0.2 s to import, and most starts have nothing to migrate.
    from aggregator.database.migrations.run import upgrade

    if place.get_backend_name() == "sqlite":
        _create_private(Path(place.database or ""))
    # Without foreign keys: a table with other columns replaces one that other tables refer to.
    engine = _engine(place, read_only=False, foreign_keys=False)
    try:
        with engine.begin() as connection:
            upgrade(connection, to=HEAD)
    finally:
        engine.dispose()


def _create_private(path: Path) -> None:
    """Create an empty file for its owner alone, unless a file exists.

    The database has addresses with passwords.  SQLite gives the files beside it (-wal, -shm,
    -journal) the same mode.
    """
    with contextlib.suppress(OSError):  # it is there, or SQLite says why it can't be
        handle = os.open(path.resolve(), os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE)
        try:
            os.fchmod(handle, _PRIVATE)  # whatever the umask
        finally:
            os.close(handle)
