"""An application for the command `procrastinate`, on the database of config.yaml.

    procrastinate --app aggregator.scheduler.job_shell.app shell

The file is named by AGGREGATOR_CONFIG, by default config.yaml in the present folder.
"""

import os
from pathlib import Path
from typing import Any

from aggregator.config import load
from aggregator.database import open_unchanged
from aggregator.errors import DatabaseError

from .job_engine import new_app


def __getattr__(name: str) -> Any:
    """Return the application; nothing is read before somebody asks for `app`."""
    if name != "app":
        raise AttributeError(name)
    config = load(Path(os.environ.get("AGGREGATOR_CONFIG") or "config.yaml"))
    engine = open_unchanged(config.database)
    if engine is None or engine.dialect.name == "sqlite":
        raise DatabaseError("jobs: config.yaml names no PostgreSQL database with tables")
    return new_app(engine, lambda: False)
