"""The program in processes that have loaded it before they begin: a start takes a second of CPU.

`python -m tests.preloaded FD` loads the program, and makes a fork of itself for each request that
comes from the socket FD.  A fork becomes a child of the process that asks.  The processes that the
program starts with multiprocessing are forks, too: of a child of the program that has loaded it.
"""

import atexit
import contextlib
import ctypes
import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import util
from pathlib import Path
from types import ModuleType
from typing import Any

import aggregator
import web

_SET_NAME, _SET_CHILD_SUBREAPER = 15, 36  # see prctl(2)
_REQUEST = 1 << 17  # bytes, mostly of environment variables
_MOST_DESCRIPTORS = 100  # of a request
_SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
_SPAWNED = "spawn_main"
"""What multiprocessing calls in a process that it spawns; name of such a process."""


class Program(subprocess.Popen[Any]):
    """`aggregator ARGUMENTS` as a process; `options` are those of `Popen`.

    Args:
        prepare: Module, name and arguments of a function to call in the process before it begins.
    """

    def __init__(
        self,
        *arguments: str,
        prepare: tuple[str, str, dict[str, Any]] | None = None,
        **options: Any,
    ) -> None:
        self._request = {
            "arguments": arguments,
            "prepare": prepare,
            "folder": str(options.get("cwd", ".")),
            "environment": dict(options.get("env") or os.environ),
            "is_leader": options.get("start_new_session", False),
        }
        super().__init__([aggregator.__name__, *arguments], **options)

    def _execute_child(self, *values: Any) -> None:
        pipes = values[10:16]
        theirs = [
            given if given != -1 else own for own, given in enumerate((pipes[0], *pipes[3::2]))
        ]
        try:
            self.pid = _PRELOADED.fork(self._request, dict(enumerate(theirs)))
            self._child_created = True
        finally:
            self._close_pipe_fds(*pipes)


def is_spawned(pid: int) -> bool:
    """Whether multiprocessing spawned a process; of a program's processes, the one for pages."""
    return Path(f"/proc/{pid}/comm").read_text().strip() == _SPAWNED


class _Forks:
    """Asks a process for forks of itself.

    Args:
        start: Starts the process.  Returns the socket that takes requests, and what waits for the
            end of the process.
    """

    def __init__(self, start: Callable[[], tuple[socket.socket, Callable[[], object]]]) -> None:
        self._start = start
        self._started: tuple[socket.socket, Callable[[], object]] | None = None
        self._lock = threading.Lock()  # an answer is that of the last request

    def fork(self, request: dict[str, Any], descriptors: dict[int, int]) -> int:
        """Return the number of a new child process.

        Args:
            descriptors: Numbers that open files have in the child, and those that they have here.
        """
        libc = ctypes.CDLL(None)
        data = json.dumps(request | {"descriptors": [*descriptors]}).encode()
        with self._lock:
            requests = self.start()
            libc.prctl(_SET_CHILD_SUBREAPER, 1)  # who gets the fork when its parent ends
            try:
                socket.send_fds(requests, [data], [*descriptors.values()])
                return int(requests.recv(20))
            finally:
                libc.prctl(_SET_CHILD_SUBREAPER, 0)

    def start(self) -> socket.socket:
        """Start the process unless it runs; return the socket that takes requests."""
        self._started = self._started or self._start()
        return self._started[0]

    def stop(self) -> None:
        """End it; what it has started runs on."""
        if self._started:
            requests, wait = self._started
            requests.close()
            wait()


def _start_preloaded() -> tuple[socket.socket, Callable[[], object]]:
    requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        number = theirs.fileno()
        command = [sys.executable, "-W", "error", "-m", __name__, str(number)]
        root = Path(__file__).parents[1]
        return requests, subprocess.Popen(command, pass_fds=[number], cwd=root).wait


_PRELOADED = _Forks(_start_preloaded)
stop = _PRELOADED.stop


def load_all(package: ModuleType) -> None:
    """Import all modules of a package but migrations and what runs as a program."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations." not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _request(asking: socket.socket) -> dict[str, Any] | None:
    """Return, in a fork, what it has to run; in this process None when nobody asks any more."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(asking, _REQUEST, _MOST_DESCRIPTORS)
        if not data:
            return None
        reading, writing = os.pipe()
        if parent := os.fork():
            os.waitpid(parent, 0)
            asking.send(os.read(reading, 20))
            for number in (reading, writing, *descriptors):
                os.close(number)
        elif child := os.fork():
            os.write(writing, str(child).encode())
            os._exit(0)
        else:
            request: dict[str, Any] = json.loads(data)
            for number in (reading, writing, asking.detach()):
                os.close(number)
            _place(descriptors, request["descriptors"])
            return request


def _place(descriptors: Sequence[int], numbers: Sequence[int]) -> None:
    """Give open files other numbers, some of which may be those of others among them."""
    free = max(*descriptors, *numbers) + 1
    apart = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, free) for descriptor in descriptors]
    for descriptor in descriptors:
        os.close(descriptor)
    for descriptor, number in zip(apart, numbers, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _run(request: dict[str, Any]) -> None:
    """Run the program, or what multiprocessing runs in a process of the program."""
    if request.get("is_leader"):
        os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    encoding = os.environ.get("PYTHONIOENCODING")
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(number, "w", closefd=False), encoding, line_buffering=True)
        for number in (1, 2)
    )
    if prepare := request.get("prepare"):
        module, function, values = prepare
        getattr(importlib.import_module(module), function)(**values)
    if "code" in request:
        _run_code(request)
    elif spawned := _lend_forks():
        _run(spawned)
    else:
        sys.argv = [aggregator.__name__, *request["arguments"]]
        runpy.run_module(aggregator.__name__, run_name="__main__", alter_sys=True)


def _lend_forks() -> dict[str, Any] | None:
    """Let multiprocessing ask a child of this process for forks, instead of starting Python.

    Returns:
        None in this process, and in a fork of the child what it has to run.
    """
    requests, asking = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if child := os.fork():
        asking.close()
        forks = _Forks(lambda: (requests, partial(os.waitpid, child, 0)))
        forks.start()
        atexit.register(forks.stop)
        util.spawnv_passfds = partial(_fork_in_place_of, util.spawnv_passfds, forks)
        return None
    requests.close()
    for number in _SIGNALS:  # which a test may send to all processes of a group
        signal.signal(number, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.close(nothing)
    return _request(asking) or os._exit(0)


def _fork_in_place_of(
    start: Callable[..., int],
    forks: _Forks,
    path: str,
    arguments: Sequence[str],
    descriptors: Sequence[int],
) -> int:
    """Do what `start` does, `multiprocessing.util.spawnv_passfds`."""
    if "-c" not in arguments:
        return start(path, arguments, descriptors)
    request = {
        "code": arguments[arguments.index("-c") + 1],
        "arguments": arguments[arguments.index("-c") + 2 :],
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "ignored": [each for each in _SIGNALS if signal.getsignal(each) == signal.SIG_IGN],
        "blocked": [*signal.pthread_sigmask(signal.SIG_BLOCK, [])],
    }
    return forks.fork(request, {number: number for number in (0, 1, 2, *descriptors)})


def _run_code(request: dict[str, Any]) -> None:
    """Run what follows `python -c`."""
    signal.pthread_sigmask(signal.SIG_SETMASK, request["blocked"])
    usual = dict.fromkeys(_SIGNALS, signal.SIG_DFL) | {signal.SIGINT: signal.default_int_handler}
    for number, handler in usual.items():
        signal.signal(number, signal.SIG_IGN if number in request["ignored"] else handler)
    if _SPAWNED in request["code"]:
        ctypes.CDLL(None).prctl(_SET_NAME, _SPAWNED.encode())
    sys.argv = ["-c", *request["arguments"]]
    sys.modules["__main__"] = ModuleType("__main__")
    exec(request["code"], vars(sys.modules["__main__"]))


if __name__ == "__main__":
    for package in (aggregator, web):
        load_all(package)
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as asking, contextlib.suppress(KeyboardInterrupt):
        request = _request(asking)
    if request:
        _run(request)
