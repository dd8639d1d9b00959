"""The files of pictures: two for each, named by their content.

A file is written beside its place and renamed, so a page sees all of a picture or none.  The folder
may be shared by several machines, or be lost: `read_pictures` knows which files there should be.
"""

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

FOR_POST, FOR_LIST = "", "-list"
"""Behind a key, the names of the two sizes of a picture."""

_NAME = re.compile(r"[0-9a-f]{20}(?:-list)?")
_FILE = re.compile(r"(?P<key>[0-9a-f]{20})(?:-list)?(?:\.webp|\.\w+\.new)")
_FOLDERS = "[0-9a-f][0-9a-f]"
_KEY_SIZE = 10  # bytes; pages name forty keys, which no compression makes shorter
_SUFFIX = ".webp"
_UNFINISHED = ".new"
_STALE = 3600.0  # seconds; a younger file may be in no row of the database yet


class PictureFiles:
    """The pictures in a folder, which is made with the first picture."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def store(self, for_post: bytes, for_list: bytes) -> str:
        """Write both sizes of a picture, and return the key.

        Raises:
            OSError: The files can't be written.
        """
        key = blake2b(for_post + for_list, digest_size=_KEY_SIZE).hexdigest()
        for name, content in ((key + FOR_LIST, for_list), (key + FOR_POST, for_post)):
            _write(self._path(name), content)
        return key

    def read(self, name: str) -> bytes | None:
        """Return a file, None for a name that no file has.

        Args:
            name: A key with `FOR_POST` or `FOR_LIST`; comes from clients.
        """
        if not _NAME.fullmatch(name):
            return None
        try:
            return self._path(name).read_bytes()
        except OSError:
            return None

    def has(self, key: str) -> bool:
        """Return whether both files of a picture are there, and the folder may be entered."""
        try:
            return all(self._path(key + size).is_file() for size in (FOR_POST, FOR_LIST))
        except OSError:
            return False

    def delete(self, keys: Iterable[str]) -> None:
        """Delete the files of pictures."""
        for key in keys:
            for name in (key + FOR_POST, key + FOR_LIST):
                with contextlib.suppress(OSError):
                    self._path(name).unlink(missing_ok=True)

    def keys(self) -> set[str]:
        """Return the keys of all files for posts."""
        paths = self._folder.glob(f"{_FOLDERS}/*{_SUFFIX}")
        return {path.stem for path in paths if not path.stem.endswith(FOR_LIST)}

    def delete_others(self, keys: set[str]) -> int:
        """Delete all files but those of `keys`, and but new ones; return how many."""
        count, before = 0, time.time() - _STALE
        for path in self._folder.glob(f"{_FOLDERS}/*"):
            file = _FILE.fullmatch(path.name)
            if file and (path.suffix == _UNFINISHED or file["key"] not in keys):
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < before:
                        path.unlink()
                        count += 1
        return count

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name}{_SUFFIX}"


def _write(path: Path, content: bytes) -> None:
    """Write a file as a whole, while other processes may be writing the same file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(_UNFINISHED, f"{path.stem}.", path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())  # a power cut leaves no row of the database with half a file
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
