"""The commands: a few lines around a stage each; errors become a line and an exit status."""

import difflib
import signal
from importlib import import_module
from typing import Any

import click

from aggregator import __version__
from aggregator.cli import logs
from aggregator.cli.config_option import takes_config
from aggregator.errors import AggregatorError, ConfigError, OpmlError, OutputError, UsageError
from aggregator.urls import masked_input

# Module and function of each command; imported on use, as some modules import many others.
_COMMANDS = {
    "init": "starter_files:init",
    "run": "service_commands:run",
    "poll": "poll_commands:poll",
    "serve": "service_commands:serve",
    "schedule": "service_commands:schedule",
    "work": "service_commands:work",
    "health": "health:health",
    "check": "config_commands:check",
    "schema": "schema_command:schema",
    "plan": "plan:plan",
    "preview": "preview:preview",
    "feeds": "poll_commands:list_feeds",
    "doctor": "doctor:doctor",
    "explain": "explain:explain",
    "explain-story": "explain_story:explain_story",
    "add": "config_commands:add",
    "import": "config_commands:import_opml",
    "remove": "subscription_commands:remove",
    "rename": "subscription_commands:rename",
    "export": "export:export",
    "copy": "copy:copy",
    "jobs": "job_commands:jobs",
    "notify": "notify:notify",
    "mcp": "mcp_server:mcp",
}
_ARGUMENTS = "aggregator.arguments"
_WRONG_USE = (ConfigError, UsageError, OpmlError)


class _Commands(click.Group):
    """Turns the program's own errors into a line on stderr and an exit status."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"aggregator.cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            similar = difflib.get_close_matches(name.lower(), _COMMANDS, n=1)
            if similar:
                ctx.fail(f"No such command {name!r}; did you mean {similar[0]!r}?")
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            context = error.ctx or ctx
            text = logs.escaped(_without_secrets(error.format_message(), ctx)).rstrip()
            end = "" if text.endswith((".", "?")) else "."
            click.echo(f"{text}{end} See `{context.command_path} --help`.", err=True)
            ctx.exit(2)
        except OutputError:  # stderr may be unusable as well: left to `aggregator.__main__`
            raise
        except AggregatorError as error:
            problems = error.problems if isinstance(error, ConfigError) else (str(error),)
            click.echo("\n".join(map(logs.escaped, problems)), err=True)
            ctx.exit(2 if isinstance(error, _WRONG_USE) else 1)
        except KeyboardInterrupt:
            ctx.exit(128 + signal.SIGINT)


def _without_secrets(message: str, ctx: click.Context) -> str:
    """Return a message of click with the secrets of addresses in arguments as `***`.

    Arguments are masked separately: a password may have a space, and the message does not show
    where an argument ends.
    """
    for argument in filter(None, ctx.meta[_ARGUMENTS]):
        message = message.replace(argument, masked_input(argument))
    return message


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@takes_config
@click.version_option(__version__, "-V", "--version", message="aggregator %(version)s")
def main() -> None:
    """Poll the feeds of config.yaml, show all posts as one list, publish the list as a feed.

    Start with `aggregator run` and open the printed address.
    """
