"""The database under fault: full, locked, read-only, corrupt, shared.  Real processes and files."""

import contextlib
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.feedserver import FeedServer
from tests.preloaded import Program
from tests.running import (
    ENDS_WITHIN,
    HANGS_AFTER,
    command,
    eventually,
    get,
    in_process,
    limited,
    rss,
    running,
    write_config,
)
from tests.small_disk import small_disk

FAST = "{interval: 1s, host_delay: 0s, workers: 1}"


@pytest.fixture
def server():
    with FeedServer() as server:
        yield server


@pytest.fixture
def small(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        yield disk


class Log(threading.Thread):
    """Reads a process's log, so that the pipe never fills; `lines` are those so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self._process = process
        self.lines: list[str] = []
        self.start()

    def run(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError):  # closed
            for line in self._process.stderr:
                self.lines.append(line)

    def has(self, text: str) -> bool:
        return any(text in line for line in self.lines)


def post(number: int) -> bytes:
    return rss([(f"p{number}", f"Post {number}", datetime.now(UTC))])


def shows(address: str, number: int) -> bool:
    return b">Post %d<" % number in get(address + "/")[2]


# -------------------------------------------------------------------------- disk full


@pytest.mark.slow
def test_a_full_disk_is_logged_the_page_reads_on_and_space_heals_it_without_a_restart(
    server, tmp_path, small
):
    server.put("/a", post(1))
    write_config(tmp_path, [server.url("/a")], poll=FAST, database="sqlite:///disk/a.db")
    with running(tmp_path) as (process, address):
        log = Log(process)
        eventually(lambda: shows(address, 1))
        with small.full():
            server.put(
                "/a", rss([(f"n{n}", f"Post {n}", datetime.now(UTC)) for n in range(2, 500)])
            )
            eventually(lambda: log.has("full"))
            for _ in range(20):
                assert get(address + "/")[0] == 200
            assert shows(address, 1)
            asked = len(server.requests)
            time.sleep(3)
            assert len(server.requests) <= asked + 1  # what can't be stored is not asked again
            assert len(log.lines) < 10

        eventually(lambda: shows(address, 2))
        assert process.poll() is None
        assert not log.has("Traceback")
    with contextlib.closing(sqlite3.connect(tmp_path / "disk" / "a.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        counts = connection.execute("SELECT count(*), count(DISTINCT guid) FROM entries").fetchone()
        assert counts == (499, 499)


@pytest.mark.slow
def test_files_that_may_not_grow_are_like_a_full_disk(server, tmp_path):
    server.put("/a", post(1))
    write_config(tmp_path, [server.url("/a")], poll=FAST)
    with running(tmp_path) as (process, address):
        log = Log(process)
        eventually(lambda: shows(address, 1))
        limits = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
        server.put("/a", post(2))
        eventually(lambda: log.has("trying again"))
        assert shows(address, 1)

        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
        eventually(lambda: shows(address, 2))
        assert not log.has("Traceback")


@pytest.mark.slow
def test_a_full_disk_at_the_start_is_one_line(server, tmp_path, small):
    write_config(tmp_path, [server.url("/a")], database="sqlite:///disk/a.db")
    with small.full():
        done = in_process(tmp_path, "poll")

    assert done.returncode == 1
    assert done.stderr.endswith("the disk is full; make room\n")
    assert len(done.stderr.splitlines()) == 1


# ---------------------------------------------------------------------------- locked


HOLD = """
import select, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
select.select([sys.stdin], [], [], float(sys.argv[2]))
connection.execute("ROLLBACK")
"""


@contextlib.contextmanager
def locked(path: Path, seconds: float = ENDS_WITHIN) -> Iterator[None]:
    """Let another process lock a database until the end of the block, or for some seconds."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with limited(process) as holder:
        assert holder.stdin is not None and holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.stdin.close()
        holder.wait(HANGS_AFTER)


@pytest.mark.slow
def test_a_long_lock_loses_no_poll_and_no_page_notices_it(server, tmp_path):
    server.put("/a", post(1))
    write_config(tmp_path, [server.url("/a")], poll=FAST)
    with running(tmp_path) as (process, address):
        log = Log(process)
        eventually(lambda: shows(address, 1))
        with locked(tmp_path / "aggregator.db"):
            server.put("/a", post(2))
            eventually(lambda: log.has("database is locked"))
            assert shows(address, 1)  # none of this waits for the lock, which is still held
            assert get(address + "/feed.atom")[0] == get(address + "/status")[0] == 200
        eventually(lambda: shows(address, 2))

        eventually(lambda: log.has("can be used again"))
        assert len(log.lines) < 12
        assert not log.has("Traceback")


@pytest.mark.slow
def test_a_command_that_starts_during_a_short_lock_waits_for_its_end(server, tmp_path):
    server.put("/a", post(1))
    write_config(tmp_path, [server.url("/a")])
    command(tmp_path, "feeds")
    with locked(tmp_path / "aggregator.db", 3):
        done = in_process(tmp_path, "poll")

    assert (done.returncode, done.stdout) == (0, "blog: 1 new, 0 updated\n")


@pytest.mark.slow
def test_a_command_that_starts_during_a_long_lock_gives_up_in_one_line(server, tmp_path):
    server.put("/a", post(1))
    write_config(tmp_path, [server.url("/a")])
    command(tmp_path, "feeds")
    with locked(tmp_path / "aggregator.db"):
        done = in_process(tmp_path, "poll")

        assert (done.returncode, server.requests) == (1, [])
        (line,) = done.stderr.splitlines()
        assert "another process kept it locked for 5s" in line
    assert command(tmp_path, "poll").stdout == "blog: 1 new, 0 updated\n"


# ------------------------------------------------------------------- backups, signals


@pytest.mark.slow
def test_a_copy_that_sqlite_makes_while_the_program_runs_is_whole_and_can_be_used(server, tmp_path):
    server.put("/a", post(1))
    write_config(tmp_path, [server.url("/a")], poll=FAST)
    copy = tmp_path / "copy.db"
    with running(tmp_path) as (_, address):
        eventually(lambda: shows(address, 1))
        with (
            contextlib.closing(sqlite3.connect(tmp_path / "aggregator.db")) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    write_config(tmp_path, [server.url("/a")], database="sqlite:///copy.db")

    assert '"entries": 1' in command(tmp_path, "feeds", "--json").stdout


@pytest.mark.slow
def test_sighup_reads_the_file_at_once(server, tmp_path):
    server.put("/a", post(1))
    write_config(tmp_path, [server.url("/a")])
    with running(tmp_path) as (process, address):
        log = Log(process)
        eventually(lambda: shows(address, 1))
        assert not log.has("reloaded")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: log.has("reloaded: no feed changed"))


# --------------------------------------------------- read-only, corrupt, newer, missing


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run", "poll", "schedule"])
def test_a_read_only_disk_at_the_start_is_one_line(server, tmp_path, small, name):
    write_config(tmp_path, [server.url("/a")], database="sqlite:///disk/a.db")
    command(tmp_path, "feeds")
    write_config(tmp_path, [server.url("/a"), server.url("/b")], database="sqlite:///disk/a.db")
    before = (small.folder / "a.db").read_bytes()
    small.mount(read_only=True, again=True)

    done = in_process(tmp_path, name)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("may you write there?")
    assert len(done.stderr.splitlines()) == 1
    assert (small.folder / "a.db").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run", "poll", "schedule", "serve", "feeds", "export"])
@pytest.mark.parametrize("damage", ["no database", "the beginning", "cut", "newer", "empty tables"])
def test_a_database_that_is_damaged_or_newer_is_one_line_and_left_as_it_is(
    server, tmp_path, name, damage
):
    path = tmp_path / "aggregator.db"
    write_config(tmp_path, [server.url("/a")])
    command(tmp_path, "feeds")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        if damage == "newer":
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        if damage == "empty tables":
            connection.execute("DROP TABLE entries")
    good = path.read_bytes()
    damaged = {
        "no database": b"hello" * 5000,
        "the beginning": bytes(200) + good[200:],
        "cut": good[: len(good) // 3],
    }
    path.write_bytes(damaged.get(damage, good))
    before = path.read_bytes()

    lasting = name in {"run", "schedule", "serve"}  # of those that end, one in its own process
    run = in_process if lasting or name == "poll" else command
    done = run(tmp_path, name)

    assert done.returncode == 1, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert str(path) in done.stderr
    assert path.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "repair"),
    [
        ("ALTER TABLE polls RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO polls"),
        (
            "UPDATE sqlite_master SET rootpage = rootpage + 90000 WHERE name = 'polls'",
            "UPDATE sqlite_master SET rootpage = rootpage - 90000 WHERE name = 'polls'",
        ),
    ],
    ids=["a table is gone", "malformed"],
)
def test_a_database_that_is_damaged_while_running_ends_nothing_and_is_gone_on_with_when_repaired(
    server, tmp_path, damage, repair
):
    def change(statement: str) -> None:
        path = tmp_path / "aggregator.db"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute(statement)
            connection.execute(f"PRAGMA schema_version = {int(time.time())}")  # read anew

    server.put("/a", post(1))
    write_config(tmp_path, [server.url("/a")], poll=FAST)
    with running(tmp_path) as (process, address):
        log = Log(process)
        eventually(lambda: shows(address, 1))
        change(damage)
        server.put("/a", post(2))
        asked = len(server.requests)
        eventually(lambda: len(log.lines) > 1)
        time.sleep(6)

        assert process.poll() is None
        assert get(address + "/")[0] in {200, 503}
        assert len(log.lines) < 20
        assert not any(line.startswith(("Traceback", " ")) for line in log.lines)
        change(repair)
        eventually(lambda: shows(address, 2), within=90)
        assert len(server.requests) < asked + 12  # what can't be stored is not asked for again
        process.terminate()
        assert process.wait(HANGS_AFTER) == 0


@pytest.mark.slow
@pytest.mark.parametrize("sides", [("",), ("", "-wal", "-shm")], ids=["alone", "with its log"])
@pytest.mark.parametrize("comes_back", ["the same", "a copy"])
def test_a_database_that_is_gone_while_running_is_said_and_gone_on_with_when_it_is_back(
    server, tmp_path, sides, comes_back
):
    path, elsewhere = tmp_path / "aggregator.db", tmp_path / "elsewhere"
    elsewhere.mkdir()
    server.put("/a", post(1))
    write_config(tmp_path, [server.url("/a")], poll=FAST)
    with running(tmp_path) as (process, address):
        log = Log(process)
        eventually(lambda: shows(address, 1))
        copied(path, tmp_path / "copy.db")
        server.put("/a", post(2))
        eventually(lambda: shows(address, 2))
        for side in sides:
            Path(f"{path}{side}").rename(elsewhere / f"aggregator.db{side}")
        server.put("/a", post(3))
        eventually(lambda: log.has("aggregator.db: the file was moved or removed"))
        statuses = [get(address + page)[0] for page in ("/", "/status", "/healthz", "/feed.atom")]
        asked = len(server.requests)
        time.sleep(5)

        assert statuses == [503] * 4
        assert len(server.requests) <= asked + 1
        assert not path.exists()
        assert sum("the file was moved or removed" in line for line in log.lines) == 1
        if comes_back == "the same":
            for side in sides:
                (elsewhere / f"aggregator.db{side}").rename(f"{path}{side}")
        else:
            (tmp_path / "copy.db").rename(path)
        eventually(lambda: shows(address, 3))
        assert get(address + "/healthz")[0] == 200
        assert log.has("the file is back")
        assert not any(log.has(word) for word in ("Traceback", "malformed", "damaged"))
        process.terminate()
        assert process.wait(HANGS_AFTER) == 0
    for whole in {path, *elsewhere.glob("*.db")}:
        with contextlib.closing(sqlite3.connect(whole)) as connection:
            connection.execute("INSERT INTO word_index (word_index) VALUES ('integrity-check')")
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def copied(path: Path, to: Path) -> None:
    """Make a copy of a database as SQLite makes it."""
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["serve", "schedule"])
def test_one_process_alone_says_within_a_minute_that_the_database_is_gone(server, tmp_path, name):
    server.put("/a", post(1))
    write_config(tmp_path, [server.url("/a")], poll=FAST)
    command(tmp_path, "poll")
    polls = len(server.requests)
    process = Program(name, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    with limited(process):
        log = Log(process)
        eventually(lambda: log.has("The list is at") or len(server.requests) > polls)
        time.sleep(1)
        for path in tmp_path.glob("aggregator.db*"):
            path.unlink()
        eventually(lambda: log.has("aggregator.db: the file was moved or removed"))
        process.terminate()
        assert process.wait(HANGS_AFTER) == 0
        assert not log.has("Traceback")
    assert not (tmp_path / "aggregator.db").exists()


# ------------------------------------------------------------------- two on one database


@contextlib.contextmanager
def two_schedulers(folder):
    """Run two on the database in `folder`; both have to end well."""
    processes = [
        Program("schedule", cwd=folder, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    with limited(processes[0]), limited(processes[1]):
        try:
            yield
        finally:
            for process in processes:
                process.terminate()
            errors = [process.communicate(timeout=HANGS_AFTER)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert not any("Traceback" in text for text in errors)


def starts_of_polls(folder: Path, path: str) -> list[float]:
    """Return when each poll of feeds at a path began, in seconds, by the program's own clock."""
    with contextlib.closing(sqlite3.connect(folder / "aggregator.db")) as connection:
        rows = connection.execute(
            "SELECT started_at / 1e6 FROM polls JOIN feeds ON feeds.id = polls.feed_id "
            "WHERE url LIKE ? ORDER BY started_at",
            (f"%{path}",),
        )
        return [started_at for (started_at,) in rows]


@pytest.mark.slow
def test_two_schedulers_on_one_database_poll_each_feed_once_an_interval(server, tmp_path):
    paths = [f"/{number}" for number in range(40)]
    for number, path in enumerate(paths):
        server.put(path, post(number))
    write_config(
        tmp_path, [server.url(path) for path in paths],
        poll="{interval: 3s, host_delay: 0s, workers: 1}",
    )  # fmt: skip
    command(tmp_path, "feeds")
    with two_schedulers(tmp_path):
        eventually(lambda: len(server.requests) > 3.5 * len(paths))

    for path in paths:
        starts = starts_of_polls(tmp_path, path)
        assert len(starts) >= 2
        assert len(server.requests_to(path)) <= len(starts) + 1  # the last one may be given up
        assert all(later - earlier >= 3 for earlier, later in pairwise(starts))


@pytest.mark.slow
def test_two_schedulers_on_one_database_ask_a_host_one_thing_at_a_time_with_a_pause(
    server, tmp_path
):
    paths = [f"/{number}" for number in range(8)]
    for number, path in enumerate(paths):
        server.put(path, post(number), delay=0.2)
    write_config(
        tmp_path, [server.url(path) for path in paths],
        poll="{interval: 1h, host_delay: 1s, workers: 1}",
    )  # fmt: skip
    command(tmp_path, "feeds")
    with two_schedulers(tmp_path):
        eventually(lambda: len(server.requests) == len(paths))

    assert sorted(request.path for request in server.requests) == sorted(paths)
    starts = starts_of_polls(tmp_path, "")
    assert all(later - earlier >= 1.199 for earlier, later in pairwise(starts))


@pytest.mark.slow
def test_a_poll_that_takes_longer_than_its_interval_never_overlaps_itself(server, tmp_path):
    server.put("/a", post(1), delay=2.5)
    write_config(tmp_path, [server.url("/a")], poll=FAST)
    with running(tmp_path, "run"):
        eventually(lambda: len(server.requests) > 3)

    starts = starts_of_polls(tmp_path, "/a")
    assert len(starts) >= 3
    assert all(later - earlier >= 2.5 for earlier, later in pairwise(starts))
