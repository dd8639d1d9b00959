"""The clock of a database: all processes on a database agree when a feed is due.

The clocks of machines with a common PostgreSQL server may differ by minutes.  The server's clock is
the time for all; a SQLite file has the clock of the machine.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from aggregator import urls
from aggregator.model.times import EPOCH

SERVER_TIME = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
"""The time of a PostgreSQL server, in microseconds since 1970 as the columns for times."""

_SERVER_ADDRESS = "SELECT host(inet_server_addr())"  # NULL at a socket of the system
_OPTION = "clock"  # execution option
_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ServerClock:
    """The clock of a PostgreSQL server, as statements have read it.

    Between two statements the time goes on by the machine's time since boot, which nobody sets, and
    which counts a suspension of the machine or the process.
    """

    def __init__(self) -> None:
        self._booted_at: datetime | None = None  # by the clock of the server
        self._read_at = 0.0

    def read(self, ask: Callable[[], int]) -> None:
        """Compare the clock with the server's, and set it as far as it is certainly wrong.

        The server told the time at some moment between question and answer; so a slow answer does
        not set a clock back that was right.

        Args:
            ask: Returns `SERVER_TIME`.
        """
        asked_at = _since_boot()
        server_time = EPOCH + timedelta(microseconds=ask())
        self._read_at = _since_boot()
        earliest = server_time - timedelta(seconds=self._read_at)
        latest = server_time - timedelta(seconds=asked_at)
        self._booted_at = min(max(self._booted_at or earliest, earliest), latest)

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


def has_clock_of_machine(connection: Connection) -> bool:
    """Whether the clock of the database is this machine's.

    Of another machine's clock this machine cannot tell whether somebody set that clock, or whether
    this machine was halted itself, as a virtual machine may be.
    """
    if connection.dialect.name == "sqlite":
        return True
    address: str | None = connection.exec_driver_sql(_SERVER_ADDRESS).scalar_one()
    return address is None or urls.is_loopback(address)


def system_time() -> datetime:
    """Return the time of the machine's clock; aware, UTC."""
    return datetime.now(UTC)


def _since_boot() -> float:
    return time.clock_gettime(_SINCE_BOOT)
