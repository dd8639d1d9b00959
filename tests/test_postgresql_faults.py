"""PostgreSQL under fault while the program polls and serves: nothing is lost, doubled or early.

The program runs as processes against servers of the tests' own.  Each document of a feed has a post
of its own, so that a poll that is lost, or stored twice, is seen.  The long faults are played
beside the short ones.
"""

import contextlib
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from aggregator.database.failures import BUSY_TIMEOUT
from aggregator.database.migrations.run import UPGRADING
from tests.feedserver import FeedServer
from tests.polled_feeds import INTERVAL, PolledFeeds
from tests.postgresql_server import PostgresServer, give_to_postgres, postgres_server
from tests.preloaded import Program
from tests.running import (
    HANGS_AFTER,
    eventually,
    get,
    in_process,
    limited,
    one_line,
    running,
    web_process,
    write_config,
)
from tests.small_disk import SmallDisk
from tests.test_faults_storage import Log

pytestmark = pytest.mark.slow

OWNER = "aggregator"
"""The role of the program, which is not a superuser, and its database."""
TABLESPACE = "small"
AWAY, STALLED = 72, 30
"""Seconds.  Whoever doubles a second's pause between two attempts is late after the former."""
RECOVERED_WITHIN = 40
"""Seconds, of which the program needs about ten."""
FAST = f"{{interval: {INTERVAL}s, host_delay: 0s, workers: 1}}"
SESSIONS = f"FROM pg_stat_activity WHERE usename = '{OWNER}'"
FULL = re.compile("No space left on device|File too large")
MAX_LINES = 6
"""Of a fault and its end: of the main process one for each kind of error, for the end, for jobs,
and of the web process one a minute."""


@dataclass(frozen=True)
class Installation:
    """The program with its server, and the feeds that it polls."""

    server: PostgresServer
    feeds: PolledFeeds
    process: Popen[str]
    address: str
    log: Log
    disk: SmallDisk | None
    """Of the database; None: a large one."""

    def end_sessions(self) -> None:
        self.server.execute(f"SELECT pg_terminate_backend(pid) {SESSIONS}")

    def page(self) -> int:
        """Return the status of the first page, which is up, or a 503 that says so."""
        status, headers, body = get(self.address + "/")
        assert status == 200 or (status, headers["retry-after"]) == (503, "10")
        assert status == 200 or b"The database cannot be read at the moment." in body
        return status

    def lines(self, first: int) -> list[str]:
        """Return the lines of the log from a number on, but for those of polls."""
        words = (" new, ", "is now called")
        return [line for line in self.log.lines[first:] if not any(word in line for word in words)]

    @contextlib.contextmanager
    def fault(self, *, times: int = 1, web_deaths: int = 0) -> Iterator["Fault"]:
        """Play a fault in the block, and compare what came of it with what is promised.

        Args:
            times: How often the block plays the fault.
            web_deaths: How often the block kills the web process.
        """
        fault = Fault(self, len(self.log.lines))
        yield fault
        self.feeds.go_on(within=RECOVERED_WITHIN)
        self.feeds.assert_none_was_early()
        eventually(lambda: self.page() == 200)
        lines = fault.lines()
        assert not any("Traceback" in line for line in lines), lines
        assert sum("the web process ended" in line for line in lines) == web_deaths, lines
        assert len(lines) <= MAX_LINES * times + 2 * web_deaths, lines
        assert self.process.poll() is None


@dataclass(frozen=True)
class Fault:
    """A fault that is being played; `line_count` lines were logged before."""

    program: Installation
    line_count: int

    def lines(self) -> list[str]:
        """Return what the log says since then, but for what polls brought."""
        lines = self.program.log.lines[self.line_count :]
        return [line for line in lines if " new, " not in line and "is now called" not in line]

    def wait_for(self, words: str) -> None:
        """Return when the log has these words."""
        eventually(lambda: any(words in line for line in self.lines()))


@contextlib.contextmanager
def installation(*settings: str, has_small_disk: bool = False) -> Iterator[Installation]:
    """Start a server, and the program on it; yield the program when it polls.

    Args:
        has_small_disk: Put the database on a small disk, where one can be mounted.
    """
    with (
        postgres_server(*settings) as server,
        tempfile.TemporaryDirectory() as folder,
        FeedServer() as publisher,
        contextlib.ExitStack() as exits,
    ):
        disk = exits.enter_context(tablespace(server)) if has_small_disk else None
        server.execute(f"CREATE ROLE {OWNER} LOGIN")
        place = f"TABLESPACE {TABLESPACE}" if disk else ""
        server.execute(f"CREATE DATABASE {OWNER} OWNER {OWNER} {place}")
        feeds = PolledFeeds(publisher, server, database=OWNER)
        database = f'"{server.url(OWNER, user=OWNER)}"'
        write_config(Path(folder), feeds.urls, poll=FAST, database=database)
        process, address = exits.enter_context(running(Path(folder)))
        program = Installation(server, feeds, process, address, Log(process), disk)
        feeds.go_on()
        eventually(lambda: program.page() == 200)
        yield program


@contextlib.contextmanager
def tablespace(server: PostgresServer) -> Iterator[SmallDisk | None]:
    """Make a tablespace on a small disk; None where none can be mounted."""
    disk = SmallDisk(server.folder / TABLESPACE, megabytes=40)
    disk.folder.mkdir()
    try:
        disk.mount()
    except OSError:
        yield None
        return
    give_to_postgres(disk.folder)
    server.execute(f"CREATE TABLESPACE {TABLESPACE} LOCATION '{disk.folder}'")
    try:
        yield disk
    finally:
        disk.unmount()


# ------------------------------------------------------------------ long faults, beside the others


def server_is_away() -> None:
    with installation() as program, program.fault(web_deaths=1) as fault:
        began = time.monotonic()
        program.server.stop()
        fault.wait_for("trying again")
        os.kill(web_process(program.process.pid), signal.SIGKILL)  # the next one begins without
        while time.monotonic() < began + AWAY:
            assert program.page() == 503  # and no page waits for the server
            assert get(program.address + "/healthz")[0] == 503
            time.sleep(1)
        program.server.start()


def server_hangs() -> None:
    with installation() as program:
        with program.fault() as fault, program.server.halted():
            began = time.monotonic()
            eventually(lambda: program.page() == 503)  # though the server ends no connection
            fault.wait_for("the server has not answered for 10 s")
            while time.monotonic() < began + STALLED:
                assert program.page() == 503
                time.sleep(1)
        with program.server.halted():
            time.sleep(2 * INTERVAL)  # until a poll waits to be stored
            program.process.terminate()
            assert program.process.wait(HANGS_AFTER) == 0  # before the server answers


@pytest.fixture(scope="module", autouse=True)
def played(request: pytest.FixtureRequest) -> Iterator[dict[str, "Future[None]"]]:
    """Play the long faults while the other tests run, unless only some tests are asked for."""
    faults = [] if request.config.option.keyword else [server_is_away, server_hangs]
    with ThreadPoolExecutor() as threads:
        yield {play.__name__: threads.submit(play) for play in faults}


# ------------------------------------------------------------------------------------ short faults


@pytest.fixture(scope="module")
def program() -> Iterator[Installation]:
    """The program on a server that its test may harm, and whose tables are on a small disk."""
    with installation("max_connections=20", has_small_disk=True) as program:
        yield program


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_of_the_server_loses_no_poll_and_is_waited_for(program, mode):
    with program.fault() as fault:
        program.server.stop(mode)
        assert program.page() == 503
        fault.wait_for("trying again")
        program.server.start()


def test_sessions_that_are_ended_again_and_again_lose_and_double_no_poll(program):
    with program.fault(times=20):
        for _ in range(20):
            program.end_sessions()
            program.page()
            time.sleep(INTERVAL / 10)


def test_a_server_without_room_for_a_connection_is_waited_for(program):
    import psycopg

    program.server.execute("CREATE ROLE other LOGIN")
    with program.fault() as fault, contextlib.ExitStack() as sessions:

        def is_full() -> bool:
            program.end_sessions()
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    sessions.enter_context(program.server.connect(user="other"))
            return program.server.execute(f"SELECT count(*) {SESSIONS}") == [(0,)]

        eventually(is_full)
        fault.wait_for("trying again")
        assert program.page() == 503


def test_a_role_without_room_for_a_connection_is_waited_for(program):
    with program.fault() as fault:
        program.server.execute(f"ALTER ROLE {OWNER} CONNECTION LIMIT 0")
        program.end_sessions()
        fault.wait_for("trying again")
        assert program.page() == 503
        program.server.execute(f"ALTER ROLE {OWNER} CONNECTION LIMIT -1")


@pytest.mark.parametrize(
    ("forbid", "allow"),
    [
        (
            f"REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public FROM {OWNER}",
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {OWNER}",
        ),
        (
            f"ALTER ROLE {OWNER} SET default_transaction_read_only = on",
            f"ALTER ROLE {OWNER} RESET default_transaction_read_only",
        ),
    ],
    ids=["privileges", "read-only transactions"],
)
def test_while_the_role_may_only_read_pages_are_up_and_polls_wait(program, forbid, allow):
    with program.fault() as fault:
        for statement in (forbid, allow):
            program.server.execute(statement, database=OWNER)
            program.end_sessions()
            if statement == forbid:
                fault.wait_for("trying again")
                assert [program.page() for _ in range(5)] == [200] * 5


def test_a_role_that_may_only_read_serves_pages_and_polls_nothing(program, tmp_path):
    program.server.execute("CREATE ROLE reader LOGIN")
    program.server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", database=OWNER)
    url = program.server.url(OWNER, user="reader")
    write_config(tmp_path, program.feeds.urls, database=f'"{url}"')

    with running(tmp_path, "serve") as (_, address):
        assert get(address + "/")[0] == get(address + "/readyz")[0] == 200
        done = in_process(tmp_path, "poll")

    assert "look at user, password, database name and privileges" in one_line(done, 1)


def test_on_a_full_tablespace_pages_are_up_and_polls_wait_for_room(program):
    full = program.server.full() if program.disk is None else program.disk.full()
    with program.fault() as fault, full:
        program.feeds.text_length = 100_000
        fault.wait_for("trying again")
        # Before that the server says what it could not do with a file, which varies.
        eventually(lambda: any(FULL.search(line) for line in fault.lines()))
        assert [program.page() for _ in range(5)] == [200] * 5
        program.feeds.text_length = 0


@pytest.mark.parametrize("name", ["poll", "schedule", "serve"])
@pytest.mark.parametrize(
    ("owner", "tables", "said"),
    [
        (
            "newer",
            "CREATE TABLE entries (); CREATE TABLE alembic_version AS SELECT '9999' version_num",
            "was written by a newer version of this program",
        ),
        ("shop", "CREATE TABLE customers ()", "is the database of another program"),
    ],
)
def test_a_database_that_is_newer_or_of_others_is_one_line(
    program, tmp_path, name, owner, tables, said
):
    database = f"{owner}_{name}"
    program.server.execute(f"CREATE DATABASE {database}")
    program.server.execute(tables, database=database)
    url = program.server.url(database)
    write_config(tmp_path, program.feeds.urls, database=f'"{url}"')

    assert said in one_line(in_process(tmp_path, name), 1)


def test_of_two_programs_that_start_on_an_empty_database_one_makes_the_tables(program, tmp_path):
    server, name = program.server, "empty"
    server.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
    with FeedServer() as publisher, contextlib.ExitStack() as exits:
        feeds = PolledFeeds(publisher, server, database=name)
        database = f'"{server.url(name, user=OWNER)}"'
        write_config(tmp_path, feeds.urls, poll=FAST, database=database)
        with server.connect(name) as slow:
            slow.execute(f"SELECT pg_advisory_lock({UPGRADING})".encode())
            programs = [
                exits.enter_context(limited(Program("run", cwd=tmp_path, stderr=PIPE, text=True)))
                for _ in range(2)
            ]
            logs = [Log(process) for process in programs]
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            eventually(lambda: server.execute(waiting) == [(2,)])
            time.sleep(BUSY_TIMEOUT + 1)  # an upgrade may take longer than any other transaction
        eventually(lambda: all(log.has("The list is at") for log in logs))
        feeds.go_on()
        feeds.assert_none_was_early()
        for process in programs:
            process.terminate()
        assert [process.wait(HANGS_AFTER) for process in programs] == [0, 0]
    assert not any(log.has("Traceback") for log in logs)


# ---------------------------------------------------------------------------------- the long faults


@pytest.mark.parametrize("fault", [server_is_away, server_hangs])
def test_a_long_fault_of_the_server_is_waited_for(played, fault):
    if fault.__name__ in played:
        played[fault.__name__].result()
    else:
        fault()
