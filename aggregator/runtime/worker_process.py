"""A worker process, seen from the event loop: start, run a task, end."""

import asyncio
import contextlib
import multiprocessing
import os
import pickle
import socket
import threading
from multiprocessing.process import BaseProcess

from aggregator.runtime.child_processes import start_ignoring_sigint
from aggregator.runtime.worker_loop import HEADER_SIZE, LARGE, read_header, serve

_READ_SIZE = 1 << 18
_MAX_OUTPUT = 1 << 20  # more than a pipe holds


class WorkerEndedError(Exception):
    """A worker process ended before the reply."""


class WorkerProcess:
    """One process, and the connection to the process.

    The process is never killed: the process id may belong to another by then.  The process ends by
    itself when the connection is closed, in the middle of a task too (`worker_loop`), and also when
    this process ends.

    Args:
        max_memory: Bytes beyond those of a process without a task.

    Attributes:
        is_last_reply: The process ended after the last reply.
    """

    def __init__(self, max_memory: int) -> None:
        # Not fork: this process has threads, and a lock forked while locked stays locked.  Workers
        # forked from a server with the parser loaded start fast and share the server's memory.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["aggregator.reading.worker_task", serve.__module__])
        self._socket, child_socket = socket.socketpair()
        self._socket.setblocking(False)
        self._is_running_task = False
        self.is_last_reply = False
        self._closing = threading.Lock()  # closing a pipe twice at once could close another file
        child_end, self._parent_end = context.Pipe(duplex=False)
        self._output, child_output = context.Pipe(duplex=False)
        os.set_blocking(self._output.fileno(), False)
        self._process: BaseProcess = context.Process(
            target=serve, args=(child_socket, child_end, child_output, max_memory), daemon=True
        )
        with child_socket, child_end, child_output:
            try:
                start_ignoring_sigint(self._process)
            except BaseException:
                self.close()
                raise

    @property
    def pid(self) -> int | None:
        """The process id, for a look at the process."""
        return self._process.pid

    async def run(self, task: list[bytes]) -> memoryview:
        """Return the reply to a task, without header.

        Args:
            task: Of `pickle_task`; emptied as soon as the process has read everything, as the reply
                may take as much memory again.

        Raises:
            WorkerEndedError: The process ended before the reply.
        """
        loop = asyncio.get_running_loop()
        self._is_running_task = True
        try:
            for piece in task:
                await loop.sock_sendall(self._socket, piece)
            start = b""
            while len(start) < HEADER_SIZE:
                start += await self._receive()
            task.clear()
            length, self.is_last_reply = read_header(start)
            reply = memoryview(bytearray(length))
            position = len(start) - HEADER_SIZE
            reply[:position] = start[HEADER_SIZE:]
            while position < length:
                piece = await self._receive()
                reply[position : position + len(piece)] = piece
                position += len(piece)
        except OSError as error:
            raise WorkerEndedError from error
        finally:
            self._is_running_task = False
        return reply

    async def _receive(self) -> bytes:
        piece = await asyncio.get_running_loop().sock_recv(self._socket, _READ_SIZE)
        if not piece:
            raise WorkerEndedError
        return piece

    def output(self) -> bytes:
        """Return what the process wrote to stdout and stderr since the last call.

        A pipe's content at most.  A process that writes more blocks until the task times out.
        """
        with self._closing, contextlib.suppress(OSError):  # no output
            if not self._output.closed:
                return os.read(self._output.fileno(), _MAX_OUTPUT)
        return b""

    def close(self) -> None:
        """Close the connection, which ends the process; from any thread, also more than once."""
        with self._closing:
            self._parent_end.close()
            self._output.close()
        with contextlib.suppress(OSError):  # the process ended by itself
            self._socket.shutdown(socket.SHUT_RDWR)
        if not self._is_running_task:  # else the event loop uses the socket, and `run` fails
            self._socket.close()

    def join(self, seconds: float) -> None:
        """Wait for the end of the process, `seconds` at most."""
        self._process.join(max(seconds, 0))


def pickle_task(task: object) -> list[bytes]:
    """Return a pickle in pieces; large byte strings are pieces of their own, not copied."""
    pieces = _Pieces()
    pickle.dump(task, pieces, pickle.HIGHEST_PROTOCOL)
    return pieces if sum(map(len, pieces)) > LARGE else [b"".join(pieces)]


class _Pieces(list[bytes]):
    """A file that keeps the pieces written."""

    def write(self, piece: bytes, /) -> None:
        self.append(piece)
