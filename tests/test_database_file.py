"""A SQLite file that is moved, removed or exchanged while engines have it open."""

import asyncio
import contextlib
import shutil
import sqlite3
from datetime import timedelta

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from aggregator.database import (
    DatabaseWriter,
    DBAPIError,
    database_error,
    is_gone,
    is_missing,
    open_database,
)
from aggregator.database.feeds import write_hosts, write_polls
from aggregator.database.migrations.run import upgrade
from aggregator.database.state import read_overview
from tests.stored import feed, lease_due, titles
from tests.worlds import NOW, entry, record, sqlite_database, subscribe

DAY = timedelta(days=1)
SIDES = ("", "-wal", "-shm")


@pytest.fixture
def database(tmp_path):
    engine = sqlite_database(tmp_path)
    subscribe(engine, feed("a"))
    record(engine, "a", [entry(1)])
    yield engine
    engine.dispose()


@pytest.fixture
def reader(database, tmp_path):
    engine = open_database(url(tmp_path), read_only=True)
    assert titles(engine) == ["Post 1"]
    yield engine
    engine.dispose()


def url(folder):
    return f"sqlite:///{folder / 'aggregator.db'}"


def move(folder, *, to, sides=SIDES):
    folder.joinpath(to).mkdir(exist_ok=True)
    for side in sides:
        path = folder / f"aggregator.db{side}"
        if path.exists():
            path.rename(folder / to / path.name)


def copy_of(folder):
    """Make a copy as SQLite makes it, in a file beside the database."""
    copy = folder / "copy.db"
    with (
        contextlib.closing(sqlite3.connect(folder / "aggregator.db")) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy


def is_whole(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO word_index (word_index) VALUES ('integrity-check')")
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def stored_in(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return sorted(title for (title,) in connection.execute("SELECT title FROM entries"))


@pytest.mark.parametrize("sides", [("",), SIDES], ids=["alone", "with its log"])
def test_nothing_is_written_where_nobody_sees_it_and_a_file_moved_back_is_gone_on_with(
    tmp_path, database, reader, sides
):
    move(tmp_path, to="elsewhere", sides=sides)

    for engine in (database, reader):
        with pytest.raises(OperationalError, match="moved or removed") as raised:
            titles(engine)
        assert is_missing(raised.value)
        assert str(database_error(raised.value, url(tmp_path))).count("\n") == 0
    with pytest.raises(OperationalError, match="restart the program"):
        record(database, "a", [entry(1), entry(2)])
    assert not (tmp_path / "aggregator.db").exists()
    assert stored_in(tmp_path / "elsewhere" / "aggregator.db") == ["Post 1"]

    move(tmp_path / "elsewhere", to="..")
    assert titles(reader) == titles(database) == ["Post 1"]
    record(database, "a", [entry(1), entry(3)])
    assert titles(reader) == ["Post 1", "Post 3"]
    database.dispose()
    reader.dispose()
    assert is_whole(tmp_path / "aggregator.db")


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "at once"])
@pytest.mark.parametrize("sides", [("",), SIDES], ids=["alone", "with its log"])
def test_a_copy_in_the_place_of_a_removed_file_is_used_without_the_log_of_the_old_one(
    tmp_path, database, reader, sides, noticed
):
    copy = copy_of(tmp_path)
    record(database, "a", [entry(number) for number in range(1, 60)])
    assert len(titles(reader)) == 59
    move(tmp_path, to="elsewhere", sides=sides)
    if noticed:
        for engine in (reader, database):
            with pytest.raises(OperationalError):
                titles(engine)
    copy.rename(tmp_path / "aggregator.db")

    assert titles(reader) == titles(database) == ["Post 1"]
    record(database, "a", [entry(1), entry(99)])
    assert titles(reader) == ["Post 1", "Post 99"]
    assert len(stored_in(tmp_path / "elsewhere" / "aggregator.db")) == 59  # it was completed
    database.dispose()
    reader.dispose()
    assert is_whole(tmp_path / "aggregator.db")


def test_a_log_that_is_removed_alone_loses_nothing(tmp_path, database, reader):
    record(database, "a", [entry(1), entry(2)])
    for side in ("-wal", "-shm"):
        (tmp_path / f"aggregator.db{side}").unlink()

    record(database, "a", [entry(1), entry(2), entry(3)])

    assert titles(reader) == titles(database) == ["Post 1", "Post 2", "Post 3"]
    database.dispose()
    reader.dispose()
    assert is_whole(tmp_path / "aggregator.db")
    assert len(stored_in(tmp_path / "aggregator.db")) == 3


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "not whole yet"),
        (b"SQLite", "not whole yet"),
        ("half", "not whole yet"),
        (b"hello, world! " * 500, "not a database"),
        ("another program's", "another program"),
    ],
)
def test_what_can_not_be_used_in_the_place_of_the_file_is_told_and_left_alone(
    tmp_path, database, content, what
):
    path, whole = tmp_path / "aggregator.db", copy_of(tmp_path).read_bytes()
    move(tmp_path, to="elsewhere")
    if content == "another program's":
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE theirs (id)")
        content = path.read_bytes()
    content = whole[: len(whole) // 2] if content == "half" else content
    path.write_bytes(content)

    with pytest.raises(OperationalError, match=what) as raised:
        titles(database)

    assert is_missing(raised.value)
    assert path.read_bytes() == content
    path.write_bytes(whole)
    assert titles(database) == ["Post 1"]


@pytest.mark.parametrize("size", [0, 50_000])
def test_a_copy_is_not_taken_for_the_removed_file_before_it_is_whole(tmp_path, database, size):
    path, whole = tmp_path / "aggregator.db", copy_of(tmp_path).read_bytes()
    for side in SIDES:
        (tmp_path / f"aggregator.db{side}").unlink(missing_ok=True)
    with pytest.raises(OperationalError, match="moved or removed"):
        titles(database)
    path.write_bytes(whole[:size])  # the system may give it the inode of the removed file

    with pytest.raises(OperationalError, match="not whole yet"):
        titles(database)
    path.write_bytes(whole)
    assert titles(database) == ["Post 1"]


@pytest.mark.slow
def test_a_database_of_an_older_version_in_its_place_is_brought_up_to_date(tmp_path, database):
    move(tmp_path, to="elsewhere")
    shutil.copy(tmp_path / "elsewhere" / "aggregator.db", tmp_path / "old.db")
    older = create_engine(f"sqlite:///{tmp_path / 'new.db'}")
    with older.begin() as connection:
        upgrade(connection, to="0013")
    older.dispose()
    (tmp_path / "new.db").rename(tmp_path / "aggregator.db")

    subscribe(database, feed("a"))
    record(database, "a", [entry(5)])

    assert titles(database) == ["Post 5"]


def test_the_writer_says_once_that_the_file_is_missing_and_waits_for_it(
    tmp_path, database, caplog, monkeypatch
):
    monkeypatch.setattr("aggregator.database.writer._MISSING_WAIT", 0.05)

    async def run():
        writer = DatabaseWriter(database)
        move(tmp_path, to="elsewhere")
        works = [asyncio.create_task(writer.transact(write_hosts.shared_hosts)) for _ in range(3)]
        while not caplog.records:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)  # four looks
        assert not any(task.done() for task in works)
        move(tmp_path / "elsewhere", to="..")
        await asyncio.gather(*works)
        writer.stop()

    asyncio.run(run())

    gone, back = [record.getMessage() for record in caplog.records]
    assert f"{tmp_path / 'aggregator.db'}: the file was moved or removed" in gone
    assert "the file is back" in back


def test_a_copy_that_is_taken_over_has_no_lease_and_no_version_of_the_former_database(
    tmp_path, database
):
    lease_due(database, now=NOW + DAY, owner="me")
    copy = copy_of(tmp_path)
    former = version(database)
    copy.replace(tmp_path / "aggregator.db")

    with database.begin() as connection:
        write_polls.take_over(connection, owner="me", now=NOW)

    assert version(database) > former + 1000
    assert lease_due(database, now=NOW + DAY) == ["a"]


def version(database):
    with database.connect() as connection:
        return read_overview.version(connection)


def test_who_only_reads_makes_no_file_and_reads_it_as_soon_as_it_is_there(tmp_path):
    path = tmp_path / "aggregator.db"
    engine = open_database(url(tmp_path), read_only=True)

    with pytest.raises(OperationalError, match="moved or removed"):
        titles(engine)
    assert not path.exists()

    subscribe(sqlite_database(tmp_path), feed("a"))
    assert titles(engine) == []
    engine.dispose()


def test_a_folder_in_the_place_of_the_file_is_no_database(tmp_path, database):
    move(tmp_path, to="elsewhere")
    (tmp_path / "aggregator.db").mkdir()

    with pytest.raises(OperationalError, match="moved or removed") as raised:
        titles(database)
    assert is_gone(raised.value)

    (tmp_path / "aggregator.db").rmdir()
    for path in (tmp_path / "elsewhere").iterdir():
        path.rename(tmp_path / path.name)
    assert titles(database) == ["Post 1"]


def test_a_command_gives_a_missing_file_up(tmp_path, database, monkeypatch):
    monkeypatch.setattr("aggregator.database.writer._MISSING_WAIT", 0.05)

    async def run():
        writer = DatabaseWriter(database, max_wait=timedelta(seconds=0.2))
        move(tmp_path, to="elsewhere")
        try:
            await writer.transact(write_hosts.shared_hosts)
        finally:
            writer.stop()

    with pytest.raises(DBAPIError, match="moved or removed"):
        asyncio.run(run())
