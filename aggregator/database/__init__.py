"""The database: all SQL is in here.  `store` writes, `query` reads, values come out.

SQLite (WAL, FTS5) by default, PostgreSQL by URL; what differs between them stands side by side in
`dialects`.  Callers open the transaction, keep it short, and never wait for the network in it.
"""

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from aggregator.database.deadline import READING
from aggregator.database.engine import is_there, open_database, watch_file
from aggregator.database.failures import in_words, is_gone, is_missing, is_passing
from aggregator.database.sqlite_file import main_file
from aggregator.database.writer import Transact, Writer

__all__ = [
    "READING",
    "Connection",
    "DBAPIError",
    "Engine",
    "Transact",
    "Writer",
    "in_words",
    "is_gone",
    "is_missing",
    "is_passing",
    "is_there",
    "main_file",
    "open_database",
    "watch_file",
]
