"""Host names -> addresses, by the system's resolver."""

import asyncio
import contextlib
import errno
import socket
import threading
from datetime import timedelta

_MAX_LOOKUPS = 32


class NameLookups:
    """`getaddrinfo` in threads, with a time limit.

    The threads are daemons, unlike the threads of an executor: a name server that hangs would keep
    the program from ending.

    Args:
        timeout: For one look-up, queueing included.
    """

    def __init__(self, timeout: timedelta) -> None:
        self._timeout = timeout.total_seconds()
        self._free_threads = asyncio.Semaphore(_MAX_LOOKUPS)

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name, in the system's order of preference.

        Raises:
            OSError: The name is not found, or no name server answers.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._look_up(host, port)
        except TimeoutError as error:
            raise socket.gaierror(socket.EAI_AGAIN, "no answer") from error

    async def _look_up(self, host: str, port: int) -> list[str]:
        await self._free_threads.acquire()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[str]] = loop.create_future()
        thread = threading.Thread(target=self._work, args=(future, host, port), daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no threads left
            self._free_threads.release()
            raise OSError(errno.EAGAIN, "no thread for a look-up") from error
        return await future

    def _work(self, future: asyncio.Future[list[str]], host: str, port: int) -> None:
        result: list[str] | OSError
        try:
            infos = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
            )
            result = list(dict.fromkeys(str(info[4][0]) for info in infos))
        except UnicodeError:  # a label that is empty or too long for DNS
            result = socket.gaierror(socket.EAI_NONAME, "not a name")
        except OSError as error:
            result = error
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            future.get_loop().call_soon_threadsafe(self._finish, future, result)

    def _finish(self, future: asyncio.Future[list[str]], result: list[str] | OSError) -> None:
        self._free_threads.release()
        if future.done():  # cancelled at the time limit
            return
        if isinstance(result, OSError):
            future.set_exception(result)
        else:
            future.set_result(result)
