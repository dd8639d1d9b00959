"""Files beside config.yaml: read without waiting for a pipe, with stamps that tell of a save."""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path, PurePosixPath

from aggregator.config.value_parsers import line, quoted

Stamp = tuple[int, ...]
"""What changes when a file is saved or replaced: times in nanoseconds, size, device and inode."""

MAX_SIZE = 100_000
"""Bytes of a file beside config.yaml."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of the paths of files, such as `feeds/*.yaml`.

    Attributes:
        folder: The folder from which a relative pattern starts.
        text: As of the module glob, without `**`; names that begin with a dot match no asterisk.
    """

    folder: Path
    text: str

    @property
    def is_path(self) -> bool:
        """Whether the pattern is the path of one file."""
        return not has_magic(self.text)

    def paths(self) -> list[Path]:
        """Return the paths that match, of the form of `folder`, in alphabetical order.

        The targets of links are not looked at: a link may lead nowhere.
        """
        # Path.glob() takes files that begin with a dot, such as those that editors write.
        paths = glob(self.text, root_dir=self.folder)  # noqa: PTH207
        return [self.folder / path for path in sorted(paths)]


Watched = Path | Pattern
"""The path of a file, or a pattern of paths; both have stamps."""


def stamp_of(watched: Watched) -> Stamp | None:
    """Return the stamp of a file, which changes with every save; None for no file.

    The stamp of a pattern changes when matching files come or go.
    """
    if isinstance(watched, Pattern):
        names = "\0".join(map(str, watched.paths()))
        return (int.from_bytes(hashlib.blake2b(os.fsencode(names), digest_size=8).digest()),)
    try:
        status = watched.stat()
    except (OSError, ValueError):
        return None
    # Two files of a Nix store have one time, and may have one size; so may a file that was written
    # with the time of another file.  Device and inode notice a link with a new target.
    return (
        status.st_mtime_ns, status.st_size, status.st_ctime_ns, status.st_dev, status.st_ino,
    )  # fmt: skip


def present_stamps(watched: Iterable[Watched]) -> dict[Watched, Stamp | None]:
    """Return the stamps of files and patterns at this moment."""
    return {path: stamp_of(path) for path in watched}


def save_times(stamps: Mapping[Watched, Stamp | None]) -> dict[Watched, Stamp]:
    """Return time and size of each file; some file systems change the inode of an unsaved file."""
    return {watched: (stamp or ())[:2] for watched, stamp in stamps.items()}


def open_at_once(path: str, flags: int) -> int:
    """Open a file; opening a pipe would wait for a writer, and a stop of the program with it."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file beside config.yaml.

    Attributes:
        path: Relative to the folder of config.yaml, as written.
        data: The content, at most `MAX_SIZE` bytes.
    """

    path: str
    data: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The content as text.

        Raises:
            ValueError: The content is not UTF-8, or is empty.
        """
        try:
            text = self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            line_number, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
            message = "not UTF-8; save the file as UTF-8"
            raise ValueError(f"{self.path}:{line_number}:{column}: {message}") from error
        if not text.strip():
            raise ValueError(f"{quoted(self.path)} is empty; write something, or remove the line")
        return text


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of config.yaml.

    Attributes:
        path: Absolute.
        data: The folder of the database, absolute; None for `path`.
        stamps: Of the files that were read, by path, and of patterns; None for a file that was not
            there.
    """

    path: Path
    data: Path | None = None
    stamps: dict[Watched, Stamp | None] = field(default_factory=dict)

    def watch(self, watched: Watched) -> None:
        """Note the stamp of a file before a reading, or of a pattern.

        Before the content, and before the first of several readings: a later save is noticed.
        """
        self.stamps.setdefault(watched, stamp_of(watched))

    def read(self, text: str) -> PageFile:
        """Read a file at or below the folder, and note its stamp.

        Raises:
            ValueError: The path leads out of the folder, or the file can't be read.
        """
        words = path_within(line(text), "logo.svg")
        return PageFile(words, self._read(words, " beside config.yaml"))

    def read_secret(self, text: str) -> str:
        """Read a file with a secret anywhere, without the last line break; note its stamp.

        Args:
            text: The path, absolute or from the folder.

        Raises:
            ValueError: The file can't be read, is empty or not UTF-8.
        """
        if not text.strip():
            raise ValueError("${file:} names no file; write ${file:/run/secrets/name}")
        folder = quoted(str(self.path))
        data = self._read(text, "" if Path(text).is_absolute() else f" in {folder}")
        try:
            secret = data.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"{quoted(text)} is not UTF-8; save the file as UTF-8") from error
        secret = secret.removesuffix("\n").removesuffix("\r")
        if not secret:
            raise ValueError(f"{quoted(text)} is empty; write the value into the file")
        return secret

    def _read(self, text: str, where: str) -> bytes:
        """Read a file, and note its stamp.

        Args:
            where: Where a missing file should be, for a message.

        Raises:
            ValueError: The file can't be read.
        """
        path, name = self.path / text, quoted(text)
        self.watch(path)
        try:
            data = _content(path)
        except FileNotFoundError as error:
            raise ValueError(f"there is no file {name}{where}") from error
        except IsADirectoryError as error:
            raise ValueError(f"{name} is a folder; name a file in it") from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ValueError(f"{name} can't be read: {reason}") from error
        if len(data) > MAX_SIZE:
            raise ValueError(f"{name} is larger than {MAX_SIZE // 1000} kB; make it smaller")
        return data


def _content(path: Path) -> bytes:
    """Return the content of a file, cut behind `MAX_SIZE`.

    Raises:
        ValueError: The path leads to a pipe, whose writer may be silent, or to a device.
    """
    with open(path, "rb", opener=open_at_once) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("a pipe or a device, not a file")
        return stream.read(MAX_SIZE + 1)


def path_within(text: str, example: str) -> str:
    """Return a relative path that does not leave its folder.

    Args:
        example: Of such a path, for messages.

    Raises:
        ValueError: The path is absolute, or leads out of the folder.
    """
    if text.startswith(("/", "~", "\\")):
        raise ValueError(
            f"{quoted(text)}: copy the file into the folder of config.yaml "
            f"and write its path from there, such as {example}"
        )
    if "\\" in text:
        raise ValueError(f"{quoted(text)}: write / instead of \\ between folder and file")
    if ".." in PurePosixPath(text).parts:
        raise ValueError(f"{quoted(text)} leaves the folder of config.yaml; copy the file into it")
    return text
