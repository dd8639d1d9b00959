"""The clock of a database: all processes on a database agree when a feed is due.

The clocks of machines with a common PostgreSQL server may differ by minutes.  The server's clock is
the time for all; a SQLite file has the clock of the machine.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from aggregator.database.columns import UtcDateTime

SERVER_TIME = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
"""The time of a PostgreSQL server, in microseconds since 1970 as the columns for times."""

_OPTION = "clock"  # execution option
_MAX_ROUND_TRIP = 1.0  # seconds
_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ServerClock:
    """The clock of a PostgreSQL server, as recent statements have read it.

    Between two statements the time goes on by the machine's time since boot, which nobody sets, and
    which counts a suspension of the machine or the process.
    """

    def __init__(self) -> None:
        self._booted_at: datetime | None = None  # by the clock of the server
        self._read_at = 0.0

    def read(self, ask: Callable[[], int]) -> None:
        """Set the clock.

        Args:
            ask: Returns `SERVER_TIME`.  A slow answer does not count, except for the first answer:
                nobody knows how old a slow answer is.
        """
        asked_at = _since_boot()
        server_time = UtcDateTime.decode(ask())
        answered_at = _since_boot()
        if server_time is None:
            return
        if self._booted_at is None or answered_at - asked_at <= _MAX_ROUND_TRIP:
            self._booted_at = server_time - timedelta(seconds=answered_at)
            self._read_at = answered_at

    def age(self) -> timedelta:
        """Return how long ago the clock was set."""
        return timedelta(seconds=_since_boot() - self._read_at)

    def now(self) -> datetime:
        """Return the time of the server; before the first statement, the time of the machine."""
        if self._booted_at is None:
            return system_time()
        return self._booted_at + timedelta(seconds=_since_boot())


def clock_option(clock: ServerClock) -> dict[str, ServerClock]:
    """Return the execution option for the engine of a database with `clock`."""
    return {_OPTION: clock}


def database_time(connection: Connection) -> datetime:
    """Return the present time of the database's clock; aware, UTC."""
    clock: ServerClock | None = connection.get_execution_options().get(_OPTION)
    return system_time() if clock is None else clock.now()


def clock_of(engine: Engine) -> Callable[[], datetime]:
    """Return a function that returns the present time of a database's clock; aware, UTC."""
    clock: ServerClock | None = engine.get_execution_options().get(_OPTION)
    return system_time if clock is None else clock.now


def system_time() -> datetime:
    """Return the time of the machine's clock; aware, UTC."""
    return datetime.now(UTC)


def _since_boot() -> float:
    return time.clock_gettime(_SINCE_BOOT)
