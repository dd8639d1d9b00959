"""A file system of a few megabytes, in memory, that can be filled and made read-only."""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest


class SmallDisk:
    """A small disk at `folder`; needs root, or rather the right to mount."""

    def __init__(self, folder: Path, *, megabytes: int = 4) -> None:
        self.folder = folder
        self._size = f"size={megabytes}m".encode()
        self._libc = ctypes.CDLL(None, use_errno=True)

    def mount(self, *, read_only: bool = False, again: bool = False) -> None:
        """Mount the disk, or change how it is mounted.

        Raises:
            OSError: The system does not allow it.
        """
        flags = (1 if read_only else 0) | (32 if again else 0)  # MS_RDONLY, MS_REMOUNT
        place = str(self.folder).encode()
        if self._libc.mount(b"tmpfs", place, b"tmpfs", flags, self._size):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def unmount(self) -> None:
        self._libc.umount2(str(self.folder).encode(), 2)  # MNT_DETACH

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Leave no room on the disk meanwhile."""
        filler = self.folder / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        try:
            yield
        finally:
            filler.unlink()


@contextlib.contextmanager
def small_disk(folder: Path, *, megabytes: int = 4) -> Iterator[SmallDisk]:
    """Mount a small disk at a new folder; skips the test where that is not allowed."""
    folder.mkdir()
    disk = SmallDisk(folder, megabytes=megabytes)
    try:
        disk.mount()
    except OSError as error:
        pytest.skip(f"NOT TESTED: a full or read-only disk: a tmpfs can't be mounted ({error})")
    try:
        yield disk
    finally:
        disk.unmount()
