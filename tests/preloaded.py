"""The program in processes that have loaded it before they begin: a start takes a second of CPU.

`python -m tests.preloaded FD` loads the program, and makes a fork of itself for each request that
comes from the socket FD.  A fork becomes a child of the process that asks.
"""

import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import aggregator
import web

_SET_CHILD_SUBREAPER = 36  # see prctl(2)
_REQUEST = 1 << 17  # bytes, mostly of environment variables


class Program(subprocess.Popen[Any]):
    """`aggregator ARGUMENTS` as a process; `options` are those of `Popen`."""

    def __init__(self, *arguments: str, **options: Any) -> None:
        self._request = {
            "arguments": arguments,
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
            self.pid = _PRELOADED.fork(self._request, theirs)
            self._child_created = True
        finally:
            self._close_pipe_fds(*pipes)


class _Preloaded:
    """The process that makes forks of itself; it is started by the first request."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()  # an answer is that of the last request

    def fork(self, request: dict[str, Any], descriptors: Sequence[int]) -> int:
        """Return the number of a new child process, with these standard streams."""
        libc = ctypes.CDLL(None)
        with self._lock:
            if self._socket is None:
                self._start()
            assert self._socket is not None
            libc.prctl(_SET_CHILD_SUBREAPER, 1)  # who gets the fork when its parent ends
            try:
                socket.send_fds(self._socket, [json.dumps(request).encode()], descriptors)
                return int(self._socket.recv(20))
            finally:
                libc.prctl(_SET_CHILD_SUBREAPER, 0)

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, "-W", "error", "-m", __name__, str(number)]
            root = Path(__file__).parents[1]
            self._process = subprocess.Popen(command, pass_fds=[number], cwd=root)

    def stop(self) -> None:
        """End it; what it has started runs on."""
        if self._socket is not None and self._process is not None:
            self._socket.close()
            self._process.wait()


_PRELOADED = _Preloaded()
stop = _PRELOADED.stop


def _load_all(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations." not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _request(asking: socket.socket) -> dict[str, Any] | None:
    """Return, in a fork, what it has to run; in this process None when nobody asks any more."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(asking, _REQUEST, 3)
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
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
            for number in (reading, writing, asking.detach(), *descriptors):
                os.close(number)
            request: dict[str, Any] = json.loads(data)
            return request


def _run(request: dict[str, Any]) -> None:
    if request["is_leader"]:
        os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    encoding = os.environ.get("PYTHONIOENCODING")
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(number, "w", closefd=False), encoding) for number in (1, 2)
    )
    sys.argv = [aggregator.__name__, *request["arguments"]]
    runpy.run_module(aggregator.__name__, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    for package in (aggregator, web):
        _load_all(package)
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as asking, contextlib.suppress(KeyboardInterrupt):
        request = _request(asking)
    if request:
        _run(request)
