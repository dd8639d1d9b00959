"""The web process beside the scheduler, so that polls never delay pages."""

import errno
import logging
import multiprocessing
import os
import socket
import threading
from multiprocessing.connection import wait

from aggregator.cli import logs
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.runtime.child_processes import start_ignoring_sigint

log = logging.getLogger(__name__)

STOP_WITHIN = 2  # seconds


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        AggregatorError: The address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        raise AggregatorError(f"{host}:{port}: {_refusal(error)}") from error
    listener.setblocking(False)
    return listener


def _refusal(error: OSError | OverflowError) -> str:
    """Return why an address cannot be bound, and what to do."""
    reason = getattr(error, "strerror", None) or str(error)
    match getattr(error, "errno", None):
        case errno.EADDRINUSE:
            return f"{reason}; stop what uses it, or choose another port: --port or web.port"
        case errno.EACCES:
            return f"{reason}; choose a port of 1024 or more: --port or web.port"
    return f"{reason}; name an address of this machine with --host, such as 127.0.0.1"


class WebProcess:
    """A process that serves the pages, restarted when it ends.

    Args:
        hub: Takes requests of subscribers to our own hub; None without such a hub.
    """

    def __init__(
        self, config: Config, listener: socket.socket, *, hub: socket.socket | None = None
    ) -> None:
        self._config = config
        self._listener = listener
        self._hub = hub
        self._process = self._new_process()

    def start(self) -> None:
        """Start the process."""
        start_ignoring_sigint(self._process)

    async def keep_alive(self) -> None:
        """Start a new process if the present one has ended."""
        if not self._process.is_alive():
            log.error("the web process ended (%s); starting it again", self._process.exitcode)
            self._process = self._new_process()
            start_ignoring_sigint(self._process)

    def stop(self) -> None:
        """Terminate the process; kill it after `STOP_WITHIN`."""
        if self._process.pid is None:
            return
        self._process.terminate()
        self._process.join(STOP_WITHIN)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _new_process(self) -> multiprocessing.context.SpawnProcess:
        return multiprocessing.get_context("spawn").Process(
            target=_serve, args=(self._config, self._listener, self._hub), name="web", daemon=True
        )


def _serve(config: Config, listener: socket.socket, hub: socket.socket | None) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logs.set_up()
    from web.server import Waitress

    Waitress(config, listener, hub=hub).run()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)
