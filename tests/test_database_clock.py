"""The clock of a PostgreSQL server, followed between two statements."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

import aggregator
from aggregator.database import clock, clock_of, database_time
from aggregator.database.columns import UtcDateTime
from tests.worlds import NOW, only_sqlite, sqlite_database


class Machine:
    """The seconds since the boot of a machine."""

    def __init__(self):
        self.since_boot = 1000.0

    def answer(self, time, seconds):
        """Return what asks a server that says `time`, and takes so long for it."""

        def ask():
            self.since_boot += seconds
            return UtcDateTime.encode(time)

        return ask


@pytest.fixture
def machine(monkeypatch):
    machine = Machine()
    monkeypatch.setattr(clock, "_since_boot", lambda: machine.since_boot)
    return machine


def test_the_time_of_a_server_goes_on_between_two_statements(machine):
    server_clock = clock.ServerClock()
    server_clock.read(machine.answer(NOW, 0.0))
    machine.since_boot += 90.0

    assert server_clock.now() == NOW + timedelta(seconds=90)
    assert server_clock.age() == timedelta(seconds=90)

    server_clock.read(machine.answer(NOW, 0.0))  # somebody has set it back
    assert server_clock.now() == NOW


def test_an_answer_that_took_long_does_not_set_the_clock_back(machine):
    server_clock = clock.ServerClock()
    server_clock.read(machine.answer(NOW, 0.0))
    server_clock.read(machine.answer(NOW, 40.0))

    assert server_clock.now() == NOW + timedelta(seconds=40)


def test_a_quick_answer_corrects_what_was_known_from_a_slow_one(machine):
    server_clock = clock.ServerClock()
    server_clock.read(machine.answer(NOW, 40.0))  # it may have waited in the socket
    server_clock.read(machine.answer(NOW + timedelta(seconds=30), 1.0))

    assert server_clock.now() == NOW + timedelta(seconds=30)


def test_a_first_answer_is_better_than_the_clock_of_the_machine(machine):
    server_clock = clock.ServerClock()
    assert abs(server_clock.now() - datetime.now(UTC)) < timedelta(minutes=1)

    server_clock.read(machine.answer(NOW, 40.0))

    assert server_clock.now() == NOW


class Server:
    """Stands in for a connection to a PostgreSQL server; tests have none at another machine."""

    def __init__(self, address):
        self.dialect = SimpleNamespace(name="postgresql")
        self._address = address

    def exec_driver_sql(self, _statement):
        return SimpleNamespace(scalar_one=lambda: self._address)


@pytest.mark.parametrize(
    ("address", "is_here"),
    [(None, True), ("127.0.0.1", True), ("::1", True), ("192.0.2.7", False), ("fd00::7", False)],
)
def test_a_server_at_another_address_has_another_clock(address, is_here):
    assert clock.has_clock_of_machine(Server(address)) is is_here


def test_nothing_else_asks_the_clock_of_the_machine():
    """But for what concerns this process alone, and times that other programs tell."""
    root = Path(aggregator.__file__).parents[1]
    asking = {
        str(path.relative_to(root))
        for folder in ("aggregator", "web")
        for path in (root / folder).rglob("*.py")
        if "datetime.now(" in path.read_text()
    }

    assert asking == {
        "aggregator/database/clock.py",
        "aggregator/fetch/fetcher.py",  # ages in the head of an answer without a Date
        "aggregator/cli/trial_poll.py",  # a database that is deleted at once
        "aggregator/cli/discovery.py",  # an answer without a Date, and no database
        "aggregator/cli/feed_examination.py",  # the pauses of this command between its requests
        "aggregator/scheduler/timed_jobs.py",  # APScheduler counts by this clock
    }


@only_sqlite
def test_a_file_has_the_clock_of_its_machine(tmp_path):
    engine = sqlite_database(tmp_path)

    with engine.connect() as connection:
        assert clock.has_clock_of_machine(connection)
        times = [database_time(connection), clock_of(engine)()]

    assert all(abs(time - datetime.now(UTC)) < timedelta(minutes=1) for time in times)
