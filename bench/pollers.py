"""One, two and four pollers on one PostgreSQL database: CPU time a feed, and who waits for whom.

A scheduler defers jobs, and pollers work on them, each a process as in production.  More pollers
than cores get nothing done sooner here, so CPU time is what is compared: what eight pollers on as
many machines would do is computed from the share of a poll that only one process can do at a time.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from aggregator.database import open_database
from aggregator.scheduler.job_engine import prepare_tables
from bench import serial
from bench.measure import run, tree
from bench.polling import AGGREGATOR, write_config
from bench.serial import SerialUse
from bench.server import FeedServer
from tests.postgresql_server import PostgresServer

FEEDS = 300
POLLERS = (1, 2, 4)
ROUNDS = {"first": 1, "304": 8, "one new": 1}
"""How often each feed is polled in a phase."""

MANY = 8
"""Pollers whose gain is computed."""

_AFTERWARDS = 0.5
"""Seconds after a round, in which stories are compared and transactions are noted."""

_SAMPLES = 0.05  # seconds between two looks for waiting sessions
_PATIENCE = 300  # seconds
_ROOT = str(Path(__file__).parents[1])
_DUE = "UPDATE feeds SET next_poll_at = 1"
_POLLED = "SELECT sum(polls)::int FROM feeds"
_WORKERS = "SELECT count(*)::int FROM procrastinate_workers"
_SESSIONS = (
    "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock')::int, count(*)::int "
    "FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' "
    "AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True)
class PollerCosts:
    """What polls of one phase took.

    Attributes:
        polls: Their number.
        program, server: CPU seconds of our processes, and of the server.
        waiting: Share of the samples of active sessions in which the session waited for a lock.
        uses: What only one process can do at a time, by the kind of transaction.
    """

    polls: int
    program: float
    server: float
    waiting: float
    uses: dict[str, SerialUse]

    @property
    def cpu(self) -> float:
        """CPU seconds of a poll."""
        return (self.program + self.server) / self.polls

    def share(self, kind: str) -> float:
        """Return the share of a poll that only one process can do at a time."""
        return self.uses[kind].cpu / self.polls / self.cpu


def gain(share: float, pollers: int) -> float:
    """Return how many times as much as one poller `pollers` poll, by Amdahl's law.

    Args:
        share: Of a poll, what only one poller can do at a time.
    """
    return 1 / (share + (1 - share) / pollers)


def costs(
    server: PostgresServer,
    database: str,
    pollers: int,
    server_cpu: Callable[[], float],
    feeds: int,
) -> dict[str, PollerCosts]:
    """Measure the phases of `ROUNDS` with so many pollers.

    Args:
        database: Name of an empty database.
        server_cpu: Returns the CPU seconds of the server until now.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        source = FeedServer(feeds)
        stack.callback(source.close)
        write_config(folder, feeds, source.port, server.url(database))
        run([*AGGREGATOR, "feeds"], folder)  # makes the database
        engine = open_database(server.url(database))
        prepare_tables(engine)
        engine.dispose()
        session = stack.enter_context(server.connect(database))
        session.execute("UPDATE feeds SET next_poll_at = 9000000000000000")
        processes = stack.enter_context(_processes(folder, pollers))
        _wait(session, _WORKERS, 2 * pollers)
        return {phase: _phase(phase, source, session, folder, processes, server_cpu, feeds)
                for phase in ROUNDS}  # fmt: skip


def _phase(
    phase: str,
    source: FeedServer,
    session: "psycopg.Connection[tuple[object, ...]]",
    folder: Path,
    processes: list["subprocess.Popen[bytes]"],
    server_cpu: Callable[[], float],
    feeds: int,
) -> PollerCosts:
    source.phase(phase)
    noted = _lines(folder)
    with _sampled(session) as samples:
        program, spent_by_server = _cpu(processes), server_cpu()
        for _ in range(ROUNDS[phase]):
            polls = _number(session, _POLLED)
            session.execute(_DUE)
            _wait(session, _POLLED, polls + feeds)
            time.sleep(_AFTERWARDS)
        program, spent_by_server = _cpu(processes) - program, server_cpu() - spent_by_server
    waiting, active = (sum(column) for column in zip(*samples, strict=True))
    return PollerCosts(
        feeds * ROUNDS[phase],
        program,
        spent_by_server,
        waiting / max(active, 1),
        serial.uses(
            [line for path, lines in _lines(folder).items() for line in lines[len(noted[path]) :]]
        ),
    )


@contextlib.contextmanager
def _processes(folder: Path, pollers: int) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Run a scheduler and pollers."""
    started = []
    try:
        for number, name in enumerate(["schedule", *["work"] * pollers]):
            command = [sys.executable, "-m", "bench.serial", f"serial-{number}", name]
            environment = {**os.environ, "PYTHONPATH": _ROOT}
            with (folder / f"{number}.log").open("w") as log:
                started.append(subprocess.Popen(command, cwd=folder, env=environment, stderr=log))
        yield started
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait()


def _lines(folder: Path) -> dict[Path, list[str]]:
    """Return what each process has noted until now."""
    return {path: path.read_text().splitlines() for path in folder.glob("serial-*")}


def _cpu(processes: list["subprocess.Popen[bytes]"]) -> float:
    """Return the CPU seconds of processes and of all that they have started and that still run."""
    seconds = 0.0
    for pid in (pid for process in processes for pid in tree(process.pid)):
        with contextlib.suppress(OSError):  # it has ended
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            seconds += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return seconds


@contextlib.contextmanager
def _sampled(
    session: "psycopg.Connection[tuple[object, ...]]",
) -> Iterator[list[tuple[int, int]]]:
    """Yield a list that gets the numbers of waiting and of active sessions, some times a second."""
    samples, is_over = [(0, 0)], threading.Event()

    def sample() -> None:
        while not is_over.wait(_SAMPLES):
            ((waiting, active),) = session.execute(_SESSIONS.encode()).fetchall()
            samples.append((int(str(waiting)), int(str(active))))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        is_over.set()
        thread.join()


def _number(session: "psycopg.Connection[tuple[object, ...]]", statement: str) -> int:
    ((number,),) = session.execute(statement.encode()).fetchall()
    return int(str(number))


def _wait(session: "psycopg.Connection[tuple[object, ...]]", statement: str, enough: int) -> None:
    end = time.monotonic() + _PATIENCE
    while _number(session, statement) < enough:
        if time.monotonic() > end:
            raise RuntimeError(f"{statement}: not {enough} within {_PATIENCE} s")
        time.sleep(4 * _SAMPLES)


def lines(measured: dict[int, dict[str, PollerCosts]], feeds: int) -> list[str]:
    """Return the table for bench/results.md.

    Args:
        measured: By the number of pollers, then by phase.
    """
    rows = []
    for phase in ROUNDS:
        for pollers, by_phase in measured.items():
            cost = by_phase[phase]
            shares = [cost.share(kind) for kind in serial.KINDS.values()]
            rows.append(
                f"| {phase} | {pollers} | {1000 * cost.cpu:.2f} "
                f"| {1000 * cost.server / cost.polls:.2f} | {cost.waiting:.0%} "
                f"| {shares[0]:.1%} | {shares[1]:.1%} | {gain(max(shares), MANY):.1f} |"
            )
    return [
        (
            f"Pollers on one database, {feeds} feeds, a scheduler and its jobs: milliseconds of "
            "CPU time a poll with the server; samples of active sessions that waited for a lock; "
            "of the CPU time, what only one process can do at a time, leasing feeds and storing "
            f"polls, each with a lock of its own; and by the larger of them, what {MANY} pollers "
            "on as many machines do, as a multiple of one (computed)."
        ),
        "",
        "| phase | pollers | CPU | of it the server | waiting | leasing | storing | gain |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
    ]
