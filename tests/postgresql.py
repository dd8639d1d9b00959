"""PostgreSQL for the tests: databases on a server, and a server of their own."""

import atexit
import contextlib
import functools
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import URL, Connection, create_engine, make_url

from aggregator.database import Engine, open_database
from tests.postgresql_server import postgres_server

_numbers = itertools.count(1)
_opened: list[Engine] = []
_made: list[URL] = []
_returned: list[URL] = []  # the last one that nobody uses any more


def new_database(url: str) -> Engine:
    """Return an engine on an empty database beside the one at `url`; it is dropped in the end."""
    _close()
    template = _migrated(url)
    if _returned and _empty(_returned[-1], template):
        place = _returned.pop()
    else:
        place = _copy(url, of=template.name)
    _opened.append(open_database(_text(place)))
    return _opened[-1]


@contextlib.contextmanager
def returning() -> Iterator[None]:
    """Let the databases that are opened meanwhile be opened again later, as empty ones."""
    before = len(_opened)
    yield
    for engine in _opened[before:]:
        engine.dispose()
        _returned[:] = [engine.url]
    del _opened[before:]


def new_url(url: str, *, options: str = "") -> str:
    """Return the URL of a new, empty database beside the one at `url`.

    Args:
        options: Of CREATE DATABASE.
    """
    return _text(_copy(url, of="template0", options=options))


def _close() -> None:
    """Close what is open: psycopg warns of connections that nobody closed."""
    for engine in _opened:
        engine.dispose()


@dataclass(frozen=True)
class _Template:
    """A database that has the program's tables, and in them what the migrations write."""

    name: str
    schema: str
    """What tells its tables and triggers from others."""
    emptying: str
    """Statements that leave in a database with the same tables the rows of this one."""


@functools.cache
def _migrated(url: str) -> _Template:
    place = new_url(url)
    open_database(place).dispose()
    engine = create_engine(place)
    with engine.connect() as connection:
        template = _Template(
            str(engine.url.database),
            connection.exec_driver_sql(_SCHEMA).scalar_one(),
            _emptying(connection),
        )
    engine.dispose()
    return template


_SCHEMA = """
SELECT md5(string_agg(line, ' ' ORDER BY line)) FROM (
    SELECT concat_ws(' ', relname, relkind, attname, atttypid, attnotnull, atthasdef)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND attnum > 0
    UNION ALL SELECT concat_ws(' ', tgrelid::regclass, tgname, tgenabled, tgtype)
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
) AS lines (line)
"""
_OF_KIND = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = "


def _emptying(connection: Connection) -> str:
    """Return statements that leave in a database the rows of this one."""
    statements = ["SET LOCAL session_replication_role = replica"]  # no triggers, no references
    for table in connection.exec_driver_sql(f"{_OF_KIND} 'r'").scalars().all():
        rows = f"SELECT json_agg(rows)::text FROM {table} AS rows"
        statements.append(f"DELETE FROM {table}")
        if written := connection.exec_driver_sql(rows).scalar_one():
            values = f"json_populate_recordset(NULL::{table}, $rows${written}$rows$)"
            statements.append(f"INSERT INTO {table} SELECT * FROM {values}")
    for sequence in connection.exec_driver_sql(f"{_OF_KIND} 'S'").scalars().all():
        last, called = connection.exec_driver_sql(
            f"SELECT last_value, is_called FROM {sequence}"
        ).one()
        statements.append(f"SELECT setval('{sequence}', {last}, {called})")
    return ";".join(statements)


def _empty(place: URL, template: _Template) -> bool:
    """Empty a database, or return False if its schema is another one by now."""
    engine = create_engine(place)
    try:
        with engine.begin() as connection:
            is_same = connection.exec_driver_sql(_SCHEMA).scalar_one() == template.schema
            if is_same:
                connection.exec_driver_sql(template.emptying)
        return is_same
    finally:
        engine.dispose()


def _copy(url: str, *, of: str, options: str = "") -> URL:
    place = make_url(url)
    copy = place.set(database=f"{place.database}_{os.getpid()}_{next(_numbers)}")
    _run(place, f'CREATE DATABASE "{copy.database}" TEMPLATE "{of}" {options}')
    _made.append(copy)
    return copy


@atexit.register
def _drop_all() -> None:
    _close()
    for copy in _made:
        _run(copy.set(database="postgres"), f'DROP DATABASE "{copy.database}" WITH (FORCE)')


def _run(place: URL, statement: str) -> None:
    server = create_engine(place, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(statement)
    server.dispose()


def _text(place: URL) -> str:
    return place.render_as_string(hide_password=False)


@contextlib.contextmanager
def replica(url: str) -> Iterator[str]:
    """Start a server that repeats what the one of `url` writes; the URL of the same database."""
    primary = str(make_url(url).query["host"])
    with postgres_server("synchronous_commit=off", primary=primary) as own_server:
        yield own_server.url()


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Start a PostgreSQL server that listens on a socket only; the URL of an empty database.

    Skips the test where PostgreSQL is not installed.
    """
    with postgres_server("synchronous_commit=off") as own_server:  # and quicker
        try:
            yield own_server.url()
        finally:
            _close()
            _made.clear()
            _returned.clear()
