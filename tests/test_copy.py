"""`aggregator copy`: a whole database in another one, on SQLite here; PostgreSQL is slow."""

import gc
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import itemgetter
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Integer,
    Table,
    Text,
    create_engine,
    insert,
    inspect,
    make_url,
    select,
    update,
)

from aggregator.database import engine, open_database
from aggregator.database.copies import copy_lock, stored_rows, write_copy
from aggregator.database.copies.write_copy import CopyStep, copy_database
from aggregator.database.engine import HEAD
from aggregator.database.lists import read_lists
from aggregator.database.schema import feeds, hosts, metadata, state
from aggregator.errors import DatabaseError
from aggregator.model import ListKind, ListScope
from tests import postgresql, released
from tests.empty_database import put_empty_database
from tests.feedserver import FeedServer
from tests.running import command, forked, one_line, rss, write_config
from tests.selection import slow_after
from tests.stored import lease_due

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SCALING = Path(__file__).parents[1] / "docs" / "scaling.md"
COMMAND = ("copy", "--to", "sqlite:///copy.db")
SEARCHES = ("ferry", '"how a wick"', "author:ines", "tag:boats", "caf*", "海", "ferry -boats")


@pytest.fixture(scope="module")
def released_file(tmp_path_factory):
    """The file of a database with rows in all tables, as a stopped program leaves it."""
    path = tmp_path_factory.mktemp("released") / "aggregator.db"
    released.make(f"sqlite:///{path}", HEAD)
    with open_database(f"sqlite:///{path}").connect() as connection:  # in the mode WAL
        connection.engine.dispose()
    return path


@pytest.fixture
def source(tmp_path, released_file):
    """The URL of the database that config.yaml names."""
    shutil.copy(released_file, tmp_path / "aggregator.db")
    lines = ("title: Quay", "database: sqlite:///aggregator.db", "feeds: []")
    (tmp_path / "config.yaml").write_text("\n".join(lines))
    return f"sqlite:///{tmp_path}/aggregator.db"


@pytest.fixture
def target(tmp_path):
    return f"sqlite:///{tmp_path}/copy.db"


@pytest.fixture(scope="module")
def server():
    with postgresql.server() as url:
        yield url


@pytest.fixture(scope="module")
def empty_definitions(server):
    """Those of an empty PostgreSQL database, as the revisions make it."""
    url = postgresql.new_url(server)
    open_database(url).dispose()
    return definitions_of(url)


def copied(source, target, report=lambda progress: None, now=NOW):
    return copy_database(source, target, report=report, time_of=lambda connection: now)


@contextmanager
def opened(url, **options):
    engine = create_engine(url, **options)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def run_script(path, *statements):
    """Run statements as the shell of SQLite would, which checks no references."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(";".join(statements))


def contents_of(url):
    """Return the rows of all tables as the driver gives them, in the order of their keys."""
    rows = {}
    with opened(url) as connection:
        for table in metadata.sorted_tables:
            names = ", ".join(f'"{column.name}"' for column in table.c)
            key = [number for number, column in enumerate(table.c) if column.primary_key]
            selected = connection.exec_driver_sql(f'SELECT {names} FROM "{table.name}"')
            rows[table.name] = sorted(map(tuple, selected), key=itemgetter(*key))
    return rows


def words_of(url):
    """Return each place of each word in the index of a file."""
    with opened(url) as connection:
        selected = connection.exec_driver_sql("SELECT term, doc, col, offset FROM indexed_words")
        return sorted(map(tuple, selected))


def definitions_of(url):
    """Return tables, indexes and triggers as the catalogue of a database has them."""
    with opened(url) as connection:
        if connection.dialect.name == "sqlite":
            selected = connection.exec_driver_sql("SELECT name, tbl_name, sql FROM sqlite_master")
            return {tuple(row) for row in selected}
        indexes = connection.exec_driver_sql("SELECT indexdef FROM pg_indexes ORDER BY indexname")
        schema = connection.exec_driver_sql(postgresql._SCHEMA).scalar_one()
        return schema, indexes.scalars().all()


def ids_by_search(url):
    engine = open_database(url, read_only=True)
    with engine.connect() as connection:
        ids = {
            search: [
                entry.id
                for entry in read_lists.entries_page(
                    connection, limit=99, scope=ListScope(ListKind.SEARCH, search)
                ).entries
            ]
            for search in SEARCHES
        }
    engine.dispose()
    return ids


def check_copy(source, target):
    assert contents_of(target) == contents_of(source)
    assert ids_by_search(target) == ids_by_search(source)
    if {source.partition(":")[0], target.partition(":")[0]} == {"sqlite"}:
        assert words_of(target) == words_of(source)


# ------------------------------------------------------------------------------------ the command


def test_the_copy_has_the_same_rows_and_the_command_names_the_line_of_config_yaml(
    source, target, tmp_path
):
    done = command(tmp_path, *COMMAND)

    assert (done.returncode, done.stderr) == (0, "")
    check_copy(source, target)
    assert all(ids_by_search(target).values())
    assert definitions_of(target) == definitions_of(source)
    assert [name for name, rows in contents_of(target).items() if not rows] == ["hidden_entries"]
    lines = done.stdout.splitlines()
    assert "copied entries, rows: 9" in lines
    assert "made the index of words, posts: 9" in lines
    assert "compared entries, rows: 9" in lines
    assert lines[-2].startswith("complete: ") and lines[-2].endswith(" and is the same")
    assert lines[-1] == (
        "config.yaml:2: write `database: sqlite:///copy.db`, and start the program again"
    )


@pytest.mark.slow
def test_the_command_says_where_the_pictures_have_to_move(source, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "new").mkdir()

    beside, elsewhere = (
        command(tmp_path, "copy", "--to", f"sqlite:///{name}").stdout.splitlines()[-1]
        for name in ("copy.db", "new/copy.db")
    )

    assert (
        beside == f"pictures: {tmp_path}/pictures stays; other machines need it at the same place"
    )
    assert elsewhere == (
        f"pictures: move {tmp_path}/pictures to {tmp_path}/new/pictures, where the program looks "
        "for it then"
    )


def test_a_variable_is_the_password_and_no_message_shows_it(source, tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "ebb-and-flow")
    (documented,) = re.findall(r"aggregator copy --to '(.+@.+)'", SCALING.read_text("utf-8"))
    address = documented.replace("db.example.org", "127.0.0.1:1")

    line = one_line(command(tmp_path, "copy", "--to", address), 1)

    assert "***@127.0.0.1:1/aggregator" in line and "does the server run" in line
    assert "ebb-and-flow" not in line


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("sqlite:///aggregator.db", "is the database itself; name another one"),
        ("sqlite:///link.db", "is the database itself; name another one"),
        (
            "sqlite:///other/aggregator.db",
            "is a complete database of this program already, with 0 feeds and 0 posts; to use it,",
        ),
        (
            "sqlite:///older.db",
            "is a database of this program already, with the schema 0030, and this version copies",
        ),
        (
            "sqlite:///strange.db",
            "has tables of another program (boats, crews, ferries, 1 more); name an empty",
        ),
        ("sqlite:///none/copy.db", "can't be opened; does its folder exist"),
        ("mysql://host/name", '--to: "mysql://host/name" can\'t be used'),
        ("postgresql://u:${NONE}@host/name", "--to: ${NONE} has no value"),
        ("postgresql://", "--to: postgresql:// names no database; write postgresql://host/name"),
        (
            "postgresql://u@host/",
            "--to: postgresql://***@host/ names no database; write postgresql",
        ),
    ],
)
def test_a_wrong_target_is_refused_in_a_line(source, tmp_path, address, message):
    (tmp_path / "other").mkdir()
    put_empty_database(tmp_path / "other")
    shutil.copy(tmp_path / "aggregator.db", tmp_path / "older.db")
    run_script(tmp_path / "older.db", "UPDATE alembic_version SET version_num = '0030'")
    tables = ("boats", "crews", "ferries", "ports")
    run_script(
        tmp_path / "strange.db",
        "PRAGMA journal_mode = WAL",
        *(f"CREATE TABLE {name} (id INTEGER)" for name in tables),
    )
    (tmp_path / "link.db").symlink_to("aggregator.db")
    files = {path: path.read_bytes() for path in tmp_path.glob("*.db")}

    done = command(tmp_path, "copy", "--to", address)

    assert message in one_line(done, 2 if message.startswith("--to") else 1)
    assert {path: path.read_bytes() for path in files} == files


@pytest.mark.slow
def test_rows_without_their_parents_are_named_and_the_named_statement_removes_them(
    source, target, tmp_path
):
    file = tmp_path / "aggregator.db"
    run_script(file, "DELETE FROM feeds WHERE id = 2", "DELETE FROM feeds WHERE id = 3")

    line = one_line(command(tmp_path, *COMMAND), 1)

    assert re.search(r"\d+ of entries \(the first is \(\d+,\)\) refer to missing feeds", line)
    assert not (tmp_path / "copy.db").stat().st_size
    (statements,) = re.findall("`(PRAGMA .*)`", line)
    run_script(file, statements)
    copied(source, target)
    assert contents_of(target) == contents_of(source)
    assert ids_by_search(target) == ids_by_search(source)


@pytest.mark.slow
def test_a_second_copy_to_one_database_is_refused_and_the_first_goes_on(source, target, tmp_path):
    messages = []

    def copy_again(progress):
        if progress.step is CopyStep.INDEXING and not messages:
            with pytest.raises(DatabaseError) as raised:
                copied(source, target)
            messages.append(str(raised.value))

    copied(source, target, copy_again)

    (message,) = messages
    assert message.startswith(f"{tmp_path}/copy.db: another copy to this database is under way; ")
    check_copy(source, target)
    assert not list(tmp_path.glob("*-copying"))


def test_a_missing_source_is_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("feeds: []\n")

    line = one_line(command(tmp_path, *COMMAND), 1)

    assert line == f"{tmp_path}/aggregator.db: is empty, so there is nothing to copy"
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.parametrize(
    ("revision", "message"), [("0032", "older version"), ("9999", "newer version")]
)
def test_a_source_of_another_version_is_refused(source, tmp_path, revision, message):
    with sqlite3.connect(tmp_path / "aggregator.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))

    assert message in one_line(command(tmp_path, *COMMAND), 1)
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.slow
def test_a_source_whose_feeds_are_being_polled_is_refused(source, target):
    database = open_database(source)
    with database.begin() as connection:
        connection.execute(update(feeds).values(next_poll_at=None, lease_owner=None))
        connection.execute(update(feeds).values(next_poll_at=NOW, subscribed=True, paused=False))
    assert lease_due(database, now=NOW)
    database.dispose()

    with pytest.raises(DatabaseError, match=r"stop `aggregator run`, `schedule` and.*00:01:00 UTC"):
        copied(source, target)

    copied(source, target, now=NOW + timedelta(minutes=2))
    check_copy(source, target)


# --------------------------------------------------------------------------------- the tables


@pytest.mark.slow
def test_the_copied_tables_are_all_that_the_revisions_make(tmp_path):
    database = open_database(f"sqlite:///{tmp_path}/aggregator.db")
    made = {
        name
        for name in inspect(database).get_table_names()
        if not name.startswith(("alembic_version", "word_index", "indexed_words"))
    }
    database.dispose()
    statement = (
        "from aggregator.database.copies import stored_rows; "
        "print(*(table.name for table in stored_rows.tables()))"
    )
    run = subprocess.run(
        [sys.executable, "-c", statement], capture_output=True, text=True, check=True
    )

    assert set(run.stdout.split()) == made
    assert all(table.primary_key.columns for table in stored_rows.tables())


@pytest.mark.slow
def test_a_table_of_tomorrow_is_copied(source, target, monkeypatch):
    table = Table(
        "moorings",
        metadata,
        Column("order", Integer, primary_key=True),
        Column("ship's name", Text, index=True),
    )

    def upgrade_with_table(connection, *, to, upgrade=write_copy.upgrade):
        upgrade(connection, to=to)
        table.create(connection)

    try:
        with opened(source) as connection:
            table.create(connection)
            connection.execute(table.insert(), [{"order": 7, "ship's name": "Gull\n\t\\N"}])
        monkeypatch.setattr(write_copy, "upgrade", upgrade_with_table)

        copied(source, target)
    finally:
        metadata.remove(table)

    with sqlite3.connect(target.removeprefix("sqlite:///")) as connection:
        assert connection.execute("SELECT * FROM moorings").fetchall() == [(7, "Gull\n\t\\N")]
        assert connection.execute("SELECT count(*) FROM lists").fetchone() == (4,)
    assert definitions_of(target) == definitions_of(source)


# ------------------------------------------------------------------------------- interruptions


class StoppedError(Exception):
    """A copy ends here."""


def interrupted_at(step):
    def report(progress):
        if progress.step is step:
            raise StoppedError

    return report


@pytest.mark.slow
def test_an_unfinished_copy_is_not_taken_for_a_database(source, target, tmp_path):
    with pytest.raises(StoppedError):
        copied(source, target, interrupted_at(CopyStep.COMPARING))
    (tmp_path / "config.yaml").write_text("database: sqlite:///copy.db\nfeeds: []\n")

    for name in ("run", "serve", "schedule", "poll"):
        assert one_line(command(tmp_path, name), 1) == (
            f"{tmp_path}/copy.db: is an unfinished copy; name its source under `database:` and run "
            "`aggregator copy --to` with the address of the copy again, which completes it"
        )


@pytest.mark.slow
def test_the_program_of_another_version_refuses_an_unfinished_copy(source, target):
    with pytest.raises(StoppedError):
        copied(source, target, interrupted_at(CopyStep.COMPARING))

    with sqlite3.connect(target.removeprefix("sqlite:///")) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert version > "9999"  # the schema of a newer version


@pytest.mark.parametrize("step", slow_after(1, CopyStep))
def test_an_interrupted_copy_goes_on(source, target, step, monkeypatch):
    with pytest.raises(StoppedError):
        copied(source, target, interrupted_at(step))
    seen = []

    copied(source, target, seen.append)

    check_copy(source, target)
    assert definitions_of(target) == definitions_of(source)
    if step is not CopyStep.COPYING:
        assert next(each for each in seen if each.table == "entries").count == 9


def kill_at(number):
    """Return a report that kills its process at some progress, counted from 1."""
    numbers = iter(range(1, number + 1))

    def report(_progress):
        if next(numbers) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return report


def kill_until_complete(source, target, monkeypatch, *, steps):
    """Copy row by row in processes that are killed, each some `steps` later; return how many."""
    monkeypatch.setattr(stored_rows, "_ROWS_AT_ONCE", 1)
    monkeypatch.setattr(write_copy, "_PARTS_AT_ONCE", 2)
    monkeypatch.setattr(write_copy, "_ENTRIES_AT_ONCE", 2)
    number = kill_count = 0
    while number < 1000:
        number += steps
        if forked(lambda number=number: copied(source, target, kill_at(number))) == 0:
            return kill_count
        kill_count += 1
    raise AssertionError("the copy never became complete")


@pytest.mark.slow
def test_killed_copies_go_on_until_the_copy_is_complete(source, target, monkeypatch):
    assert kill_until_complete(source, target, monkeypatch, steps=23) > 5

    check_copy(source, target)
    assert definitions_of(target) == definitions_of(source)


@pytest.mark.slow
def test_a_copy_of_another_database_is_not_continued(source, target, tmp_path):
    with pytest.raises(StoppedError):
        copied(source, target, interrupted_at(CopyStep.INDEXING))
    other = f"sqlite:///{tmp_path}/other.db"
    shutil.copy(tmp_path / "aggregator.db", tmp_path / "other.db")

    with pytest.raises(
        DatabaseError, match=f"unfinished copy of {tmp_path}/aggregator.db; name an"
    ):
        copied(other, target)


@pytest.mark.slow
def test_a_copy_that_another_version_began_is_not_continued(source, target):
    with pytest.raises(StoppedError):
        copied(source, target, interrupted_at(CopyStep.INDEXING))
    with sqlite3.connect(target.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE unfinished_copies SET revision = '0001'")

    with pytest.raises(DatabaseError, match="another version of this program began"):
        copied(source, target)


# ----------------------------------------------------------------------------------- changes


def rename_feed(url):
    with opened(url) as connection:
        connection.execute(update(feeds).where(feeds.c.id == 1).values(title="Pier"))
        connection.execute(update(state).values(version=state.c.version + 1))


def forget_subscriber(url):
    with opened(url) as connection:
        connection.exec_driver_sql("DELETE FROM subscribers")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "change"),
    [(CopyStep.COPYING, rename_feed), (CopyStep.COMPARING, forget_subscriber)],
)
def test_a_source_that_is_written_to_leaves_the_copy_unfinished(source, target, step, change):
    changes = iter([change])

    def report(progress):
        if progress.step is step:
            for write in changes:
                write(source)

    with pytest.raises(DatabaseError, match="was written to during the copy; stop"):
        copied(source, target, report)
    with pytest.raises(DatabaseError, match="is an unfinished copy"):
        open_database(target)

    copied(source, target)
    check_copy(source, target)
    assert definitions_of(target) == definitions_of(source)


@pytest.mark.slow
def test_a_source_that_changed_since_an_interruption_is_copied_anew(source, target):
    with pytest.raises(StoppedError):
        copied(source, target, interrupted_at(CopyStep.COMPARING))
    rename_feed(source)

    copied(source, target)

    check_copy(source, target)
    assert definitions_of(target) == definitions_of(source)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE contents SET html = html || ' ' WHERE html LIKE '%a%'",
        "INSERT INTO contents VALUES (9223372036854775807, '')",
    ],
)
def test_a_row_that_differs_in_the_end_leaves_the_copy_unfinished(source, target, change):
    def report(progress):
        if progress.step is CopyStep.COMPLETING and progress.count == progress.total:
            with sqlite3.connect(target.removeprefix("sqlite:///")) as connection:
                connection.execute(change)

    with pytest.raises(DatabaseError, match=r"in contents the row \(\d+,\) is not that of"):
        copied(source, target, report)
    with pytest.raises(DatabaseError, match="is an unfinished copy"):
        open_database(target)

    copied(source, target)
    check_copy(source, target)


# -------------------------------------------------------------------------------- PostgreSQL


@pytest.mark.slow
def test_a_database_moves_to_postgresql_and_back_whatever_the_order_of_letters(
    source, target, server, empty_definitions
):
    with opened(source) as connection:
        for host in ("B.example", "_a.example", "a.example", "ä.example", "Ω.example"):
            connection.execute(insert(hosts).values(name=host, free_at=NOW))
    with opened(server, isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(
            "CREATE DATABASE moved TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        )
    moved = make_url(server).set(database="moved").render_as_string(hide_password=False)

    copied(source, moved)
    copied(moved, target)

    check_copy(source, moved)
    check_copy(source, target)
    assert definitions_of(moved) == empty_definitions
    assert definitions_of(target) == definitions_of(source)
    with opened(moved) as connection:
        names = connection.scalars(select(hosts.c.name).order_by(hosts.c.name)).all()
        assert names != sorted(names)
        for table in ("feeds", "lists", "pictures", "opml_lists", "subscribers"):
            next_id = f"nextval(pg_get_serial_sequence('{table}', 'id'))"
            ids = connection.exec_driver_sql(f"SELECT max(id) + 1, {next_id} FROM {table}").one()
            assert ids[0] == ids[1], table


@pytest.mark.slow
def test_polling_goes_on_in_the_new_database_where_it_ended_in_the_old_one(tmp_path, server):
    moved = postgresql.new_url(server)
    posts = [(str(number), f"Tide {number}", None) for number in range(3)]
    new_counts = []
    with FeedServer() as feed_server:
        feed = feed_server.url("/feed")
        for count, database in enumerate(("sqlite:///a.db", moved, "sqlite:///b.db"), 1):
            if count > 1:
                assert command(tmp_path, "copy", "--to", database).returncode == 0
            write_config(tmp_path, [feed], database=database)
            feed_server.put("/feed", rss(posts[:count]))
            done = command(tmp_path, "poll", "--all", "--json")
            new_counts.append(json.loads(done.stdout)["new"])

    assert new_counts == [1, 1, 1]


@pytest.mark.slow
def test_copies_to_and_from_postgresql_that_are_killed_go_on(
    source, target, server, empty_definitions, monkeypatch
):
    moved = postgresql.new_url(server)

    assert kill_until_complete(source, moved, monkeypatch, steps=90) > 1
    assert kill_until_complete(moved, target, monkeypatch, steps=90) > 1

    check_copy(source, moved)
    check_copy(source, target)
    assert definitions_of(moved) == empty_definitions


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of lost cursors
def test_a_copy_whose_server_goes_away_ends_in_a_line_and_goes_on(
    source, target, server, monkeypatch
):
    monkeypatch.setattr(stored_rows, "_ROWS_AT_ONCE", 1)
    monkeypatch.setattr(write_copy, "_PARTS_AT_ONCE", 2)
    moved = postgresql.new_url(server)
    place = make_url(moved)
    for copy_source, copy_target, step in (
        (source, moved, CopyStep.COMPARING),
        (moved, target, CopyStep.COPYING),
    ):
        with pytest.raises(DatabaseError) as raised:
            copied(copy_source, copy_target, partial(end_sessions_at, step, server, place.database))
        gc.collect()

        assert str(raised.value).startswith(f"{place}: ")
        assert str(raised.value).endswith("(the copy goes on when the command runs again)")
        assert "\n" not in str(raised.value)
        copied(copy_source, copy_target)
        check_copy(copy_source, copy_target)


@pytest.mark.slow
def test_a_second_copy_to_one_server_is_refused_and_the_first_goes_on(source, server, monkeypatch):
    monkeypatch.setattr(copy_lock, "_PATIENCE", "100ms")
    moved = postgresql.new_url(server)
    messages = []

    def copy_again(progress):
        if progress.step is CopyStep.INDEXING and not messages:
            with pytest.raises(DatabaseError, match="another copy to this database is under way"):
                copied(source, moved)
            messages.append(progress)

    copied(source, moved, copy_again)

    assert messages
    check_copy(source, moved)


@pytest.mark.slow
def test_a_copy_waits_for_the_session_of_a_killed_copy(source, server, monkeypatch):
    monkeypatch.setattr(engine, "BUSY_TIMEOUT", 1)
    moved = postgresql.new_url(server)
    with pytest.raises(StoppedError):
        copied(source, moved, interrupted_at(CopyStep.COMPARING))

    with ThreadPoolExecutor(1) as threads:
        with opened(moved) as connection:
            connection.exec_driver_sql("LOCK TABLE unfinished_copies")
            copying = threads.submit(copied, source, moved)
            wait([copying], timeout=1.5)
            assert not copying.done()
        copying.result()

    check_copy(source, moved)


def end_sessions_at(step, server, database, progress):
    """End the sessions of a database in the midst of a table."""
    if progress.step is step and 0 < progress.count < progress.total:
        with opened(server) as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                f"WHERE datname = '{database}'"
            )


@pytest.mark.slow
def test_a_value_that_postgresql_cannot_hold_ends_the_copy_in_a_line(source, server):
    with sqlite3.connect(source.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE feeds SET etag = 'a' || char(0) || 'b' WHERE id = 2")
    moved = postgresql.new_url(server)

    with pytest.raises(DatabaseError) as raised:
        copied(source, moved)

    assert "\n" not in str(raised.value)
    assert "in feeds from row (1,) to (8,)" in str(raised.value)
    with pytest.raises(DatabaseError, match="is an unfinished copy"):
        open_database(moved)
