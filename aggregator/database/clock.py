"""The clock of the database, which several machines share."""

from datetime import UTC, datetime

from sqlalchemy import Connection, func, select


def database_time(connection: Connection) -> datetime:
    """Return the present time of the database's clock; aware, UTC.

    SQLite has the clock of the machine.  The clients of a PostgreSQL server may have other clocks.
    """
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    present: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return present.astimezone(UTC)
