"""The age of the data of a replica, or of another copy of the database.

The time of the last transaction does not tell the age: without writes the primary is as old as the
replica.  So polling processes write the time every few seconds (`write_alive`), for comparison with
the clock of the replica.  Without a polling process the data is old, too.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from aggregator.database.clock import database_time
from aggregator.database.schema import state

OUTDATED_AFTER = timedelta(minutes=1)
"""Age from which data counts as old."""


def outdated_since(connection: Connection) -> datetime | None:
    """Return the time of the data, None for data of the present.

    Without any sign of life the end of the newest poll counts.
    """
    known_at: datetime | None = connection.scalar(
        select(func.coalesce(state.c.alive_at, state.c.checked_at, type_=state.c.alive_at.type))
    )
    if known_at is None or database_time(connection) - known_at <= OUTDATED_AFTER:
        return None
    return known_at
