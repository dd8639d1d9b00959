"""Files instead of URLs: feeds that another program writes beside config.yaml."""

import os
import stat
from pathlib import Path

from aggregator.model import FailureKind, Fetched, Validators

from .failure import FetchFailure, too_large


def read_local(path: str, validators: Validators, *, folder: Path | None, max_size: int) -> Fetched:
    """Read a file of `folder` as if fetched; with status 304 for an unchanged file.

    Args:
        path: Relative, as in config.yaml; must not lead out of the folder.
        validators: Of the last reading; the time and size of a file make the ETag.
        folder: None where files can't be polled.
        max_size: Bytes of the file.

    Raises:
        FetchFailure: There is no such file, or the file must not be read.
    """
    try:
        descriptor = os.open(
            _inside(path, folder), os.O_RDONLY | os.O_NONBLOCK
        )  # opening a pipe would block
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise FetchFailure("no such file beside config.yaml", FailureKind.FILE) from error
    except OSError as error:
        raise FetchFailure("the file can't be opened", FailureKind.FILE) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FetchFailure("not a regular file", FailureKind.FILE)
        current = Validators(path, f'"{status.st_mtime_ns}-{status.st_size}"')
        if validators == current:
            return Fetched(304, path, validators=current)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            body = file.read(max_size + 1)
    finally:
        os.close(descriptor)
    if len(body) > max_size:
        raise too_large(max_size)
    if not body.strip():
        raise FetchFailure("the file is empty", FailureKind.EMPTY)
    return Fetched(200, path, body=body, validators=current, size=len(body))


def _inside(path: str, folder: Path | None) -> Path:
    """Return the path of a file in the folder, symbolic links followed.

    Raises:
        FetchFailure: The path leads out of the folder.
    """
    if folder is None:
        raise FetchFailure("only http and https addresses are polled", FailureKind.BAD_ADDRESS)
    root = folder.resolve()
    file = (root / path).resolve()
    if not file.is_relative_to(root):
        raise FetchFailure("the file is outside the folder of config.yaml", FailureKind.FILE)
    return file
