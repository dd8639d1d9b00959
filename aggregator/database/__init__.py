"""The database: all SQL is in here; values of the model come out.

`schema` has the tables, `columns` the types that write values of the model and read them again.
Each noun has a folder: in it the modules `read_*` only read, and are all that the web may import;
the modules `write_*` change rows, and read what they need for that.  SQLite (WAL, FTS5) is the
default, PostgreSQL is used by URL; where the two differ, `dialects` has both side by side.  Callers
open the transaction, keep it short, and never wait for the network in it.
"""

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from aggregator.database.deadline import READING
from aggregator.database.engine import is_there, open_database, watch_file
from aggregator.database.failures import in_words, is_gone, is_missing, is_passing
from aggregator.database.sqlite_file import main_file
from aggregator.database.writer import DatabaseWriter, Transact

__all__ = [
    "READING",
    "Connection",
    "DBAPIError",
    "DatabaseWriter",
    "Engine",
    "Transact",
    "in_words",
    "is_gone",
    "is_missing",
    "is_passing",
    "is_there",
    "main_file",
    "open_database",
    "watch_file",
]
