"""An empty database as the migrations make it; to run them again takes 50 ms a test."""

import functools
import tempfile
from pathlib import Path

from aggregator.database import open_database

NAME = "aggregator.db"


def put_empty_database(folder: Path) -> Path:
    """Put an empty SQLite database into `folder`, unless a file is there; return its path."""
    path = folder / NAME
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(_empty_database())
    return path


def is_empty_database(path: Path) -> bool:
    """Whether a file is an empty database as it was put there; no connection is open to it."""
    return path.exists() and path.read_bytes() == _empty_database()


@functools.cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        open_database(f"sqlite:///{path}").dispose()
        return path.read_bytes()
