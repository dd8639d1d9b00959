"""The database: all SQL of the program; callers get values of the model.

`schema` has the tables, `columns` the column types for values of the model.  Each noun has a
folder: modules `read_*` only read, and are open to the web; modules `write_*` change rows, and read
the rows for a change.  SQLite (WAL, FTS5) is the default, PostgreSQL comes by URL; `dialects` has
both side by side where the two differ.  Callers open the transaction, keep the transaction short,
and never wait for the network inside.
"""

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from aggregator.database.clock import clock_of, database_time, system_time
from aggregator.database.deadline import READING
from aggregator.database.engine import (
    connection_arguments,
    has_schema,
    is_up_to_date,
    open_database,
    open_replica,
    open_unchanged,
    watch_file,
)
from aggregator.database.failures import database_error, is_gone, is_missing, is_passing, is_sqlite
from aggregator.database.sqlite_file import main_file
from aggregator.database.writer import DatabaseWriter, Transact

__all__ = [
    "READING",
    "Connection",
    "DBAPIError",
    "DatabaseWriter",
    "Engine",
    "Transact",
    "clock_of",
    "connection_arguments",
    "database_error",
    "database_time",
    "has_schema",
    "is_gone",
    "is_missing",
    "is_passing",
    "is_sqlite",
    "is_up_to_date",
    "main_file",
    "open_database",
    "open_replica",
    "open_unchanged",
    "system_time",
    "watch_file",
]
