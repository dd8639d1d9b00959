"""Replacing the text of a file so that neither a full disk nor a crash loses the text."""

import errno
import fcntl
import glob
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from aggregator.errors import ConfigError

_UNFINISHED = ".aggregator-new."  # in the name of a file that is being written
_WHOLE = ".aggregator-whole."  # in the name of a complete copy, while the file is overwritten
_FATAL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def write(path: Path, text: str) -> None:
    """Replace the text of a file; a concurrent reader sees the old or the new text, never a part.

    A symbolic link stays a link; the mode and, where allowed, the owner of the file stay.  A file
    that can't be replaced (a mount point, or in a read-only folder) is overwritten instead: see
    `_write_in_place`.

    Raises:
        ConfigError: The file can't be written; the old text is still in the file.
    """
    try:
        _write(path.resolve(strict=False), text.encode())
    except OSError as error:
        message = f"{path}: can't be written: {error.strerror}; nothing in it was changed"
        raise ConfigError([message]) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from changing the file with this lock, where the system has such locks.

    The folder is locked: a lock of the file would be one of the file that is replaced.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            target = Path(os.path.realpath(path))  # Path.resolve() refuses a link to itself
            handle = os.open(target.parent, os.O_RDONLY)
            stack.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def clear_leftovers(path: Path) -> None:
    """Remove temporary files that no process has locked: their writers were killed.

    The complete copy of a text that was being written into `path` stays, as `path` may have only a
    part of the text.
    """
    with suppress(OSError):
        target = path.resolve(strict=False)
        for temporary in target.parent.glob(f".{glob.escape(target.name)}{_UNFINISHED}*"):
            with suppress(OSError), temporary.open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                temporary.unlink()


def _write(target: Path, data: bytes) -> None:
    clear_leftovers(target)
    temporary: Path | None = None
    with ExitStack() as stack:
        try:
            temporary = _write_beside(target, data, stack)
            temporary.replace(target)
        except OSError as error:
            if error.errno in _FATAL_ERRORS or not target.is_file():
                raise
            if temporary is not None:
                name = temporary.name.replace(_UNFINISHED, _WHOLE)
                temporary = temporary.rename(temporary.with_name(name))
            _write_in_place(target, data)
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _write_beside(target: Path, data: bytes, stack: ExitStack) -> Path:
    """Write the new text to a temporary file, safe on the disk, and return the file's path.

    Args:
        target: The file to replace; the temporary file gets the owner and mode.
        data: The new text.
        stack: Keeps the temporary file open and so locked, against `clear_leftovers` of another
            process.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}{_UNFINISHED}")
    stream = stack.enter_context(os.fdopen(handle, "wb"))
    try:
        fcntl.flock(stream, fcntl.LOCK_EX)
        _copy_rights(target, stream.fileno())
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _write_in_place(target: Path, data: bytes) -> None:
    """Overwrite the changed bytes of the file, in the order with the least risk.

    The bytes behind the old end come first: if the disk has no room, the file is cut to the old
    length and no text is lost.  Feeds are added at the end, mostly without other changes.  Then
    the old text is overwritten, and restored if that fails.  If the machine stops meanwhile, the
    temporary file, if any, has the whole new text.
    """
    handle = os.open(target, os.O_RDWR)
    try:
        old_data = _read_all(handle)
        pairs = enumerate(zip(old_data, data, strict=False))
        shorter = min(len(old_data), len(data))
        start = next((at for at, (byte, new_byte) in pairs if byte != new_byte), shorter)
        try:
            _write_all(handle, data[len(old_data) :], len(old_data))
            os.fsync(handle)
            _write_all(handle, data[start : len(old_data)], start)
            os.ftruncate(handle, len(data))
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                _write_all(handle, old_data[start:], start)
            os.ftruncate(handle, len(old_data))
            raise
    finally:
        os.close(handle)


def _read_all(handle: int) -> bytes:
    parts = []
    while part := os.read(handle, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _write_all(handle: int, data: bytes, at: int) -> None:
    while data:
        count = os.pwrite(handle, data, at)
        data, at = data[count:], at + count


def _sync_folder(folder: Path) -> None:
    """Make the replacement of a file safe on the disk, where the file system supports that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _copy_rights(target: Path, handle: int) -> None:
    try:
        status = target.stat()
    except FileNotFoundError:
        os.fchmod(handle, 0o644)
        return
    with suppress(PermissionError):  # only root may give files away
        os.fchown(handle, status.st_uid, status.st_gid)
    os.fchmod(handle, status.st_mode & 0o7777)
