"""The database: all SQL is in here.  `store` writes, `query` reads, values come out.

SQLite (WAL, FTS5) by default, PostgreSQL by URL; what differs between them stands side by side in
`dialects`.  Callers open the transaction, keep it short, and never wait for the network in it.
"""

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from aggregator.database.engine import in_words, is_locked, is_passing, is_there, open_database
from aggregator.database.writer import Writer

__all__ = [
    "Connection",
    "DBAPIError",
    "Engine",
    "OperationalError",
    "Writer",
    "in_words",
    "is_locked",
    "is_passing",
    "is_there",
    "open_database",
]
