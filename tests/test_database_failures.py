"""What a database's error means is told by its code, whatever its message says."""

import sqlite3
import time

import pytest
from sqlalchemy import exc

from aggregator.database import database_error, is_passing, open_database
from aggregator.database.outage_log import OutageLog
from aggregator.database.stalled_server import Patience
from aggregator.errors import DatabaseError
from tests.postgresql_server import skip_without_packages

SERVER = "postgresql+psycopg://reader:secret@fullmoon.example/busy_readonly"


class ServerError(Exception):
    """What a driver of PostgreSQL raises."""

    def __init__(self, sqlstate=None, message="error on fullmoon.example: locked malformed"):
        super().__init__(message)
        self.sqlstate = sqlstate


def of_server(kind=exc.OperationalError, *arguments):
    return kind("SELECT 1", {}, ServerError(*arguments))


def of_sqlite(code, message):
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return exc.OperationalError("SELECT 1", {}, error)


@pytest.mark.parametrize(
    ("state", "says", "passes"),
    [
        (None, "does the server run", True),
        ("08006", "does the server run", True),
        ("57P01", "does the server run", True),
        ("57P03", "does the server run", True),
        ("53300", "room for another connection", True),
        ("28P01", "look at user, password", True),
        ("3D000", "look at user, password", True),
        ("53100", "the server's disk is full; make room", True),
        ("25006", "is read-only; name the primary", True),
        ("55P03", "other transactions kept it locked", True),
        ("40P01", "other transactions kept it locked", True),
        ("40001", "other transactions kept it locked", True),
        ("XX001", "is damaged", False),
        ("42P01", "error on fullmoon.example", False),
        ("22021", "error on fullmoon.example", False),
    ],
)
def test_an_error_of_postgresql_is_judged_by_its_sqlstate(state, says, passes):
    error = of_server(exc.OperationalError, state)

    said = str(database_error(error, SERVER))

    assert says in said
    assert ("make room" in said, "make the file" in said) == (state == "53100", False)
    assert "secret" not in said
    assert is_passing(error) is passes


@pytest.mark.parametrize("message", ["", "\n", "  \n\n"])
def test_an_error_without_a_message_is_one_line(message):
    said = str(database_error(of_server(exc.DataError, None, message), SERVER))

    assert said.endswith(": ServerError")
    assert is_passing(of_server(exc.DataError, None, message)) is False


@pytest.mark.parametrize(
    ("code", "says", "passes"),
    [
        (sqlite3.SQLITE_BUSY, "kept it locked", True),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "kept it locked", True),
        (sqlite3.SQLITE_FULL, "the disk is full", True),
        (sqlite3.SQLITE_READONLY_DBMOVED, "is read-only", True),
        (sqlite3.SQLITE_CANTOPEN, "does its folder exist", True),
        (sqlite3.SQLITE_IOERR_WRITE, "the disk or the machine may be failing", True),
        (sqlite3.SQLITE_CORRUPT, "is damaged", False),
        (sqlite3.SQLITE_NOTADB, "is damaged", False),
        (sqlite3.SQLITE_ERROR, "no such table: fullest_locked", False),
    ],
)
def test_an_error_of_sqlite_is_judged_by_its_result_code(code, says, passes):
    error = of_sqlite(code, "no such table: fullest_locked")

    assert says in str(database_error(error, "sqlite:////data/full/aggregator.db"))
    assert is_passing(error) is passes


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_not_taken_for_a_full_disk():
    skip_without_packages("psycopg")

    with pytest.raises(DatabaseError, match="does the server run") as raised:
        open_database("postgresql+psycopg://me:secret@127.0.0.1:1/full")

    assert "disk" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_outage_is_a_line_for_each_kind_of_failure_and_one_at_the_end(caplog):
    outage, first, second = OutageLog(), object(), object()
    locked, full = (of_sqlite(code, "oh") for code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL))

    for error in (locked, locked, full, full, locked):
        for transaction in (first, second):
            outage.failed(transaction, error)
    outage.ended(object(), is_done=True)  # a transaction that did not wait
    outage.ended(first, is_done=True)
    assert len(caplog.messages) == 2
    outage.ended(second, is_done=True)
    outage.failed(first, locked)
    outage.ended(first, is_done=False)  # it was given up

    again, *others = (message.partition(" after ")[0] for message in caplog.messages[2:])
    assert again == "database: can be used again"
    assert others == [caplog.messages[0]] == ["database: oh; trying again until it can be used"]


class HangingConnection:
    """A connection of psycopg whose server does not answer."""

    def __init__(self):
        self.pgconn = self
        self.is_closed = False

    def finish(self):
        self.is_closed = True


def exchange(answers):
    """The steps of an exchange, as psycopg makes them: a step without an answer sends 0."""
    for _ in range(answers):
        while not (yield "wait"):
            pass
    return "result"


def test_a_connection_without_an_answer_is_given_up_after_its_limit_or_at_a_stop():
    skip_without_packages("psycopg")
    import psycopg

    for patience in (Patience(0.0001), stopped := Patience(None)):
        stopped.is_over = patience is stopped
        connection = HangingConnection()
        steps = patience.watched(exchange(2), connection)
        assert [next(steps), steps.send(1)] == ["wait", "wait"]  # an answer in time
        time.sleep(0.001)
        with pytest.raises(psycopg.OperationalError, match="has not answered"):
            steps.send(0)
        assert connection.is_closed


def test_the_result_of_an_exchange_is_passed_on_however_long_it_takes():
    steps = Patience(None).watched(exchange(1), HangingConnection())

    next(steps)
    for _ in range(5):
        steps.send(0)
    with pytest.raises(StopIteration) as end:
        steps.send(1)
    assert end.value.value == "result"
