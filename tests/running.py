"""The real program as a process, on a folder with a config.yaml."""

import contextlib
import ctypes
import gc
import http.client
import json
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from statistics import quantiles
from typing import AnyStr
from unittest import mock
from urllib.parse import urlsplit

from click.testing import CliRunner

from aggregator.cli import main, trial_poll
from aggregator.config.options import DATA_VARIABLE
from aggregator.database import Engine, open_database
from tests.empty_database import put_empty_database
from tests.feedserver import FeedServer
from tests.preloaded import Program, is_spawned

COMMAND = [sys.executable, "-W", "error", "-m", "aggregator"]
"""For tests of the start itself; `Program` starts the same sooner."""
_MAKE_DATABASES = frozenset({"poll", "feeds"})  # of the commands, those that tests begin with
HANGS_AFTER = 60  # seconds; nothing takes so long, and on no machine is it a verdict
ENDS_WITHIN = 240  # sooner than a test is given up (pyproject.toml)


def write_config(folder: Path, feeds: list[str], **settings: str) -> Path:
    """Write a config.yaml for feeds on loopback; `settings` are further top-level lines."""
    lines = {
        "poll": "{host_delay: 0s, workers: 1}",
        "network": "{allow: [127.0.0.1]}",
        "web": "{port: 0}",
    } | settings
    text = "".join(f"{key}: {value}\n" for key, value in lines.items())
    listed = "".join(f"  - {feed}\n" for feed in feeds) or "  []\n"
    path = folder / "config.yaml"
    path.write_text(f"{text}feeds:\n{listed}")
    return path


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def command(folder: Path, *arguments: str) -> Done:
    """Run `aggregator ARGUMENTS` in `folder` to its end, in this process: a start takes a second.

    Commands that would make an empty database find one.  An exception that the command does not
    foresee is raised here.
    """
    has_default_place = (folder / "config.yaml").exists() and DATA_VARIABLE not in os.environ
    if arguments[0] in _MAKE_DATABASES and has_default_place:
        put_empty_database(folder)
    handlers = logging.getLogger().handlers[:]
    try:
        with contextlib.chdir(folder), mock.patch.object(trial_poll, "open_database", _open_trial):
            result = CliRunner().invoke(main, list(arguments))
    finally:  # the log of a command goes to that command's stderr
        logging.getLogger().handlers[:] = handlers
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def _open_trial(url: str) -> Engine:
    path = Path(url.removeprefix("sqlite:///"))
    put_empty_database(path.parent, path.name)
    return open_database(url)


def one_line(done: Done, status: int) -> str:
    """Return the error of a command that must have failed in one line and without a traceback."""
    assert done.returncode == status
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def in_process(folder: Path, *arguments: str, timeout: float = 60) -> Done:
    """Run `aggregator ARGUMENTS` in `folder` to its end, in a process of its own."""
    process = Program(
        *arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with limited(process, timeout):
        stdout, stderr = process.communicate()
    return Done(process.returncode, stdout, stderr)


def forked(work: Callable[[], object]) -> int:
    """Run `work` in a fork of this process, which needs no start; return how the fork ended.

    Returns:
        0, or 1 after an exception, or the number of a signal, negative.
    """
    with warnings.catch_warnings(action="ignore"):  # of the threads, which the fork does not have
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    ended = False
    try:
        status = os.waitpid(pid, 0)[1]
        ended = True
    finally:
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def give_up_rights_of_root() -> None:
    """Take from this thread what lets root read and write where modes forbid it; see capset(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    rights = ctypes.create_string_buffer(24)  # effective, permitted, inheritable; twice
    assert libc.capget(header, rights) == 0
    effective, *others = struct.unpack("6I", rights)
    effective &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, struct.pack("6I", effective, *others)) == 0


@contextlib.contextmanager
def limited(
    process: subprocess.Popen[AnyStr], seconds: float = ENDS_WITHIN
) -> Iterator[subprocess.Popen[AnyStr]]:
    """Kill `process` when the time is up, and in the end: who reads from it never waits for ever.

    Its pipes are closed in the end, as those of a `with subprocess.Popen(...)` are; but that one
    waits for the process without a limit, also when a test has failed by then.
    """
    killer = threading.Timer(seconds, process.kill)
    killer.daemon = True
    killer.start()
    try:
        yield process
    finally:
        killer.cancel()
        process.kill()
        process.wait(HANGS_AFTER)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@contextlib.contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield `aggregator ARGUMENTS` as a process and the address that it printed."""
    process = Program(*(arguments or ("run",)), cwd=folder, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with limited(process):
        try:
            line = process.stderr.readline()
            assert "http://" in line, line + process.stderr.read()
            yield process, line.split()[4].rstrip("/")
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(HANGS_AFTER)


def free_port() -> int:
    """Return a port of loopback that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of a GET."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=HANGS_AFTER)
    try:
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request(
            "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def eventually(
    condition: Callable[[], object], *, within: float = HANGS_AFTER, every: float = 0.1
) -> object:
    """Return the first true value of `condition`; fail when the time is up."""
    end = time.monotonic() + within
    while True:
        with contextlib.suppress(OSError):
            if value := condition():
                return value
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(every)


MUCH_LONGER = 20
"""How many times longer what waits for others takes than a control on the same machine."""


def slowest_usual(work: Callable[[], object], *, count: int = 60) -> float:
    """Return the seconds in which 95 of 100 calls of `work` have ended."""
    seconds = []
    for _ in range(count):
        began = time.monotonic()
        work()
        seconds.append(time.monotonic() - began)
    return quantiles(seconds, n=20)[-1]


def freeze_objects() -> None:
    """Leave all present objects out of the garbage collections to come.

    In a process that has run thousands of tests a collection takes longer than in the program.
    """
    gc.collect()
    gc.freeze()


def children(pid: int) -> list[int]:
    """Return the processes below `pid`, deeper ones and those of other threads too."""
    found = []
    with contextlib.suppress(OSError):  # it has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                for child in (task / "children").read_text().split():
                    found += [int(child), *children(int(child))]
    return found


def web_process(pid: int) -> int:
    """Return the process that serves the pages of a running program."""
    (web,) = filter(is_spawned, children(pid))
    return web


_OWN = ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")


def tree_memory(pid: int | None = None, kinds: Collection[str] = ("Pss:",)) -> float:
    """Return the megabytes of a process, by default this one, and of all that it started (PSS)."""
    pid = pid or os.getpid()
    megabytes = 0.0
    with contextlib.suppress(OSError, ValueError):  # it has just ended
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        megabytes = sum(int(rollup.partition(kind)[2].split()[0]) for kind in kinds) / 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                megabytes += tree_memory(int(child), kinds)
    return megabytes


def own_tree_memory() -> float:
    """Return the same without libraries, whose share changes when somebody else ends."""
    return tree_memory(kinds=_OWN)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def rss(items: list[tuple[str, str, datetime | None]], title: str = "Blog") -> bytes:
    """Return an RSS feed of (guid, title as HTML, date), in the given order."""
    entries = "".join(
        f"<item><guid isPermaLink='false'>{guid}</guid><link>https://example.org/{guid}</link>"
        f"<title><![CDATA[{text}]]></title><description>Text of {guid}</description>"
        + (f"<pubDate>{format_datetime(at)}</pubDate>" if at else "")
        + "</item>"
        for guid, text, at in items
    )
    return (
        f"<?xml version='1.0'?><rss version='2.0'><channel><title>{title}</title>"
        f"<link>https://example.org/</link>{entries}</channel></rss>"
    ).encode()


def trickle(connection: socket.socket, server: FeedServer) -> None:
    """Answer a request for as long as the server runs, a byte now and then."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not server.pause(0.1):
        connection.sendall(b" ")


def json_lines(text: str) -> list[dict[str, object]]:
    """Return the objects of a JSON-lines output."""
    return [json.loads(line) for line in text.splitlines()]
