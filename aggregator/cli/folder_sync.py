"""A folder of files brought up to date in place: each file is the old one or the new one, whole.

The folder itself stays what it is: it may be a mount point, have a mode and an owner of its own, or
lie where nothing else may be written, and whoever has it open or mounted sees the new files.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from aggregator.cli.static_site import File
from aggregator.errors import AggregatorError

MANIFEST = ".aggregator-export"
"""Lists the files that exports wrote: they, and only they, are removed."""

_UNFINISHED = ".aggregator-export-unfinished"  # is there while files wait
_STAGED = ".aggregator-new"  # ends the names of files that wait beside those that they replace


def replace(
    folder: Path, files: Iterable[File], *, owns: Callable[[str], bool] = lambda _name: True
) -> list[Path]:
    """Make `folder` hold these files; return the paths of those that are new or changed.

    All new content is written beside its place first, so that a failure changes nothing.  Then each
    file is renamed to its place, the last one of `files` first: what leads to others stands before
    them.  Then the files go that an earlier call wrote and this one did not.  A file that stays the
    same is not touched; one that is replaced keeps its mode, owner and group.

    Args:
        owns: Whether this call is about the file of a name; what it is not about stays.

    Raises:
        AggregatorError: A file can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            return _replace(folder, files, owns)
    except OSError as error:
        raise AggregatorError(f"{error.filename or folder}: {error.strerror}") from error


def _replace(folder: Path, files: Iterable[File], owns: Callable[[str], bool]) -> list[Path]:
    listed = _listed(folder)
    names: set[str] = set()
    changed: list[Path] = []
    if (folder / _UNFINISHED).exists():
        _clear(folder)
    try:
        for file in files:
            names.add(file.path)
            path = folder / file.path
            if not _holds(path, file.data):
                if not changed:
                    (folder / _UNFINISHED).touch()
                _stage(path, file.data)
                changed.append(path)
        obsolete = {name for name in listed - names if owns(name)}
        # The list comes first, so that what an interrupted export leaves is known to be ours.
        _write_manifest(folder, listed | names)
        for path in reversed(changed):
            _put_in_place(path)
        for name in sorted(obsolete):
            (folder / name).unlink(missing_ok=True)
        _write_manifest(folder, (listed | names) - obsolete)
    finally:
        _tidy(folder, listed | names)
        (folder / _UNFINISHED).unlink(missing_ok=True)
    return changed


def _listed(folder: Path) -> set[str]:
    """Return the names in the manifest; none that leads out of the folder, whoever wrote it."""
    try:
        names = (folder / MANIFEST).read_text("utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError):
        return set()
    paths = [(name, PurePosixPath(name)) for name in names if name]
    return {name for name, path in paths if not path.is_absolute() and ".." not in path.parts}


def _write_manifest(folder: Path, names: Iterable[str]) -> None:
    path, data = folder / MANIFEST, "".join(f"{name}\n" for name in sorted(names)).encode()
    if not _holds(path, data):
        _stage(path, data)
        _put_in_place(path)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _staged(path: Path) -> Path:
    return path.with_name(f".{path.name}{_STAGED}")


def _stage(path: Path, data: bytes) -> None:
    """Write the new content of a file beside it, on the disk and with the rights of the old one."""
    staged = _staged(path)
    with _named_after(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.unlink(missing_ok=True)
        with staged.open("xb") as stream:
            stream.write(data)
            _keep_rights(path, stream.fileno())
            stream.flush()
            os.fsync(stream.fileno())


def _keep_rights(path: Path, handle: int) -> None:
    """Give a file the mode, the owner and the group of the one at `path`, as far as allowed."""
    try:
        old = path.stat()
    except OSError:  # a new file has what the folder and the umask give
        return
    for owner in (-1, old.st_uid):  # -1: unchanged; a group may be kept where an owner can't be
        with contextlib.suppress(OSError):
            os.fchown(handle, owner, old.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(handle, old.st_mode & 0o7777)


def _put_in_place(path: Path) -> None:
    staged = _staged(path)
    with _named_after(path):
        try:
            staged.replace(path)
        except OSError as error:
            if error.errno != errno.EBUSY or not path.is_file():
                raise
            path.write_bytes(staged.read_bytes())  # a mount point by itself: no other way


def _clear(folder: Path) -> None:
    """Remove what an export that was killed left beside files, also where no file is any more."""
    for path in list(folder.rglob(f".*{_STAGED}")):
        path.unlink(missing_ok=True)
        for parent in path.parents[: len(path.relative_to(folder).parents) - 1]:
            with contextlib.suppress(OSError):  # not empty
                parent.rmdir()


def _tidy(folder: Path, names: Iterable[str]) -> None:
    """Remove what waits beside files, of this export or one that was killed, and empty folders."""
    parents = {parent for name in names for parent in PurePosixPath(name).parents}
    for parent in sorted(parents, key=lambda path: len(path.parts), reverse=True):
        for path in (folder / parent).glob(f".*{_STAGED}"):
            path.unlink(missing_ok=True)
        if parent.parts:
            with contextlib.suppress(OSError):  # not empty, or not there any more
                (folder / parent).rmdir()


@contextlib.contextmanager
def _named_after(path: Path) -> Iterator[None]:
    """Let errors name the file, not what waits beside it."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Wait until no other export writes into the folder, and keep others waiting."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
