"""A file's text replaced so that neither a full disk nor a crash loses it."""

import errno
import fcntl
import glob
import os
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from aggregator.errors import ConfigError

_UNFINISHED = ".aggregator-new."  # in the name of a text that is being written
_WHOLE = ".aggregator-whole."  # of one that waits until it stands in the file itself
_LOST_EITHER_WAY = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def write(path: Path, text: str) -> None:
    """Replace the file's text: whoever reads it meanwhile sees the old or the new, never half.

    A link stays one; the mode, and where allowed the owner, stay what they were.  Where the file
    can't be replaced (it is a mount point, or nobody may write into its folder), its text is:
    see `_write_in_place`.

    Raises:
        ConfigError: It can't be written; the old text is still there.
    """
    try:
        _write(path.resolve(strict=False), text.encode())
    except OSError as error:
        message = f"{path}: can't be written: {error.strerror}; nothing in it was changed"
        raise ConfigError([message]) from error


def clear_leftovers(path: Path) -> None:
    """Remove the new texts that writers of the file were killed over: nobody holds them.

    One that was to be written into the file itself stays: the file may have half of it.
    """
    with suppress(OSError):
        target = path.resolve(strict=False)
        for new in target.parent.glob(f".{glob.escape(target.name)}{_UNFINISHED}*"):
            with suppress(OSError), new.open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                new.unlink()


def _write(target: Path, data: bytes) -> None:
    clear_leftovers(target)
    new: Path | None = None
    with ExitStack() as held:
        try:
            new = _written_beside(target, data, held)
            new.replace(target)
        except OSError as error:
            if error.errno in _LOST_EITHER_WAY or not target.is_file():
                raise
            if new is not None:
                new = new.rename(new.with_name(new.name.replace(_UNFINISHED, _WHOLE)))
            _write_in_place(target, data)
        finally:
            if new is not None:
                new.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _written_beside(target: Path, data: bytes, held: ExitStack) -> Path:
    """Write the new text into a file of its own, safe on the disk, and return its path.

    Args:
        held: Keeps it open, and so locked: `clear_leftovers` of another process leaves it alone.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}{_UNFINISHED}")
    stream = held.enter_context(os.fdopen(handle, "wb"))
    try:
        fcntl.flock(stream, fcntl.LOCK_EX)
        _keep_rights(target, stream.fileno())
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _write_in_place(target: Path, data: bytes) -> None:
    """Write what differs into the file itself, in the order that risks least.

    What makes the file longer comes first: if there is no room for it, the file is cut to its old
    length and nothing was lost.  Feeds are added at the end, so that is mostly all.  Only then is
    the old text overwritten, in place, and put back if that fails.  Should the machine stop in the
    middle, all of the new text is in the file beside it, if there could be one.
    """
    handle = os.open(target, os.O_RDWR)
    try:
        old = _read_all(handle)
        pairs = enumerate(zip(old, data, strict=False))
        same = next((at for at, (one, other) in pairs if one != other), min(len(old), len(data)))
        try:
            _write_all(handle, data[len(old) :], len(old))
            os.fsync(handle)
            _write_all(handle, data[same : len(old)], same)
            os.ftruncate(handle, len(data))
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                _write_all(handle, old[same:], same)
            os.ftruncate(handle, len(old))
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
    """Make a name's new file safe, where the system can say so."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _keep_rights(target: Path, handle: int) -> None:
    try:
        old = target.stat()
    except FileNotFoundError:
        os.fchmod(handle, 0o644)
        return
    with suppress(PermissionError):  # only root may give files away
        os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, old.st_mode & 0o7777)
