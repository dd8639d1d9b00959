"""Watch for a SQLite database whose files are moved, removed or replaced.

SQLite goes on writing to a moved or removed file, where the writes are lost, and puts the log
(`-wal`) of one database into another database at the same path ("How To Corrupt An SQLite Database
File", 4).  So the files of a connection are compared with the files at the path whenever the
connection is taken from the pool, and no file is created while the program runs.
"""

import contextlib
import logging
import os
import sqlite3
import stat
import struct
import threading
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Pool, event
from sqlalchemy.exc import InvalidatePoolError

log = logging.getLogger(__name__)

_WATCH_INTERVAL = 10  # seconds
_FILE_IS_GONE = (
    "the file was moved or removed while the program runs; put it or a copy there, or restart the "
    "program to begin with an empty one; nothing is stored meanwhile"
)
_ONLY_THE_INODE: int | None = getattr(os, "O_PATH", None)
"""A way of Linux to open a file; to close any other descriptor would end SQLite's locks."""

_FILES = "files"  # key of a connection's files in the pool's record
_HEADER = struct.Struct(">16sH6xII60xI4x")  # magic, page size, change counter, pages, valid for
_MAGIC = b"SQLite format 3\0"

_Inode = tuple[int, int]


class MissingFileError(sqlite3.OperationalError):
    """Another file, or none, is at the path of an open database; raised as if by the driver."""

    sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    sqlite_errorname = "SQLITE_CANTOPEN"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.is_gone = reason == _FILE_IS_GONE


class _Files(NamedTuple):
    """The inodes of the files of a database; None for a missing file."""

    main: _Inode | None
    log: _Inode | None
    shared_memory: _Inode | None


class _Record(Protocol):
    @property
    def info(self) -> MutableMapping[Any, Any]: ...


class WatchedFile:
    """The files of one engine's database.

    Args:
        path: Of the database.
        writes: The engine may complete and repair files.
        prepare: Brings a new database at the path up to date.
    """

    def __init__(self, path: Path, *, writes: bool, prepare: Callable[[], None]) -> None:
        self._path = path
        self._writes = writes
        self._prepare = prepare
        self._real = os.path.realpath(path)  # SQLite names the log after it
        self._lock = threading.RLock()
        self._last: _Files | None = None
        self._old_log: int | None = None  # open, so that no other file gets its inode
        self._main: int | None = None  # the same of the database itself

    def attach(self, engine: Engine) -> None:
        """Watch the connections of an engine; to be called after all listeners to `connect`."""
        pool = engine.pool

        def prepare_connection(
            _dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]
        ) -> None:
            with self._lock:
                self._make_ready()
            arguments[0] = f"file:{quote(str(self._path))}?mode=rw"  # never makes one
            options["uri"] = True

        def note_files(connection: sqlite3.Connection, record: _Record) -> None:
            connection.execute("PRAGMA schema_version").fetchone()  # opens the log
            record.info[_FILES] = self._last = self._files()
            self._keep_inode()

        def check_files(connection: Any, record: _Record, _proxy: Any) -> None:
            if not _is_current(record.info[_FILES], self._files()):
                with self._lock:
                    self._let_go(connection, record.info[_FILES], pool)
                raise InvalidatePoolError(f"{self._path}: is another file now")

        event.listen(engine, "do_connect", prepare_connection)
        event.listen(engine, "connect", note_files)
        event.listen(engine, "checkout", check_files)
        event.listen(engine, "engine_disposed", lambda _engine: self._free_inode())

    def _let_go(self, connection: sqlite3.Connection, files: _Files, pool: Pool) -> None:
        """Complete the database of an open connection, and close all its connections."""
        is_same = self._files().main == files.main  # only its log is gone
        if self._writes:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if self._old_log is None and files.log is not None and _inode(self._log) == files.log:
            with contextlib.suppress(OSError):
                self._old_log = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
        pool.dispose()  # a new connection would share what they know of the log
        if is_same and pool.checkedout() > 1:  # type: ignore[attr-defined]
            raise MissingFileError(self._path, "its -wal file was removed; it is opened anew")

    def _make_ready(self) -> None:
        """Check the file at the path before a connection opens it.

        Raises:
            MissingFileError: There is no file, or no usable database.
        """
        main, self._real = _inode(self._path), os.path.realpath(self._path)
        if main is None:
            raise MissingFileError(self._path, _FILE_IS_GONE)
        if self._last is not None and main != self._last.main:
            self._check_copy()
            self._remove_old_log()
            self._prepare_other()
        self._forget_old_log()

    def _check_copy(self) -> None:
        """Refuse a file during the copying: its header has the length of the database."""
        with self._path.open("rb") as file:
            header = file.read(_HEADER.size)
            size = os.fstat(file.fileno()).st_size
        if len(header) < _HEADER.size:
            raise MissingFileError(self._path, "is being replaced; the new file is not whole yet")
        magic, page_size, counter, pages, valid_for = _HEADER.unpack(header)
        if magic != _MAGIC:
            raise MissingFileError(self._path, "was replaced by a file that is not a database")
        length = pages * (65536 if page_size == 1 else page_size)
        if size < length and counter == valid_for:
            raise MissingFileError(self._path, "is being replaced; the new file is not whole yet")

    def _prepare_other(self) -> None:
        try:
            self._prepare()
        except Exception as error:
            reason = f"was replaced while the program runs, and can't be used: {error}"
            raise MissingFileError(self._path, reason) from error

    def _remove_old_log(self) -> None:
        """Remove the log of the former database beside the new database."""
        if self._old_log is None:
            return
        status = os.fstat(self._old_log)
        if _inode(self._log) != (status.st_dev, status.st_ino):
            return
        try:
            Path(self._log).unlink(missing_ok=True)
            Path(self._shared_memory).unlink(missing_ok=True)
        except OSError as error:
            reason = "was replaced, and -wal and -shm of the former file are beside it; remove them"
            raise MissingFileError(self._path, reason) from error

    def _forget_old_log(self) -> None:
        if self._old_log is not None:
            os.close(self._old_log)
            self._old_log = None

    def _keep_inode(self) -> None:
        """Let no file that is put in place of a removed database have the database's inode."""
        if _ONLY_THE_INODE is None:
            return
        with self._lock, contextlib.suppress(OSError):
            descriptor = os.open(self._path, _ONLY_THE_INODE | os.O_CLOEXEC)
            self._free_inode()
            self._main = descriptor

    def _free_inode(self) -> None:
        with self._lock:
            if self._main is not None:
                os.close(self._main)
                self._main = None

    def _files(self) -> _Files:
        return _Files(_inode(self._path), _inode(self._log), _inode(self._shared_memory))

    @property
    def _log(self) -> str:
        return f"{self._real}-wal"

    @property
    def _shared_memory(self) -> str:
        return f"{self._real}-shm"


def log_when_missing(path: Path) -> None:
    """Log, in the background, when a file goes missing and when the file is back.

    For the web process, which would not notice before the next request.
    """

    def watch() -> None:
        was_there = True
        while True:
            is_there = _inode(path) is not None
            if was_there and not is_there:
                log.error("database: %s: %s", path, _FILE_IS_GONE)
            elif is_there and not was_there:
                log.warning("database: the file is back; continuing")
            was_there = is_there
            time.sleep(_WATCH_INTERVAL)

    threading.Thread(target=watch, name="database file", daemon=True).start()


def main_file(connection: Connection) -> tuple[int, int] | None:
    """Return device and inode of a connection's database file; None on a server."""
    files: _Files | None = connection.info.get(_FILES)
    return None if files is None else files.main


def _inode(path: str | Path) -> _Inode | None:
    """Return device and inode of a file; None for a missing file or a folder."""
    try:
        status = os.stat(path)  # noqa: PTH116 - for each transaction
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _is_current(opened: _Files, present: _Files) -> bool:
    """Whether a connection has the present files open; SQLite creates a log when needed."""
    return opened.main == present.main and all(
        opened_inode is None or opened_inode == present_inode
        for opened_inode, present_inode in (
            (opened.log, present.log),
            (opened.shared_memory, present.shared_memory),
        )
    )
