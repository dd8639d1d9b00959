"""`run`, `serve`, `schedule`: what goes on until it is stopped."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import click

from aggregator.cli import logs
from aggregator.cli.common import load_config, opened_database, run_until_done, takes_config
from aggregator.cli.web_process import WebProcess, bind
from aggregator.config import Config, reached_at_port
from aggregator.database import open_database
from aggregator.scheduler import Scheduler, stop_on_signals

log = logging.getLogger(__name__)


@click.command()
@takes_config
@click.option("--host", help="Address to listen on.  [default: web.host]")
@click.option("--port", type=click.IntRange(0, 65535), help="[default: web.port]")
@click.option("-v", "--verbose", is_flag=True, help="Log polls that brought nothing new, too.")
def run(host: str | None, port: int | None, verbose: bool) -> None:
    """Poll and show, until Ctrl-C: the scheduler and the web together."""
    amend = partial(_placed, host=host, port=port)
    config = amend(load_config())
    logs.set_up(verbose=verbose)
    listener = bind(config.web.host, config.web.port)
    with listener, opened_database(config) as engine, _letters(config) as (door, letters):
        web = WebProcess(config, listener, hub=door)
        web.start()
        try:
            jobs = {"web": (2, web.keep_alive)}
            scheduler = Scheduler(config, engine, jobs=jobs, amend=amend, letters=letters)
            on_start = partial(_say_where, listener.getsockname())
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
    """Show only: the web without the scheduler."""
    from web.server import serve as serve_with_waitress
    from web.server import serve_with_granian

    config = _placed(load_config(), host, port)
    logs.set_up()
    _warn_of_hub(config)
    open_database(config.database).dispose()
    listener = bind(config.web.host, config.web.port)
    _say_where(listener.getsockname())
    if server == "granian":
        listener.close()
        serve_with_granian(config)
    else:
        serve_with_waitress(config, listener)


@click.command()
@takes_config
@click.option("-v", "--verbose", is_flag=True, help="Log polls that brought nothing new, too.")
def schedule(verbose: bool) -> None:
    """Poll only: the scheduler without the web."""
    config = load_config()
    logs.set_up(verbose=verbose)
    _warn_of_hub(config)
    with opened_database(config) as engine:
        run_until_done(partial(_schedule, Scheduler(config, engine)))


@contextlib.contextmanager
def _letters(config: Config) -> Iterator[tuple[socket.socket | None, socket.socket | None]]:
    """Yield both ends of the way from the web to our own hub, if there is one."""
    if config.websub.hub != "self":
        yield None, None
        return
    door, letters = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with door, letters:
        yield door, letters


def _warn_of_hub(config: Config) -> None:
    """Say that our own hub needs both processes: one takes requests, the other one delivers."""
    if config.websub.hub == "self":
        log.warning(
            "%s: websub.hub: self works with `aggregator run` only; here no feed names a hub and "
            "nobody is told of changes: use `run`, or the URL of another hub",
            config.path,
        )


def _placed(config: Config, host: str | None, port: int | None) -> Config:
    """Return the configuration with what the command line says about the web instead."""
    web = replace(config.web, host=host or config.web.host)
    if port is None:
        return replace(config, web=web)
    if config.base_url == f"http://127.0.0.1:{config.web.port}":
        config = reached_at_port(config, port)
    return replace(config, web=replace(web, port=port))


async def _schedule(scheduler: Scheduler, on_start: Callable[[], None] | None = None) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop, reload=scheduler.reload_now)
    if on_start:  # whoever hears of the start may stop it at once: no signal gets lost any more
        on_start()
    await scheduler.run(stop)


def _say_where(address: tuple[Any, ...]) -> None:
    host, port = address[:2]
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"The list is at http://{shown}:{port}/ (Ctrl-C stops)", err=True)
