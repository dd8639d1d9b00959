"""Processes that read documents, with a time limit and a memory limit each.

A hostile document costs only a poll of its own feed: the process is ended and replaced.  Besides,
the event loop goes on while feedparser holds an interpreter for seconds.

The event loop talks to the processes without threads or queues, over a pair of sockets each.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from aggregator.errors import NoWorkerError, ParseError
from aggregator.model.times import span_text
from aggregator.runtime.child_processes import lock_socket_folder
from aggregator.runtime.cpu_deadline import cpu_deadline
from aggregator.runtime.worker_loop import MAX_WAIT, TASK_TIMEOUT, load_reply
from aggregator.runtime.worker_process import WorkerEndedError, WorkerProcess, pickle_task
from aggregator.urls import masked

log = logging.getLogger(__name__)

MAX_MEMORY = 100_000_000
"""Bytes that a process may take beyond those of a process without a task.  With the copy of the
document in the main process, a feed costs at most half as much again."""

_MEMORY_PER_BYTE = 10  # of the largest document that config.yaml allows

START_TIMEOUT = 20
"""Seconds for the start of a process."""

_RESTART_PAUSE = 0.1  # seconds, after the fork server died
_SHUTDOWN_TIMEOUT = 2  # seconds
_MAX_LOGGED_OUTPUT = 1_000  # bytes of a process's output for one document
_MAX_LOADED_IN_LOOP = 200_000  # bytes of a reply: a pause of the event loop; more goes to a thread

_T = TypeVar("_T")
_P = ParamSpec("_P")


class Workers:
    """A pool of processes, which start when tasks come.

    Args:
        count: Largest number of processes.
        max_size: Bytes of the largest document.
        max_memory: Bytes of a process beyond those of a process without a task; more for large
            documents.
    """

    def __init__(self, count: int, *, max_size: int = 0, max_memory: int = MAX_MEMORY) -> None:
        lock_socket_folder()
        self._max_memory = max(max_memory, _MEMORY_PER_BYTE * max_size)
        self._places = asyncio.Semaphore(count)
        self._processes: set[WorkerProcess] = set()
        self._idle: list[WorkerProcess] = []
        self._abandoned_starts: list[asyncio.Future[WorkerProcess | None]] = []
        self._starter = ThreadPoolExecutor(count, "start")  # a start that hangs blocks no other
        self._is_stopped = False

    async def run(
        self, url: str, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run `function` in a process.

        Args:
            url: Of the feed, for errors.
            function: Importable by name; arguments and result can be pickled.

        Raises:
            ParseError: Raised by `function`, or the task took too much time or memory.
            NoWorkerError: No process can be started, or each ends at once.
        """
        task = pickle_task((function, args, kwargs))
        del args, kwargs
        try:
            async with self._places:
                reply = await self._reply(url, task)
            result: _T
            if len(reply) <= _MAX_LOADED_IN_LOOP:
                result = load_reply(reply)
            else:
                result = await asyncio.to_thread(load_reply, reply)
        except TimeoutError as error:
            raise ParseError(url, f"could not be read in {span_text(TASK_TIMEOUT)}") from error
        except (MemoryError, RecursionError) as error:
            raise ParseError(url, "could not be read: it takes too much memory") from error
        except WorkerEndedError as error:
            raise ParseError(url, "could not be read: the process that read it died") from error
        except (ParseError, NoWorkerError):
            raise
        except Exception as error:  # a bug of this program costs one poll of one feed
            log.exception("%s: could not be read", masked(url))
            raise ParseError(url, "could not be read; the log says why") from error
        else:
            return result

    def stop(self) -> None:
        """End the processes now; tasks that run fail with a ParseError."""
        self._is_stopped = True
        processes = list(self._processes)
        for process in processes:
            process.close()
        deadline = time.monotonic() + _SHUTDOWN_TIMEOUT
        for process in processes:
            process.join(deadline - time.monotonic())
        self._idle.clear()
        self._starter.shutdown(wait=False)  # `_start` does nothing from now on

    async def _reply(self, url: str, task: list[bytes]) -> memoryview:
        """Return the reply to a task.

        Raises:
            WorkerEndedError: The task ends processes.
            NoWorkerError: No process can be started, or each ends at once.
        """
        try:
            return await self._run_task(url, task)
        except WorkerEndedError:
            if not self._is_stopped:
                await self._check_processes(url)
            raise

    async def _check_processes(self, url: str) -> None:
        """Check that a process without a document does not end, and replies."""
        try:
            await self._run_in(await self._new_process(), url, pickle_task((os.getpid, (), {})))
        except WorkerEndedError as error:
            raise _no_worker("each ends at once") from error
        except TimeoutError as error:
            raise _no_worker(f"none replies within {span_text(TASK_TIMEOUT)}") from error

    async def _run_task(self, url: str, task: list[bytes]) -> memoryview:
        if self._idle:
            try:
                return await self._run_in(self._idle.pop(), url, task)
            except WorkerEndedError:
                # Either the process died while idle, so the document is not at fault, or the
                # document kills any process: then the second attempt fails like the first.
                if not task or self._is_stopped:  # died during the reply, or with all processes
                    raise
                log.warning("a process that reads documents ended; starting a new one")
        return await self._run_in(await self._new_process(), url, task)

    async def _run_in(self, process: WorkerProcess, url: str, task: list[bytes]) -> memoryview:
        try:
            async with cpu_deadline(process.pid, TASK_TIMEOUT, max_wait=MAX_WAIT):
                reply = await process.run(task)
        except BaseException:  # the process may still work, and would reply to the wrong task
            self._processes.discard(process)
            _log_output(url, process.output())
            process.close()
            raise
        _log_output(url, process.output())
        if self._is_stopped or process.is_last_reply:
            self._processes.discard(process)
            process.close()
        else:
            self._idle.append(process)
        return reply

    async def _new_process(self) -> WorkerProcess:
        future = self._abandoned_starts.pop() if self._abandoned_starts else self._begin_start()
        try:
            async with asyncio.timeout(START_TIMEOUT):
                process = await asyncio.shield(future)
        except TimeoutError as error:
            self._abandoned_starts.append(future)  # the next task takes the process
            raise _no_worker(f"none started in {span_text(START_TIMEOUT)}") from error
        except (OSError, EOFError) as error:
            raise _no_worker(str(error) or "the fork server died") from error
        except asyncio.CancelledError:
            self._abandoned_starts.append(future)
            raise
        if process is None:
            raise _no_worker("all are stopped")
        return process

    def _begin_start(self) -> "asyncio.Future[WorkerProcess | None]":
        try:
            future = asyncio.get_running_loop().run_in_executor(self._starter, self._start)
        except RuntimeError as error:  # shut down, or the system has no more threads
            raise _no_worker(str(error)) from error
        # Marks an exception as retrieved, where no task waits for the future any more.
        future.add_done_callback(lambda future: future.cancelled() or future.exception())
        return future

    def _start(self) -> WorkerProcess | None:
        """In a thread: start a process; None after `stop`."""
        if self._is_stopped:
            return None
        try:
            process = WorkerProcess(self._max_memory)
        except (OSError, EOFError):  # the fork server has just died, and is started again
            time.sleep(_RESTART_PAUSE)
            process = WorkerProcess(self._max_memory)
        self._processes.add(process)
        if self._is_stopped:  # meanwhile
            process.close()
            return None
        return process


def _no_worker(reason: str) -> NoWorkerError:
    return NoWorkerError(f"no process that reads documents can be started: {reason}")


def _log_output(url: str, output: bytes) -> None:
    """Log the output of a process for one document, on one short line.

    Warnings and tracebacks of libraries repeat texts of the document, which are not trusted.
    """
    if output:
        text = output[:_MAX_LOGGED_OUTPUT].decode("utf-8", "backslashreplace").strip()
        size_cut = len(output) - _MAX_LOGGED_OUTPUT
        suffix = f" and {size_cut:,} bytes more" if size_cut > 0 else ""
        log.warning("%s: the process that read it wrote %r%s", masked(url), masked(text), suffix)
