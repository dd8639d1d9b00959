"""The sign of life of polling processes, by which a copy of the database tells the copy's age."""

from datetime import timedelta

from sqlalchemy import Connection, update

from aggregator.database.clock import database_time
from aggregator.database.schema import state

INTERVAL = timedelta(seconds=10)
"""Time between two signs of life."""


def note_alive(connection: Connection) -> None:
    """Write the present time of the database's clock."""
    connection.execute(update(state).values(alive_at=database_time(connection)))
