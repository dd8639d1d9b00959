"""Processes that read documents, with a deadline and a memory limit each (pebble).

A hostile document costs its feed one poll: the process that chokes on it is ended and replaced.
It also keeps the interpreter of the event loop free: feedparser can hold one for seconds.
"""

import asyncio
import contextlib
import ctypes
import gc
import logging
import multiprocessing
import pickle
import signal
from collections.abc import Callable
from concurrent.futures import TimeoutError as DeadlineError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from aggregator.errors import ParseError
from aggregator.urls import masked

log = logging.getLogger(__name__)

DEADLINE = 10
"""Seconds for one document."""

MEMORY = 100_000_000
"""Bytes that a process may take on top of what it needs empty; honest documents of 10 MB take up to
66 MB.  With what the main process holds of a document, no feed costs more than 150 MB."""

_SHARE = 10  # of a document's size: the same where config.yaml lets larger ones in
_EMPTY = 60_000_000  # where the system does not tell

_LARGE = 1_000_000  # bytes of a document; a collection takes a few milliseconds

_T = TypeVar("_T")
_P = ParamSpec("_P")


class Workers:
    """A pool of processes; they start when the first document comes.

    Args:
        max_size: Bytes of the largest document.
    """

    def __init__(self, count: int, *, max_size: int = 0) -> None:
        self._count = count
        self._memory = max(MEMORY, _SHARE * max_size)
        self._pool = self._new_pool()
        self._stopped = False

    async def run(
        self, url: str, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run `function` in a process; `url` is the feed's, for errors.

        Raises:
            ParseError: What `function` raised, or it took too much time or memory.
        """
        try:
            try:
                return await self._run(function, *args, **kwargs)
            except (BrokenProcessPool, ProcessExpired):
                # An idle process died, which is no document's fault, or this one killed it: then
                # it does that again.
                return await self._run(function, *args, **kwargs)
        except DeadlineError as error:
            raise ParseError(url, f"could not be read in {DEADLINE} s") from error
        except (MemoryError, RecursionError) as error:
            raise ParseError(url, "could not be read: it takes too much memory") from error
        except ProcessExpired as error:
            raise ParseError(url, "could not be read: the process that read it died") from error
        except ParseError:
            raise
        except Exception as error:  # a fault of ours costs one feed one poll
            log.exception("%s: could not be read", masked(url))
            raise ParseError(url, "could not be read; the log says why") from error

    def stop(self) -> None:
        """End the processes now."""
        self._stopped = True
        _end(self._pool)

    async def _run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        pool = self._working_pool()
        task = asyncio.wrap_future(
            pool.schedule(_tidily, args=(function, *args), kwargs=kwargs, timeout=DEADLINE)
        )
        try:
            while not (await asyncio.wait({task}, timeout=DEADLINE))[0]:
                if not pool.active:  # what becomes of its tasks then pebble does not always say
                    raise BrokenProcessPool
            result: _T | _Packed = task.result()
            if isinstance(result, _Packed):
                unpacked: _T = await asyncio.to_thread(pickle.loads, result.data)
                return unpacked
            return result
        finally:
            task.cancel()
            del task  # its error knows this frame, and this frame would know its error: a cycle

    def _working_pool(self) -> ProcessPool:
        """Return the pool, or a new one: pebble gives up for good when an idle process dies."""
        if not self._pool.active and not self._stopped:
            log.warning("the processes that read documents ended; starting new ones")
            _end(self._pool)
            self._pool = self._new_pool()
        return self._pool

    def _new_pool(self) -> ProcessPool:
        # Not fork: there are threads, and a forked lock stays locked.  Forked from a server that
        # has the parser loaded, a process is there in 10 ms and shares its memory.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["aggregator.read"])
        return ProcessPool(
            max_workers=self._count, initializer=_limit, initargs=(self._memory,), context=context
        )


def _end(pool: ProcessPool) -> None:
    pool.stop()
    pool.join()


@dataclass(frozen=True, slots=True)
class _Packed:
    """What came of a large document, pickled."""

    data: bytes


def _tidily(function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | _Packed:
    """In a process: run `function` so that nothing of a large document is left behind.

    An error holds the frames that it came through, and with them the document; as that is a cycle
    and ten documents are few objects, nobody would collect them for long.  A result would be held
    until the next one comes.
    """
    is_large = any(isinstance(one, bytes) and len(one) > _LARGE for one in args)
    try:
        if is_large:
            return _Packed(pickle.dumps(function(*args, **kwargs)))
        return function(*args, **kwargs)
    except ParseError as error:
        error.__cause__ = error.__context__ = None
        raise error.with_traceback(None) from None
    finally:
        if is_large:
            gc.collect()
            _give_back()


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


def _own_memory() -> int:
    """Return the bytes of this process that count for RLIMIT_DATA."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmData:")[2].split()[0]) * 1024
    except (OSError, LookupError, ValueError):  # some containers' kernels tell less
        return _EMPTY
