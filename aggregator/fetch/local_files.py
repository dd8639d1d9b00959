"""Files instead of URLs: a feed that another program writes beside config.yaml."""

import os
import stat
from pathlib import Path

from aggregator.model import Fetched, Validators

from .decode import too_large
from .failure import Failure


def read_local(path: str, validators: Validators, *, folder: Path | None, max_size: int) -> Fetched:
    """Read a file of `folder` as if it had been fetched; 304 while it is the one we know.

    Args:
        path: Relative, as config.yaml has it; it must not lead out of the folder.

    Raises:
        Failure: There is no such file, or none that may be read.
    """
    try:
        descriptor = os.open(_inside(path, folder), os.O_RDONLY | os.O_NONBLOCK)  # a pipe waits
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise Failure("no such file beside config.yaml") from error
    except OSError as error:
        raise Failure("the file can't be opened") from error
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise Failure("not a regular file")
        known = Validators(path, f'"{about.st_mtime_ns}-{about.st_size}"')
        if validators == known:
            return Fetched(304, path, validators=known)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            body = file.read(max_size + 1)
    finally:
        os.close(descriptor)
    if len(body) > max_size:
        raise too_large(max_size)
    if not body.strip():
        raise Failure("the file is empty")
    return Fetched(200, path, body=body, validators=known, size=len(body))


def _inside(path: str, folder: Path | None) -> Path:
    """Return the file that is meant, symbolic links followed.

    Raises:
        Failure: It is outside of the folder.
    """
    if folder is None:
        raise Failure("only http and https addresses are polled")
    root = folder.resolve()
    file = (root / path).resolve()
    if not file.is_relative_to(root):
        raise Failure("the file is outside the folder of config.yaml")
    return file
