"""The clock of a PostgreSQL server, followed between two statements."""

from datetime import UTC, datetime, timedelta

import pytest

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

    server_clock.read(machine.answer(NOW, 0.0))
    assert server_clock.now() == NOW


def test_an_answer_that_took_long_does_not_set_the_clock_back(machine):
    server_clock = clock.ServerClock()
    server_clock.read(machine.answer(NOW, 0.0))
    server_clock.read(machine.answer(NOW, 40.0))

    assert server_clock.now() == NOW + timedelta(seconds=40)


def test_a_first_answer_is_better_than_the_clock_of_the_machine(machine):
    server_clock = clock.ServerClock()
    assert abs(server_clock.now() - datetime.now(UTC)) < timedelta(minutes=1)

    server_clock.read(machine.answer(NOW, 40.0))

    assert server_clock.now() == NOW


@only_sqlite
def test_a_file_has_the_clock_of_its_machine(tmp_path):
    engine = sqlite_database(tmp_path)

    with engine.connect() as connection:
        times = [database_time(connection), clock_of(engine)()]

    assert all(abs(time - datetime.now(UTC)) < timedelta(minutes=1) for time in times)
