"""CPU time, wall time and peak memory of a command and everything it starts."""

import contextlib
import ctypes
import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, <sys/prctl.h>
_SAMPLE = 0.05


@dataclass(frozen=True)
class Cost:
    """CPU-seconds of the whole process tree, wall seconds, peak of its memory in MB (PSS)."""

    cpu: float
    wall: float
    memory: float


@dataclass(frozen=True)
class ServerUse:
    """What a server of a database has spent: CPU-seconds, statements, transactions."""

    cpu: float = 0.0
    statements: float = 0.0
    transactions: float = 0.0

    def since(self, earlier: "ServerUse") -> "ServerUse":
        """Return what was spent since an earlier moment."""
        return ServerUse(
            self.cpu - earlier.cpu,
            self.statements - earlier.statements,
            self.transactions - earlier.transactions,
        )


def run(command: list[str], folder: Path) -> Cost:
    """Run a command to its end.

    Orphans of the command become ours and are waited for, so that their time counts, too.
    """
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    known = _children_now()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    peak = _Peak(process.pid)
    peak.start()
    status = process.wait()
    wall = time.monotonic() - started
    peak.done.set()
    peak.join()
    _wait_for_orphans(known)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if status != 0:
        raise RuntimeError(f"{' '.join(command)}: exit status {status}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, wall, peak.megabytes)


class _Peak(threading.Thread):
    """Looks at the memory of a process tree every now and then."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.done = threading.Event()
        self.megabytes = 0.0

    def run(self) -> None:
        while not self.done.wait(_SAMPLE):
            self.megabytes = max(self.megabytes, sum(map(_pss, tree(self._pid))) / 1024)


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(below for child in children for below in tree(int(child)))]


def _pss(pid: int) -> int:
    """Return kilobytes: shared pages count by share (PSS)."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line[:4] == "Pss:"), 0)


def _wait_for_orphans(known: set[int]) -> None:
    """Reap what the command left behind; its helpers end by themselves when it is gone."""
    end = time.monotonic() + 5
    left = _children_now() - known
    while left and time.monotonic() < end:
        for pid in list(left):
            with contextlib.suppress(ChildProcessError):
                if not os.waitpid(pid, os.WNOHANG)[0]:
                    continue
            left.discard(pid)
        time.sleep(0.02)
        left |= _children_now() - known


def _children_now() -> set[int]:
    found: set[int] = set()
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        with contextlib.suppress(OSError):  # the thread has ended meanwhile
            found.update(map(int, (task / "children").read_text().split()))
    return found
