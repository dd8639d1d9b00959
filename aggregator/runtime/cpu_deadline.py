"""A deadline for a task of another process, in CPU time of that process.

On a machine that is busy otherwise, a task takes longer, but does not cost more.  Such a task is
waited for; a process that stands still is not.
"""

import asyncio
import contextlib
import ctypes
import functools
import math
import time
from collections.abc import AsyncIterator

_MIN_SHARE = 0.05  # of a core; a process with less stands still
_MIN_CHECK = 0.05  # seconds between two looks


@contextlib.asynccontextmanager
async def cpu_deadline(pid: int | None, seconds: float, *, max_wait: float) -> AsyncIterator[None]:
    """Cancel the block when a process has used `seconds` of CPU time since the block began.

    Also after `seconds` in which the process stands still, and after `max_wait`.  Where the system
    does not tell the CPU time of a process, `seconds` are those of the clock.

    Raises:
        TimeoutError: The block was cancelled.
    """
    loop = asyncio.get_running_loop()
    began_at, began_with = loop.time(), cpu_time(pid)
    timer: asyncio.TimerHandle | None = None

    def check() -> None:
        nonlocal timer
        passed, used = loop.time() - began_at, cpu_time(pid) - began_with
        if _MIN_SHARE * passed <= used < seconds:
            timer = loop.call_later(max(seconds - used, _MIN_CHECK), check)
        else:  # also where the system does not say
            deadline.reschedule(loop.time())

    async with asyncio.timeout(max_wait) as deadline:
        timer = loop.call_later(seconds, check)
        try:
            yield
        finally:
            timer.cancel()


def cpu_time(pid: int | None) -> float:
    """Return the seconds of CPU time that a process has used; infinity if the system does not say.

    By `clock_getcpuclockid` (POSIX).
    """
    clock = ctypes.c_int()
    try:
        if pid is None or _c_library().clock_getcpuclockid(pid, ctypes.byref(clock)):
            return math.inf
        return time.clock_gettime(clock.value)
    except (AttributeError, OSError):
        return math.inf


@functools.cache
def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
