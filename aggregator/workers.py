"""Processes that read documents, with a deadline and a memory limit each (pebble).

A hostile document costs its feed one poll: the process that chokes on it is ended and replaced.
It also keeps the interpreter of the event loop free: feedparser can hold one for seconds.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import TimeoutError as DeadlineError
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from aggregator.errors import ParseError
from aggregator.urls import masked

log = logging.getLogger(__name__)

DEADLINE = 10
"""Seconds for one document."""

MEMORY = 512 * 1024 * 1024
"""Bytes that a process may take on top of what it needs empty."""

_T = TypeVar("_T")
_P = ParamSpec("_P")


class Workers:
    """A pool of processes; they start when the first document comes."""

    def __init__(self, count: int) -> None:
        # Not fork: there are threads, and a forked lock stays locked.  Forked from a server that
        # has the parser loaded, a process is there in 10 ms and shares its memory.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["aggregator.read"])
        self._pool = ProcessPool(max_workers=count, initializer=_limit, context=context)

    async def run(
        self, url: str, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Run `function` in a process; `url` is the feed's, for errors.

        Raises:
            ParseError: What `function` raised, or it took too much time or memory.
        """
        future = self._pool.schedule(function, args=args, kwargs=kwargs, timeout=DEADLINE)
        try:
            result: _T = await asyncio.wrap_future(future)
        except DeadlineError as error:
            raise ParseError(url, f"could not be read in {DEADLINE} s") from error
        except (ProcessExpired, MemoryError, RecursionError) as error:
            raise ParseError(url, "could not be read: it takes too much memory") from error
        except ParseError:
            raise
        except Exception as error:  # a fault of ours costs one feed one poll
            log.exception("%s: could not be read", masked(url))
            raise ParseError(url, "could not be read; the log says why") from error
        return result

    def stop(self) -> None:
        """End the processes now."""
        self._pool.stop()
        self._pool.join(timeout=2)


def _limit() -> None:
    """In a new process: leave Ctrl-C to the parent, and limit the memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
