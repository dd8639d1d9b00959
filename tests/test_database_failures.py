"""What a database's error means is told by its code, whatever its message says."""

import sqlite3

import pytest
from sqlalchemy import exc

from aggregator.database import database_error, is_passing, open_database
from aggregator.errors import DatabaseError

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
        (None, "is the server running", True),
        ("08006", "is the server running", True),
        ("57P01", "is the server running", True),
        ("57P03", "is the server running", True),
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
    pytest.importorskip("psycopg", reason="NO DRIVER FOR POSTGRESQL, NOT TESTED")

    with pytest.raises(DatabaseError, match="is the server running") as raised:
        open_database("postgresql+psycopg://me:secret@127.0.0.1:1/full")

    assert "disk" not in str(raised.value)
    assert "\n" not in str(raised.value)
