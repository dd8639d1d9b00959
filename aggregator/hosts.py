"""Manners towards hosts: whose turn it is, and when.

One event loop's view: the pauses that must outlive a process are the database's.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta


class Hosts:
    """One request at a time to a host, and a pause between two of them."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}
        self._free_at: dict[str, float] = {}

    @contextlib.asynccontextmanager
    async def turn(self, host: str, delay: timedelta) -> AsyncIterator[Callable[[], None]]:
        """Wait for one's turn; call what it yields as soon as the host is not needed any more.

        The pause of `delay` counts from then: one may wait for other things before the request.
        """
        if not host:  # a file
            yield lambda: None
            return
        loop = asyncio.get_running_loop()
        lock = self._locks.setdefault(host, asyncio.Lock())
        self._waiting[host] = self._waiting.get(host, 0) + 1
        held = False

        def release() -> None:
            nonlocal held
            if held:
                held = False
                self._free_at[host] = loop.time() + delay.total_seconds()
                lock.release()

        try:
            await lock.acquire()
            held = True
            await asyncio.sleep(self._free_at.get(host, 0.0) - loop.time())
            yield release
        finally:
            release()
            self._waiting[host] -= 1
            if not self._waiting[host]:
                del self._waiting[host], self._locks[host]
