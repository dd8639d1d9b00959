"""`run`, `serve`, `schedule`, `work`: the commands without end."""

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import click

from aggregator.cli import logs
from aggregator.cli.common import opened_database, run_until_done
from aggregator.cli.config_option import load_config, takes_config
from aggregator.cli.health import answers
from aggregator.cli.web_address import Address, configured_address, listening, url_of
from aggregator.cli.web_process import WebProcess
from aggregator.config import Config, clear_leftovers, load, present_stamps, reached_at_port
from aggregator.database import is_sqlite, watch_file
from aggregator.errors import AggregatorError, ConfigError, UsageError
from aggregator.runtime import service_manager
from aggregator.runtime.child_processes import on_hangup
from aggregator.runtime.daemon_thread import in_daemon_thread
from aggregator.scheduler import Job, Scheduler, dispatch_of, stop_on_signals

if TYPE_CHECKING:
    from web.server import WebServer

log = logging.getLogger(__name__)

_TELLS = 4  # signs of life within the time in which the service manager expects one
_LOOK_INTERVAL = 1  # seconds between two looks at the files


@click.command()
@takes_config
@click.option("--host", help="Address to listen on.  [default: web.host]")
@click.option("--port", type=click.IntRange(0, 65535), help="[default: web.port]")
@click.option("-v", "--verbose", is_flag=True, help="Log polls without new entries, too.")
def run(host: str | None, port: int | None, verbose: bool) -> None:
    """Poll feeds and serve the pages until interrupted."""
    config = load_config()
    clear_leftovers(config.path)
    logs.set_up(verbose=verbose)
    with _listening(config, host, port) as bound:
        config = bound.amend(config)
        _run(config, bound)


def _run(config: Config, bound: "_BoundAddress") -> None:
    with opened_database(config) as (engine, config):
        web = WebProcess(config, bound.listener)
        web.start()
        try:
            address = bound.listener.getsockname()
            is_served = partial(in_daemon_thread, partial(answers, address))
            jobs = {"web": (2, web.keep_alive), **_watchdog(is_served)}
            scheduler = Scheduler(
                config,
                engine,
                jobs=jobs,
                amend=bound.amend,
                on_change=web.take_over,
                dispatch=dispatch_of(engine, schedules=True, works=True),
            )
            on_start = partial(_print_address, address)
            run_until_done(partial(_schedule, scheduler, on_start))
        finally:
            web.stop()


@click.command()
@takes_config
@click.option("--host", help="Address to listen on.  [default: web.host]")
@click.option("--port", type=click.IntRange(0, 65535), help="[default: web.port]")
@click.option(
    "--server",
    type=click.Choice(["waitress", "granian"]),
    default="waitress",
    show_default=True,
    help="granian is faster; it comes with the extra `server`.",
)
def serve(host: str | None, port: int | None, server: str) -> None:
    """Serve the pages without polling."""
    from web.server import Granian, Waitress, check_database

    config = load_config()
    logs.set_up()
    check_database(config, creates=True)
    with _listening(config, host, port) as bound:
        config = bound.amend(config)
        if server == "granian" and config.web.socket:
            raise UsageError("granian does not use web.socket: name --port, or leave out --server")
        web: WebServer
        if server == "granian":
            web = Granian(config, host=config.web.host, port=config.web.port)
            bound.listener.close()
        else:
            web = Waitress(config, bound.listener)
        _print_address(bound.address)
        watch_file(config.pages_database)
        reader = _ConfigReader(config, bound.amend, web)
        on_hangup(reader.take_over)
        with reader.watching(), _supervised(bound.address):
            web.run()


@click.command()
@takes_config
@click.option("-v", "--verbose", is_flag=True, help="Log polls without new entries, too.")
def schedule(verbose: bool) -> None:
    """Find due feeds, and poll them; with PostgreSQL, `aggregator work` polls."""
    config = load_config()
    clear_leftovers(config.path)
    logs.set_up(verbose=verbose)
    with opened_database(config) as (engine, config):
        dispatch = dispatch_of(engine, schedules=True, works=False)
        scheduler = Scheduler(config, engine, jobs=_watchdog(), dispatch=dispatch)
        run_until_done(partial(_schedule, scheduler))


@click.command()
@takes_config
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    help="Requests at a time.  [default: poll.concurrency]",
)
@click.option("-v", "--verbose", is_flag=True, help="Log polls without new entries, too.")
def work(concurrency: int | None, verbose: bool) -> None:
    """Poll what `schedule` or `run` found due, on this machine or others (PostgreSQL)."""

    def amend(config: Config) -> Config:
        poll = replace(config.poll, concurrency=concurrency or config.poll.concurrency)
        return replace(config, poll=poll)

    config = amend(load_config())
    if is_sqlite(config.database):
        raise UsageError(
            "work: not needed with a SQLite database, which `aggregator run` or `schedule` polls"
        )
    logs.set_up(verbose=verbose)
    with opened_database(config) as (engine, config):
        scheduler = Scheduler(
            config,
            engine,
            jobs=_watchdog(),
            amend=amend,
            dispatch=dispatch_of(engine, schedules=False, works=True),
            only_polls=True,
        )
        run_until_done(partial(_schedule, scheduler))


@dataclass(frozen=True, slots=True)
class _BoundAddress:
    """The socket of the web process, with address and configuration.

    Attributes:
        host, port: Options of the command line; None without the option.
        configured_port: Port by command line or file; 0 for any free port.
        address: Address of the socket.
    """

    listener: socket.socket
    host: str | None
    port: int | None
    configured_port: int
    address: Address

    def amend(self, config: Config) -> Config:
        """Return a configuration with the options of the command line and the actual port.

        Another port in a changed file takes effect at the next start.
        """
        if isinstance(self.address, str):
            return config
        port = config.web.port if self.port is None else self.port
        if port == self.configured_port:
            port = self.address[1]
        host = self.host or config.web.host
        is_named = self.host is not None or self.port is not None
        path = None if is_named else config.web.socket  # a new one waits for the next start
        web = replace(config.web, host=host, port=port, socket=path)
        return replace(reached_at_port(config, port), web=web)


@contextlib.contextmanager
def _listening(config: Config, host: str | None, port: int | None) -> Iterator[_BoundAddress]:
    """Listen at the address of the command line, else of the file."""
    configured_port = config.web.port if port is None else port
    address = configured_address(config.web)
    if host is not None or port is not None:
        address = host or config.web.host, configured_port
    with listening(address) as listener:
        yield _BoundAddress(listener, host, port, configured_port, listener.getsockname())


class _ConfigReader:
    """Reads the configuration again, for the web alone."""

    def __init__(self, config: Config, amend: Callable[[Config], Config], web: "WebServer") -> None:
        self._path, self._amend, self._web = config.path, amend, web
        self._stamps = config.stamps
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Read the files again whenever one of them was saved."""
        ended = threading.Event()
        threading.Thread(target=self._watch, args=(ended,), name="files", daemon=True).start()
        try:
            yield
        finally:
            ended.set()

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(_LOOK_INTERVAL):
            if present_stamps(self._stamps) != self._stamps:
                time.sleep(_LOOK_INTERVAL)  # an editor may be about to put another file there
                self.take_over()

    def take_over(self) -> None:
        """Read the files again; a faulty configuration changes nothing."""
        with self._lock, service_manager.reloading():
            stamps = present_stamps(self._stamps)
            try:
                config = self._amend(load(self._path))
                self._web.take_over(config)
            except AggregatorError as error:
                for line in str(error).splitlines():
                    log.error("%s", line)
                log.error("%s: not loaded; still using the last valid version", self._path)
                beside = error.stamps if isinstance(error, ConfigError) else self._stamps
            else:
                log.info("%s: reloaded", self._path)
                beside = config.stamps
            self._stamps = {**beside, self._path: stamps[self._path]}


def _watchdog(
    is_served: Callable[[], Awaitable[bool]] | None = None,
) -> dict[str, tuple[float, Job]]:
    """Return the job that sends signs of life of scheduler and web to the service manager.

    Args:
        is_served: Whether the pages are served; None without pages.
    """
    seconds = service_manager.watchdog_seconds()

    async def tell() -> None:
        if is_served is None or await is_served():
            service_manager.notify(service_manager.ALIVE)

    return {} if seconds is None else {"watchdog": (seconds / _TELLS, tell)}


@contextlib.contextmanager
def _supervised(address: Address) -> Iterator[None]:
    """Send signs of life to the service manager while the pages are served."""
    seconds, ended = service_manager.watchdog_seconds(), threading.Event()

    def tell() -> None:
        while seconds and not ended.wait(seconds / _TELLS):
            if answers(address):
                service_manager.notify(service_manager.ALIVE)

    threading.Thread(target=tell, name="watchdog", daemon=True).start()
    service_manager.notify(service_manager.READY)
    try:
        yield
    finally:
        service_manager.notify(service_manager.STOPPING)
        ended.set()


async def _schedule(scheduler: Scheduler, on_start: Callable[[], None] | None = None) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    stop_on_signals(stop)

    def reload() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(scheduler.reload_now)

    on_hangup(reload)
    if on_start:  # only now, as somebody may send a signal as soon as the address is printed
        on_start()
    await scheduler.run(stop)


def _print_address(address: Address) -> None:
    end = "" if isinstance(address, str) else "/"
    click.echo(f"The list is at {url_of(address)}{end} (Ctrl-C to stop)", err=True)
