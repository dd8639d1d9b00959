"""The program, with the CPU time noted that it spends while it keeps other processes waiting.

`python -m bench.serial FILE work ...` runs `aggregator work ...` on PostgreSQL, and appends a line
to FILE for each transaction in which only one process can be at a time: from the statement that
takes the lock to the end of the transaction, the CPU time of the thread and of its server process.
"""

import runpy
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

KINDS = {"SELECT pg_advisory_xact_lock": "leasing", "UPDATE state SET checked_at": "storing"}
"""What a transaction does, by the beginning of the statement that takes the lock."""

_START = "bench.serial"


@dataclass(frozen=True)
class SerialUse:
    """CPU seconds in transactions of one kind, of the program and of its server processes."""

    program: float = 0.0
    server: float = 0.0
    transactions: int = 0

    @property
    def cpu(self) -> float:
        """CPU seconds of both."""
        return self.program + self.server


def uses(lines: list[str]) -> dict[str, SerialUse]:
    """Return the sums of the lines of `note_transactions`, by the kind of transaction."""
    sums = dict.fromkeys(KINDS.values(), SerialUse())
    for line in lines:
        kind, program, server = line.split()
        former = sums[kind]
        sums[kind] = SerialUse(
            former.program + float(program), former.server + float(server), former.transactions + 1
        )
    return sums


def note_transactions(path: Path) -> None:
    """Append a line for each transaction with such a lock from now on: kind, and CPU seconds."""
    lines = path.open("a", buffering=1)

    def begin(connection: Any, cursor: Any, statement: str, *_more: Any) -> None:
        for beginning, kind in KINDS.items():
            if statement.startswith(beginning) and _START not in connection.info:
                server = cursor.connection.info.backend_pid
                connection.info[_START] = kind, server, time.thread_time(), _on_cpu(server)

    def end(_session: Any, record: Any) -> None:
        if start := record.info.pop(_START, None):
            kind, server, program_cpu, server_cpu = start
            program_cpu = time.thread_time() - program_cpu
            lines.write(f"{kind} {program_cpu:.6f} {_on_cpu(server) - server_cpu:.6f}\n")

    event.listen(Engine, "after_cursor_execute", begin)
    event.listen(Pool, "checkin", end)


def _on_cpu(process: int) -> float:
    """Return the CPU seconds of a process, more exactly than in ticks of the clock."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


if __name__ == "__main__":
    note_transactions(Path(sys.argv[1]))
    sys.argv = ["aggregator", *sys.argv[2:]]
    runpy.run_module("aggregator", run_name="__main__", alter_sys=True)
