"""Inside a worker process: tasks -> replies, with a memory limit.

A task is a pickle of a function and the arguments.  A reply is a pickle of (error, result), one of
both None, behind eight bytes of length.  The highest bit of the length says that the process ends:
memory kept after former documents would be missing for the next.
"""

import contextlib
import fcntl
import gc
import io
import os
import pickle
import signal
import socket
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aggregator.errors import ParseError
from aggregator.runtime.process_memory import return_large_blocks, trim_heap

TASK_TIMEOUT = 10
"""Seconds of CPU time for one document; see `cpu_deadline`."""

MAX_WAIT = 60
"""Seconds for one document on a machine that is busy otherwise."""

LARGE = 1_000_000
"""Bytes of a task or reply that is not copied without need."""

HEADER_SIZE = 8
_LAST_REPLY = 1 << 63

_DEFAULT_MEMORY = 60_000_000  # of a process without a task, where the system does not say
_MAX_TRACEBACK = 10_000  # characters
_PAGE = os.sysconf("SC_PAGE_SIZE")


def serve(tasks: socket.socket, parent: Connection, output: Connection, max_memory: int) -> None:
    """Run tasks, each after the last, until the parent closes the connection.

    Args:
        tasks: Tasks come from here, replies go there.
        parent: The process ends when the other end of this pipe is closed.
        output: For everything that is written to stdout and stderr.
        max_memory: Bytes beyond those of a process without a task.
    """
    _exit_when_closed(parent)
    with output:
        for descriptor in (1, 2):  # for libraries in C, too
            os.dup2(output.fileno(), descriptor)
    return_large_blocks()
    gc.freeze()  # a collection would write to, and so copy, what is shared with the fork server
    _limit_memory(max_memory)
    broken = (EOFError, ConnectionError, pickle.UnpicklingError)
    with tasks, tasks.makefile("rb") as stream, contextlib.suppress(*broken):
        max_kept = _data_size() + max_memory // 2
        is_last = False
        while not is_last:
            reply = _run_task(stream)
            is_last = _data_size() > max_kept
            _write_header(reply, is_last=is_last)
            tasks.sendall(reply)
            for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
                signal.setitimer(timer, 0)


def read_header(data: bytes) -> tuple[int, bool]:
    """Return the number of bytes behind the header of a reply, and whether the process ends."""
    header = int.from_bytes(data[:HEADER_SIZE])
    return header & ~_LAST_REPLY, bool(header & _LAST_REPLY)


def load_reply(reply: memoryview) -> Any:
    """Return the result in a reply, or raise the error; `reply` has no header."""
    error, result = pickle.loads(reply)  # noqa: S301 - from a process of our own
    try:
        if error is not None:
            raise error
    finally:
        del error  # refers to this frame: a cycle that would keep all frames below for long
    return result


def _run_task(stream: io.BufferedReader) -> memoryview:
    """Run the next task; return the reply, with room for the header.

    Nothing of a large document is kept.  An error refers to the frames passed, and so to the
    document; such a cycle is few objects, so the garbage collector would keep the cycle for long.
    """
    function, args, kwargs = pickle.load(stream)  # noqa: S301 - from a process of our own
    is_large = any(isinstance(argument, bytes) and len(argument) > LARGE for argument in args)
    # Where closing the pipe to the parent does not end this process, the timer does.
    signal.setitimer(signal.ITIMER_PROF, TASK_TIMEOUT + 1)
    signal.setitimer(signal.ITIMER_REAL, MAX_WAIT + 1)
    try:
        return _reply(None, function(*args, **kwargs))
    except ParseError as error:
        error.__cause__ = error.__context__ = None
        return _reply(error.with_traceback(None), None)
    except Exception as error:
        return _reply(_picklable(error), None)
    finally:
        if is_large:
            del args
            gc.collect()
            trim_heap()


def _reply(error: Exception | None, result: object) -> memoryview:
    file = io.BytesIO(bytes(HEADER_SIZE))
    file.seek(HEADER_SIZE)
    pickle.dump((error, result), file, pickle.HIGHEST_PROTOCOL)
    return file.getbuffer()


def _write_header(reply: memoryview, *, is_last: bool) -> None:
    header = len(reply) - HEADER_SIZE | (_LAST_REPLY if is_last else 0)
    reply[:HEADER_SIZE] = header.to_bytes(HEADER_SIZE)


def _picklable(error: Exception) -> Exception:
    """Return an error that can be pickled, with the traceback as text."""
    if isinstance(error, MemoryError | RecursionError):
        return type(error)()
    return RuntimeError("".join(traceback.format_exception(error))[-_MAX_TRACEBACK:])


def _exit_when_closed(pipe: Connection) -> None:
    """End the process, whatever the process does, when the other end of a pipe is closed.

    Nothing is ever written to the pipe, so the end is the only event.  The system reports events by
    SIGIO, which ends a process without a handler for the signal (Linux).
    """
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if pipe.poll():  # closed before
        raise SystemExit


def _limit_memory(max_memory: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        limit = own_memory() + max_memory
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _data_size() -> int:
    """Return the bytes of the process's data, 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[5]) * _PAGE
    except (OSError, LookupError, ValueError):
        return 0


def own_memory() -> int:
    """Return the process's bytes that count for RLIMIT_DATA; a guess if the system tells none.

    Some containers' kernels have no VmData.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmData:")[2].split()[0]) * 1024
    except (OSError, LookupError, ValueError):
        return _DEFAULT_MEMORY
