"""A folder of files made true to what it should hold: at once where that can be, and no more."""

import ctypes
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from aggregator.cli.static_site import File
from aggregator.errors import AggregatorError

MANIFEST = ".aggregator-export"
"""Lists the files that an export wrote: they, and only they, are replaced and removed."""

_HERE = -100  # AT_FDCWD, <fcntl.h>
_EXCHANGE = 2  # RENAME_EXCHANGE, <linux/fs.h>


def replace(folder: Path, files: Iterable[File]) -> Iterator[Path]:
    """Make `folder` hold just these files; yield the paths of those that are new or changed.

    They are put together in a folder beside it, which then takes its place: who reads meanwhile
    sees all of the old or all of the new.  A file that stays the same stays the same file.  Where
    the folder holds anything else, it stays, and files are replaced one by one.

    Raises:
        AggregatorError: A file can't be written.
    """
    try:
        if _is_ours(folder):
            yield from _swap(folder, files)
        else:
            old = _listed(folder)
            names: list[str] = []
            yield from _write(folder, files, names)
            for name in sorted(old - set(names)):
                (folder / name).unlink(missing_ok=True)
            _note(folder, names)
    except OSError as error:
        raise AggregatorError(f"{error.filename or folder}: {error.strerror}") from error


def write(folder: Path, files: Iterable[File]) -> Iterator[Path]:
    """Write these files into `folder`, each at once; yield the paths of the new and changed ones.

    Raises:
        AggregatorError: A file can't be written.
    """
    try:
        yield from _write(folder, files, [])
    except OSError as error:
        raise AggregatorError(f"{error.filename or folder}: {error.strerror}") from error


def _is_ours(folder: Path) -> bool:
    """Whether nothing in a folder is anybody else's."""
    if folder.is_symlink() or folder.resolve() == Path.cwd().resolve():
        return False
    if not folder.exists():
        return True
    listed = _listed(folder) | {MANIFEST}
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return all(path.relative_to(folder).as_posix() in listed for path in found)


def _listed(folder: Path) -> set[str]:
    try:
        return set((folder / MANIFEST).read_text("utf-8").splitlines())
    except FileNotFoundError:
        return set()


def _note(folder: Path, names: Iterable[str]) -> None:
    _put(folder / MANIFEST, "".join(f"{name}\n" for name in sorted(names)).encode())


def _swap(folder: Path, files: Iterable[File]) -> Iterator[Path]:
    target = folder.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.mkdir()
        names, changed = set(), False
        for file in files:
            names.add(file.path)
            old, new = target / file.path, beside / file.path
            new.parent.mkdir(parents=True, exist_ok=True)
            if _holds(old, file.data):
                os.link(old, new)
            else:
                new.write_bytes(file.data)
                changed = True
                yield folder / file.path
        if changed or names != _listed(target):
            _note(beside, names)
            _take_place(beside, target)
    except OSError as error:
        error.filename = str(folder)  # nobody knows of the one beside it
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _take_place(new: Path, target: Path) -> None:
    """Put `new` where `target` is; what was there is at `new` afterwards, or gone."""
    if not target.exists():
        new.rename(target)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    exchange = getattr(libc, "renameat2", None)
    if exchange and exchange(_HERE, bytes(new), _HERE, bytes(target), _EXCHANGE) == 0:
        return
    old = new.with_name(f"{new.name}.old")  # a file system that can't: for a moment there is none
    target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _write(folder: Path, files: Iterable[File], names: list[str]) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        names.append(file.path)
        path = folder / file.path
        if not _holds(path, file.data):
            path.parent.mkdir(parents=True, exist_ok=True)
            _put(path, file.data)
            yield path


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _put(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever reads half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        beside.unlink(missing_ok=True)
