"""WSGI servers: waitress beside the scheduler, granian (an extra) on a machine of its own.

Both can change to another configuration while they answer requests.
"""

import contextlib
import os
import signal
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from flask import Flask

from aggregator import urls
from aggregator.config import Config, load
from aggregator.database import (
    READING,
    Engine,
    is_up_to_date,
    open_database,
    open_replica,
    watch_file,
)
from aggregator.errors import UsageError
from web import create_app
from web.connections import MAX_CONNECTIONS, MAX_HEAD, REQUEST_SECONDS, create_server
from web.hub_requests import HubRequests
from web.request_limits import MAX_BODY
from web.schema_gate import SchemaGate
from web.site import close, use_stamps

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

CONFIG_VARIABLE = "AGGREGATOR_CONFIG"
THREADS = 4


class WebServer(Protocol):
    """Answers requests until SIGTERM or SIGINT."""

    def take_over(self, config: Config) -> None:
        """Use another configuration from now on; the server keeps its socket.

        Raises:
            AggregatorError: The new configuration cannot be used; the old one stays in use.
        """

    def run(self) -> None:
        """Answer requests until SIGTERM or SIGINT."""


class Waitress:
    """The pages on a bound socket."""

    def __init__(self, config: Config, listener: socket.socket) -> None:
        self._listener = listener
        address = listener.getsockname()
        self._listens_on = None if isinstance(address, str) else address[0]
        self._config = config
        self._app = self._new_app(config)

    def take_over(self, config: Config) -> None:
        """Use another configuration from the next request on."""
        if config == self._config:  # the files were saved, and mean the same
            use_stamps(self._app, config)
            return
        former_app = self._app
        self._app = self._new_app(config)
        self._config = config
        close(former_app)

    def run(self) -> None:
        """Answer requests until SIGTERM or SIGINT."""
        server = create_server(self._answer, self._listener, threads=THREADS, max_body=MAX_BODY)
        signal.signal(signal.SIGTERM, _stop)
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
        server.close()

    def _new_app(self, config: Config) -> Flask:
        return _app(config, listens_on=self._listens_on)

    def _answer(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        return self._app(environ, start_response)


class Granian:
    """The pages at an address, from granian's own worker process.

    Raises:
        UsageError: granian is not installed.
    """

    def __init__(self, config: Config, *, host: str, port: int) -> None:
        self._loader = _Loader(config)
        self._server = _granian(host, port)

    def take_over(self, config: Config) -> None:
        """Use another configuration as soon as a new worker process has started."""
        check_database(config)  # a worker could not report errors
        self._loader.config = config
        self._server.signal_handler_reload()

    def run(self) -> None:
        """Answer requests until SIGTERM or SIGINT."""
        self._server.serve(target_loader=self._loader)


@dataclass
class _Loader:
    """Makes the application in a worker process, from the main process's configuration."""

    config: Config

    def __call__(self, _target: str) -> Flask:
        return _app(self.config, listens_on=self.config.web.host)


def _granian(host: str, port: int) -> Any:
    try:
        from granian.constants import HTTPModes, Interfaces
        from granian.http import HTTP1Settings
        from granian.server import Server
    except ImportError as error:
        raise UsageError(
            "granian is not installed: pip install granian, or leave out --server"
        ) from error
    return Server(
        "aggregator",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=1000 * REQUEST_SECONDS, max_buffer_size=MAX_HEAD
        ),
        backlog=MAX_CONNECTIONS,
        backpressure=MAX_CONNECTIONS,
        blocking_threads=THREADS,
        websockets=False,
        log_enabled=False,
    )


def check_database(config: Config, *, creates: bool = False) -> None:
    """Check, before pages are served, that their database can be used, and update its schema.

    The schema of a copy comes with the rest of the copy.

    Args:
        creates: A missing file is created.

    Raises:
        DatabaseError: The database can't be used.
    """
    if config.database_read is None:
        open_database(config.database, read_only=not creates).dispose()
    else:
        is_up_to_date(config.database_read)


def application() -> Flask:
    """Return the application for the file in `CONFIG_VARIABLE`; for WSGI servers."""
    config = load(Path(os.environ.get(CONFIG_VARIABLE, "config.yaml")))
    watch_file(config.pages_database)
    return _app(config, listens_on=config.web.host)


def _app(config: Config, *, listens_on: str | None) -> Flask:
    urls.remember_secrets(config.secrets)  # another process may have read the file
    hub = HubRequests(partial(_open_to_write, config)) if config.websub.hub == "self" else None
    if config.database_read is None:
        # A web process that starts while the database is away answers 503 until it is back.
        engine = open_database(config.database, read_only=True, deadline=READING, is_needed=False)
        return create_app(config, engine, hub=hub, listens_on=listens_on)
    engine = open_replica(config.database_read, deadline=READING)
    app = create_app(config, engine, hub=hub, listens_on=listens_on)
    app.wsgi_app = SchemaGate(app.wsgi_app, config.database_read)  # type: ignore[method-assign]
    return app


def _open_to_write(config: Config) -> Engine:
    return open_database(config.database, upgrades=False, deadline=READING)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
