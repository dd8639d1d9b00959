"""SQLite and PostgreSQL in one run: what polling, the tick, and pages cost on both.

The server is our own and does not wait for the disk, as CPU time is what is compared.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import pages, pollers, polling, ticks
from bench.measure import ServerUse
from tests.postgresql_server import PostgresServer, postgres_server

FEEDS = 1000
TICKS = 100_000
"""Feeds of the database whose ticks are measured."""

STORED = 200_000
"""Entries of the databases whose pages are measured."""

PAGES = 100
"""Pages of each kind."""

TIMES_SQLITE = 2.5
"""What polling may cost on PostgreSQL, as a multiple of the cost on SQLite."""

_ALLOWED_PAGE, _ALLOWED_SEARCH = 20, 40  # milliseconds, 95th percentile
_COUNTING = "shared_preload_libraries=pg_stat_statements"
_STATEMENTS = "SELECT coalesce(sum(calls), 0)::float FROM pg_stat_statements AS s {of_database}"
_TRANSACTIONS = "SELECT xact_commit::float FROM pg_stat_database WHERE datname = '{name}'"


@dataclass(frozen=True)
class MeasuredServer:
    """A server, and what it has spent."""

    server: PostgresServer

    def new_database(self, name: str) -> str:
        """Create an empty database; return its URL."""
        self.server.execute(f"CREATE DATABASE {name}")
        return self.server.url(name)

    def cpu_seconds(self) -> float:
        """Return the CPU time of all processes of the server until now, ended ones included."""
        first, *others = self.server.processes()
        return _cpu_seconds(first, with_ended=True) + sum(map(_cpu_seconds, others))

    def use(self, name: str) -> ServerUse:
        """Return what the server has spent until now, and its work in a database."""
        of_database = f"JOIN pg_database AS d ON d.oid = s.dbid WHERE datname = '{name}'"
        ((statements,),) = self.server.execute(_STATEMENTS.format(of_database=of_database))
        ((transactions,),) = self.server.execute(_TRANSACTIONS.format(name=name))
        return ServerUse(self.cpu_seconds(), statements, transactions)


def _cpu_seconds(process: int, *, with_ended: bool = False) -> float:
    """Return the CPU time of a process; with that of its children that have ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended, and counts among the ended children
        return 0
    return sum(map(int, fields[11 : 15 if with_ended else 13])) / os.sysconf("SC_CLK_TCK")


def table(feeds: int = FEEDS, tick_feeds: int = TICKS, stored: int = STORED) -> list[str]:
    """Measure, and return the lines for bench/results.md."""

    def measure(server: MeasuredServer) -> list[str]:
        return [
            *polling_lines(server, feeds),
            *poller_lines(server, min(feeds, pollers.FEEDS)),
            *tick_lines(server, tick_feeds),
            *page_lines(server, stored),
        ]

    return _measured(measure)


def page_table(stored: int = STORED) -> list[str]:
    """Measure the pages alone, and return the lines."""
    return _measured(lambda server: page_lines(server, stored))


def _measured(measure: Callable[[MeasuredServer], list[str]]) -> list[str]:
    lines = ["## SQLite and PostgreSQL", ""]
    try:
        with postgres_server(_COUNTING) as started_server:
            started_server.execute("CREATE EXTENSION pg_stat_statements")
            lines += measure(MeasuredServer(started_server))
    except pytest.skip.Exception:
        lines += ["No PostgreSQL server here: not measured.", ""]
    return lines


def polling_lines(server: MeasuredServer, feeds: int) -> list[str]:
    """Measure the phases of polling on both databases."""
    database = server.new_database("polling")
    on_postgresql = polling.phases(feeds, database, lambda: server.use("polling"))
    on_sqlite = polling.phases(feeds)
    lines = [
        (
            f"{feeds:,} feeds x {polling.ENTRIES} entries: milliseconds of CPU time a feed, of our "
            "processes and of the server with all its backends; statements and commits a feed. On "
            f"PostgreSQL polling may cost {TIMES_SQLITE} times as much as on SQLite."
        ),
        "",
        "| phase | SQLite | PostgreSQL | of it the server | times SQLite | statements | commits |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for phase, cost in on_sqlite.costs.items():
        own, use = on_postgresql.costs[phase].cpu, on_postgresql.server_uses[phase]
        each = [1000 * seconds / feeds for seconds in (cost.cpu, own + use.cpu, use.cpu)]
        lines.append(
            f"| poll: {phase} | {each[0]:.2f} | {each[1]:.2f} | {each[2]:.2f} "
            f"| {each[1] / each[0]:.1f} "
            f"| {use.statements / feeds:.2f} | {use.transactions / feeds:.3f} |"
        )
    return [*lines, ""]


def poller_lines(server: MeasuredServer, feeds: int) -> list[str]:
    """Measure several pollers on one database, each number of them on a new one."""
    measured = {}
    for count in pollers.POLLERS:
        name = f"pollers_{count}"
        server.new_database(name)
        measured[count] = pollers.costs(server.server, name, count, server.cpu_seconds, feeds)
    return pollers.lines(measured, feeds)


def tick_lines(server: MeasuredServer, feeds: int) -> list[str]:
    """Measure the ticks of both databases."""
    measured = {
        "SQLite": ticks.ticks(feeds),
        "PostgreSQL": ticks.ticks(feeds, server.new_database("ticks")),
    }
    lines = [
        f"Milliseconds by the clock of one look for due feeds among {feeds:,}, as above.",
        "",
        "| | nothing due | 30 due | overdue | busy | renewal |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {name} | {tick.idle:.1f} | {tick.steady:.1f} | {tick.overdue:.1f} "
        f"| {tick.crowded:.1f} | {tick.renewal:.1f} |"
        for name, tick in measured.items()
    ]
    return [*lines, ""]


def page_lines(server: MeasuredServer, stored: int) -> list[str]:
    """Measure the pages of both databases."""
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as sqlite_folder:
        path = pages.seed(Path(sqlite_folder), stored)
        on_sqlite = pages.timings(path, PAGES)
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as folder:
        path = pages.seed(Path(folder), stored, database=server.new_database("pages"))
        on_postgresql = pages.timings(path, PAGES, server.cpu_seconds)
    return [
        (
            f"Pages over {stored:,} entries: milliseconds of CPU time, and by the clock, of which "
            f"{_ALLOWED_PAGE} are allowed on PostgreSQL and {_ALLOWED_SEARCH} for searches (p95)."
        ),
        "",
        "| page | SQLite | PostgreSQL | of it the server | times SQLite | p50 ms | p95 ms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *_page_rows(on_sqlite, on_postgresql),
        "",
    ]


def _page_rows(
    on_sqlite: Sequence[pages.Timing], on_postgresql: Sequence[pages.Timing]
) -> list[str]:
    rows = []
    for former, timing in zip(on_sqlite, on_postgresql, strict=True):
        both = timing.cpu + timing.server_cpu
        rows.append(
            f"| page: {timing.name} | {former.cpu:.1f} | {both:.1f} | {timing.server_cpu:.1f} "
            f"| {both / former.cpu:.1f} | {timing.median:.1f} | {timing.p95:.1f} |"
        )
    return rows
