"""Processes that read documents, with a deadline and a memory limit each.

A hostile document costs its feed one poll: the process that chokes on it is ended and replaced.
It also keeps the interpreter of the event loop free: feedparser can hold one for seconds.

The event loop talks to its processes itself, through a pair of sockets each: a task is a pickle,
its answer another one with eight bytes of length before it.  No thread or queue stands between.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import gc
import io
import logging
import multiprocessing
import os
import pickle
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from aggregator.errors import ParseError
from aggregator.model.times import span_text
from aggregator.runtime.child_processes import mark_sockets, start_deaf
from aggregator.urls import masked

log = logging.getLogger(__name__)

DEADLINE = 10
"""Seconds for one document."""

MEMORY = 100_000_000
"""Bytes that a process may take on top of what it needs empty; honest documents of 10 MB take up to
66 MB.  With what the main process holds of a document, no feed costs more than 150 MB."""

_SHARE = 10  # of a document's size: the same where config.yaml lets larger ones in
_EMPTY = 60_000_000  # where the system does not tell

START_WITHIN = 20
"""Seconds for a new process."""

_LAST_WORDS = 2  # seconds that a stop waits for the processes
_LARGE = 1_000_000  # bytes of a task or an answer; a collection takes a few milliseconds
_CHUNK = 1 << 18  # bytes that are read at a time
_LENGTH = 8  # bytes of an answer's length
_SPENT = 0x80  # in the first of them: the process ends, as it has kept too much of its memory
_MAX_OUTPUT = 1_000  # bytes that a process wrote while it read a document, in the log
_MAX_PIPE = 1 << 20  # more than a pipe takes
_MAX_TRACEBACK = 10_000  # characters

_PAGE = os.sysconf("SC_PAGE_SIZE")

_T = TypeVar("_T")
_P = ParamSpec("_P")


class Workers:
    """A number of processes; they start when there is work for them.

    Args:
        max_size: Bytes of the largest document.
    """

    def __init__(self, count: int, *, max_size: int = 0) -> None:
        mark_sockets()
        self._memory = max(MEMORY, _SHARE * max_size)
        self._places = asyncio.Semaphore(count)
        self._processes: set[_Process] = set()
        self._idle: list[_Process] = []
        self._starting: list[asyncio.Future[_Process | None]] = []  # that nobody waits for any more
        self._starter = ThreadPoolExecutor(count, "start")  # what hangs there holds up nobody else
        self._stopped = False

    async def run(
        self, url: str, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run `function` in a process; `url` is the feed's, for errors.

        Raises:
            ParseError: What `function` raised, or it took too much time or memory.
        """
        task = _pickled((function, args, kwargs))
        del args, kwargs
        try:
            async with self._places:
                answer = await self._answer(url, task)
            found: _T
            if len(answer) <= _LARGE:
                found = _result(answer)
            else:
                found = await asyncio.to_thread(_result, answer)
        except TimeoutError as late:
            raise ParseError(url, f"could not be read in {span_text(DEADLINE)}") from late
        except (MemoryError, RecursionError) as full:
            raise ParseError(url, "could not be read: it takes too much memory") from full
        except _EndedError as ended:
            raise ParseError(url, "could not be read: the process that read it died") from ended
        except _NoProcessError as lack:
            raise ParseError(url, f"could not be read: no process to read it, {lack}") from lack
        except ParseError:
            raise
        except Exception as fault:  # a fault of ours costs one feed one poll
            log.exception("%s: could not be read", masked(url))
            raise ParseError(url, "could not be read; the log says why") from fault
        else:
            return found

    def stop(self) -> None:
        """End the processes now; whoever waits for one learns it from the end of its line."""
        self._stopped = True
        ending = list(self._processes)
        for process in ending:
            process.hang_up()
        end = time.monotonic() + _LAST_WORDS
        for process in ending:
            process.join(end - time.monotonic())
        self._idle.clear()
        self._starter.shutdown(wait=False)  # what it has still to start, it does not: `_start`

    async def _answer(self, url: str, task: list[bytes]) -> memoryview:
        if self._idle:
            try:
                return await self._ask(self._idle.pop(), url, task)
            except _EndedError:
                # It died while it was idle, which is no document's fault, or this one killed it:
                # then it does that again.
                if not task or self._stopped:  # or it died while it answered, or with all others
                    raise
                log.warning("a process that reads documents ended; starting a new one")
        return await self._ask(await self._new_process(), url, task)

    async def _ask(self, process: "_Process", url: str, task: list[bytes]) -> memoryview:
        try:
            async with asyncio.timeout(DEADLINE):
                answer = await process.ask(task)
        except BaseException:  # it may be at work still, and nobody would know what it answers
            self._processes.discard(process)
            _log_output(url, process.output())
            process.hang_up()
            raise
        _log_output(url, process.output())
        if self._stopped or process.is_spent:
            self._processes.discard(process)
            process.hang_up()
        else:
            self._idle.append(process)
        return answer

    async def _new_process(self) -> "_Process":
        starting = self._starting.pop() if self._starting else self._begin()
        try:
            async with asyncio.timeout(START_WITHIN):
                process = await asyncio.shield(starting)
        except TimeoutError as late:
            self._starting.append(starting)  # for whoever comes next
            raise _NoProcessError(f"none started in {span_text(START_WITHIN)}") from late
        except (OSError, EOFError) as error:
            raise _NoProcessError(str(error) or "the fork server died") from error
        except asyncio.CancelledError:
            self._starting.append(starting)
            raise
        if process is None:
            raise _NoProcessError("all are stopped")
        return process

    def _begin(self) -> "asyncio.Future[_Process | None]":
        try:
            starting = asyncio.get_running_loop().run_in_executor(self._starter, self._start)
        except RuntimeError as error:  # it was shut down, or there can be no more threads
            raise _NoProcessError(str(error)) from error
        # Where nobody waits for it any more nobody is to be told that it failed.
        starting.add_done_callback(lambda one: one.cancelled() or one.exception())
        return starting

    def _start(self) -> "_Process | None":
        if self._stopped:
            return None
        try:
            process = _Process(self._memory)
        except (OSError, EOFError):  # the fork server has just died; it is started again
            time.sleep(0.1)
            process = _Process(self._memory)
        self._processes.add(process)
        if self._stopped:  # while this one started
            process.hang_up()
            return None
        return process


def _log_output(url: str, output: bytes) -> None:
    """Log what a process wrote to stderr or stdout while it read a document, on one short line.

    Warnings and tracebacks of libraries repeat texts of the document, which is anybody's.
    """
    if output:
        text = output[:_MAX_OUTPUT].decode("utf-8", "backslashreplace").strip()
        more = len(output) - _MAX_OUTPUT
        cut = f" and {more:,} bytes more" if more > 0 else ""
        log.warning("%s: the process that read it wrote %r%s", masked(url), masked(text), cut)


class _EndedError(Exception):
    """A process ended before it had answered."""


class _NoProcessError(Exception):
    """There is no process, and none could be started."""


class _Process:
    """One process, and this side's end of the line to it.

    Nobody kills it: its number may be another's by then.  It ends when the line does, at once and
    whatever it does (see `_end_with`), also when this process is the one that ended.
    """

    def __init__(self, memory: int) -> None:
        # Not fork: there are threads, and a forked lock stays locked.  Forked from a server that
        # has the parser loaded, a process is there in 10 ms and shares its memory.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["aggregator.reading.worker_task", __name__])
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        self._is_asked = False
        self.is_spent = False
        self._hanging_up = threading.Lock()  # a pipe closed twice at once takes another's number
        life, self._life = context.Pipe(duplex=False)
        self._output, output = context.Pipe(duplex=False)
        os.set_blocking(self._output.fileno(), False)
        self._process: BaseProcess = context.Process(
            target=_serve, args=(theirs, life, output, memory), daemon=True
        )
        with theirs, life, output:
            try:
                start_deaf(self._process)
            except BaseException:
                self.hang_up()
                raise

    async def ask(self, task: list[bytes]) -> memoryview:
        """Return what the process answers; `task` is empty then: it can be as large again.

        Raises:
            _EndedError: It ended instead.
        """
        loop = asyncio.get_running_loop()
        self._is_asked = True
        try:
            for piece in task:
                await loop.sock_sendall(self._socket, piece)
            start = b""
            while len(start) < _LENGTH:
                start += await self._received()
            task.clear()
            self.is_spent = bool(start[0] & _SPENT)
            length = int.from_bytes(start[:_LENGTH]) & ~(_SPENT << 8 * (_LENGTH - 1))
            answer = memoryview(bytearray(length))
            got = len(start) - _LENGTH
            answer[:got] = start[_LENGTH:]
            while got < len(answer):
                more = await self._received()
                answer[got : got + len(more)] = more
                got += len(more)
        except OSError as error:
            raise _EndedError from error
        finally:
            self._is_asked = False
        return answer

    async def _received(self) -> bytes:
        more = await asyncio.get_running_loop().sock_recv(self._socket, _CHUNK)
        if not more:
            raise _EndedError
        return more

    def output(self) -> bytes:
        """Return what it wrote to stderr and stdout since the last time.

        A pipe's worth of it, so that nothing piles up: a process that writes more stands still,
        until its deadline.
        """
        with self._hanging_up, contextlib.suppress(OSError):  # there is nothing
            if not self._output.closed:
                return os.read(self._output.fileno(), _MAX_PIPE)
        return b""

    def hang_up(self) -> None:
        """End the line, and the process with it; from any thread, more than once."""
        with self._hanging_up:
            self._life.close()
            self._output.close()
        with contextlib.suppress(OSError):  # it ended by itself
            self._socket.shutdown(socket.SHUT_RDWR)
        if not self._is_asked:  # else whoever waits there closes it: the event loop knows it
            self._socket.close()

    def join(self, seconds: float) -> None:
        """Wait until it has ended, or so long."""
        self._process.join(max(seconds, 0))


def _serve(line: socket.socket, life: Connection, output: Connection, memory: int) -> None:
    """In a new process: answer one task after the other until nobody is there to ask."""
    _end_with(life)
    with output:
        for stream in (1, 2):  # whatever writes there, also what is no Python
            os.dup2(output.fileno(), stream)
    _limit(memory)
    broken = (EOFError, ConnectionError, pickle.UnpicklingError)
    with line, line.makefile("rb") as tasks, contextlib.suppress(*broken):
        most = _data_size() + memory // 2
        is_spent = False
        while not is_spent:
            answer = _answered(tasks)
            is_spent = _data_size() > most
            answer[0] |= _SPENT * is_spent
            line.sendall(answer)
            signal.setitimer(signal.ITIMER_REAL, 0)


def _end_with(life: Connection) -> None:
    """End this process, whatever it does, when the other end of a pipe is closed.

    Nothing is ever written to it, so its end is the one event there is.  Of that the system tells
    by SIGIO, which ends a process that has no handler for it (Linux).
    """
    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    if life.poll():  # it was closed before
        raise SystemExit


def _answered(tasks: io.BufferedReader) -> memoryview:
    """Do the next task; return the pickle of an error or None, and of what came of it.

    Nothing of a large document is left behind.  An error holds the frames that it came through,
    and with them the document; as that is a cycle and ten documents are few objects, nobody would
    collect them for long.
    """
    function, args, kwargs = pickle.load(tasks)  # noqa: S301 - our own process wrote it
    is_large = any(isinstance(one, bytes) and len(one) > _LARGE for one in args)
    # Where the system does not end us with the other side, this does.
    signal.setitimer(signal.ITIMER_REAL, DEADLINE + 1)
    try:
        return _framed((None, function(*args, **kwargs)))
    except ParseError as error:
        error.__cause__ = error.__context__ = None
        return _framed((error.with_traceback(None), None))
    except Exception as error:
        return _framed((_portable(error), None))
    finally:
        if is_large:
            del args
            gc.collect()
            _give_back()


def _result(answer: memoryview) -> Any:
    """Return what the function of a task returned, or raise what it raised."""
    error, result = pickle.loads(answer)  # noqa: S301 - our own process wrote it
    try:
        if error is not None:
            raise error
    finally:
        del error  # it refers to this frame: with those below it they would stay for long
    return result


def _portable(error: Exception) -> Exception:
    """Return an error that can be pickled and says where it came from."""
    if isinstance(error, MemoryError | RecursionError):
        return type(error)()
    return RuntimeError("".join(traceback.format_exception(error))[-_MAX_TRACEBACK:])


def _framed(answer: object) -> memoryview:
    file = io.BytesIO(bytes(_LENGTH))
    file.seek(_LENGTH)
    pickle.dump(answer, file, pickle.HIGHEST_PROTOCOL)
    framed = file.getbuffer()
    framed[:_LENGTH] = (len(framed) - _LENGTH).to_bytes(_LENGTH)
    return framed


def _pickled(task: object) -> list[bytes]:
    """Return a pickle in pieces: what is large is in it as it is, without a copy."""
    pieces = _Pieces()
    pickle.dump(task, pieces, pickle.HIGHEST_PROTOCOL)
    return pieces if sum(map(len, pieces)) > _LARGE else [b"".join(pieces)]


class _Pieces(list[bytes]):
    """A file that keeps what is written to it as it is."""

    def write(self, piece: bytes, /) -> None:
        self.append(piece)


def _give_back() -> None:
    """Give freed memory back to the system, where the C library keeps it (glibc)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _limit(memory: int) -> None:
    """In a new process: leave Ctrl-C to the parent, and limit the memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        limit = _own_memory() + memory
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _data_size() -> int:
    """Return the bytes of this process's data, 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[5]) * _PAGE
    except (OSError, LookupError, ValueError):
        return 0


def _own_memory() -> int:
    """Return the bytes of this process that count for RLIMIT_DATA."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmData:")[2].split()[0]) * 1024
    except (OSError, LookupError, ValueError):  # some containers' kernels tell less
        return _EMPTY
