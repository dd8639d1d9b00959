"""WSGI servers: waitress beside the scheduler, granian (an extra) on a machine of its own."""

import contextlib
import os
import signal
import socket
from pathlib import Path
from types import FrameType

import waitress
from flask import Flask

from aggregator.config import Config, load
from aggregator.database import open_database
from aggregator.errors import UsageError
from aggregator.letters import MAX_LETTER
from web import create_app

CONFIG_VARIABLE = "AGGREGATOR_CONFIG"
THREADS = 4


def serve(config: Config, listener: socket.socket, *, hub: socket.socket | None = None) -> None:
    """Answer requests on a bound socket until SIGTERM or SIGINT.

    Args:
        hub: Takes letters to our own WebSub hub.
    """
    app = create_app(config, open_database(config.database, read_only=True), hub=hub)
    server = waitress.create_server(
        app, sockets=[listener], threads=THREADS, ident=None, max_request_body_size=MAX_LETTER
    )
    signal.signal(signal.SIGTERM, _stop)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    server.close()


def serve_with_granian(config: Config) -> None:
    """Answer requests with granian until SIGTERM or SIGINT; it imports `application` anew.

    Raises:
        UsageError: granian is not installed.
    """
    try:
        from granian.constants import Interfaces
        from granian.server import Server
    except ImportError as error:
        raise UsageError(
            "granian is not installed: pip install granian, or leave out --server"
        ) from error
    os.environ[CONFIG_VARIABLE] = str(config.path.resolve())
    Server(
        "web.server:application",
        address=config.web.host,
        port=config.web.port,
        interface=Interfaces.WSGI,
        factory=True,
        blocking_threads=THREADS,
        websockets=False,
        log_enabled=False,
    ).serve()


def application() -> Flask:
    """Return the application for the file that the environment names; for WSGI servers."""
    config = load(Path(os.environ.get(CONFIG_VARIABLE, "config.yaml")))
    return create_app(config, open_database(config.database, read_only=True))


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
