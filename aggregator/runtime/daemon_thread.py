"""Long work in a thread; the end of the program does not wait for the thread."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

_T = TypeVar("_T")


async def in_daemon_thread(work: Callable[[], _T]) -> _T:
    """Return the result of `work`, or raise the error of `work`.

    A cancellation, and then the end of the process, abandon `work` in the middle, so `work` must
    hold nothing for which others wait.
    """
    future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
    threading.Thread(target=_run, args=(work, future), daemon=True).start()
    return await future


def _run(work: Callable[[], _T], future: asyncio.Future[_T]) -> None:
    try:
        result = work()
    except BaseException as error:  # whoever awaits the result must not wait for ever
        _report(future, partial(future.set_exception, error))
    else:
        _report(future, partial(future.set_result, result))


def _report(future: asyncio.Future[_T], report: Callable[[], None]) -> None:
    def report_if_awaited() -> None:
        if not future.done():  # not cancelled
            report()

    with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
        future.get_loop().call_soon_threadsafe(report_if_awaited)
