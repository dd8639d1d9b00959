"""Updates of a folder of files in place: at any time each file is complete, old or new.

The folder is never replaced: a folder may be a mount point, may have a special mode and owner or a
read-only parent, and programs with the folder open see the new files.
"""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from aggregator.cli.static_site import File
from aggregator.errors import AggregatorError

MANIFEST = ".aggregator-export"
"""Lists the files of exports; no other files are removed."""

_UNFINISHED = ".aggregator-export-unfinished"  # exists while there are staged files
_STAGED = ".aggregator-new"  # suffix of staged files, each beside the file to replace


@dataclass(slots=True)
class FolderChange:
    """What a call of `replace` did.

    Attributes:
        names: Of all files.
        size: Of all files, in bytes.
        changed_paths: Of the new and changed files.
        removed: Number of removed files.
    """

    names: set[str] = field(default_factory=set)
    size: int = 0
    changed_paths: list[Path] = field(default_factory=list)
    removed: int = 0


def replace(
    folder: Path, files: Iterable[File], *, owns: Callable[[str], bool] = lambda _name: True
) -> FolderChange:
    """Make `folder` hold `files`.

    All new content is staged beside the files first, so a failure changes nothing.  Then each
    staged file is renamed, in reverse order, as files precede the targets of their links.  Then
    files of earlier calls are removed, unless also in `files`.  Unchanged files are not touched;
    replaced files keep mode, owner and group.

    Args:
        owns: Whether the call may remove the file of a name.

    Raises:
        AggregatorError: A file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            return _replace(folder, files, owns)
    except OSError as error:
        raise AggregatorError(f"{error.filename or folder}: {error.strerror}") from error


def _replace(folder: Path, files: Iterable[File], owns: Callable[[str], bool]) -> FolderChange:
    former_names = _manifest_names(folder)
    change = FolderChange()
    names, changed_paths = change.names, change.changed_paths
    if (folder / _UNFINISHED).exists():
        _clear(folder)
    try:
        for file in files:
            names.add(file.path)
            change.size += len(file.data)
            path = folder / file.path
            if not _holds(path, file.data):
                if not changed_paths:
                    (folder / _UNFINISHED).touch()
                _stage(path, file.data)
                changed_paths.append(path)
        obsolete = {name for name in former_names - names if owns(name)}
        # The manifest comes first, so that it lists the files of an interrupted export, too.
        _write_manifest(folder, former_names | names)
        for path in reversed(changed_paths):
            _put_in_place(path)
        for name in sorted(obsolete):
            change.removed += _is_removed(folder / name)
        _write_manifest(folder, (former_names | names) - obsolete)
    finally:
        _tidy(folder, former_names | names)
        (folder / _UNFINISHED).unlink(missing_ok=True)
    return change


def _is_removed(path: Path) -> bool:
    """Remove a file, and return whether the file existed."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _manifest_names(folder: Path) -> set[str]:
    """Return the names in the manifest, except names outside of the folder."""
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
    """Write new content beside a file and to the disk, with the rights of the present file."""
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
    """Give a file the mode, owner and group of the file at `path`, as far as allowed."""
    try:
        present = path.stat()
    except OSError:  # without a present file, folder and umask decide
        return
    for owner in (
        -1,
        present.st_uid,
    ):  # -1: unchanged; a group may be allowed where an owner is not
        with contextlib.suppress(OSError):
            os.fchown(handle, owner, present.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(handle, present.st_mode & 0o7777)


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
    """Remove all staged files of a killed export, also beside removed files."""
    for path in list(folder.rglob(f".*{_STAGED}")):
        path.unlink(missing_ok=True)
        for parent in path.parents[: len(path.relative_to(folder).parents) - 1]:
            with contextlib.suppress(OSError):  # not empty
                parent.rmdir()


def _tidy(folder: Path, names: Iterable[str]) -> None:
    """Remove staged files, of the present or a killed export, and empty folders."""
    parents = {parent for name in names for parent in PurePosixPath(name).parents}
    for parent in sorted(parents, key=lambda path: len(path.parts), reverse=True):
        for path in (folder / parent).glob(f".*{_STAGED}"):
            path.unlink(missing_ok=True)
        if parent.parts:
            with contextlib.suppress(OSError):  # not empty, or not there any more
                (folder / parent).rmdir()


@contextlib.contextmanager
def _named_after(path: Path) -> Iterator[None]:
    """Let errors name the file instead of the staged file."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of the folder, so exports into the folder never run at the same time."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
