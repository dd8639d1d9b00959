"""PostgreSQL for the tests: databases on a server, and a server of their own."""

import atexit
import contextlib
import functools
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, make_url

from aggregator.database import Engine, open_database

_numbers = itertools.count(1)
_opened: list[Engine] = []
_made: list[URL] = []


def new_database(url: str) -> Engine:
    """Return an engine on a new database beside the one at `url`; it is dropped in the end."""
    _close()
    _opened.append(open_database(_text(_copy(url, of=_migrated(url)))))
    return _opened[-1]


def new_url(url: str) -> str:
    """Return the URL of a new, empty database beside the one at `url`."""
    return _text(_copy(url, of="template0"))


def _close() -> None:
    """Close what is open: psycopg warns of connections that nobody closed."""
    for engine in _opened:
        engine.dispose()


@functools.cache
def _migrated(url: str) -> str:
    """Return the name of a database that has the program's tables, and nothing in them."""
    template = new_url(url)
    open_database(template).dispose()
    return str(make_url(template).database)


def _copy(url: str, *, of: str) -> URL:
    place = make_url(url)
    copy = place.set(database=f"{place.database}_{os.getpid()}_{next(_numbers)}")
    _run(place, f'CREATE DATABASE "{copy.database}" TEMPLATE "{of}"')
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
def server() -> Iterator[str]:
    """Start a PostgreSQL server that listens on a socket only; the URL of an empty database.

    Skips the test where PostgreSQL is not installed.
    """
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *_on_path()]
    if not found or (os.geteuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("NO POSTGRESQL SERVER HERE, NOT TESTED")
    pytest.importorskip("psycopg", reason="NO DRIVER FOR POSTGRESQL, NOT TESTED")
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        commands, data = max(found), f"{folder}/data"
        _as_postgres(
            f"{commands}/initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "-N"
        )
        unsafe = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"  # and quicker
        options = f"-c listen_addresses= -c unix_socket_directories={folder} {unsafe}"
        control = (f"{commands}/pg_ctl", "-D", data, "-w")
        _as_postgres(*control, "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            _close()
            _made.clear()
            _as_postgres(*control, "-m", "immediate", "stop")


def _on_path() -> list[Path]:
    found = shutil.which("initdb")
    return [Path(found).parent] if found else []


def _as_postgres(*command: str) -> None:
    """Run a command as somebody other than root: the server refuses to be."""
    user = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
    subprocess.run([*user, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")
