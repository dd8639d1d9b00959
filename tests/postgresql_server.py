"""A PostgreSQL server of the tests' own, which is started, stopped, halted and asked at will."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from tests.running import children

if TYPE_CHECKING:
    import psycopg

_QUICK = ("fsync=off", "full_page_writes=off")  # a test survives no power cut
_BASEBACKUP = ("-U", "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync")
_MEGABYTE = 1 << 20
_INITDB = ("-A", "trust", "-U", "postgres", "-E", "UTF8", "-N", "--wal-segsize=1")


class PostgresServer:
    """A server with its data below `folder`, at a socket of the system there and at no port.

    Args:
        settings: Further settings, as `name=value`.
        primary: Folder of the socket of another server, whose replica this one is.
    """

    def __init__(self, folder: Path, *settings: str, primary: str | None = None) -> None:
        self.folder = folder
        self._commands = _commands()
        self._data = folder / "data"
        places = (f"unix_socket_directories={folder}", "listen_addresses=")
        self._options = " ".join(f"-c {setting}" for setting in (*places, *_QUICK, *settings))
        give_to_postgres(folder)
        if primary is None:
            _as_postgres(self._commands / "initdb", "-D", self._data, *_INITDB)
        else:
            copying = self._commands / "pg_basebackup", "-h", primary, "-D", self._data
            _as_postgres(*copying, *_BASEBACKUP)

    def url(self, database: str = "postgres", *, user: str = "postgres") -> str:
        """Return the URL of a database for `database:` of config.yaml."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start the server, and return when it takes connections."""
        self._control("-l", str(self.folder / "log"), "-o", self._options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: `fast` ends its sessions in order, `immediate` is like a crash."""
        self._control("-m", mode, "stop")

    def _control(self, *words: str) -> None:
        _as_postgres(self._commands / "pg_ctl", "-D", self._data, "-w", "-s", *words)

    def processes(self) -> list[int]:
        """Return all processes of the server, the first one before its children."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        return [first, *children(first)]

    @contextlib.contextmanager
    def halted(self) -> Iterator[None]:
        """Let the server answer nothing and take every connection meanwhile, as one that hangs."""
        processes = self.processes()
        try:
            for process in processes:
                os.kill(process, signal.SIGSTOP)
            yield
        finally:
            for process in reversed(processes):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Let no file grow beyond a megabyte, where a write ends in the middle of a page.

        PostgreSQL 15 answers as on a full disk; later versions call it an internal error.
        """
        self._limit_files(str(_MEGABYTE + 4096))
        try:
            yield
        finally:
            self._limit_files("unlimited")

    def _limit_files(self, size: str) -> None:
        for process in self.processes():
            with contextlib.suppress(subprocess.CalledProcessError):  # it has just ended
                _as_postgres("prlimit", f"--pid={process}", f"--fsize={size}:")

    def connect(
        self, database: str = "postgres", *, user: str = "postgres"
    ) -> "psycopg.Connection[tuple[Any, ...]]":
        """Return a session outside of transactions."""
        import psycopg

        return psycopg.connect(host=str(self.folder), dbname=database, user=user, autocommit=True)

    def execute(self, statement: str, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement as the superuser; return its rows."""
        with self.connect(database) as session:
            cursor = session.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def postgres_server(*settings: str, primary: str | None = None) -> Iterator[PostgresServer]:
    """Start a server in a folder that is removed at the end; see `PostgresServer`.

    Skips the test where PostgreSQL is not installed.
    """
    skip_without_postgresql()
    with tempfile.TemporaryDirectory() as folder:
        server = PostgresServer(Path(folder), *settings, primary=primary)
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # a test stopped it
                server.stop("immediate")


def skip_without_postgresql() -> None:
    """Skip the test where the server or a package for it is missing; on CI the test fails."""
    can_start = os.geteuid() != 0 or shutil.which("runuser")
    if not (_commands_found() and can_start):
        _give_up("NO POSTGRESQL SERVER HERE, NOT TESTED")
    skip_without_packages("psycopg", "procrastinate")


def skip_without_packages(*names: str) -> None:
    """Skip the test where a package of the extra `postgres` is missing; on CI the test fails."""
    for name in names:
        if find_spec(name) is None:
            _give_up(f"NO {name.upper()} HERE, POSTGRESQL NOT TESTED")


def _give_up(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def give_to_postgres(folder: Path) -> None:
    """Let the server write to a folder: it refuses to run as root."""
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")


def _commands() -> Path:
    return max(_commands_found())


def _commands_found() -> list[Path]:
    on_path = shutil.which("initdb")
    return [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *([Path(on_path).resolve().parent] if on_path else []),
    ]


def _as_postgres(*command: str | Path) -> None:
    user = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
    subprocess.run([*user, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")
