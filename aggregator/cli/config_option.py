"""The option --config and its file; without the modules of the database, which load slowly."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from aggregator.config import Config, load

_Command = TypeVar("_Command", bound=Callable[..., Any])


def takes_config(command: _Command) -> _Command:
    """Add the option -c/--config, which may stand before or after the command's name."""

    def keep(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> None:
        if value is not None:
            ctx.find_root().obj = value

    return click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=keep,
        help="The configuration file.  [default: $AGGREGATOR_CONFIG or config.yaml]",
        metavar="PATH",
    )(command)


def config_path() -> Path:
    """Return the path of the configuration: option, environment or default."""
    option: Path | None = click.get_current_context().find_root().obj
    return option or Path(os.environ.get("AGGREGATOR_CONFIG") or "config.yaml")


def load_config() -> Config:
    """Read the configuration.

    Raises:
        ConfigError: The file has problems.
    """
    return load(config_path())
