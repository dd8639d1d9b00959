"""The web process beside the scheduler, so that polls never delay pages."""

import contextlib
import logging
import multiprocessing
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection, wait

from aggregator.cli import logs
from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.runtime.child_processes import start_ignoring_sigint
from aggregator.scheduler import keys_for_restart

log = logging.getLogger(__name__)

STOP_WITHIN = 2  # seconds


class WebProcess:
    """A process that serves the pages, restarted when it ends."""

    def __init__(self, config: Config, listener: socket.socket) -> None:
        self._config = config
        self._listener = listener
        self._process, self._changes = self._new_process()

    def start(self) -> None:
        """Start the process."""
        start_ignoring_sigint(self._process)

    async def keep_alive(self) -> None:
        """Start a new process if the present one has ended."""
        if not self._process.is_alive():
            log.error("the web process ended (%s); starting it again", self._process.exitcode)
            self._process, self._changes = self._new_process()
            start_ignoring_sigint(self._process)

    def take_over(self, config: Config) -> None:
        """Serve the pages by a changed file: by `page`, `poll`, the faces of feeds and the zone.

        The secrets of the file are masked, too.
        The process keeps the former stamps of a file with changes for the next start.
        Waits until the process has read the change.  A process that has ended is started again
        with the change.
        """
        needs_restart = keys_for_restart(self._config, config)
        changed_config = replace(
            self._config,
            page=config.page,
            faces=config.faces,
            timezone=config.timezone,
            poll=config.poll,  # the page about the crawler and the age of feeds name the interval
            secrets=config.secrets,
            stamps=self._config.stamps if needs_restart else config.stamps,
        )
        is_saved = changed_config.stamps != self._config.stamps
        if is_saved or changed_config != self._config:
            self._config = changed_config
            with contextlib.suppress(OSError):
                self._changes.send(self._config)

    def stop(self) -> None:
        """Terminate the process; kill it after `STOP_WITHIN`."""
        if self._process.pid is None:
            return
        self._process.terminate()
        self._process.join(STOP_WITHIN)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _new_process(self) -> tuple[multiprocessing.context.SpawnProcess, Connection]:
        """Return a process, and the connection to it for changed configurations."""
        spawn = multiprocessing.get_context("spawn")
        received, changes = spawn.Pipe(duplex=False)
        arguments = (self._config, self._listener, received)
        process = spawn.Process(target=_serve, args=arguments, name="web", daemon=True)
        return process, changes


def _serve(config: Config, listener: socket.socket, changes: Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logs.set_up()
    from web.server import Waitress

    server = Waitress(config, listener)
    threading.Thread(target=_follow, args=(changes, server.take_over), daemon=True).start()
    server.run()


def _follow(changes: Connection, take_over: Callable[[Config], None]) -> None:
    """Use every configuration that the main process sends."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            config = changes.recv()
            try:
                take_over(config)
            except AggregatorError as error:
                log.error("%s", error)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)
